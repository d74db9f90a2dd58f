"""Checking what somebody filled into a form with many fields: each brought to one form, all that is wrong told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final, TypeVar

from activitypub.identifiers import origin_of
from fedserver.content.text import clean_line, clean_text, language_tag

LINE_CHARS_MAX: Final = 300
LINES_MAX: Final = 50
ADDRESS_CHARS_MAX: Final = 2_000
LANGUAGE_CHARS_MAX: Final = 16
_DATE: Final = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")

T = TypeVar("T")


class Fields:
    """What is wrong so far is in `problems`, by field, as sentence parts that follow the field's name (`errors.Invalid`)."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}

    def wrong(self, name: str, sentence: str) -> None:
        """Note the first thing that is wrong with a field."""
        self.problems.setdefault(name, sentence)

    def line(self, name: str, text: str, chars_max: int = LINE_CHARS_MAX, *, required: bool = False) -> str:
        return self._long_enough(name, clean_line(text), chars_max, required)

    def text(self, name: str, text: str, chars_max: int, *, required: bool = False) -> str:
        return self._long_enough(name, clean_text(text).strip(), chars_max, required)

    def _long_enough(self, name: str, kept: str, chars_max: int, required: bool) -> str:
        if required and not kept:
            self.wrong(name, "cannot be empty")
        if len(kept) > chars_max:
            self.wrong(name, f"is longer than {chars_max:,} characters")
        return kept

    def lines(self, name: str, texts: Sequence[str], chars_max: int = LINE_CHARS_MAX) -> tuple[str, ...]:
        """Each once, without empty ones."""
        kept = dict.fromkeys(self.line(name, one, chars_max) for one in texts)
        kept.pop("", None)
        return self.few(name, tuple(kept), LINES_MAX)

    def several(
        self, name: str, values: Sequence[Any], number_max: int, check: Callable[[str, Any], T | None]
    ) -> tuple[T, ...]:
        """Each once, as `check` keeps it; None is left out."""
        kept = [one for one in (check(name, value) for value in values) if one is not None]
        return self.few(name, tuple(dict.fromkeys(kept)), number_max)

    def few(self, name: str, values: tuple[T, ...], number_max: int) -> tuple[T, ...]:
        if len(values) > number_max:
            self.wrong(name, f"can be {number_max} at the most")
        return values

    def language(self, name: str, text: str) -> str:
        tag = language_tag(text.strip()) if text.strip() else ""
        if tag is None or len(tag) > LANGUAGE_CHARS_MAX:
            self.wrong(name, "is not a language code such as en or pt-BR")
            return ""
        return tag

    def one_of(self, name: str, word: str, words: Sequence[str]) -> str:
        kept = word.strip().lower()
        if kept and kept not in words:
            self.wrong(name, f"must be {either(words)}")
        return kept

    def number(self, name: str, value: int | None, least: int, most: int) -> int | None:
        if value is not None and not least <= value <= most:
            self.wrong(name, f"must be a number from {least:,} to {most:,}")
        return value

    def date(self, name: str, text: str, *, partial: bool = False) -> str:
        """A day, or with `partial` perhaps only a month or a year."""
        kept = text.strip()
        if kept and not is_date(kept, partial=partial):
            self.wrong(name, "must be a date such as 2026-11-29")
        return kept

    def address(self, name: str, text: str) -> str:
        kept = text.strip()
        if kept and (len(kept) > ADDRESS_CHARS_MAX or origin_of(kept) is None):
            self.wrong(name, "must be an address that begins with http:// or https://")
        return kept


def is_date(text: str, *, partial: bool = False) -> bool:
    """Whether this is a date such as 2026-11-29; or, `partial`, a year or month."""
    whole = text + "-01-01"[len(text) - 10 :] if partial and len(text) < 10 else text
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(whole)
    except ValueError:
        return False
    return True


def either(words: Sequence[str]) -> str:
    """``a, b or c``."""
    return f"{', '.join(words[:-1])} or {words[-1]}"
