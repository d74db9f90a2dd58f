"""This server's own emoji: small pictures that members write as `:shortcode:`, looked after by admins.

Limits are Mastodon's, so that what works there works here.
"""

from __future__ import annotations

import asyncio
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound, Unreachable
from fedserver.federation.policy import federates_with
from fedserver.jobs.plan import plan
from fedserver.media import remote_urls
from fedserver.media.pipeline import delete_media, store_picture
from fedserver.media.sniff import SNIFF_BYTES, sniff
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import emojis
from storage.emojis import EmojiRow

BYTES_MAX: Final = 256 << 10
SHORTCODE_CHARS_MAX: Final = 64  # what an address of ours holds
CATEGORY_CHARS_MAX: Final = 100
ENTRIES_MAX: Final = 5_000  # of a pack
SEEN_MAX: Final = 20
TYPES: Final = ("image/png", "image/gif", "image/webp")
_SHORTCODE: Final = re.compile(rf"[a-zA-Z0-9_]{{2,{SHORTCODE_CHARS_MAX}}}\Z")
_NOT_IN_SHORTCODES: Final = re.compile(r"[^a-zA-Z0-9_]+")
_SUFFIXES: Final = frozenset({".png", ".gif", ".webp"})


@dataclass(frozen=True, slots=True)
class Pack:
    """How the pictures of a pack become emoji. Those that are there stay as they are unless `replaces`."""

    prefix: str = ""
    suffix: str = ""
    category: str = ""
    listed: bool = True
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """Shortcodes that were added, that were there already, and names of pictures that were refused, each with why."""

    added: list[str]
    skipped: list[str]
    refused: dict[str, str]


async def add(
    server: Server,
    shortcode: str,
    picture: Path,
    *,
    category: str = "",
    listed: bool = True,
    replaces: bool = False,
) -> None:
    """Make an emoji of a picture, moving or not. Raises Invalid; Conflict for a name that is taken."""
    if not _SHORTCODE.fullmatch(shortcode):
        raise Invalid({"shortcode": "must be two letters, digits or underscores at least"})
    _check_category(category)
    known = await server.db.read(emojis.own, shortcode)
    if known is not None and not replaces:
        raise Conflict(f"There is a :{shortcode}: already.")
    if (await asyncio.to_thread(picture.stat)).st_size > BYTES_MAX:
        raise Invalid({"image": f"must be {BYTES_MAX >> 10} kB at most"})
    if await asyncio.to_thread(_type_of, picture) not in TYPES:
        raise Invalid({"image": "must be PNG, GIF or WebP"})
    stored = await store_picture(picture, store=server.media, processor=server.images, purpose="emoji")

    def unit(conn: Connection) -> None:
        before = emojis.own(conn, shortcode)
        emojis.put_own(
            conn,
            shortcode,
            url=stored.url,
            static_url=stored.preview_url,
            store_key=stored.key,
            static_key=stored.preview_key,
            category=category or (before.category if before is not None else ""),
            visible_in_picker=listed,
        )
        if before is not None:
            emojis.show_anew(conn, shortcode, stored.url, stored.preview_url)
            plan(conn, "delete_files", {"keys": _files_of(before)})

    try:
        await server.db.write(unit)
    except BaseException:
        await delete_media(stored, server.media)
        raise


@dataclass(frozen=True, slots=True)
class Seen:
    """An emoji of another server, with the address it is shown from here."""

    domain: str
    shortcode: str
    shown_url: str


async def upload(
    server: Server, member: Member, shortcode: str, picture: Path, *, category: str = ""
) -> None:
    """The same as `add`, in the panel. Raises Forbidden, Invalid, Conflict."""
    require(member, Permission.MANAGE_CUSTOM_EMOJIS)
    await add(server, shortcode, picture, category=category)
    await server.db.write(audit.note, member, "create", ("emoji", shortcode, shortcode))


async def change(
    server: Server, member: Member, shortcode: str, *, category: str, listed: bool, disabled: bool
) -> None:
    """Sort one in elsewhere, offer it or not, let it be written or not. Raises Forbidden, Invalid, NotFound."""
    require(member, Permission.MANAGE_CUSTOM_EMOJIS)
    _check_category(category)
    values = {"category": category, "visible_in_picker": listed, "disabled": disabled}

    def unit(conn: Connection) -> None:
        row = _known(conn, shortcode)
        before = {
            "category": row.category,
            "visible_in_picker": bool(row.visible_in_picker),
            "disabled": bool(row.disabled),
        }
        emojis.put_own(conn, shortcode, **values)
        audit.note(conn, member, "update", ("emoji", shortcode, shortcode), before=before, after=values)

    await server.db.write(unit)


