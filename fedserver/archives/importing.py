"""An archive on its way into a group: read, prepared and written a batch at a time, from wherever it stopped.

What has been read is noted in the unit that writes it. After a kill the same archive goes on behind its last batch; were
it read from the beginning instead, nothing would come twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from fedserver.archives import people, writing
from fedserver.archives.mbox import Mbox
from fedserver.archives.mrkdwn import escaped
from fedserver.archives.records import Archive, File, LeftOut, Message, Source
from fedserver.archives.slack import SlackExport
from fedserver.archives.writing import Into, Prepared
from fedserver.context import Server
from fedserver.errors import FedError, Invalid, NotFound, TooLarge
from fedserver.media.pipeline import StoredMedia, delete_media, recognised, store_picture
from fedserver.posts import MEDIA_MAX
from storage import archives
from storage.archives import ImportRow
from storage.types import now_ms

BATCH_ENTRIES: Final = 200
PROBLEMS_KEPT_MAX: Final = 100
REASONS_MAX: Final = 50
SOURCES: Final[tuple[Source, ...]] = ("slack", "mbox")
_DIGEST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Options:
    """What is wanted of an archive. `channels` are for Slack: none means every public one. With `matches_members` the
    messages of members here, by their confirmed address, are theirs at once."""

    channels: Sequence[str] = ()
    matches_members: bool = False

    def encoded(self) -> str:
        """The same for the same wishes."""
        channels = sorted({one.removeprefix("#") for one in self.channels})
        return json.dumps({"channels": channels, "matches_members": self.matches_members})

    @classmethod
    def decoded(cls, text: str) -> Options:
        found = json.loads(text)
        return cls(found["channels"], found["matches_members"])


@dataclass(slots=True)
class Receipt:
    """How far a run has come, and what became of what it read."""

    run_id: int
    state: str
    total: int | None
    read: int
    added: int
    known: int
    left_out: int
    files_added: int
    reasons: dict[str, int] = field(default_factory=dict)
    problems: list[dict[str, str]] = field(default_factory=list)
    error: str = ""


def receipt(row: ImportRow) -> Receipt:
    """The row of a run, as it is shown."""
    return Receipt(
        run_id=row.id,
        state=row.state,
        total=row.total,
        read=row.position,
        added=row.added,
        known=row.known,
        left_out=row.left_out,
        files_added=row.files_added,
        reasons=json.loads(row.reasons),
        problems=json.loads(row.problems),
        error=row.error,
    )


# -- a run


async def begin(
    server: Server,
    group_id: int,
    path: Path,
    source: Source,
    options: Options,
    *,
    name: str,
    by_id: int | None = None,
) -> ImportRow:
    """The run of this archive into this group: the one that was cut off, or a new one."""
    digest = await asyncio.to_thread(digest_of, path)

    def unit(conn: Connection) -> ImportRow:
        row = archives.unfinished(conn, group_id, digest, options.encoded())
        if row is None:
            run_id = archives.begin(
                conn, group_id, by_id=by_id, source=source, name=name[:200], digest=digest, options=options.encoded()
            )  # fmt: skip
            row = archives.run_by_id(conn, run_id)
        assert row is not None
        return row

    return await server.db.write(unit)


def digest_of(path: Path) -> str:
    """SHA-256 of a file. Blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def carry_out(
    server: Server, run_id: int, path: Path, *, told: Callable[[Receipt], None] | None = None
) -> Receipt:
    """Bring the rest of an archive into its group; `told` hears of each batch.

    Raises NotAnArchive, NotFound and Conflict, which are kept with the run; after anything else it can go on.
    """
    row = await server.db.read(archives.run_by_id, run_id)
    if row is None:
        raise NotFound("This import is not there any more.")
    try:
        archive = await asyncio.to_thread(_opened, row.source, path, Options.decoded(row.options))
        try:
            return await _Run(server, row, archive).to_the_end(told)
        finally:
            await asyncio.to_thread(archive.close)
    except FedError as error:
        await server.db.write(
            archives.change_run, run_id, state="failed", error=str(error), ended_at=now_ms()
        )
        raise


def _opened(source: Source, path: Path, options: Options) -> Archive:
    return SlackExport(path, options.channels) if source == "slack" else Mbox(path)


