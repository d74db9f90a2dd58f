"""Every term of the vocabularies, as a process keeps them: found by their names and by those above them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from fedserver.content.text import clean_line
from fedserver.resources.records import Described, Topic
from storage.terms import Term
from storage.words import fold, words_of

SKILLS: Final = "skills"
"""The vocabulary of skills; all others are of topics."""


class Offer(msgspec.Struct, frozen=True):
    """What can be chosen: the value that is kept, its words, its address if it has one, and those above it."""

    value: str
    label: str
    uri: str | None = None
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


class Terms:
    """Every term, found by its names and by those above it."""

    def __init__(self, found: Sequence[Term] = ()) -> None:
        self.labels = {one.uri: one.label for one in found}
        self._topics = _by_name(one for one in found if one.scheme != SKILLS)
        self._skills = _by_name(one for one in found if one.scheme == SKILLS)
        self._children: defaultdict[str, list[str]] = defaultdict(list)
        for one in found:
            for parent in one.parents:
                self._children[parent].append(one.uri)
        self._families: dict[str, tuple[str, ...]] = {}
        self._offered: defaultdict[str, list[tuple[Term, tuple[str, ...]]]] = defaultdict(list)
        for one in found:
            if not one.obsolete:
                names = tuple(" ".join(words_of(name)) for name in (one.label, *one.synonyms))
                self._offered[one.scheme].append((one, names))

    def uri_of(self, text: str, *, skill: bool = False) -> str | None:
        """The address of the term with this label, or with a synonym like it."""
        return (self._skills if skill else self._topics).get(fold(clean_line(text)))

    def family(self, text: str) -> tuple[str, ...]:
        """A term and all below it, however the vocabulary is knotted."""
        if text not in self._children:
            return (text,)
        found = self._families.get(text)
        if found is None:
            seen, waiting = {text: None}, [text]
            while waiting:
                for one in self._children.get(waiting.pop(), ()):
                    if one not in seen:
                        seen[one] = None
                        waiting.append(one)
            found = self._families[text] = tuple(seen)
        return found

    def offered(self, scheme: str, text: str, limit: int) -> list[Offer]:
        """The terms of a vocabulary in which all words of a text begin a word of one name, the likeliest first."""
        wanted = words_of(text)
        ranked = []
        for one, names in self._offered.get(scheme, ()):
            rank = rank_of(wanted, names)
            if rank is not None:
                ranked.append((rank, one.label.casefold(), one.uri, one))
        ranked.sort(key=lambda entry: entry[:3])
        return [Offer(one.uri, one.label, one.uri, one.synonyms, one.parents) for *_, one in ranked[:limit]]


def _by_name(found: Iterable[Term]) -> dict[str, str]:
    """Addresses by folded name: a label goes before a synonym, and one that is obsolete behind all others."""
    named: dict[str, str] = {}
    ordered = sorted(found, key=lambda one: (one.obsolete, one.uri))
    for one in ordered:
        if not one.obsolete:
            named.setdefault(fold(one.label), one.uri)
    for one in ordered:
        if not one.obsolete:
            for synonym in one.synonyms:
                named.setdefault(fold(synonym), one.uri)
    return named


def rank_of(wanted: Sequence[str], names: Sequence[str]) -> int | None:
    """How well one of the names fits; the first of them is the label. None where none does."""
    if not wanted:
        return 0
    text = " ".join(wanted)
    best: int | None = None
    for at, name in enumerate(names):
        if name == text:
            rank = 0
        elif name.startswith(text):
            rank = 2
        elif all(any(word.startswith(one) for word in name.split()) for one in wanted):
            rank = 4
        else:
            continue
        rank += at > 0
        best = rank if best is None else min(best, rank)
    return best


def with_addresses(terms: Terms, described: Described) -> Described:
    """Topics and skills that were given by a name a vocabulary knows, with its address and its label."""
    return replace(
        described,
        topics=_named(terms, described.topics, skill=False),
        skills=_named(terms, described.skills, skill=True),
    )


def _named(terms: Terms, given: Sequence[Topic], *, skill: bool) -> tuple[Topic, ...]:
    found: dict[str, Topic] = {}
    for one in given:
        uri = one.uri or terms.uri_of(one.label, skill=skill)
        topic = Topic(label=terms.labels[uri], uri=uri) if not one.uri and uri is not None else one
        found.setdefault(topic.uri or fold(topic.label), topic)
    return tuple(found.values())
