"""A member brings a calendar in: a file, a text or an address; looked at first, and then kept."""

from __future__ import annotations

import asyncio
import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import Final

from fedserver import settings
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.events import pages, series
from fedserver.events.importing import asking, filling, ics
from fedserver.events.importing.filling import Report, Target
from fedserver.events.importing.lines import BYTES_MAX
from fedserver.viewer import Member

KEPT_CHARS_MAX: Final = 700_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be brought in, and how: exactly one of `url` and `body`. `name` is the file's; `zone` is that of times which name
    none ("" for the member's own); `answers` says that people can answer here."""

    url: str = ""
    body: bytes = b""
    name: str = ""
    zone: str = ""
    visibility: str = "public"
    group_id: int | None = None
    answers: bool = False


async def bring(server: Server, member: Member, wanted: Wanted, *, dry_run: bool) -> Report:
    """Bring the events in, or (`dry_run`) say what would happen. Raises Invalid, TooLarge, Unreachable."""
    report, _ = await look(server, member, wanted, dry_run=dry_run)
    return report


async def look(
    server: Server, member: Member, wanted: Wanted, *, dry_run: bool = True
) -> tuple[Report, bytes]:
    """The same, with what was read."""
    if bool(wanted.url) == bool(wanted.body):
        raise Invalid({}, "Send a calendar, as a file or by its address.")
    zone = wanted.zone or await pages.zone_of(server, member) or (await settings.current(server)).time_zone
    try:
        series.zone(zone)
    except ValueError:
        raise Invalid({"zone": "must be a time zone such as Europe/Stockholm"}) from None
    body = wanted.body or (await asking.fetch(server, wanted.url)).body or b""
    source = wanted.name or wanted.url
    read = await asyncio.to_thread(ics.read, body, source, zone=zone)
    target = Target(
        account_id=member.account_id, visibility=wanted.visibility, group_id=wanted.group_id, answers=wanted.answers,
        source=source[:2_000],
    )  # fmt: skip
    return await filling.fill(server, target, read, dry_run=dry_run), body


def packed(body: bytes) -> str:
    """What was read, for a form to carry until it is confirmed; "" for what is too much for one."""
    text = base64.b64encode(zlib.compress(body, 9)).decode()
    return text if len(text) <= KEPT_CHARS_MAX else ""


def unpacked(text: str) -> bytes:
    """What `packed` made such a text of. Raises Invalid."""
    try:
        unpacking = zlib.decompressobj()
        body = unpacking.decompress(base64.b64decode(text, validate=True), BYTES_MAX + 1)
    except (binascii.Error, ValueError, zlib.error):
        raise Invalid({"file": "has to be sent again"}) from None
    return body
