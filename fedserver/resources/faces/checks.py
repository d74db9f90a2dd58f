"""How catalogues see a resource: what each of them needs and wants, and what is missing or wrong. Asked for by authors.

A resource is *listed* when it is public and everything that Bioschemas and AMB need is there and valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from fedserver.resources import licences
from fedserver.resources.faces import amb, bioschemas_rules, schema_org
from fedserver.resources.faces.entry import Entry


class Missing(NamedTuple):
    """A field that has nothing in it, by its name in the API, and what it is good for."""

    field: str
    why: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What one catalogue makes of a resource. `accepted` if nothing that it needs is missing and nothing is wrong;
    `path` leads to what it reads."""

    name: str
    title: str
    path: str
    accepted: bool
    needed: tuple[Missing, ...]
    wanted: tuple[Missing, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What all of them make of it; `hidden` says why catalogues do not see it at all, if they do not."""

    listed: bool
    hidden: str
    catalogues: tuple[Seen, ...]


# What a field is good for, by its name in the API.
_WHY: Final[Mapping[str, str]] = {
    "title": "Nobody finds what has no name.",
    "abstract": "A few sentences that stand alone: lists show them.",
    "keywords": "People search by these words, or by topics.",
    "authors": "Say who made it, so that they can be found and cited.",
    "licence": "Without a licence nobody may reuse it.",
    "types": "Slides, a lesson, a video: many look for one kind.",
    "topics": "Terms of a vocabulary connect it with others on the same subject.",
    "level": "Say whether it is for beginners.",
    "audience": "Say whom it is for.",
    "language": "Say in which language it is.",
    "teaches": "What will people be able to do afterwards?",
    "prerequisites": "What has to be known before?",
    "time_required_minutes": "How long does it take?",
    "doi": "A DOI makes it citable for good; Zenodo gives one.",
    "based_on": "Name the works that it comes from or mentions.",
    "landing_url": "Say where it lies, if that is not here.",
    "accessibility": "Say what people with a disability will find.",
    "authors.orcid": "With an ORCID its authors are told apart from others of the same name.",
    "version": "A version tells readers what has changed.",
    "funders": "Funders look for what they have paid for.",
}


def report(entry: Entry) -> Report:
    """All that catalogues make of a resource."""
    hidden = _hidden(entry)
    seen = tuple(_seen(entry, one) for one in _CATALOGUES)
    needed = {one.name: one.accepted for one in seen}
    return Report(not hidden and needed["bioschemas"] and needed["amb"], hidden, seen)


def listed(entry: Entry) -> bool:
    """Whether it is good enough for catalogues."""
    return report(entry).listed


def _hidden(entry: Entry) -> str:
    if not entry.row.local:
        return "It is told to catalogues by the server that it comes from."
    if entry.withdrawn:
        return "It was withdrawn."
    if entry.row.visibility != "public":
        return "It is not public: catalogues see only what everybody may find."
    return ""


class _Catalogue(NamedTuple):
    name: str
    title: str
    path: Callable[[Entry], str]
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    problems: Callable[[Entry], Iterable[str]]


def _seen(entry: Entry, one: _Catalogue) -> Seen:
    there = _filled(entry)
    needed = tuple(Missing(name, _WHY[name]) for name in one.needs if not there[name])
    wanted = tuple(Missing(name, _WHY[name]) for name in one.wants if not there[name])
    problems = tuple(one.problems(entry))
    accepted = not needed and not problems
    return Seen(one.name, one.title, one.path(entry), accepted, needed, wanted, problems)


def _filled(entry: Entry) -> Mapping[str, Any]:
    """By the name in the API, what is there."""
    row, details = entry.row, entry.details
    people = [one for one in details.authors if one.kind == "Person"]
    return {
        "title": row.title,
        "abstract": entry.description,
        "keywords": entry.keywords,
        "authors": details.authors,
        "licence": details.licence,
        "types": details.types,
        "topics": details.topics,
        "level": details.level,
        "audience": details.audience,
        "language": row.language,
        "teaches": details.teaches,
        "prerequisites": details.prerequisites,
        "time_required_minutes": details.time_required_minutes,
        "doi": details.doi or details.identifiers,
        "based_on": details.based_on,
        "landing_url": entry.url,
        "accessibility": details.accessibility,
        "authors.orcid": all(one.orcid for one in people),
        "version": row.version,
        "funders": details.funders,
    }


def _bioschemas(entry: Entry) -> Iterable[str]:
    # What is missing is told by its own name, not twice.
    found = schema_org.document(entry)
    return [one for one in bioschemas_rules.problems(found) if not one.endswith(" is missing.")]


def _amb(entry: Entry) -> Iterable[str]:
    return amb.problems(amb.document(entry))


def _openly(entry: Entry) -> Iterable[str]:
    licence = entry.details.licence
    if licence and not licences.is_open(licence):
        yield f"{licence} is not known as an open licence."


def _nothing(entry: Entry) -> Iterable[str]:
    return ()


_CATALOGUES: Final = (
    _Catalogue(
        "bioschemas",
        "Bioschemas TrainingMaterial 1.0 (TeSS, search engines)",
        lambda entry: f"/resources/{entry.row.id}.jsonld",
        ("title", "abstract", "keywords"),
        ("topics", "audience", "authors", "prerequisites", "level", "doi", "language", "types", "licence", "based_on",
         "teaches", "time_required_minutes", "landing_url", "accessibility"),
        _bioschemas,
    ),
    _Catalogue(
        "amb",
        "AMB (OERSI, repositories of open educational resources)",
        lambda entry: f"/resources/{entry.row.id}.amb.json",
        ("title",),
        ("abstract", "authors", "licence", "language", "types", "topics", "keywords", "audience"),
        _amb,
    ),
    _Catalogue(
        "oai",
        "OAI-PMH (library catalogues, BASE, OpenAIRE)",
        lambda entry: f"/oai-pmh?verb=GetRecord&metadataPrefix=oai_dc&identifier={entry.row.uri}",
        ("title",),
        ("authors", "abstract", "licence", "language", "types", "topics"),
        _nothing,
    ),
    _Catalogue(
        "datacite",
        "DataCite and Zenodo (deposit and DOI)",
        lambda entry: f"/resources/{entry.row.id}.zenodo.json",
        ("title", "authors", "licence", "abstract"),
        ("authors.orcid", "keywords", "language", "types", "version", "funders", "doi"),
        _openly,
    ),
)  # fmt: skip
