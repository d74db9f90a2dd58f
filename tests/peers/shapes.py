"""What documents are made of, checked as strictly as typed readers of other software do it: one shape for each key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
Check = Callable[[Any], None]
Shape = Mapping[str, tuple[bool, Check]]
"""By key whether it must be there, and what its value must be."""


class Refused(Exception):
    """The document cannot be read; the text says where and why."""


class Unknown(Exception):
    """A kind of document that is not read at all."""


def kind_of(document: Any) -> str:
    """The type, which is one string. Raises Refused."""
    if not isinstance(document, dict):
        raise Refused("it is no object")
    kind = document.get("type")
    if not isinstance(kind, str):
        raise Refused("type: is not one string")
    return kind


def has_shape(document: Mapping[str, Any], kind: str, shape: Shape) -> None:
    """Raise Refused, with the key, unless it has this shape; unknown keys are passed over."""
    for field, (required, check) in shape.items():
        value = document.get(field)
        if value is None:
            if required:
                raise Refused(f"{kind}.{field}: is missing")
            continue
        try:
            check(value)
        except Refused as error:
            raise Refused(f"{kind}.{field}: {error}") from None


def shape_of(required: Mapping[str, Check], optional: Mapping[str, Check]) -> Shape:
    return {name: (True, check) for name, check in required.items()} | {
        name: (False, check) for name, check in optional.items()
    }


def many(value: Any) -> list[Any]:
    """The values of a property, which may stand alone."""
    return [] if value is None else value if isinstance(value, list) else [value]


def text(value: Any) -> None:
    if not isinstance(value, str):
        raise Refused("is no string")


def flag(value: Any) -> None:
    if not isinstance(value, bool):
        raise Refused("is neither true nor false")


def url(value: Any) -> None:
    text(value)
    if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
        raise Refused(f"is no address: {value!r}")


def time(value: Any) -> None:
    text(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Refused(f"is no time: {value!r}") from None
    if moment.tzinfo is None:
        raise Refused("has no zone")


def one_of(*allowed: str) -> Check:
    def check(value: Any) -> None:
        if value not in allowed:
            raise Refused(f"is {value!r}, not one of {', '.join(allowed)}")

    return check


def list_of(check: Check, *, or_one: bool = False) -> Check:
    def each(value: Any) -> None:
        if not isinstance(value, list):
            if not or_one:
                raise Refused("is no list")
            value = [value]
        for item in value:
            check(item)

    return each


def object_of(**fields: Check) -> Check:
    """An object with these fields, each of which must be there unless its name ends in an underscore."""

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise Refused("is no object")
        for name, inner in fields.items():
            key = name.rstrip("_")
            if value.get(key) is None:
                if not name.endswith("_"):
                    raise Refused(f"{key} is missing")
                continue
            inner(value[key])

    return check


def either(*checks: Check) -> Check:
    def check(value: Any) -> None:
        problems = []
        for one in checks:
            try:
                one(value)
            except (Refused, Unknown) as error:
                problems.append(str(error))
            else:
                return
        raise Refused(" / ".join(problems))

    return check
