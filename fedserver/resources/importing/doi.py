"""A DOI: its resolver is asked for what is known of the work, as DataCite's JSON or as CSL-JSON.

Content negotiation of DOIs: https://citation.doi.org/docs.html; DataCite Metadata Schema 4.4; CSL-JSON 1.0.2.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final
from urllib.parse import quote

from fedserver.context import Server
from fedserver.errors import BadAnswer, Invalid
from fedserver.resources import identifiers
from fedserver.resources.importing.gathering import LIST_MAX, Gathered
from fedserver.resources.importing.mending import mended
from fedserver.resources.importing.receipts import Found, Read
from fedserver.resources.records import Person

BYTES_MAX: Final = 4 << 20
CSL: Final = "application/vnd.citationstyles.csl+json"
DATACITE: Final = "application/vnd.datacite.datacite+json"
_ACCEPT: Final = f"{DATACITE}, {CSL};q=0.9, application/json;q=0.5"
_TYPES: Final = frozenset({CSL, DATACITE, "application/json"})
_RELATIONS: Final = {
    "IsDerivedFrom": "adaptation", "IsVariantFormOf": "adaptation", "IsTranslationOf": "translation",
    "IsNewVersionOf": "version", "IsPartOf": "part",
}  # fmt: skip


async def fetch(server: Server, text: str) -> Read:
    """What is known of a DOI. Raises Invalid (no DOI, or nobody knows it), Unreachable."""
    name = identifiers.doi(text)
    if name is None:
        raise Invalid({"doi": "is not a DOI such as 10.5281/zenodo.1234567"})
    if not server.config.federates:
        raise Invalid({"doi": "cannot be looked up: this server contacts no others"})
    url = f"{server.config.doi_resolver.rstrip('/')}/{quote(name, safe='/:;()._-')}"
    answer = await server.http.get(url, accept=_ACCEPT, content_types=_TYPES, max_bytes=BYTES_MAX)
    if answer.status == 404:
        raise Invalid({"doi": "is known to nobody: there is no such DOI"})
    if answer.status != 200:
        raise BadAnswer(
            f"The DOI was answered with status {answer.status}.", reason="status", status=answer.status
        )
    body = answer.body.decode("utf-8", "replace")
    return await asyncio.to_thread(read, body, identifiers.doi_address(name), name)


def read(text: str, source: str = "", name: str = "") -> Read:
    """A description in DataCite's JSON or in CSL-JSON; `name` is the DOI that was asked for. Raises Invalid, TooLarge."""
    value = mended(text).value
    done = Read()
    if type(value) is list and len(value) == 1:
        value = value[0]
    if type(value) is not dict:
        done.leave_out(source, "The answer describes no work.")
        return done
    into = Gathered(source)
    inner = value.get("data")
    if type(inner) is dict and type(inner.get("attributes")) is dict:
        value = inner["attributes"]  # as the API of DataCite wraps it
    if "titles" in value or "creators" in value:
        _of_datacite(into, value)
    else:
        _of_csl(into, value)
    into.doi(name or value.get("DOI") or value.get("doi"))
    if not into.has("url") and into.has("doi"):
        into.url(identifiers.doi_address(into.said("doi")))
    done.found.append(_found(into))
    return done


def _found(into: Gathered) -> Found:
    doi = into.said("doi")
    return into.found(source_uri=identifiers.doi_address(doi) if doi else "")


