"""Bringing resources in from elsewhere: whatever is pasted becomes drafts with an honest receipt."""

from __future__ import annotations

import re
from typing import Any, Final

from aiohttp import web

from fedserver.errors import Invalid
from fedserver.resources import publishing
from fedserver.resources.identifiers import doi as doi_of
from fedserver.resources.importing import drafting
from fedserver.resources.importing.drafting import Drafted
from web import forms, keys
from web.pages import page

_ZENODO: Final = re.compile(r"https?://(?:sandbox\.)?zenodo\.org/(?:api/)?records?/\d+/?\S*|\d{4,12}")


async def ask(request: web.Request) -> web.StreamResponse:
    """What is to be brought in, and from where."""
    page.member(request)
    source = request.query.get("source", "")[:2_000]
    return await _show(request, source=source, way="")


async def bring(request: web.Request) -> web.StreamResponse:
    """Read it, and keep what is in it as drafts."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    source, way = params.text("source").strip(), params.text("way")
    try:
        if not source:
            raise Invalid({"source": "cannot be empty"})
        done = await drafting.bring(server, member, way or way_of(source), source)
    except page.MENDABLE as error:
        names = dict.fromkeys(drafting.WAYS, "source")
        return await page.show_again(
            request, "resource/import.html", error, names, **_context(source=source, way=way)
        )
    if len(done.drafts) == 1 and not done.left_out:
        return page.go(f"/resources/drafts/{done.drafts[0].id}?done=brought-in")
    return await _show(request, done, source="", way="")


def way_of(source: str) -> str:
    """What a text that somebody pasted is, by how it begins."""
    if _ZENODO.fullmatch(source):
        return "zenodo"
    if doi_of(source) is not None:
        return "doi"
    if source.startswith(("http://", "https://")) and "\n" not in source:
        return "url"
    if source.startswith(("{", "[", "<")):
        return "jsonld"
    if source.startswith(("@", "%")):
        return "bibtex"
    if "\n" in source:
        return "csv"
    raise Invalid({"source": "is neither an address nor a DOI nor a record that is read here"})


async def _show(request: web.Request, done: Drafted | None = None, **typed: str) -> web.StreamResponse:
    return await page.show(request, "resource/import.html", problems={}, **_context(done, **typed))


def _context(done: Drafted | None = None, **typed: str) -> dict[str, Any]:
    return {
        **typed,
        "brought": [(row.id, publishing.draft_described(row).title) for row in done.drafts] if done else [],
        "left_out": done.left_out if done else (),
        "repaired": done.repaired if done else (),
    }


routes = [
    web.get("/resources/import", ask),
    web.post("/resources/import", bring),
]
