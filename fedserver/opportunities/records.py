"""What is said of an opportunity, as values, and the words that lists choose from.

`Details` is kept beside the post as JSON, `Described` is all that its poster says. How one applies here (`Form`) is in neither
of what leaves the server: it is kept apart.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec
from msgspec import Struct

from fedserver.events.records import Place

KINDS: Final = ("job", "grant", "call", "fellowship", "volunteer", "microgrant")
REMOTE: Final = ("no", "partly", "yes")
PERIODS: Final = ("hour", "day", "week", "month", "year", "once")
CLOSE_REASONS: Final = ("filled", "withdrawn", "closed")
QUESTION_KINDS: Final = ("short", "long", "choice", "link")
DECISIONS: Final = ("accepted", "waitlisted", "declined")
ANYWHERE: Final = "AoE"
"""A deadline has passed anywhere on earth when it has twelve hours behind UTC."""
ANYWHERE_ZONE: Final = "Etc/GMT+12"
SCORE_MAX: Final = 5


class Organisation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who offers it. `ror` is an address of the Research Organization Registry."""

    name: str = ""
    url: str = ""
    ror: str = ""


class Pay(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one gets: from `least` to `most` (either may be missing) in a `currency` (ISO 4217) for a `period`; `note` is in
    words, such as a pay scale."""

    least: float | None = None
    most: float | None = None
    currency: str = ""
    period: str = ""
    note: str = ""


class Details(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said beside title, abstract, text and language. `opens` and `deadline` are wall time in `zone`
    (``2027-03-12T17:00``), or a day, which counts as a whole; without a deadline it is open until it is filled. `slots` says for
    how many people, `contact` is a mail address, an account or words."""

    organisation: Organisation = Organisation()
    place: Place = Place()
    remote: str = "no"
    pay: Pay = Pay()
    opens: str = ""
    deadline: str = ""
    zone: str = "UTC"
    slots: int | None = None
    eligibility: str = ""
    topics: tuple[str, ...] = ()
    contact: str = ""
    apply_url: str = ""
    website: str = ""


class Question(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked of those who apply. A `short` answer is a line, a `long` one a text, a `link` an address, a `choice` one of
    `choices`."""

    label: str = ""
    kind: str = "short"
    required: bool = False
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """By which answers are kept: the same as long as the question is."""
        return blake2b(self.label.encode(), digest_size=6).hexdigest()


class Form(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How members apply here: with answers to `questions`, alone or with up to `team_max` people in all. Reviewers give each of
    the `criteria` 1 to 5; `blind` hides from them who applies. Decided applications are deleted after `kept_days`."""

    questions: tuple[Question, ...] = ()
    criteria: tuple[str, ...] = ()
    blind: bool = True
    team_max: int = 1
    kept_days: int = 180


class Described(Details, frozen=True, kw_only=True, omit_defaults=True):
    """All that a poster says of an opportunity."""

    title: str = ""
    abstract: str = ""
    text: str = ""
    language: str = ""
    kind: str = "job"
    form: Form | None = None

    def details(self) -> Details:
        """What is kept as JSON, and told to everybody who sees the post."""
        return Details(**{name: getattr(self, name) for name in Details.__struct_fields__})


encode: Final = msgspec.json.Encoder().encode
decode_details: Final = msgspec.json.Decoder(Details).decode
_decode_form: Final = msgspec.json.Decoder(Form).decode


def encode_form(form: Form | None) -> str:
    """As it is kept; "" for none."""
    return "" if form is None else encode(form).decode()


def form_of(text: str) -> Form | None:
    """The form that is kept as `text`, if there is one."""
    return _decode_form(text) if text else None
