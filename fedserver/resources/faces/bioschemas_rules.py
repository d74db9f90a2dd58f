"""What Bioschemas' TrainingMaterial 1.0-RELEASE asks of JSON-LD, in our own words: what has to be there, and which shapes
its properties may have. https://bioschemas.org/profiles/TrainingMaterial/1.0-RELEASE"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

MINIMUM: Final = ("name", "description", "keywords")


def problems(document: Mapping[str, Any]) -> list[str]:
    """Sentences such as ``keywords is missing.``; none for a document that the profile accepts."""
    return [f"{sentence}." for sentence in _problems(document)]


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    for name in MINIMUM:
        if not document.get(name):
            yield f"{name} is missing"
    for name, (fits, what) in _SHAPES.items():
        if name in document and not fits(document[name]):
            yield f"{name} must be {what}"


Fits = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return type(value) is str


def _object(value: Any) -> bool:
    return type(value) is dict


def _address(value: Any) -> bool:
    return type(value) is str and "://" in value


def _day(value: Any) -> bool:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _either(*kinds: Fits) -> Fits:
    return lambda value: any(fits(value) for fits in kinds)


def _many(*kinds: Fits) -> Fits:
    """One of these, or a list in which all are of one of these."""

    def fits(value: Any) -> bool:
        if type(value) is list:
            return any(all(kind(one) for one in value) for kind in kinds)
        return any(kind(value) for kind in kinds)

    return fits


def _named(value: Any) -> bool:
    """An object whose name, if it has one, is a text."""
    return _object(value) and _text(value.get("name", ""))


def _property(value: Any) -> bool:
    return _object(value) and _text(value.get("name")) and type(value.get("value")) in (str, bool, int, float)


def _work(value: Any) -> bool:
    return _named(value) and all(_text(value.get(name, "")) for name in ("identifier", "url"))


_OBJECTS: Final = (_many(_named), "an object, or a list of them")
_WORDS: Final = (_many(_named, _text), "texts or terms, all of one kind")
_SHAPES: Final[Mapping[str, tuple[Fits, str]]] = {
    "name": (_text, "a text"),
    "description": (_text, "a text"),
    "abstract": (_text, "a text"),
    "keywords": _WORDS,
    "about": _OBJECTS,
    "audience": _OBJECTS,
    "author": _OBJECTS,
    "contributor": _OBJECTS,
    "competencyRequired": _WORDS,
    "creativeWorkStatus": (_either(_named, _text), "a text or a term"),
    "dateCreated": (_either(_day, _object), "a date"),
    "dateModified": (_either(_day, _object), "a date"),
    "datePublished": (_either(_day, _object), "a date"),
    "educationalLevel": (_named, "a term"),
    "hasPart": (_many(_work), "works"),
    "identifier": (_many(_property, _text), "texts or PropertyValues, all of one kind"),
    "inLanguage": _WORDS,
    "isPartOf": (_many(_work, _address), "works or addresses"),
    "learningResourceType": _WORDS,
    "license": (_many(_work, _address), "works or addresses"),
    "mentions": _OBJECTS,
    "teaches": _WORDS,
    "timeRequired": (_object, "a Duration"),
    "url": (_address, "an address"),
    "version": (_either(_text, lambda value: type(value) in (int, float)), "a text or a number"),
    "workTranslation": (_many(_work), "works"),
    "accessibilitySummary": (_text, "a text"),
}
