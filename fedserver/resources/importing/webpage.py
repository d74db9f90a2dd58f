"""A web page that somebody names: the JSON-LD in it, else what its head says for reference managers and for networks.

JSON-LD comes first, then the ``citation_`` names that Google Scholar reads (Highwire Press tags), Dublin Core, Open Graph and
plain HTML. https://scholar.google.com/intl/en/scholar/inclusion.html#indexing
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Final

from fedserver.content import page
from fedserver.context import Server
from fedserver.errors import BadAnswer, Invalid
from fedserver.resources.importing import jsonld
from fedserver.resources.importing.gathering import Gathered
from fedserver.resources.importing.receipts import Found, Read

PAGE_BYTES_MAX: Final = 4 << 20
TYPES: Final = frozenset({"text/html", "application/xhtml+xml", "application/ld+json", "application/json"})
METAS_MAX: Final = 2_000
_ACCEPT: Final = "text/html, application/xhtml+xml;q=0.9, application/ld+json;q=0.8, application/json;q=0.5"
_SCRIPT: Final = re.compile(r"<script\b([^>]{0,500})>", re.IGNORECASE)
_LD_JSON: Final = re.compile(r"\btype\s*=\s*[\"']?\s*application/ld\+json", re.IGNORECASE)


async def fetch(server: Server, url: str) -> Read:
    """Ask for a page and read it. Raises Invalid for an address that is none, Unreachable with what went wrong."""
    if not server.config.federates:
        raise Invalid({"url": "cannot be fetched: this server contacts no others"})
    found = await server.http.get(url, accept=_ACCEPT, content_types=TYPES, max_bytes=PAGE_BYTES_MAX)
    if found.status != 200:
        raise BadAnswer(
            f"The page answered with status {found.status}.", reason="status", status=found.status
        )
    text = page.decode(found.body, found.headers.get("Content-Type", ""))
    if found.content_type.endswith("json"):
        return await asyncio.to_thread(jsonld.read, text, source=found.url)
    return await asyncio.to_thread(read, text, found.url)


def read(html: str, page_url: str, *, source: str = "") -> Read:
    """What a page says; `page_url` is where it was found, "" for a file. Takes time: call it in a thread."""
    source = source or page_url
    head = _Head(html, page_url)
    done = jsonld.read_scripts(list(_scripts(html)), source=source)
    for found in done.found:
        _complete(found, head)
    if not done.found and not any("event" in one.sentence for one in done.left_out):
        one = _of_head(head, source)
        if one is not None:
            for note in done.left_out:
                one.receipt.note("left_out", "", note.sentence)
            done = Read([one])
    return done


def _scripts(html: str) -> Iterator[str]:
    """The JSON-LD of a page, wherever in it: it is no markup, so it is taken as it stands."""
    at = 0
    while True:
        opening = _SCRIPT.search(html, at)
        if opening is None:
            return
        closing = html.find("</", opening.end())
        while closing >= 0 and html[closing + 2 : closing + 8].lower() != "script":
            closing = html.find("</", closing + 2)
        end = closing if closing >= 0 else len(html)
        if _LD_JSON.search(opening[1]):
            yield html[opening.end() : end]
        at = end


class _Head:
    """What the elements of a page's head say, by name in lower case."""

    def __init__(self, html: str, page_url: str) -> None:
        self.page_url = page_url
        self.said: dict[str, list[str]] = {}
        self.title, self.canonical, self.licence = "", "", ""
        self.language = page.language(html)
        number = 0
        for element in page.elements(html):
            attributes = element.attributes
            rel = attributes.get("rel", "").lower().split()
            if element.name == "title":
                self.title = self.title or element.text
            elif element.name == "meta" and number < METAS_MAX:
                number += 1
                name = attributes.get("name") or attributes.get("property") or ""
                if attributes.get("content", "").strip():
                    self.said.setdefault(name.lower().strip(), []).append(attributes["content"])
            elif "license" in rel:
                self.licence = self.licence or page.absolute(page_url, attributes.get("href", "")) or ""
            elif "canonical" in rel and element.name == "link":
                self.canonical = self.canonical or page.absolute(page_url, attributes.get("href", "")) or ""

    def every(self, *names: str) -> list[str]:
        """The values of the first of these names that is there."""
        return next((self.said[name] for name in names if name in self.said), [])

    def first(self, *names: str) -> str:
        return next(iter(self.every(*names)), "")

    @property
    def address(self) -> str:
        """Where the page says it lives, else where it was found."""
        return self.canonical or self.page_url


def _complete(found: Found, head: _Head) -> None:
    """JSON-LD may leave to the page around it where it is."""
    if not found.source_uri and head.address:
        found.source_uri = head.address
    if not found.described.url and head.address:
        from msgspec.structs import replace

        found.described = replace(found.described, url=head.address)
        found.receipt.note("guessed", "url", "It names no address of its own; the page's was taken.")


def _of_head(head: _Head, source: str) -> Found | None:
    into = Gathered(source)
    cited = head.first("citation_title")
    title = cited or head.first("dc.title", "dcterms.title", "og:title", "twitter:title") or head.title
    if not title.strip():
        return None
    into.title(title)
    if not cited and not head.first("dc.title", "dcterms.title"):
        into.note(
            "guessed",
            "",
            "The page has no data for catalogues: title and description are those that it shows.",
        )
    into.description(
        head.first(
            "citation_abstract",
            "dc.description",
            "dcterms.abstract",
            "dcterms.description",
            "og:description",
            "description",
        )
    )
    _people(into, head)
    for text in head.every("dc.rights", "dcterms.license", "dc.rights.license", "dcterms.rights"):
        into.licence(text)
    if head.licence and not into.has("licence"):
        into.licence(head.licence)
    for text in (
        *head.every("citation_doi"),
        *head.every("dc.identifier", "dcterms.identifier"),
        *head.every("doi"),
    ):
        into.doi(text, quietly=True)
    for text in head.every("citation_isbn"):
        into.identifier(text, "isbn")
    into.url(head.address)
    language = head.first("citation_language", "dc.language", "dcterms.language")
    into.language(language or head.language or head.first("og:locale"))
    into.keywords(head.every("citation_keywords", "dc.subject", "dcterms.subject", "keywords", "article:tag"))
    into.issued(
        head.first(
            "citation_publication_date",
            "citation_date",
            "citation_online_date",
            "dc.date",
            "dcterms.issued",
            "dcterms.created",
            "article:published_time",
        )
    )
    for text in head.every("dc.type", "dcterms.type"):
        into.kind(text, quietly=True)
    if head.first("og:type").startswith("video"):
        into.kind("video", quietly=True)
    for text in head.every("citation_pdf_url"):
        into.link(page.absolute(head.page_url, text) or text, "PDF")
    return into.found(source_uri=head.address)


def _people(into: Gathered, head: _Head) -> None:
    orcids = head.every("citation_author_orcid")
    institutions = head.every("citation_author_institution")
    authors = head.every(
        "citation_author", "citation_authors", "dc.creator", "dcterms.creator", "author", "article:author"
    )
    if len(authors) == 1 and ";" in authors[0]:
        authors = authors[0].split(";")
    for at, name in enumerate(authors):
        # The tags of one author follow each other; only as many as there are authors can be told apart.
        orcid = orcids[at] if len(orcids) == len(authors) else ""
        institution = institutions[at] if len(institutions) == len(authors) else ""
        if "://" not in name:
            into.author(into.person(name, orcid=orcid, affiliation=institution, family_first=True))
    for name in head.every("dc.contributor", "dcterms.contributor"):
        into.contributor(into.person(name, field="contributors", family_first=True))
