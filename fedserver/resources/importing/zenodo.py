"""Records of Zenodo, as its API and exports give them (https://developers.zenodo.org/#representation28).

All versions of a record share a concept DOI, by which they are one work here.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from fedserver.context import Server
from fedserver.errors import BadAnswer, Invalid
from fedserver.federation.http import JSON
from fedserver.resources import identifiers
from fedserver.resources.importing.gathering import LIST_MAX, Gathered
from fedserver.resources.importing.mending import mended
from fedserver.resources.importing.receipts import Found, Read, quoted

RECORDS_MAX: Final = 5_000
BYTES_MAX: Final = 4 << 20
_RECORD: Final = re.compile(r"(?:https?://[^/\s]+/(?:api/)?records?/)?(?P<number>\d{1,12})(?:[/?#]\S*)?")
# https://schema.datacite.org/meta/kernel-4.4/doc/DataCite-MetadataKernel_v4.4.pdf, appendix relationType.
_RELATIONS: Final = {
    "isderivedfrom": "adaptation",
    "isvariantformof": "adaptation",
    "istranslationof": "translation",
    "isnewversionof": "version",
    "ispartof": "part",
}


async def fetch(server: Server, text: str) -> Read:
    """The record with this number or address. Raises Invalid, Unreachable."""
    found = _RECORD.fullmatch(text.strip())
    if found is None:
        raise Invalid({"zenodo": "must be a record's number, its address or its JSON"})
    if not server.config.federates:
        raise Invalid({"zenodo": "cannot be fetched: this server contacts no others"})
    url = f"{server.config.zenodo_url.rstrip('/')}/api/records/{found['number']}"
    answer = await server.http.get(url, accept="application/json", content_types=JSON, max_bytes=BYTES_MAX)
    if answer.status != 200:
        raise BadAnswer(
            f"Zenodo answered with status {answer.status}.", reason="status", status=answer.status
        )
    return await asyncio.to_thread(read, answer.body.decode("utf-8", "replace"), url)


def read(text: str, source: str = "") -> Read:
    """One record, a list of records, or an answer to a search. Raises Invalid, TooLarge."""
    value, mendings = mended(text)
    if type(value) is dict and type(value.get("hits")) is dict:
        value = value["hits"].get("hits")
    done = Read()
    records = value if type(value) is list else [value]
    for record in records[:RECORDS_MAX]:
        if type(record) is not dict or type(record.get("metadata")) is not dict:
            done.leave_out(source, "This is no record of Zenodo: it has no metadata.")
            continue
        found = _Record(record, source).found()
        for one in mendings:
            found.receipt.note("repaired", "", one.sentence, line=one.line, column=one.column)
        done.found.append(found)
    if len(records) > RECORDS_MAX:
        done.leave_out(source, f"Only the first {RECORDS_MAX:,} records were read.")
    return done


class _Record:
    def __init__(self, record: dict[str, Any], source: str) -> None:
        self._record, self._said = record, record["metadata"]
        self._into = Gathered(source)

    def found(self) -> Found:
        into, said, record = self._into, self._said, self._record
        into.title(said.get("title"))
        into.description(said.get("description"))
        for one in self._every("creators"):
            into.author(self._person(one, "authors"))
        for one in self._every("contributors"):
            into.contributor(self._person(one, "contributors"))
        licence = said.get("license")
        into.licence(licence.get("id") if type(licence) is dict else licence)
        self._type()
        into.language(said.get("language"))
        into.keywords([one for one in self._list("keywords") if type(one) is str])
        for one in self._every("subjects"):
            into.topic(one.get("term"), one.get("identifier"))
        into.issued(said.get("publication_date"))
        into.version(said.get("version"), doi=record.get("doi"))
        concept = self._identifiers()
        self._relations()
        for one in self._every("grants"):
            funder = one.get("funder")
            into.funder(funder.get("name") if type(funder) is dict else "", grant=one.get("code") or "")
        for one in record.get("files") or []:
            links = one.get("links") if type(one) is dict else None
            if type(links) is dict:
                into.link(links.get("self"), one.get("key") or one.get("filename"))
        self._left_out()
        own = f"{record.get('id') or ''}"
        return into.found(
            source_uri=identifiers.doi_address(concept) if concept else f"zenodo:{own}" if own else "",
            dois=[concept] if concept else [],
        )

    def _list(self, name: str) -> list[Any]:
        value = self._said.get(name)
        return value[:LIST_MAX] if type(value) is list else []

    def _every(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self._list(name) if type(one) is dict]

    def _person(self, one: dict[str, Any], field: str) -> Any:
        role = one.get("type") if type(one.get("type")) is str else ""
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", role or "").lower()
        name = one.get("name")
        # Zenodo asks for "Family, Given"; what is written otherwise and has nothing of a person is commonly no person.
        alone = type(name) is str and "," not in name and " " in name.strip() and not one.get("orcid")
        organisation = alone and not one.get("affiliation")
        if organisation:
            self._into.note("guessed", field, f"{quoted(name)} was taken for an organisation.")
        return self._into.person(
            name, field=field, orcid=one.get("orcid") or "", affiliation=one.get("affiliation") or "", role=spaced,
            organisation=organisation, family_first=True,
        )  # fmt: skip

    def _type(self) -> None:
        kind = self._said.get("resource_type")
        if type(kind) is not dict:
            return
        for name in ("subtype", "type"):
            word = kind.get(name)
            if type(word) is str and self._into.kind(word, quietly=True):
                if word not in ("lesson", "software", "dataset", "video", "other"):
                    self._into.note(
                        "guessed", "types", f"{quoted(word)} was taken for {self._into.said('types')[0]}."
                    )
                return

    def _identifiers(self) -> str:
        """The DOI, the address; and the concept DOI, under which all versions are one work."""
        into, record = self._into, self._record
        into.doi(record.get("doi") or self._said.get("doi"))
        concept = identifiers.doi(str(record.get("conceptdoi") or "")) or ""
        if concept:
            into.identifier(concept, "doi")
        links = record.get("links")
        page = links.get("self_html") or links.get("html") if type(links) is dict else None
        if type(page) is str:
            into.url(page)
        elif into.said("doi").startswith("10.5281/zenodo."):
            into.url(f"https://zenodo.org/records/{into.said('doi').rpartition('.')[2]}")
        return concept

    def _relations(self) -> None:
        into = self._into
        others: dict[str, None] = {}
        for one in self._every("related_identifiers"):
            name = str(one.get("relation") or "")
            relation = _RELATIONS.get(name.lower())
            if relation is None:
                others.setdefault(name[:40])
            else:
                into.source(one.get("identifier"), relation)
        if others:
            into.note(
                "left_out", "based_on", f"There is no place here for works that it {', '.join(others)}."
            )

    def _left_out(self) -> None:
        access = self._said.get("access_right")
        if access not in (None, "open"):
            self._into.note("left_out", "", f"Its files are not open to everybody ({str(access)[:40]}).")
        names = [name for name in ("notes", "communities", "meeting", "references") if self._said.get(name)]
        if names:
            self._into.note("left_out", "", f"There is no place here for: {', '.join(names)}.")
