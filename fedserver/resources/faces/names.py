"""Names of people in their parts, as reference managers want them: family name, given name, particle, suffix.

People are asked for their name in one piece, since many names have no such parts. What is guessed here is guessed for
citations alone, and the name itself is never changed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from activitypub.vocabulary.resource import Person

_WORDS: Final = (
    "af al av aw bin ibn da dal dalla das de dei del della dello den der des di do dos du el la las le lo los op 't ten "
    "ter und v van vom von y zu zum zur"
)
_PARTICLES: Final = frozenset(_WORDS.split())
_SUFFIXES: Final = frozenset({"Jr", "Jr.", "Sr", "Sr.", "II", "III", "IV"})


class Name(NamedTuple):
    """The parts of a name. `literal` is the whole of one that has no parts: an organisation's, or a single word."""

    literal: str = ""
    family: str = ""
    given: str = ""
    particle: str = ""
    suffix: str = ""


def parts_of(person: Person) -> Name:
    """``Ludwig van Beethoven`` and ``van Beethoven, Ludwig`` alike have the family name Beethoven and the particle van."""
    name = " ".join(person.name.split())
    if person.kind == "Organization":
        return Name(literal=name)
    family, comma, given = (one.strip() for one in name.partition(","))
    if comma and family and given:
        if given in _SUFFIXES:  # Martin Luther King, Jr.
            return _split(family.split(), given)
        first, _, last = (one.strip() for one in given.partition(","))
        if first in _SUFFIXES and last:  # King, Jr., Martin Luther
            return _with_particle(family.split(), last, first)
        if last in _SUFFIXES:  # King, Martin Luther, Jr.
            return _with_particle(family.split(), first, last)
        return _with_particle(family.split(), given)
    words = name.replace(",", " ").split()
    if len(words) > 2 and words[-1] in _SUFFIXES:
        return _split(words[:-1], words[-1])
    return _split(words)


def _split(words: list[str], suffix: str = "") -> Name:
    """A name in the order in which it is spoken."""
    if len(words) < 2:
        return Name(literal=" ".join([*words, suffix]).strip())
    begins = len(words) - 1
    while begins > 1 and words[begins - 1] in _PARTICLES:
        begins -= 1
    return _with_particle(words[begins:], " ".join(words[:begins]), suffix)


def _with_particle(family: list[str], given: str, suffix: str = "") -> Name:
    ends = 0
    while ends < len(family) - 1 and family[ends] in _PARTICLES:
        ends += 1
    return Name("", " ".join(family[ends:]), given, " ".join(family[:ends]), suffix)


def family_first(name: Name) -> str:
    """``van Beethoven, Ludwig``; with a suffix behind: ``King, Martin Luther, Jr.``."""
    if name.literal:
        return name.literal
    family = f"{name.particle} {name.family}".strip()
    return ", ".join(one for one in (family, name.given, name.suffix) if one)


def initials(given: str) -> str:
    """``Ana María`` is ``A. M.``, ``Jean-Luc`` is ``J.-L.`` (APA 7, 9.8)."""
    return " ".join(
        "-".join(f"{part[0].upper()}." for part in word.split("-") if part) for word in given.split()
    ).strip()
