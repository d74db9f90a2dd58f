"""Mails in the community's own words: which there are, what stands for what in them, and what a wording must have.

A wording is a subject and a plain text, by language; without one the built-in text goes out. Words in braces stand for
what differs from mail to mail. A paragraph in which one of them has nothing to say this time is left out, with one before
it that ends in a colon; where something needed stands in it, the line alone is. What the law wants said stands below every wording (block ``foot`` of the template).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import settings
from fedserver.config import Config
from fedserver.content.text import clean_line, clean_text, language_tag
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.mail_compose import SUBJECT_CHARS_MAX, Rendered, built_in, foot_of, of_text, rendered
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.settings import InstanceSettings
from fedserver.viewer import Member
from storage import mail_wordings, users
from storage.mail_wordings import WordingRow

TEXT_CHARS_MAX: Final = 5_000
LANGUAGES_MAX: Final = 40
LANGUAGE_CHARS_MAX: Final = 16

_WORD = re.compile(r"\{([a-z_]+)\}")
_PARAGRAPHS = re.compile(r"\n{2,}")


@dataclass(frozen=True, slots=True)
class Place:
    """What a word in braces stands for: the template's value of that name, in words, and as an example. What is `needed`
    may not be left out; what has several `lines` cannot stand in a subject."""

    value: str
    words: str
    example: str
    needed: bool = False
    lines: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A mail that may be worded: its template, its name, to whom it goes. `path` is where its {link} leads on this
    server, unless that is a value of the template. `values` decide between texts of one template; `more` is what the
    template needs besides, as an example."""

    template: str
    label: str
    when: str
    places: Mapping[str, Place]
    path: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


_COMMON: Final = {
    "name": Place("username", "the member's user name", "nora"),
    "network": Place("title", "the name of this community", ""),
    "domain": Place("domain", "the address of this server", ""),
    "contact": Place("contact_email", "the address for questions", ""),
}


def _link(words: str, value: str = "url") -> dict[str, Place]:
    return {"link": Place(value, words, "", needed=True, lines=True)}