async def discard(server: Server, member: Member, shortcode: str) -> None:
    """The same as `remove`, in the panel. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_CUSTOM_EMOJIS)
    await remove(server, shortcode)
    await server.db.write(audit.note, member, "destroy", ("emoji", shortcode, shortcode))


async def elsewhere(server: Server, member: Member, sought: str) -> list[Seen]:
    """Emoji of other servers whose name has these words in it, `SEEN_MAX` at the most. Raises Forbidden."""
    require(member, Permission.MANAGE_CUSTOM_EMOJIS)
    name, _, domain = sought.strip().strip(":").partition("@")
    rows = await server.db.read(emojis.seen, name.strip(":"), domain.lower(), SEEN_MAX)
    return [
        Seen(
            row.domain,
            row.shortcode,
            remote_urls.emoji(server.config, f"https://{row.domain}/", row.shortcode, row.url),
        )
        for row in rows
    ]


async def copy(
    server: Server, member: Member, domain: str, shortcode: str, name: str, *, category: str = ""
) -> None:
    """Take one over from another server: its picture is fetched, and made anew like one that is uploaded.

    Raises Forbidden, NotFound, Unreachable, Invalid, Conflict.
    """
    require(member, Permission.MANAGE_CUSTOM_EMOJIS)
    url = await server.db.read(emojis.of_host, domain, shortcode)
    if url is None or not await federates_with(server, domain):
        raise NotFound("No such emoji has come here.")
    fetched = await server.http.get(url, content_types=frozenset(TYPES), max_bytes=BYTES_MAX)
    if fetched.status != 200:
        raise Unreachable(f"{domain} did not give the picture.")
    with tempfile.TemporaryDirectory(prefix="fedserver-emoji-") as folder:
        picture = Path(folder) / "picture"
        await asyncio.to_thread(picture.write_bytes, fetched.body)
        await add(server, name, picture, category=category)
    await server.db.write(
        audit.note, member, "create", ("emoji", name, name), after={"copied_from": f"{shortcode}@{domain}"}
    )


async def import_pack(server: Server, source: Path, pack: Pack) -> Imported:
    """Make emoji of all pictures in a folder, a zip or a tar archive, called as their files are. Raises Invalid."""
    done = Imported([], [], {})
    with tempfile.TemporaryDirectory(prefix="fedserver-emoji-") as folder:
        pictures = await asyncio.to_thread(_unpacked, source, Path(folder))
        for name, picture in pictures:
            shortcode = f"{pack.prefix}{_NOT_IN_SHORTCODES.sub('_', PurePosixPath(name).stem)}{pack.suffix}"
            try:
                await add(
                    server,
                    shortcode,
                    picture,
                    category=pack.category,
                    listed=pack.listed,
                    replaces=pack.replaces,
                )
            except Conflict:
                done.skipped.append(shortcode)
            except Invalid as error:
                done.refused[name] = str(error)
            else:
                done.added.append(shortcode)
    return done


async def listed(server: Server) -> list[EmojiRow]:
    """All of this server's, disabled and unlisted ones included."""
    return await server.db.read(emojis.all_own)


async def disable(server: Server, shortcode: str, *, disabled: bool = True) -> None:
    """Keep an emoji out of new texts, or let it in again; texts that have it keep it. Raises NotFound."""

    def unit(conn: Connection) -> None:
        emojis.put_own(conn, _known(conn, shortcode).shortcode, disabled=disabled)

    await server.db.write(unit)


async def remove(server: Server, shortcode: str) -> None:
    """Remove an emoji with its files; where it was written its name is left. Raises NotFound."""

    def unit(conn: Connection) -> None:
        row = _known(conn, shortcode)
        emojis.remove_own(conn, shortcode)
        emojis.take_out(conn, shortcode)
        plan(conn, "delete_files", {"keys": _files_of(row)})

    await server.db.write(unit)


def _check_category(category: str) -> None:
    if len(category) > CATEGORY_CHARS_MAX:
        raise Invalid({"category": f"is longer than {CATEGORY_CHARS_MAX} characters"})


def _known(conn: Connection, shortcode: str) -> EmojiRow:
    row = emojis.own(conn, shortcode)
    if row is None:
        raise NotFound(f"There is no :{shortcode}: here.")
    return row


def _files_of(row: Any) -> list[str]:
    return list(dict.fromkeys(key for key in (row.store_key, row.static_key) if key))


def _type_of(picture: Path) -> str | None:
    with picture.open("rb") as file:
        return sniff(file.read(SNIFF_BYTES))


def _unpacked(source: Path, folder: Path) -> list[tuple[str, Path]]:
    """Names of the pictures and files with them, under names of our own: those in archives lead nowhere."""
    if source.is_dir():
        found = sorted(one for one in source.rglob("*") if _wanted(one.name) and one.is_file())
        return [(one.name, one) for one in found[:ENTRIES_MAX]]
    try:
        entries = _from_zip(source) if zipfile.is_zipfile(source) else _from_tar(source)
        pictures: list[tuple[str, Path]] = []
        for name, data in entries:
            picture = folder / f"{len(pictures)}"
            picture.write_bytes(data)
            pictures.append((PurePosixPath(name).name, picture))
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
        raise Invalid(message=f"{source} is no folder, zip or tar archive that can be read.") from error
    return pictures


def _from_zip(source: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(source) as archive:
        for entry in archive.infolist()[:ENTRIES_MAX]:
            if _wanted(entry.filename) and not entry.is_dir():
                with archive.open(entry) as file:
                    yield entry.filename, file.read(BYTES_MAX + 1)  # one more byte, to be refused by `add`


def _from_tar(source: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(source, "r:*") as archive:
        for count, entry in enumerate(archive):
            if count >= ENTRIES_MAX:
                return
            if _wanted(entry.name) and entry.isfile() and (file := archive.extractfile(entry)) is not None:
                yield entry.name, file.read(BYTES_MAX + 1)


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    # What macOS puts beside each file is called like it.
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