class _Run:
    """A run while it is under way."""

    def __init__(self, server: Server, row: ImportRow, archive: Archive) -> None:
        self.server, self.row, self.archive = server, row, archive
        self.position: int = row.position
        self.left_out: int = row.left_out
        self.reasons: dict[str, int] = json.loads(row.reasons)
        self.problems: list[dict[str, str]] = json.loads(row.problems)

    async def to_the_end(self, told: Callable[[Receipt], None] | None) -> Receipt:
        into = Into(
            self.row.group_id,
            self.row.source,
            Options.decoded(self.row.options).matches_members,
            await asyncio.to_thread(people.digester, self.server.config),
        )
        await self._note(state="running", total=self.archive.total, error="", ended_at=None)
        entries = self.archive.entries(self.position)
        with tempfile.TemporaryDirectory(prefix="fedserver-import-") as folder:
            while batch := await asyncio.to_thread(list, islice(entries, BATCH_ENTRIES)):
                await self._take(into, batch, Path(folder))
                if told is not None:
                    told(await self._receipt())
        await self._note(state="done", ended_at=now_ms())
        return await self._receipt()

    async def _take(self, into: Into, batch: Sequence[Message | LeftOut], folder: Path) -> None:
        """Write one batch, and note what was left out of it."""
        for entry in batch:
            if isinstance(entry, LeftOut):
                self._leave_out(entry.what, entry.why, expected=entry.expected)
                self.left_out += 1
        messages = [entry for entry in batch if isinstance(entry, Message)]
        there = await self.server.db.read(
            archives.known,
            into.group_id,
            [writing.external_id(into.source, one.external_id) for one in messages],
        )
        new = [
            one
            for one in messages
            if (row := there.get(writing.external_id(into.source, one.external_id))) is None or row.is_missing
        ]
        attached = [await self._attached(one, folder) for one in new]
        prepared = await asyncio.to_thread(self._prepared, new, attached)
        self.position += len(batch)
        try:
            written = await self.server.db.write(
                writing.write, self.server, into, prepared, self.row.id, known_before=len(messages) - len(new),
                position=self.position, left_out=self.left_out, reasons=json.dumps(self.reasons),
                problems=json.dumps(self.problems),
            )  # fmt: skip
        except BaseException:
            await self._forget([stored for one in prepared for stored, _ in one.pictures])
            raise
        await self._forget(written.unused)

    async def _attached(
        self, message: Message, folder: Path
    ) -> tuple[list[tuple[StoredMedia, str]], list[str]]:
        """The message's pictures, which are in the store now, and lines that name what else was attached."""
        pictures: list[tuple[StoredMedia, str]] = []
        lines: list[str] = []
        for file in message.files:
            stored, why = await self._stored(file, folder, room=len(pictures) < MEDIA_MAX)
            if stored is not None:
                pictures.append((stored, file.name))
                continue
            lines.append(_line(file, message.media_type))
            if why:
                self._leave_out(file.name, why)
        return pictures, lines

    def _prepared(
        self,
        messages: Sequence[Message],
        attached: Sequence[tuple[list[tuple[StoredMedia, str]], list[str]]],
    ) -> list[Prepared]:
        """The messages with their texts as HTML."""
        found = []
        for message, (pictures, lines) in zip(messages, attached, strict=True):
            text = "\n\n".join(part for part in (message.text, "\n".join(lines)) if part)
            html = writing.rendered(self.server, text, message.media_type)
            found.append(Prepared(message, text, html, pictures))
        return found

    async def _stored(self, file: File, folder: Path, *, room: bool) -> tuple[StoredMedia | None, str]:
        """A picture in the store, or why it is not there ("" where the archive has no more than its address)."""
        if file.save is None:
            return None, "" if file.url else "The archive has only the names of files."
        if not room:
            return None, f"A post has at most {MEDIA_MAX} files."
        path = folder / "file"
        try:
            await asyncio.to_thread(file.save, path)
            _, family = await recognised(path, self.server.clips)
            if family != "image":
                return None, "Of files, only pictures are taken over."
            return await store_picture(path, store=self.server.media, processor=self.server.images), ""
        except (Invalid, TooLarge) as error:
            return None, str(error)
        finally:
            path.unlink(missing_ok=True)

    def _leave_out(self, what: str, why: str, *, expected: bool = False) -> None:
        key = why if why in self.reasons or len(self.reasons) < REASONS_MAX else "For another reason."
        self.reasons[key] = self.reasons.get(key, 0) + 1
        if not expected and len(self.problems) < PROBLEMS_KEPT_MAX:
            self.problems.append({"what": what, "why": why})

    async def _forget(self, unused: Sequence[StoredMedia]) -> None:
        for stored in unused:
            with suppress(OSError):
                await delete_media(stored, self.server.media)

    async def _note(self, **columns: Any) -> None:
        await self.server.db.write(archives.change_run, self.row.id, **columns)

    async def _receipt(self) -> Receipt:
        row = await self.server.db.read(archives.run_by_id, self.row.id)
        if row is None:
            raise NotFound("The group is not there any more.")
        return receipt(row)


def _line(file: File, media_type: str) -> str:
    """What stands for a file that is not there."""
    if media_type == "text/markdown":
        name = escaped(file.name)
        return f"[{name}](<{file.url}>)" if file.url else rf"\[{name}\]"
    return f"[{file.name}]" + (f" {file.url}" if file.url else "")
