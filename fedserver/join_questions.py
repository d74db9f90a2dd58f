"""What a community asks those who want to join: its questions as a setting, and answers to them, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from fedserver.content.text import clean_line, clean_text
from fedserver.errors import Invalid

QUESTIONS_MAX: Final = 5
OPTIONS_MAX: Final = 12
LONG_CHARS_MAX: Final = 2_000
SHORT_CHARS_MAX: Final = 200
Kind = Literal["long", "short", "choice"]
KINDS: Final[tuple[Kind, ...]] = ("long", "short", "choice")
FIELD: Final = "answer-"
"""What the name of a field of the form begins with; the question's id follows."""


class JoinQuestion(Struct, frozen=True):
    """A question. `id` stays when the text changes; one of `options` is the answer where it is a choice."""

    id: Annotated[str, Meta(pattern=r"^[0-9]{1,9}$")]
    text: Annotated[str, Meta(min_length=1, max_length=500)]
    hint: Annotated[str, Meta(max_length=1_000)] = ""
    kind: Kind = "long"
    required: bool = True
    options: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=12)
    ] = ()


class Answer(Struct, frozen=True):
    """What was asked at the time, and what somebody answered."""

    question: str
    answer: str


FIRST: Final = (JoinQuestion("1", "Why do you want to join?"),)
"""What is asked before anybody has thought of something better."""


def check(questions: Sequence[JoinQuestion], given: Mapping[str, str]) -> list[Answer]:
    """The answers, by the ids of their questions, in order and cleaned; those left empty are left out.

    Raises Invalid by the names of fields of the form.
    """
    found, problems = [], {}
    for one in questions:
        text = given.get(one.id, "")
        text = clean_text(text) if one.kind == "long" else clean_line(text)
        field = f"{FIELD}{one.id}"
        most = LONG_CHARS_MAX if one.kind == "long" else SHORT_CHARS_MAX
        if not text:
            if one.required:
                problems[field] = "must be filled in"
        elif len(text) > most:
            problems[field] = f"must have at most {most} characters"
        elif one.kind == "choice" and text not in one.options:
            problems[field] = "must be one of the choices"
        else:
            found.append(Answer(one.text, text))
    if problems:
        raise Invalid(problems)
    return found


def by_reason(questions: Sequence[JoinQuestion], reason: str) -> list[Answer]:
    """An app knows one question, and its `reason` answers the first of ours, of whatever kind that is. Invalid where it
    is empty or too long."""
    text = clean_text(reason)
    if not text:
        raise Invalid({"reason": "must be filled in"})
    if len(text) > LONG_CHARS_MAX:
        raise Invalid({"reason": f"must have at most {LONG_CHARS_MAX} characters"})
    return [Answer(questions[0].text, text)]


def stored(answers: Sequence[Answer]) -> str:
    """As the database keeps them."""
    return msgspec.json.encode(answers).decode()


def read(text: str) -> list[Answer]:
    """As the database has them."""
    return msgspec.json.decode(text, type=list[Answer])
