"""JSON as people write it by hand: read like JSON where it is, mended where it is not, and every mending named.

Catalogues ask people to put JSON into their pages, and what they put there lacks commas, has too many of them, or breaks
lines within texts. Whatever could be meant is read in one pass from left to right; the time it takes grows with the length
of the text alone. What is too long, too deep or too broken is refused with a sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import unescape
from typing import Any, Final, NamedTuple

from fedserver.errors import Invalid, TooLarge

CHARS_MAX: Final = 5_000_000
DEPTH_MAX: Final = 40
VALUES_MAX: Final = 200_000
MENDINGS_MAX: Final = 200
WORD_CHARS_MAX: Final = 2_000


class Mending(NamedTuple):
    """What was wrong at a place (line and column begin at 1), as a sentence."""

    sentence: str
    line: int
    column: int


class Mended(NamedTuple):
    """The value, and what had to be mended for it; nothing where it was JSON."""

    value: Any
    mendings: Sequence[Mending]


class _Twice(ValueError):
    """A name stands twice in an object: which of them is meant is told with its place."""


_SPACE: Final = re.compile(r"[ \t\r\n\f\v\u00a0\u2028\u2029\ufeff]+")
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|<!--|-->|<!\[CDATA\[|\]\]>", re.DOTALL)
_PLAIN: Final = re.compile(r"[^\"\\\x00-\x1f]+")
_PLAIN_IN: Final = {
    "'": re.compile(r"[^'\\\x00-\x1f]+"),
    "’": re.compile(r"[^’\\\x00-\x1f]+"),
    "”": re.compile(r"[^”\\\x00-\x1f]+"),
}
_CLOSING: Final = {'"': '"', "'": "'", "‘": "’", "’": "’", "“": "”", "”": "”", "„": "”"}
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,3})?(?=[\s,}\]/;]|\Z)")
_WORD: Final = re.compile(r"[^\s,{}\[\]:\"'“”‘’=;]+")
_WORDS: Final = {"true": True, "false": False, "null": None}
_SPELLED: Final = {
    "True": True, "TRUE": True, "False": False, "FALSE": False, "None": None, "NULL": None, "Null": None,
    "undefined": None, "NaN": None, "Infinity": None, "-Infinity": None,
}  # fmt: skip
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"'}
_HEX4: Final = re.compile(r"[0-9A-Fa-f]{4}")
# What can stand behind a comma between two values; anything else is a comma within a text.
_GOES_ON: Final = re.compile(r"\s*(?:[\"'“‘„{}\[\],/\d-]|\Z|(?:true|false|null)\b|[\w$@-]{1,60}\s*:)")
_AFTER_TEXT: Final = frozenset(",:}]")
_NOT_JSON: Final = "This is not JSON, nor anything that could be mended into it."


def mended(text: str) -> Mended:
    """The value of a JSON text, or of what was meant to be one. Raises TooLarge, Invalid."""
    if len(text) > CHARS_MAX:
        raise TooLarge(f"JSON with more than {CHARS_MAX:,} characters is not read.")
    try:
        return Mended(_bounded(json.loads(text, object_pairs_hook=_each_once)), ())
    except RecursionError as error:
        raise Invalid({}, f"This JSON is nested more than {DEPTH_MAX} levels deep.") from error
    except ValueError:
        pass
    if "&quot;" in text[:2_000] and '"' not in text[:2_000]:
        inner = mended(unescape(text))
        said = Mending("Quotation marks were written as &quot; and have become quotation marks.", 1, 1)
        return Mended(inner.value, (said, *inner.mendings))
    reader = _Reader(text)
    value = reader.document()
    return Mended(value, reader.mendings)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _bounded(value: Any) -> Any:
    """The value, if it is neither too deep nor too large. Without recursion: it may be both."""
    level, count, depth = [value], 0, 0
    while level:
        count += len(level)
        depth += 1
        if count > VALUES_MAX:
            raise TooLarge(f"JSON with more than {VALUES_MAX:,} values is not read.")
        if depth > DEPTH_MAX:
            raise Invalid({}, f"This JSON is nested more than {DEPTH_MAX} levels deep.")
        inner: list[Any] = []
        for one in level:
            if type(one) is dict:
                inner.extend(one.values())
            elif type(one) is list:
                inner.extend(one)
        level = inner
    return value


class _Reader:
    """Reads one text. `_at` only ever moves forward."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._values = 0
        self._line, self._line_began, self._counted_to = 1, 0, 0
        self.mendings: list[Mending] = []

    def document(self) -> Any:
        if self._text.startswith("\ufeff"):
            self._mend("A byte order mark stood at the beginning; it was passed over.")
        self._skip()
        if self._peek() not in ("{", "["):
            raise Invalid({}, _NOT_JSON)
        values = [self._value()]
        while True:
            self._skip()
            following = self._peek()
            if following in ("{", "["):
                self._mend("Another object followed the first; they were read as a list.")
                values.append(self._value())
            elif following in (",", ";", "}", "]"):
                self._mend(f"A {following} too many at the end was passed over.")
                self._at += 1
            elif following:
                self._mend("What followed the end of the JSON was passed over.")
                break
            else:
                break
        return values[0] if len(values) == 1 else values

    # -- values

    def _value(self) -> Any:
        self._values += 1
        if self._values > VALUES_MAX:
            raise TooLarge(f"JSON with more than {VALUES_MAX:,} values is not read.")
        first = self._peek()
        if first in ("{", "["):
            self._depth += 1
            if self._depth > DEPTH_MAX:
                raise Invalid({}, f"This JSON is nested more than {DEPTH_MAX} levels deep.")
            found = self._object() if first == "{" else self._array()
            self._depth -= 1
            return found
        if first in _CLOSING:
            return self._string()
        number = _NUMBER.match(self._text, self._at)
        if number is not None:
            self._at = number.end()
            return json.loads(number[0])
        return self._word()

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._at += 1
        after_comma = False
        while True:
            self._skip()
            first = self._peek()
            if first == "}":
                if after_comma:
                    self._mend("A comma too many before } was passed over.")
                self._at += 1
                return found
            if first in ("]", ""):
                self._unclosed("}", first)
                return found
            if first in (",", ":", "=", ";"):
                self._mend(f"A {first} too many was passed over.")
                self._at += 1
                continue
            if first in ("{", "["):
                self._mend("A value without a name was passed over.")
                self._value()
            else:
                self._member(found)
            after_comma = self._comma("}")

    def _member(self, found: dict[str, Any]) -> None:
        began = self._at
        if self._peek() in _CLOSING:
            name = self._string()
        else:
            name = str(self._word_text())
            self._mend("A name without quotation marks was read as if it had them.", began)
        self._skip()
        separator = self._peek()
        if separator == ":":
            self._at += 1
        elif separator == "=":
            self._mend("A = stood in place of a colon.")
            self._at += 2 if self._text.startswith("=>", self._at) else 1
        elif separator in (",", "}", "]", ""):
            self._mend("A name without a value was passed over.", began)
            return
        else:
            self._mend("A colon was missing; it was put in.")
        self._skip()
        if self._peek() in (",", "}", "]", ""):
            self._mend("A name without a value was passed over.", began)
            return
        if name in found:
            self._mend("A name stood a second time in the same object; the later value counts.", began)
        found[name] = self._value()

    def _array(self) -> list[Any]:
        found: list[Any] = []
        self._at += 1
        after_comma = False
        while True:
            self._skip()
            first = self._peek()
            if first == "]":
                if after_comma:
                    self._mend("A comma too many before ] was passed over.")
                self._at += 1
                return found
            if first in ("}", ""):
                self._unclosed("]", first)
                return found
            if first in (",", ":", "=", ";"):
                self._mend(f"A {first} too many was passed over.")
                self._at += 1
                continue
            found.append(self._value())
            after_comma = self._comma("]")

    def _comma(self, closing: str) -> bool:
        """Behind a value: whether there was a comma, or had to be put in."""
        ended = self._at
        self._skip()
        following = self._peek()
        if following == ",":
            self._at += 1
            return True
        if following == ";":
            self._mend("A ; stood in place of a comma.")
            self._at += 1
            return True
        if following not in (closing, "}", "]", ""):
            self._mend("A comma was missing; it was put in.", ended)
        return False

    def _unclosed(self, wanted: str, first: str) -> None:
        """The object or list ends here without having been closed. Another one's bracket closes it too, and stays for that
        one."""
        self._mend(f"A {wanted} was missing; it was put in.")
        if first and self._depth <= 1:
            self._at += 1

    # -- texts and words

    def _string(self) -> str:
        began, opening = self._at, self._text[self._at]
        closing = _CLOSING[opening]
        if opening != '"':
            self._mend("Quotation marks of another kind were read as straight double ones.")
        plain = _PLAIN if closing == '"' else _PLAIN_IN[closing]
        out: list[str] = []
        broke = False
        self._at += 1
        while True:
            run = plain.match(self._text, self._at)
            if run is not None:
                out.append(run[0])
                self._at = run.end()
            character = self._peek()
            if not character:
                self._mend("A text did not end; it was ended where everything ends.", began)
                return "".join(out)
            if character == closing:
                if closing != '"' or self._closes():
                    self._at += 1
                    return "".join(out)
                self._mend("A quotation mark within a text was read as part of it.")
                out.append(character)
                self._at += 1
            elif character == "\\":
                out.append(self._escape())
            else:
                if character in "\r\n":
                    if not broke:
                        self._mend("Lines broke within a text; the breaks were kept.")
                    broke = True
                elif character != "\t":
                    self._mend("A control character within a text was taken out.")
                out.append(character if character in "\n\t\r" else "")
                self._at += 1

    def _closes(self) -> bool:
        """Whether the quotation mark here ends its text: what follows could not follow within one."""
        space = _SPACE.match(self._text, self._at + 1)
        after = space.end() if space is not None else self._at + 1
        following = self._text[after : after + 1]
        if following == ",":
            return _GOES_ON.match(self._text, after + 1) is not None
        if following in _AFTER_TEXT or not following:
            return True
        # A comma is missing: the next text begins, commonly on a line of its own.
        return (following == '"' and space is not None) or (following in "/{[" and "\n" in (space or [""])[0])

    def _escape(self) -> str:
        following = self._text[self._at + 1 : self._at + 2]
        known = _ESCAPES.get(following)
        if known is not None:
            self._at += 2
            return known
        if following == "u":
            return self._unicode()
        self._mend("A backslash before a character that needs none was passed over.")
        self._at += 2 if following in ("'", "\n") else 1
        return "" if following == "\n" else following if following == "'" else ""

    def _unicode(self) -> str:
        found = _HEX4.match(self._text, self._at + 2)
        if found is None:
            self._mend("A \\u without four digits was kept as it stood.")
            self._at += 2
            return "\\u"
        self._at = found.end()
        code = int(found[0], 16)
        if 0xD800 <= code < 0xDC00 and self._text.startswith("\\u", self._at):
            low = _HEX4.match(self._text, self._at + 2)
            if low is not None and 0xDC00 <= int(low[0], 16) < 0xE000:
                self._at = low.end()
                return chr(0x10000 + ((code - 0xD800) << 10) + int(low[0], 16) - 0xDC00)
        return "" if 0xD800 <= code < 0xE000 else chr(code)

    def _word(self) -> Any:
        began = self._at
        word = self._word_text()
        if word in _WORDS:
            return _WORDS[word]
        if word in _SPELLED:
            self._mend("A word of another language stood for true, false or null.", began)
            return _SPELLED[word]
        self._mend("A text without quotation marks was read as if it had them.", began)
        return word

    def _word_text(self) -> str:
        found = _WORD.match(self._text, self._at)
        if found is None:  # a mark that can begin nothing
            self._mend("A character that can begin nothing was passed over.")
            self._at += 1
            return ""
        self._at = found.end()
        return found[0][:WORD_CHARS_MAX]

    # -- where we are

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self) -> None:
        """To the next thing that means something."""
        while True:
            space = _SPACE.match(self._text, self._at)
            if space is not None:
                self._at = space.end()
            comment = _COMMENT.match(self._text, self._at)
            if comment is None:
                return
            self._mend("A comment was passed over.")
            self._at = comment.end()

    def _mend(self, sentence: str, at: int | None = None) -> None:
        """Note a mending at a place, which is never before the last but by the length of one text."""
        if len(self.mendings) >= MENDINGS_MAX:
            raise Invalid({}, f"{_NOT_JSON} More than {MENDINGS_MAX} places were wrong.")
        at = self._at if at is None else at
        if at >= self._counted_to:
            self._line += self._text.count("\n", self._counted_to, at)
            self._line_began = max(self._line_began, self._text.rfind("\n", self._counted_to, at) + 1)
            self._counted_to = at
            line, began = self._line, self._line_began
        else:
            line = self._line - self._text.count("\n", at, self._counted_to)
            began = self._text.rfind("\n", 0, at) + 1
        self.mendings.append(Mending(sentence, line, at - began + 1))
