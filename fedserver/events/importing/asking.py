"""Ask a server for a calendar: politely, guarded, and only for what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fedserver.context import Server
from fedserver.errors import BadAnswer, Invalid
from fedserver.events.importing.lines import BYTES_MAX
from fedserver.fields import ADDRESS_CHARS_MAX

ACCEPT: Final = "text/calendar, text/plain;q=0.5, */*;q=0.1"
_SCHEMES: Final = ("webcal://", "webcals://")


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking. `body` is None where nothing has changed; `gone` says that there will be no calendar any more."""

    body: bytes | None
    etag: str = ""
    last_modified: str = ""
    gone: bool = False


def address(text: str) -> str:
    """The address of a calendar as it is asked for: ``webcal:`` means https. Raises Invalid."""
    url = text.strip()
    for scheme in _SCHEMES:
        if url.lower().startswith(scheme):
            url = "https://" + url[len(scheme) :]
    if not url.lower().startswith(("http://", "https://")) or len(url) > ADDRESS_CHARS_MAX or " " in url:
        raise Invalid({"url": "must be the address of a calendar, which begins with https:// or webcal://"})
    return url


async def fetch(server: Server, url: str, *, etag: str = "", last_modified: str = "") -> Asked:
    """The calendar at an address, unless it is still the one with this `etag` or date. Raises Invalid, Unreachable."""
    if not server.config.federates:
        raise Invalid({"url": "cannot be fetched: this server contacts no others"})
    conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    found = await server.http.get(
        address(url),
        accept=ACCEPT,
        headers={name: value for name, value in conditions.items() if value},
        max_bytes=BYTES_MAX,
    )
    if found.status == 304:
        return Asked(None, etag, last_modified)
    if found.status == 410:
        return Asked(None, gone=True)
    if found.status != 200:
        raise BadAnswer(
            f"The server of the calendar answered with status {found.status}.",
            reason="status",
            status=found.status,
        )
    return Asked(
        found.body, found.headers.get("ETag", "")[:500], found.headers.get("Last-Modified", "")[:100]
    )
