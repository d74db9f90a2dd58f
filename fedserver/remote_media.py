"""Other servers' pictures, videos and sound, shown through a bounded copy of ours.

What is asked for is found through the row that names it (see `fedserver.media.remote_urls`), so nobody can make this
server fetch an address of their choice. It is fetched when somebody first looks, and kept until it is old, or until
there is no room and nobody has looked for longest. What is too large to keep, visitors fetch from where it is.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row

from activitypub.identifiers import host_of
from fedserver import settings
from fedserver.context import Server
from fedserver.errors import BadAnswer, FedError, NotFound, Refused, Unreachable
from fedserver.federation.policy import federates_with, rules_for
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.media.remote_urls import digest, key_of
from fedserver.media.sniff import DEMUXERS, PICTURES, family_of
from fedserver.media.store import new_key
from storage import emojis, instances, remote_files
from storage.remote_files import Original
from storage.types import DAY_MS, now_ms

log = logging.getLogger(__name__)

PICTURE_BYTES_MAX: Final = 16 << 20  # of a profile, an emoji or a page
DOWNLOAD_SECONDS_MAX: Final = 60.0
RETRY_MS: Final = 600_000  # after a first failure; each further one doubles it
RETRY_MS_MAX: Final = 86_400_000
LARGE_MS: Final = 7 * 86_400_000
TRIM_SHARE: Final = 0.9
"""How full the space is after something had to go, so that not each new file makes another go."""
TRIM_SECONDS_MAX: Final = 600.0

_SHOWN: Final = frozenset({*PICTURES, *DEMUXERS})
_SENT_AS: Final = frozenset(
    {
        *_SHOWN,
        # What they are called elsewhere, and what stores say that were told nothing.
        "image/jpg", "image/pjpeg", "image/x-png", "image/apng", "audio/mp3", "audio/x-wav", "audio/wave",
        "audio/vnd.wave", "audio/x-m4a", "audio/m4a", "audio/x-flac", "audio/opus", "audio/webm",
        "video/x-m4v", "video/x-matroska", "application/ogg", "application/octet-stream", "binary/octet-stream",
    }
)  # fmt: skip
_ACCEPT: Final = "image/*, video/*, audio/*"
_PICTURES_ONLY: Final = frozenset({"avatar", "header", "emoji", "card", "preview"})


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that is there, by its key in the store."""

    store_key: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A file that visitors fetch from where it is."""

    url: str


async def find(server: Server, what: str, reference: str, said: str) -> Copy | Elsewhere:
    """What an address of ours leads to, fetched first if need be: `said` is the digest that it ends in.

    Raises NotFound for what we do not know, may not show or cannot get, and RateLimited when too much is fetched.
    """
    original, row = await server.db.read(_look_up, what, reference, said)
    if not server.config.remote_media_bytes_max:
        return Elsewhere(original.url)
    if not await _is_wanted(server, what, original.host):
        raise NotFound
    key = key_of(original.url)
    found = await _answer(server, row)
    if found is None:
        failures = row.failures if row is not None else 0
        fetch = partial(_fetch, server, what, key, original, failures)
        await server.downloads.once(key, host_of(original.url) or "", fetch)
        found = await _answer(server, await server.db.read(remote_files.by_key, key))
    # Nobody need make a picture of themselves so large that all who meet it ask their server.
    if found is None or (isinstance(found, Elsewhere) and what in _PICTURES_ONLY):
        raise NotFound
    return found


async def _is_wanted(server: Server, what: str, host: str) -> bool:
    """Whether we show media of this host. A page that is previewed need not be of a server that federates."""
    rules = await rules_for(server, host)
    if rules.rejects_media or rules.policy == "reject":
        return False
    return what == "card" or await federates_with(server, host)


def _look_up(conn: Connection, what: str, reference: str, said: str) -> tuple[Original, Row[Any] | None]:
    original = _original(conn, what, reference)
    # Of an emoji what it is now is shown, also where it was written before it changed.
    if original is None or not original.url or (what != "emoji" and digest(original.url) != said):
        raise NotFound
    return original, remote_files.by_key(conn, key_of(original.url))


def _original(conn: Connection, what: str, reference: str) -> Original | None:
    if what == "emoji":
        host, _, shortcode = reference.rpartition("/")
        url = emojis.of_host(conn, host, shortcode)
        return None if url is None else Original(url, host)
    row_id = int(reference)
    if what == "card":
        card = remote_files.card(conn, row_id)
        return None if card is None else Original(card[0], host_of(card[1]) or "")
    pair = remote_files.pictures(conn, row_id) if what in ("avatar", "header") else None
    if what in ("attachment", "preview"):
        pair = remote_files.attachment(conn, row_id)
    return None if pair is None else pair[what in ("header", "preview")]


async def _answer(server: Server, row: Row[Any] | None) -> Copy | Elsewhere | None:
    """What a row says; None when the file is to be fetched (again). NotFound while it is not asked for again."""
    if row is None:
        return None
    now = now_ms()
    if row.state == "kept":
        path = server.media.local_path(row.store_key)
        if path is not None and not await asyncio.to_thread(path.is_file):
            return None
        if row.used_at < now - remote_files.USED_EVERY_MS:
            await server.db.write(remote_files.used, row.key, now)
        return Copy(row.store_key)
    if (row.retry_at or 0) <= now:
        return None
    if row.state == "large":
        return Elsewhere(row.url)
    raise NotFound


async def _fetch(server: Server, what: str, key: str, original: Original, failures: int) -> None:
    """Fetch a file and remember how that went."""
    folder = server.config.data_dir / "tmp"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix="remote-", dir=folder) as file:
        path = Path(file.name)
        try:
            # The file's own host is often another than its server's: whether that is kept out the client asks.
            media_type, size = await _download(server, what, original.url, path)
        except (FedError, OSError) as error:
            await _note_failure(server, key, original, failures, error)
            return
        store_key = new_key(media_type)
        await server.media.put(store_key, path, media_type)
    put = partial(
        remote_files.put, key=key, original=original, state="kept", store_key=store_key, file_bytes=size
    )
    try:
        await server.db.write(lambda conn: put(conn, now=now_ms()))
    except BaseException:
        await server.media.delete(store_key)
        raise
    await _mind_space(server, size)


async def _download(server: Server, what: str, url: str, path: Path) -> tuple[str, int]:
    """The type of what was written, as it shows itself, and its length. Raises FedError for what is not shown."""
    config = server.config
    most = min(PICTURE_BYTES_MAX, config.remote_file_bytes_max)
    saved = await server.http.save(
        url,
        path,
        accept=_ACCEPT,
        content_types=_SENT_AS,
        max_bytes=most if what in _PICTURES_ONLY else config.remote_file_bytes_max,
        total_seconds=DOWNLOAD_SECONDS_MAX,
    )
    media_type, family = await asyncio.to_thread(family_of, path)
    if media_type is None or family is None or (what in _PICTURES_ONLY and media_type not in PICTURES):
        raise BadAnswer("The other server sent something else than it said.", reason="content_type")
    if media_type in PICTURES:
        await server.images.measure(path)  # no picture that would break whoever opens it
    return media_type, saved.bytes


async def _note_failure(
    server: Server, key: str, original: Original, failures: int, error: Exception
) -> None:
    large = isinstance(error, BadAnswer) and error.reason == "too_large"
    wait_ms = min(RETRY_MS_MAX, RETRY_MS << min(failures, 10))
    if isinstance(error, BadAnswer | Refused) or not isinstance(error, Unreachable | OSError):
        wait_ms = RETRY_MS_MAX  # it has answered, and will say the same
    reason = error.reason if isinstance(error, Unreachable) else type(error).__name__
    log.info("A file of %s could not be had: %s", original.host, reason)
    now = now_ms()
    put = partial(
        remote_files.put,
        key=key,
        original=original,
        state="large" if large else "failed",
        now=now,
        failures=0 if large else failures + 1,
        retry_at=now + (LARGE_MS if large else wait_ms),
    )
    await server.db.write(lambda conn: put(conn))


async def _mind_space(server: Server, added: int) -> None:
    """Have room made once a fiftieth of the space has been filled since the last time."""
    server.downloads.added_bytes += added
    if server.downloads.added_bytes * 50 > server.config.remote_media_bytes_max:
        server.downloads.added_bytes = 0
        await server.db.write(plan_trimming)


def plan_trimming(conn: Connection) -> None:
    """Have old copies forgotten, and those that take more than their space. A unit, for the chores."""
    plan(conn, "trim_remote_files", {}, key="trim")


@handles("trim_remote_files", timeout_seconds=TRIM_SECONDS_MAX)
async def trim(server: Server, _: dict[str, Any]) -> None:
    """Forget them, a batch in a unit."""
    config = server.config
    days = (await settings.current(server)).remote_media_days
    before = now_ms() - int(days * DAY_MS / config.testing.time_scale)
    while await server.db.write(remote_files.forget_older, before):
        pass
    space = config.remote_media_bytes_max
    total = await server.db.read(remote_files.total_bytes)
    if total <= space:
        return
    wanted = total - int(space * TRIM_SHARE)
    while wanted > 0 and (freed := await server.db.write(remote_files.forget_unused, wanted)):
        wanted -= freed


@handles("forget_media_of_host", timeout_seconds=TRIM_SECONDS_MAX)
async def forget_host(server: Server, payload: dict[str, Any]) -> None:
    """Nothing of a server is shown any more: its copies go."""
    while await server.db.write(_forget_some_of_host, payload["host"]):
        pass


def _forget_some_of_host(conn: Connection, host: str) -> bool:
    rules = instances.rules(conn, host)
    if not rules.rejects_media and rules.policy != "reject":
        return False  # decided otherwise meanwhile
    return remote_files.forget_of_host(conn, host)


def forget(conn: Connection, urls: Iterable[str]) -> None:
    """Forget the copies of files, within the unit that removes what showed them."""
    remote_files.forget(conn, [key_of(url) for url in dict.fromkeys(urls) if url])


def forget_of_posts(conn: Connection, post_ids: Sequence[int]) -> None:
    """Forget the copies of what posts show; to be called before the posts go."""
    forget(conn, remote_files.urls_of_posts(conn, post_ids))


def forget_of_account(conn: Connection, account_id: int) -> None:
    """Forget the copies of an account's pictures; to be called before they go."""
    pair = remote_files.pictures(conn, account_id, suspended=True)
    forget(conn, [one.url for one in pair] if pair else [])
