"""Reading JSON from strangers: the door, and "is it a string, an object or a list?".

``parse_json`` decides what gets in at all and is strict. ``normalise`` and the small readers after it
are tolerant: they drop what they cannot read and never raise for shape alone. No JSON-LD is processed
and no context is fetched; a document is read in its compacted form, and documents that could be read
differently by a JSON-LD processor in what matters for trust are refused.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import msgspec

from activitypub.errors import Malformed
from activitypub.names import AS2, PUBLIC, PUBLIC_ALIASES

BODY_BYTES_MAX: Final = 1 << 20
"""As Mastodon: a long article in ten languages fits, a hostile body does not."""
DEPTH_MAX: Final = 32
KEYS_MAX: Final = 2000

# Unescaped control characters and truncated strings are left for the decoder to refuse.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def parse_json(body: bytes) -> dict[str, Any]:
    """One JSON object from the network, exactly as sent.

    Raises ``Malformed`` for more than ``BODY_BYTES_MAX`` bytes, ``DEPTH_MAX`` levels or ``KEYS_MAX``
    members, for anything that is not UTF-8 JSON (RFC 8259; so no NaN and no Infinity), for a member
    that is named twice in one object, and for a document that is not an object.
    """
    if len(body) > BODY_BYTES_MAX:
        raise Malformed(f"the document has {len(body)} bytes, at most {BODY_BYTES_MAX} are read")
    # What is left without its strings shows depth and number of members before any memory is spent.
    skeleton = _STRING.sub(b"", body)
    members = skeleton.count(b":")
    if members > KEYS_MAX:
        raise Malformed(f"the document has {members} members, at most {KEYS_MAX} are read")
    depth = 0
    for bracket in skeleton.translate(None, _NOT_BRACKETS):
        # '{' is 123 and '[' is 91; each closing one is two more.
        if bracket in (123, 91):
            depth += 1
            if depth > DEPTH_MAX:
                raise Malformed(f"the document is nested more than {DEPTH_MAX} deep")
        else:
            depth -= 1
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Malformed(f"not JSON: {error}") from error
    if type(document) is not dict:
        raise Malformed("the document is not a JSON object")
    # The decoder keeps the last of two equal names silently, and another reader may keep the first:
    # what was checked would not be what is acted on. Fewer members than colons means just that.
    if _count_members(document) != members:
        raise Malformed("a member is named twice in one object")
    return document


def _count_members(value: Any) -> int:
    total = 0
    stack = [value]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            total += len(node)
            node = node.values()
        stack += [child for child in node if type(child) is dict or type(child) is list]
    return total


# --- the compacted form ---------------------------------------------------------------------

_AS_PREFIXES: Final = ("as:", f"{AS2}#")
_REFUSED_KEYWORDS: Final = frozenset({"@graph", "@included", "@reverse"})
_RENAMED: Final = {"@id": "id", "@type": "type"}

_LDP_INBOX: Final = "http://www.w3.org/ns/ldp#inbox"
_SECURITY: Final = "https://w3id.org/security#"
_STANDARD_MEANING: Final[dict[str, frozenset[str]]] = {
    "id": frozenset({"@id"}),
    "type": frozenset({"@type"}),
    "inbox": frozenset({"ldp:inbox", _LDP_INBOX, "as:inbox", f"{AS2}#inbox"}),
    "publicKey": frozenset({"sec:publicKey", "security:publicKey", f"{_SECURITY}publicKey"}),
    **{
        name: frozenset({f"as:{name}", f"{AS2}#{name}"})
        for name in ("actor", "object", "attributedTo", "to", "cc")
    },
}
_STANDARD_PREFIX: Final[dict[str, frozenset[str]]] = {
    "as": frozenset({AS2, f"{AS2}#", f"{AS2}/"}),
    "ldp": frozenset({"http://www.w3.org/ns/ldp#"}),
    "sec": frozenset({_SECURITY}),
    "security": frozenset({_SECURITY}),
}


def normalise(document: dict[str, Any]) -> dict[str, Any]:
    """A copy in the one form the readers expect; the original stays as it was signed.

    ``@id`` and ``@type`` become ``id`` and ``type``; names and types of ActivityStreams lose their
    ``as:`` prefix or full IRI; ``@context`` is dropped after it was checked. Raises ``Malformed`` for
    ``@graph``, ``@included`` and ``@reverse``, for an inline context that gives ``id``, ``type``,
    ``actor`` and the like another meaning (CVE-2022-24307), and for two spellings of one name that
    disagree.
    """
    result: dict[str, Any] = {}
    for key, value in document.items():
        name = key
        if key[:1] == "@":
            if key == "@context":
                _check_context(value)
                continue
            if key in _REFUSED_KEYWORDS:
                raise Malformed(f"{key} is not read")
            name = _RENAMED.get(key, key)
        elif ":" in key:
            name = _short(key)
        kind = type(value)
        if name == "type":
            value = _short_types(value)
        elif kind is dict:
            value = normalise(value)
        elif kind is list:
            value = _normalise_list(value)
        if name in result and result[name] != value:
            raise Malformed(f"{name} is given twice with different values")
        result[name] = value
    return result


def _normalise_list(items: list[Any]) -> list[Any]:
    return [
        normalise(item) if type(item) is dict else _normalise_list(item) if type(item) is list else item
        for item in items
    ]


def _short(name: str) -> str:
    for prefix in _AS_PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix) :] or name
    return name


def _short_types(value: Any) -> Any:
    if type(value) is str:
        return _short(value) if ":" in value else value
    if type(value) is list:
        return [_short(item) if type(item) is str else item for item in value]
    return value


def _check_context(context: Any) -> None:
    for item in one_or_many(context):
        if type(item) is not dict:
            continue
        for term, definition in item.items():
            meaning = definition.get("@id") if type(definition) is dict else definition
            if term in _STANDARD_MEANING:
                if meaning not in _STANDARD_MEANING[term]:
                    raise Malformed(f"the context gives {term} another meaning")
            elif term in _STANDARD_PREFIX and meaning not in _STANDARD_PREFIX[term]:
                raise Malformed(f"the context gives the prefix {term} another meaning")
            if type(definition) is dict and "@context" in definition:
                _check_context(definition["@context"])


# --- string, object or list? ---------------------------------------------------------------


def one_or_many(value: Any) -> list[Any]:
    """The value as a list: nothing is ``[]``, a single value is a list of one, nulls are dropped."""
    if value is None:
        return []
    if type(value) is list:
        return [item for item in value if item is not None]
    return [value]


def first(value: Any) -> Any:
    """The value, or the first of a list, or ``None``."""
    if type(value) is list:
        return next((item for item in value if item is not None), None)
    return value


def string(value: Any) -> str | None:
    """A non-empty string without NUL, from a string, ``{"@value": …}`` or the first of a list."""
    value = first(value)
    if type(value) is dict:
        value = value.get("@value")
    if type(value) is not str:
        return None
    # PostgreSQL cannot store U+0000, and no text needs it.
    return value.replace("\0", "") or None


def number(value: Any) -> int | None:
    """A whole number that is not negative, or ``None``; a whole float counts, a boolean does not."""
    value = first(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < 1 << 63 else None


def flag(value: Any) -> bool | None:
    """``True``, ``False``, or ``None`` when nothing usable was said."""
    value = first(value)
    if type(value) is dict:
        value = value.get("@value")
    return value if type(value) is bool else None


def id_of(value: Any) -> str | None:
    """The address of what is meant: of a string, of ``{"id"}`` or ``{"href"}``, of a list's first.

    The three spellings of the public collection become the full one. What contains NUL is no address, and
    PostgreSQL could not even be asked about it.
    """
    value = first(value)
    if type(value) is dict:
        value = value.get("id") or value.get("href") or value.get("@id")
    if type(value) is not str or "\0" in value:
        return None
    value = value.strip()
    if value in PUBLIC_ALIASES:
        return PUBLIC
    return value or None


def ids_of(document: dict[str, Any], *names: str) -> tuple[str, ...]:
    """All addresses under these names, in order, each once; what has no address is dropped."""
    found: dict[str, None] = {}
    for name in names:
        for item in one_or_many(document.get(name)):
            uri = id_of(item)
            if uri is not None:
                found[uri] = None
    return tuple(found)


def objects_of(document: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """The objects under this name, whether it holds one or a list; strings are passed over."""
    for item in one_or_many(document.get(name)):
        if type(item) is dict:
            yield item


def types_of(value: Any) -> tuple[str, ...]:
    """The type names of an object, in order; ``()`` for anything without a type. No name contains NUL."""
    if type(value) is not dict:
        return ()
    return tuple(
        item for item in one_or_many(value.get("type")) if type(item) is str and item and "\0" not in item
    )


def type_of(value: Any) -> str | None:
    """The first type name of an object."""
    types = types_of(value)
    return types[0] if types else None


# --- text, languages and times --------------------------------------------------------------

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


def text_of(document: dict[str, Any], name: str) -> str | None:
    """The text under ``name``, or else the first readable one of its language map (``nameMap``)."""
    text = string(document.get(name))
    if text is not None:
        return text
    for translation in _language_map(document, name).values():
        text = string(translation)
        if text is not None:
            return text
    return None


def language_of(document: dict[str, Any], name: str) -> str | None:
    """The BCP 47 tag of the text that ``text_of`` gives, or ``None`` when the document does not say."""
    text = string(document.get(name))
    translations = _language_map(document, name)
    for tag, translation in translations.items():
        if text is None or len(translations) == 1 or string(translation) == text:
            return language_tag(tag)
    value = first(document.get(name))
    return language_tag(value.get("@language")) if type(value) is dict else None


def language_tag(value: Any) -> str | None:
    """A well-formed BCP 47 tag as given, or ``None``; ``und`` says nothing and is ``None`` too."""
    if type(value) is not str or not _LANGUAGE_TAG.fullmatch(value) or value.lower() == "und":
        return None
    return value if len(value) <= 35 else None


def _language_map(document: dict[str, Any], name: str) -> dict[str, Any]:
    translations = first(document.get(f"{name}Map"))
    return translations if type(translations) is dict else {}


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)


def parse_time(value: Any) -> datetime | None:
    """An instant in UTC, or ``None`` when it cannot be read.

    RFC 3339, and what is really sent: no zone (taken as UTC), no seconds, only a date, more than six
    digits of a fraction (cut off), a leap second (the second before it).
    """
    text = string(value)
    match = _TIME.fullmatch(text.strip()) if text is not None else None
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            min(int(second or 0), 59) if second == "60" else int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=_zone(zone),
        )
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC to the second, or to the millisecond when there is one: what every peer reads."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone is not an instant")
    moment = moment.astimezone(UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    milliseconds = moment.microsecond // 1000
    return f"{text}.{milliseconds:03d}Z" if milliseconds else f"{text}Z"
