"""What a text is looked up by: its words, folded so that two spellings of one are the same.

One tokeniser feeds both databases, so that they find the same. Letters lose case, compatibility forms and the
marks that readers leave out when they type (accents, points); scripts in which nobody can say where a word ends
without a dictionary are cut into pairs of neighbours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

WORD_CHARS_MAX: Final = 64
"""Longer words are cut: they are addresses and keys, which nobody types in whole."""

# Letters that have no decomposition, and yet are typed without their stroke.
_PLAIN: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
)
# Accents on letters, and the vowel points of Hebrew and Arabic. Marks of other scripts tell words apart.
_LEFT_OUT: Final = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u2060\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)
# Thai and Lao, Tibetan, Myanmar, Khmer, kana, ideographs and what extends them; and Hangul, whose words take
# endings without a blank.
_WITHOUT_BLANKS: Final = (
    (0x0E00, 0x0EFF),
    (0x0F00, 0x0FFF),
    (0x1000, 0x109F),
    (0x1100, 0x11FF),
    (0x1780, 0x17FF),
    (0x1950, 0x19DF),
    (0x3005, 0x3007),
    (0x3031, 0x312F),
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_ASCII_WORDS: Final = re.compile("[a-z0-9]+")


def fold(text: str) -> str:
    """The text without case, accents and compatibility forms (Unicode's caseless matching, and a little more)."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", _LEFT_OUT.sub("", decomposed)).translate(_PLAIN)


def words_of(text: str) -> list[str]:
    """The words to index a text by, in order.

    A stretch without blanks gives every pair of neighbours and then its last character alone, so that a single
    character is found as the beginning of a word wherever it stands.
    """
    if text.isascii():
        return [word[:WORD_CHARS_MAX] for word in _ASCII_WORDS.findall(text.lower())]
    found: list[str] = []
    for stretch, paired in _stretches(fold(text)):
        if paired:
            found.extend(stretch[at : at + 2] for at in range(len(stretch) - 1))
            found.append(stretch[-1])
        else:
            found.append(stretch[:WORD_CHARS_MAX])
    return found


class Sought(NamedTuple):
    """What somebody typed as one thing: words that must follow each other, the last one perhaps only begun."""

    words: tuple[str, ...]
    begun: bool = False


def sought(text: str, *, begun: bool = False) -> Sought | None:
    """How to look for a text in what `words_of` gave; None when there is no word in it.

    A stretch without blanks at the end may go on in the text that is found; elsewhere a word is whole unless it
    is `begun`.
    """
    found: list[str] = []
    stretches = list(_stretches(fold(text)))
    for number, (stretch, paired) in enumerate(stretches, 1):
        last = number == len(stretches)
        if not paired:
            found.append(stretch[:WORD_CHARS_MAX])
            continue
        found.extend(stretch[at : at + 2] for at in range(len(stretch) - 1))
        if not last:
            found.append(stretch[-1])
        elif len(stretch) == 1:
            found.append(stretch)
            begun = True
        else:
            begun = False
    return Sought(tuple(found), begun) if found else None


def _stretches(folded: str) -> Iterator[tuple[str, bool]]:
    """Runs of letters and digits, each with whether it is of a script without blanks."""
    if folded.isascii():
        for word in _ASCII_WORDS.findall(folded):
            yield word, False
        return
    start, kind = 0, _APART
    for at, character in enumerate(folded):
        now = _kind(character)
        if now == _MARK:
            now = kind
        if now != kind:
            if kind != _APART:
                yield folded[start:at], kind == _PAIRED
            start, kind = at, now
    if kind != _APART:
        yield folded[start:], kind == _PAIRED


_APART: Final = 0
_LETTER: Final = 1
_PAIRED: Final = 2
_MARK: Final = 3


@lru_cache(maxsize=8192)
def _kind(character: str) -> int:
    category = unicodedata.category(character)
    if category[0] == "M":
        return _MARK
    if category[0] not in "LN":
        return _APART
    code = ord(character)
    return _PAIRED if any(first <= code <= last for first, last in _WITHOUT_BLANKS) else _LETTER