_MESSAGE: Final = {
    "message": Place(
        "comment",
        "what the moderator writes, if anything",
        "We are for trainers alone.",
        needed=True,
        lines=True,
    )
}
KINDS: Final[dict[str, Kind]] = {
    "confirm": Kind(
        "confirm",
        "Confirm your address",
        "to who signs up and is in with that",
        _COMMON | _link("the page where they confirm it"),
        values={"needs_approval": False},
    ),
    "confirm_waiting": Kind(
        "confirm",
        "Confirm your address, and wait to be let in",
        "to who asks to join",
        _COMMON | _link("the page where they confirm it"),
        values={"needs_approval": True},
    ),
    "welcome": Kind(
        "welcome",
        "Welcome",
        "to who has confirmed the address and is in",
        _COMMON | _link("their home page"),
        path="/home",
    ),
    "approved": Kind(
        "approved",
        "You are let in",
        "to whom a moderator has let in",
        _COMMON | _link("where they sign in"),
        path="/login",
    ),
    "inquiry": Kind(
        "inquiry",
        "A question before you are let in",
        "to who is asked back",
        _COMMON
        | _link("the page where they answer")
        | {"question": Place("question", "what they are asked", "> Where do you teach?", needed=True, lines=True)},
    ),
    "rejected": Kind(
        "rejected",
        "You are not let in",
        "to who is refused",
        _COMMON | _MESSAGE,
        more={"days": 180},
    ),
    "held_refused": Kind(
        "held_refused",
        "Your post is not published",
        "to whose held post is refused",
        _COMMON
        | {
            "post": Place("said", "what they wrote", "> Buy my watches", lines=True),
            "message": Place("message", "what the moderator writes, if anything", "> No adverts, please.", needed=True, lines=True),
        },
    ),
    "held_later": Kind(
        "held_later",
        "Your post waits for a moderator",
        "to whose post trusted members have marked as spam",
        _COMMON
        | _link("where they find it")
        | {"post": Place("said", "what they wrote", "> Buy my watches", lines=True)},
        path="/held",
    ),
    "group_invited": Kind(
        "group_invited",
        "An invitation to a group",
        "to whom somebody invites to a group",
        _COMMON
        | _link("the page of the group", "group_url")
        | {
            "group": Place("group", "the name of the group", "Reading circle"),
            "inviter": Place("inviter", "who invites", "Greta"),
        },
    ),
    "goodbye": Kind(
        "goodbye",
        "Your account is deleted",
        "to who has left",
        _COMMON,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wording:
    """A mail in a language as the panel shows it. `is_own` says whether it goes out in these words; without them `subject`
    and `text` are the built-in ones. A `draft` goes out to nobody. `foot` stands below either."""

    subject: str
    text: str
    is_own: bool
    is_draft: bool
    foot: str


# -- sending


def own(conn: Connection, template: str, language: str, values: Mapping[str, Any]) -> Rendered | None:
    """The mail of this template in the community's words for a language, or a wider one (pt for pt-BR); None for the
    built-in text. `values` are the template's, with title, origin and domain."""
    name = next(
        (
            name
            for name, kind in KINDS.items()
            if kind.template == template
            and all(values.get(key) == value for key, value in kind.values.items())
        ),
        None,
    )
    if name is None:
        return None
    row = mail_wordings.best(conn, name, language)
    return None if row is None else _filled(name, row.language, row.subject, row.text, values)


def _filled(name: str, language: str, subject: str, text: str, values: Mapping[str, Any]) -> Rendered:
    kind = KINDS[name]
    said = {place: str(values.get(one.value) or "") for place, one in kind.places.items()}
    if kind.path:
        said["link"] = f"{values['origin']}{kind.path}"

    def fill(part: str) -> str:
        return _WORD.sub(lambda found: said.get(found[1], found[0]), part)

    needed = {f"{{{place}}}" for place, one in kind.places.items() if one.needed and said[place]}
    kept = [fill(part) for part in _what_says_something(text, said, needed)]
    foot = foot_of(kind.template, values)
    return of_text(fill(subject), "\n\n".join([*kept, foot] if foot else kept), language)


def _what_says_something(text: str, said: Mapping[str, str], needed: Collection[str]) -> list[str]:
    """The paragraphs of a wording, before they are filled, in which every word in braces is `said`. Of those with a line
    that is `needed` the other lines alone are left out."""

    def is_silent(part: str) -> bool:
        return any(said.get(found) == "" for found in _WORD.findall(part))

    def is_needed(part: str) -> bool:
        return any(line.strip() in needed for line in part.split("\n"))

    kept: list[str] = []
    for part in _PARAGRAPHS.split(text):
        if is_silent(part) and is_needed(part):
            lines: list[str] = []
            for line in part.split("\n"):
                if not is_silent(line):
                    lines.append(line)
                elif lines and lines[-1].rstrip().endswith(":"):
                    lines.pop()
            kept.append("\n".join(lines))
        elif not is_silent(part):
            kept.append(part)
        elif kept and kept[-1].endswith(":"):  # it says what would have come
            announcing = kept.pop()
            if is_needed(announcing):
                kept.append(announcing.rpartition("\n")[0])
    return kept


async def languages(server: Server) -> list[str]:
    """In which languages some mail has words of the community's own."""
    return await server.db.read(mail_wordings.languages)


async def choose_language(server: Server, member: Member, language: str) -> None:
    """In which language the member gets what has such words. Raises Invalid."""
    tag = language_tag(language)
    if tag is None or len(tag) > LANGUAGE_CHARS_MAX:
        raise Invalid({"mail_language": "is not a language such as en or pt-BR"})
    await server.db.write(lambda conn: users.change(conn, member.account_id, locale=tag))


# -- the panel


async def all_of_them(server: Server, member: Member) -> dict[str, list[WordingRow]]:
    """By kind the languages that have words of their own, or a draft of them. Raises Forbidden."""
    require(member, Permission.MANAGE_SETTINGS)
    found: dict[str, list[WordingRow]] = {name: [] for name in KINDS}
    for row in await server.db.read(mail_wordings.all_of_them):
        if row.kind in found:
            found[row.kind].append(row)
    return found


async def one(server: Server, member: Member, name: str, language: str) -> Wording:
    """A mail in a language: the draft, else the words in use, else the built-in ones. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_SETTINGS)
    row = await server.db.read(mail_wordings.get, _known(name), language)
    subject, text = starting(name)
    site = await settings.current(server)
    foot = foot_of(KINDS[name].template, _examples(server.config, KINDS[name], site))
    if row is None:
        return Wording(subject, text, False, False, foot)
    is_draft = bool(row.draft_text)
    if is_draft:
        subject, text = row.draft_subject, row.draft_text
    elif row.text:
        subject, text = row.subject, row.text
    return Wording(subject, text, bool(row.text), is_draft, foot)


def starting(name: str) -> tuple[str, str]:
    """The built-in subject and text, with words in braces for what differs: where own words begin from."""
    kind = KINDS[name]
    values = {**kind.values, **kind.more, **{one.value: f"{{{place}}}" for place, one in kind.places.items()}}
    values["origin"] = "{origin}"
    subject, text = built_in(kind.template, values)
    text = text.removesuffix(foot_of(kind.template, values)).rstrip()
    return subject, text.replace(f"{{origin}}{kind.path}", "{link}") if kind.path else text


async def example(server: Server, member: Member, name: str, language: str) -> Rendered:
    """The mail as somebody would get it, made of what the panel shows and of examples. Raises Forbidden, NotFound."""
    shown = await one(server, member, name, language)
    values = _examples(server.config, KINDS[name], await settings.current(server))
    if not shown.is_own and not shown.is_draft:
        return rendered(KINDS[name].template, values)
    return _filled(name, language, shown.subject, shown.text, values)


def _examples(config: Config, kind: Kind, site: InstanceSettings) -> dict[str, Any]:
    return {
        **{place.value: place.example for place in kind.places.values()},
        **{place.value: f"{config.origin}/…" for name, place in kind.places.items() if name == "link"},
        **kind.values,
        **kind.more,
        "title": site.title,
        "domain": config.domain,
        "origin": config.origin,
        "contact_email": site.contact_email,
    }


async def put(
    server: Server,
    member: Member,
    name: str,
    language: str,
    subject: str,
    text: str,
    *,
    as_draft: bool = False,
) -> str:
    """Have a mail go out in these words to those with this language, or keep them as a draft; the language as it is
    kept. Raises Forbidden, NotFound, Invalid by field."""
    require(member, Permission.MANAGE_SETTINGS)
    kind = KINDS[_known(name)]
    subject, text = clean_line(subject), clean_text(text)
    problems = check(kind, subject, text)
    tag = language_tag(language)
    if tag is None or len(tag) > LANGUAGE_CHARS_MAX:
        problems["language"] = "is not a language such as en or pt-BR"
    if problems or tag is None:
        raise Invalid(problems)

    def unit(conn: Connection) -> None:
        before = mail_wordings.get(conn, name, tag)
        if before is None and mail_wordings.count(conn, name) >= LANGUAGES_MAX:
            raise Invalid({"language": f"is one too many: there are {LANGUAGES_MAX}"})
        if as_draft:
            mail_wordings.put(conn, name, tag, draft_subject=subject, draft_text=text)
        else:
            mail_wordings.put(conn, name, tag, subject=subject, text=text, draft_subject="", draft_text="")
        audit.note(
            conn,
            member,
            "draft" if as_draft else "change",
            ("mail", f"{name}/{tag}", f"{kind.label} ({tag})"),
            before={} if as_draft else _logged(before),
            after={"subject": subject, "characters": len(text)},
        )

    await server.db.write(unit)
    return tag


async def forget(server: Server, member: Member, name: str, language: str) -> None:
    """The built-in text goes out again. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_SETTINGS)
    kind = KINDS[_known(name)]

    def unit(conn: Connection) -> None:
        before = mail_wordings.get(conn, name, language)
        if before is None:
            raise NotFound("There is no text of yours in this language.")
        mail_wordings.remove(conn, name, language)
        subject = ("mail", f"{name}/{language}", f"{kind.label} ({language})")
        audit.note(conn, member, "destroy", subject, before=_logged(before))

    await server.db.write(unit)


def _logged(row: WordingRow | None) -> dict[str, Any]:
    return {"subject": row.subject, "characters": len(row.text)} if row is not None and row.text else {}


def check(kind: Kind, subject: str, text: str) -> dict[str, str]:
    """What is wrong with a wording, by field."""
    problems = {}
    if not subject or len(subject) > SUBJECT_CHARS_MAX:
        problems["subject"] = f"must have 1 to {SUBJECT_CHARS_MAX} characters"
    if not text or len(text) > TEXT_CHARS_MAX:
        problems["text"] = f"must have 1 to {TEXT_CHARS_MAX:,} characters"
    for name, words in (("subject", subject), ("text", text)):
        for found in _WORD.findall(words):
            if found not in kind.places:
                problems.setdefault(name, f"has {{{found}}}, which stands for nothing in this mail")
    for name in _WORD.findall(subject):
        if name in kind.places and kind.places[name].lines:
            problems.setdefault("subject", f"cannot have {{{name}}}, which belongs into the text")
    lines = {line.strip() for line in text.splitlines()}
    for name, place in kind.places.items():
        if place.needed and f"{{{name}}}" not in lines:
            problems.setdefault("text", f"needs {{{name}}} on a line of its own: {place.words}")
    return problems


def _known(name: str) -> str:
    if name not in KINDS:
        raise NotFound
    return name
