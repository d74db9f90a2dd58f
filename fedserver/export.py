"""A member takes along what is theirs: one zip in Mastodon's layout, which other servers and tools read.

Nobody else's posts are in it, only their addresses, and no secret of the account.
"""

from __future__ import annotations

import asyncio
import os
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from fedserver import csv_tables
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.federation.documents import Documents
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mail import plan_mail
from fedserver.opportunities.records import form_of
from fedserver.viewer import Member
from storage import accounts, belongings, filters, posts
from storage.types import DAY_MS, now_ms

KEPT_MS: Final = 7 * DAY_MS
MINUTES_MAX: Final = 60
_AS2: Final = "https://www.w3.org/ns/activitystreams"


@dataclass(frozen=True, slots=True)
class Export:
    """An archive that is there (`path`, `made_at`, `file_bytes`), or is being made (`is_waiting`), or neither."""

    is_waiting: bool
    path: Path | None = None
    made_at: int | None = None
    file_bytes: int = 0


async def request(server: Server, member: Member) -> None:
    """Have an archive made; a mail says when it is ready. Asking again meanwhile changes nothing."""
    await asyncio.to_thread(_mark, server, member.account_id)
    await server.db.write(
        lambda conn: plan(conn, "export", {"account_id": member.account_id}, key=str(member.account_id))
    )


async def status(server: Server, member: Member) -> Export:
    """The member's archive as it is now."""
    return await asyncio.to_thread(_status, server, member.account_id)


async def archive(server: Server, member: Member) -> Path:
    """The file to send, as ``application/zip``. Raises NotFound without one, or after seven days."""
    found = (await status(server, member)).path
    if found is None:
        raise NotFound("There is no archive of your data. You can ask for one.")
    return found


def remove(server: Server, account_id: int) -> None:
    """Delete what there is of an archive: the account is being deleted. Blocks."""
    for path in _paths(server, account_id):
        path.unlink(missing_ok=True)