def _of_datacite(into: Gathered, said: dict[str, Any]) -> None:
    for one in _every(said, "titles"):
        into.title(one.get("title"))
    kinds = {"Abstract": 0, "Other": 2}
    for one in sorted(
        _every(said, "descriptions"), key=lambda one: kinds.get(str(one.get("descriptionType")), 1)
    ):
        into.description(one.get("description"))
    for one in _every(said, "creators"):
        into.author(_agent(into, one, "authors"))
    for one in _every(said, "contributors"):
        into.contributor(_agent(into, one, "contributors", role=str(one.get("contributorType") or "")))
    for one in _every(said, "rightsList"):
        into.licence(one.get("rightsIdentifier") or one.get("rightsUri") or one.get("rights"))
    into.language(said.get("language"))
    kind = said.get("types")
    if type(kind) is dict:
        for name in ("resourceType", "resourceTypeGeneral"):
            if not into.has("types"):
                into.kind(kind.get(name), quietly=True)
    plain = [one.get("subject") for one in _every(said, "subjects") if not one.get("valueUri")]
    into.keywords([one for one in plain if type(one) is str])
    for one in _every(said, "subjects"):
        if one.get("valueUri"):
            into.topic(one.get("subject"), one.get("valueUri"))
    dates = {str(one.get("dateType")): one.get("date") for one in _every(said, "dates")}
    into.issued(dates.get("Issued") or dates.get("Available") or said.get("publicationYear"))
    into.version(said.get("version"))
    into.url(said.get("url"))
    for one in _every(said, "relatedIdentifiers"):
        relation = _RELATIONS.get(str(one.get("relationType")))
        if relation is not None:
            into.source(one.get("relatedIdentifier"), relation)
    for one in _every(said, "fundingReferences"):
        ror = one.get("funderIdentifier") if one.get("funderIdentifierType") == "ROR" else ""
        into.funder(one.get("funderName"), ror=ror, grant=one.get("awardNumber") or "")


def _agent(into: Gathered, one: dict[str, Any], field: str, *, role: str = "") -> Person | None:
    given, family = one.get("givenName"), one.get("familyName")
    name = f"{given} {family}" if given and family else one.get("name")
    orcid = next(
        (
            inner.get("nameIdentifier")
            for inner in _every(one, "nameIdentifiers")
            if "orcid" in f"{inner.get('nameIdentifierScheme')}{inner.get('nameIdentifier')}".lower()
        ),
        "",
    )
    affiliation = (
        next(iter(one.get("affiliation") or [""]), "") if type(one.get("affiliation")) is list else ""
    )
    return into.person(
        name, field=field, orcid=orcid, role=role,
        affiliation=affiliation.get("name") if type(affiliation) is dict else affiliation,
        organisation=one.get("nameType") == "Organizational", family_first=True,
    )  # fmt: skip


def _of_csl(into: Gathered, said: dict[str, Any]) -> None:
    title = said.get("title")
    into.title(title[0] if type(title) is list and title else title)
    abstract = said.get("abstract")
    # Crossref has abstracts in JATS, whose paragraphs are those of HTML but for their prefix.
    into.description(re.sub(r"(?<=<)(/?)jats:", r"\1", abstract) if type(abstract) is str else abstract)
    for field, name in (("authors", "author"), ("contributors", "editor"), ("contributors", "translator")):
        for one in _every(said, name):
            person = into.person(
                one.get("literal")
                or " ".join(str(part) for part in (one.get("given"), one.get("family")) if part),
                field=field,
                orcid=one.get("ORCID") or "",
                organisation="literal" in one,
                role="" if field == "authors" else name,
            )
            (into.author if field == "authors" else into.contributor)(person)
    licences = said.get("license")
    for one in licences if type(licences) is list else []:
        into.licence(one.get("URL") if type(one) is dict else one)
    into.licence(said.get("copyright"))
    into.language(said.get("language"))
    into.kind(said.get("genre") or said.get("type"), quietly=True)
    words = said.get("categories") or said.get("keyword") or said.get("subject") or []
    into.keywords([one for one in words if type(one) is str] if type(words) is list else [words])
    for name in ("issued", "published-online", "published-print"):
        into.issued(_csl_date(said.get(name)))
    into.version(said.get("version"))
    into.url(said.get("URL"))
    for text in said.get("ISBN") or [] if type(said.get("ISBN")) is list else []:
        into.identifier(text, "isbn")


def _csl_date(value: Any) -> str:
    parts = value.get("date-parts") if type(value) is dict else None
    first = parts[0] if type(parts) is list and parts and type(parts[0]) is list else []
    numbers = [str(one) for one in first[:3] if str(one).isascii() and str(one).isdigit()]
    return "-".join(one.zfill(2) for one in numbers)


def _every(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = said.get(name)
    return [one for one in value[:LIST_MAX] if type(one) is dict] if type(value) is list else []
