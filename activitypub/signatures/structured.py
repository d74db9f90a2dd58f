"""Structured Fields (RFC 8941) as far as signatures need them: dictionaries, strict and bounded.

Reading refuses what is not exactly the grammar, and also duplicate keys, which the RFC would let
the last one win: two answers to "what was signed" are one too many. Dates and display strings of
RFC 9651 do not occur in signatures and are refused.
"""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from decimal import Decimal

from activitypub.errors import SignatureMalformed

FIELD_CHARS_MAX = 16_384
MEMBERS_MAX = 16
INNER_ITEMS_MAX = 64
PARAMETERS_MAX = 16

_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_NUMBER = re.compile(r"-?(?:[0-9]{1,12}\.[0-9]{1,3}|[0-9]{1,15})(?![0-9.])")
_SPACES = re.compile(r" *")
_BLANKS = re.compile(r"[ \t]*")
_STRING_VALUE = re.compile(r"[ -~]*")


class Token(str):
    """A bare word, which is not the same as a quoted string."""

    __slots__ = ()


BareItem = bool | int | Decimal | str | bytes
"""``Token`` is the one kind of ``str`` that is written without quotes."""


@dataclass(frozen=True)
class Item:
    """A value and its parameters, in the order they were written."""

    value: BareItem
    parameters: dict[str, BareItem] = field(default_factory=dict)


@dataclass(frozen=True)
class InnerList:
    """A parenthesised list of items with parameters of its own."""

    items: tuple[Item, ...]
    parameters: dict[str, BareItem] = field(default_factory=dict)


def parse_dictionary(text: str, *, members_max: int = MEMBERS_MAX) -> dict[str, Item | InnerList]:
    """Read a whole dictionary field, or raise SignatureMalformed."""
    if len(text) > FIELD_CHARS_MAX:
        raise SignatureMalformed("a structured header is too long")
    return _Reader(text).dictionary(members_max)


class _Reader:
    """Walks over one field value; every step forward is one anchored match."""

    def __init__(self, text: str) -> None:
        self._text = text.strip(" ")
        self._at = 0

    def dictionary(self, members_max: int) -> dict[str, Item | InnerList]:
        members: dict[str, Item | InnerList] = {}
        while self._at < len(self._text):
            key = self._take(_KEY)
            if key in members or len(members) == members_max:
                raise self._malformed("a key occurs twice or there are too many")
            if self._next_is("="):
                members[key] = self._inner_list() if self._peek() == "(" else self._item()
            else:
                members[key] = Item(True, self._parameters())
            self._take(_BLANKS)
            if self._at == len(self._text):
                break
            if not self._next_is(","):
                raise self._malformed("a comma is missing")
            self._take(_BLANKS)
            if self._at == len(self._text):
                raise self._malformed("a comma ends the field")
        return members

    def _inner_list(self) -> InnerList:
        items: list[Item] = []
        self._next_is("(")
        while True:
            spaces = self._take(_SPACES)
            if self._next_is(")"):
                return InnerList(tuple(items), self._parameters())
            if items and not spaces:
                raise self._malformed("a space is missing in a list")
            if len(items) == INNER_ITEMS_MAX:
                raise self._malformed("a list is too long")
            items.append(self._item())

    def _item(self) -> Item:
        return Item(self._bare_item(), self._parameters())

    def _parameters(self) -> dict[str, BareItem]:
        parameters: dict[str, BareItem] = {}
        while self._next_is(";"):
            self._take(_SPACES)
            key = self._take(_KEY)
            if key in parameters or len(parameters) == PARAMETERS_MAX:
                raise self._malformed("a parameter occurs twice or there are too many")
            parameters[key] = self._bare_item() if self._next_is("=") else True
        return parameters

    def _bare_item(self) -> BareItem:
        first = self._peek()
        if first == '"':
            return re.sub(r"\\(.)", r"\1", self._take(_STRING)[1:-1])
        if first == ":":
            encoded = self._take(_BYTES)[1:-1].rstrip("=")
            try:
                # RFC 8941 §4.2.7: missing padding is forgiven.
                return b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
            except ValueError:
                raise self._malformed("a byte sequence is not base64") from None
        if first == "?":
            self._at += 1
            if self._peek() not in ("0", "1"):
                raise self._malformed("a boolean is neither ?0 nor ?1")
            self._at += 1
            return self._text[self._at - 1] == "1"
        if first == "-" or first.isdigit():
            number = self._take(_NUMBER)
            return Decimal(number) if "." in number else int(number)
        return Token(self._take(_TOKEN))

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next_is(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._at += 1
        return True

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise self._malformed("unexpected text")
        self._at = match.end()
        return match.group()

    def _malformed(self, why: str) -> SignatureMalformed:
        return SignatureMalformed(f"a structured header cannot be read: {why} at {self._at}")


def serialize_item(item: Item) -> str:
    """Write an item canonically (RFC 8941 §4.1.3)."""
    return serialize_bare_item(item.value) + serialize_parameters(item.parameters)


def serialize_inner_list(inner_list: InnerList) -> str:
    """Write an inner list canonically (RFC 8941 §4.1.1.1)."""
    items = " ".join(serialize_item(item) for item in inner_list.items)
    return f"({items}){serialize_parameters(inner_list.parameters)}"


def serialize_parameters(parameters: dict[str, BareItem]) -> str:
    """Write parameters canonically (RFC 8941 §4.1.1.2); a true one is its name alone."""
    return "".join(
        f";{key}" if value is True else f";{key}={serialize_bare_item(value)}"
        for key, value in parameters.items()
    )


def serialize_bare_item(value: BareItem) -> str:
    """Write one value canonically (RFC 8941 §4.1.3.1), or SignatureMalformed for a string not in ASCII."""
    if isinstance(value, bool):
        return "?1" if value else "?0"
    if isinstance(value, Token | int):
        return str(value)
    if isinstance(value, Decimal):
        text = f"{value:f}".rstrip("0")
        return text + "0" if text.endswith(".") else text
    if isinstance(value, bytes):
        return f":{b64encode(value).decode()}:"
    if not _STRING_VALUE.fullmatch(value):
        raise SignatureMalformed("a string in a structured header must be printable ASCII")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