@handles("export", timeout_seconds=MINUTES_MAX * 60)
async def make_archive(server: Server, payload: dict[str, Any]) -> None:
    """Write the archive beside its place and put it there when it is whole."""
    account_id: int = payload["account_id"]
    if await server.db.read(_has_left, account_id):
        return
    documents = server.publish.documents
    waiting, target = _paths(server, account_id)
    await asyncio.to_thread(_mark, server, account_id)
    with await asyncio.to_thread(zipfile.ZipFile, waiting, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in await server.db.read(_lists, documents, account_id, server.config.domain):
            await asyncio.to_thread(archive.writestr, name, content)
        await asyncio.to_thread(archive.writestr, "outbox.json", await _outbox(server, documents, account_id))
        await _add_files(server, archive, account_id)
    await asyncio.to_thread(os.replace, waiting, target)
    if not await server.db.write(_ready, account_id):
        await asyncio.to_thread(remove, server, account_id)


@handles("remove_archive")
async def remove_archive(server: Server, payload: dict[str, Any]) -> None:
    """Delete an archive after seven days, unless a newer one has taken its place."""
    _, target = _paths(server, payload["account_id"])
    if target.exists() and _made_at(target) <= now_ms() - KEPT_MS:
        await asyncio.to_thread(target.unlink, missing_ok=True)


def _has_left(conn: Connection, account_id: int) -> bool:
    row = accounts.by_id(conn, account_id)
    return row is None or row.deleted_at is not None


def _ready(conn: Connection, account_id: int) -> bool:
    """Tell the member; False for one who has left meanwhile."""
    if _has_left(conn, account_id):
        return False
    plan_mail(conn, account_id, "export_ready")
    due = now_ms() + KEPT_MS + 60_000
    plan(conn, "remove_archive", {"account_id": account_id}, not_before_ms=due)
    return True


async def _outbox(server: Server, documents: Documents, account_id: int) -> bytes:
    items: list[Any] = []
    after_id = 0
    while True:
        step, after_id = await server.db.read(_activities, documents, account_id, after_id)
        items += step
        if not step:
            break
    outbox = {
        "@context": _AS2,
        "id": "outbox.json",
        "type": "OrderedCollection",
        "totalItems": len(items),
        "orderedItems": items,
    }
    # The files are in the archive, so they are found there.
    return msgspec.json.encode(outbox).replace(
        f'"{server.media.base_url}/'.encode(), b'"/media_attachments/files/'
    )


async def _add_files(server: Server, archive: zipfile.ZipFile, account_id: int) -> None:
    after_id = 0
    while files := await server.db.read(belongings.files, account_id, after_id):
        after_id = files[-1].id
        for file in files:
            if not file.store_key:
                continue
            try:
                stream = await server.media.open(file.store_key)
            except NotFound:
                continue  # still being processed, or failed: there is nothing to take along
            with archive.open(f"media_attachments/files/{file.store_key}", "w", force_zip64=True) as copy:
                async for chunk in stream.chunks:
                    await asyncio.to_thread(copy.write, chunk)


def _activities(
    conn: Connection, documents: Documents, account_id: int, after_id: int
) -> tuple[list[Any], int]:
    rows = belongings.posts(conn, account_id, after_id)
    shown = [
        document if row.boost_of_id is not None else documents.create_document(row, document)
        for row, document in zip(rows, documents.post_documents(conn, rows), strict=True)
    ]
    return shown, rows[-1].id if rows else after_id


def _decision(row: Any) -> dict[str, Any]:
    """What moderators decided about the member: who did is not said."""
    return {
        "action": row.action,
        "text": row.text,
        "posts": msgspec.json.decode(row.post_ids),
        "created_at": row.created_at,
        "undone_at": row.undone_at,
        "appeal": row.appeal,
        "appeal_approved": None if row.decided_at is None else bool(row.approved),
    }


def _lists(conn: Connection, documents: Documents, account_id: int, domain: str) -> list[tuple[str, bytes]]:
    def handle(username: str, at: str) -> str:
        return f"{username}@{at or domain}"

    if accounts.by_id(conn, account_id) is None:
        raise NotFound
    actor = dict(documents.actor_document(conn, account_id))
    actor |= {"outbox": "outbox.json", "likes": "likes.json", "bookmarks": "bookmarks.json"}
    return [
        ("actor.json", msgspec.json.encode(actor)),
        ("likes.json", _collection("likes.json", belongings.liked(conn, account_id))),
        ("bookmarks.json", _collection("bookmarks.json", belongings.bookmarked(conn, account_id))),
        (
            "following_accounts.csv",
            csv_tables.table(
                ("Account address", "Show boosts", "Notify on new posts", "Languages"),
                (
                    (
                        handle(one.username, one.domain),
                        _yes(one.shows_boosts),
                        _yes(one.notifies),
                        ", ".join(one.languages),
                    )
                    for one in belongings.following(conn, account_id)
                ),
            ),
        ),
        (
            "followers.csv",
            csv_tables.table(
                ("Account address",), ((handle(*one),) for one in belongings.followers(conn, account_id))
            ),
        ),
        (
            "blocked_accounts.csv",
            csv_tables.table((), ((handle(*one),) for one in belongings.blocked(conn, account_id))),
        ),
        (
            "muted_accounts.csv",
            csv_tables.table(
                ("Account address", "Hide notifications"),
                ((handle(name, at), _yes(hides)) for name, at, hides in belongings.muted(conn, account_id)),
            ),
        ),
        ("bookmarks.csv", csv_tables.table((), ((uri,) for uri in belongings.bookmarked(conn, account_id)))),
        (
            "lists.csv",
            csv_tables.table(
                (), ((title, handle(*who)) for title, *who in belongings.listed(conn, account_id))
            ),
        ),
        (
            "blocked_domains.csv",
            csv_tables.table((), ((one,) for one in belongings.kept_out(conn, account_id))),
        ),
        ("applications.json", msgspec.json.encode(_applications(conn, account_id))),
        ("custom_filters.json", msgspec.json.encode({"custom_filters": _filters(conn, account_id)})),
        (
            "filters.csv",
            csv_tables.table(
                ("Title", "Action", "Contexts", "Keyword", "Whole word"),
                (
                    (title, action, ", ".join(contexts), keyword, _yes(whole))
                    for title, action, contexts, keyword, whole in belongings.filtered(conn, account_id)
                ),
            ),
        ),
        (
            "followed_tags.csv",
            csv_tables.table((), ((one,) for one in belongings.tags_followed(conn, account_id))),
        ),
        (
            "featured_tags.csv",
            csv_tables.table((), ((one,) for one in belongings.tags_featured(conn, account_id))),
        ),
        (
            "collections.csv",
            csv_tables.table(
                (), ((title, handle(*who)) for title, *who in belongings.collected(conn, account_id))
            ),
        ),
        (
            "endorsed_accounts.csv",
            csv_tables.table((), ((handle(*one),) for one in belongings.endorsed(conn, account_id))),
        ),
        (
            "account_notes.csv",
            csv_tables.table(
                ("Account address", "Note"),
                ((handle(name, at), note) for name, at, note in belongings.noted(conn, account_id)),
            ),
        ),
        (
            "scheduled_posts.json",
            msgspec.json.encode(
                [
                    {"scheduled_at": at_ms, "post": msgspec.Raw(draft.encode())}
                    for at_ms, draft in belongings.scheduled(conn, account_id)
                ]
            ),
        ),
        (
            "moderation.json",
            msgspec.json.encode([_decision(row) for row in belongings.decisions(conn, account_id)]),
        ),
    ]


def _filters(conn: Connection, account_id: int) -> list[dict[str, Any]]:
    """The filters as Mastodon takes them along: with their keywords, the posts they name, and when they end."""
    found = filters.of_account(conn, account_id)
    named = posts.by_ids(conn, [one.post_id for filter_ in found for one in filter_.posts])
    return [
        {
            "title": one.title,
            "expires_at": None
            if one.expires_at is None
            else datetime.fromtimestamp(one.expires_at / 1000, UTC).isoformat(timespec="milliseconds"),
            "context": one.contexts,
            "action": one.action,
            "keywords_attributes": [
                {"keyword": word.keyword, "whole_word": word.whole_word} for word in one.keywords
            ],
            "statuses": [named[post.post_id].uri for post in one.posts if post.post_id in named],
        }
        for one in found
    ]


def _applications(conn: Connection, account_id: int) -> list[dict[str, Any]]:
    """What the member has applied for, with their answers by question."""
    found = []
    for row in belongings.applied(conn, account_id):
        form, answers = form_of(row.form), msgspec.json.decode(row.answers)
        labels = {one.key: one.label for one in form.questions} if form else {}
        found.append(
            {
                "opportunity": row.title,
                "uri": row.uri,
                "state": row.state,
                "submitted_at": row.submitted_at,
                "decided_at": row.decided_at,
                "answers": {labels.get(key, key): text for key, text in answers.items()},
            }
        )
    return found


def _collection(name: str, items: list[str]) -> bytes:
    return msgspec.json.encode(
        {"@context": _AS2, "id": name, "type": "OrderedCollection", "orderedItems": items}
    )


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _paths(server: Server, account_id: int) -> tuple[Path, Path]:
    folder = server.config.data_dir / "exports"
    return folder / f"{account_id}.part", folder / f"{account_id}.zip"


def _mark(server: Server, account_id: int) -> None:
    waiting, _ = _paths(server, account_id)
    waiting.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(waiting, os.O_WRONLY | os.O_CREAT, 0o600))


def _status(server: Server, account_id: int) -> Export:
    waiting, target = _paths(server, account_id)
    is_waiting = waiting.exists()
    if not target.exists() or _made_at(target) < now_ms() - KEPT_MS:
        return Export(is_waiting)
    return Export(is_waiting, target, _made_at(target), target.stat().st_size)


def _made_at(path: Path) -> int:
    return path.stat().st_mtime_ns // 1_000_000
