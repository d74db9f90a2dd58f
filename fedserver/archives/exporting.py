"""A group's threads, taken along: as lines of JSON, or as an mbox archive that mail programs open.

Both are written while they are read, a page of posts at a time, and say no more than the group shows to whoever asks: no
mail address of anybody, and votes as numbers. What each line of JSON has is in ``docs/archives.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, true

from fedserver import visibility
from fedserver.archives.people import is_a_name
from fedserver.content.html import to_text
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.mail_compose import header_address, header_text
from storage import accounts, group_exports, group_threads, groups, posts
from storage.groups import GroupRow
from storage.types import now_ms

Format = Literal["jsonl", "mbox"]
FORMATS: Final[tuple[Format, ...]] = ("jsonl", "mbox")
MEDIA_TYPES: Final[dict[Format, str]] = {"jsonl": "application/x-ndjson", "mbox": "application/mbox"}
VERSION: Final = 1
THREADS_PER_PAGE: Final = 50
POSTS_PER_PAGE: Final = 200
_FROM_LINE: Final = re.compile(
    rb"^(>*From )", re.MULTILINE
)  # mboxrd: what is quoted once more can be had again
_NOT_IN_LOCAL_PART: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_OWN_ID: Final = re.compile(r"post-(\d{1,19})@(.+)")
_POLICY: Final = SMTP.clone(linesep="\n", max_line_length=200)


@dataclass(frozen=True, slots=True)
class _Page:
    """Some posts of one or more threads, with all that is said of them."""

    rows: Sequence[Any]
    threads: dict[int, Any]
    topics: dict[int, list[Any]]
    pinned: frozenset[int]
    authors: dict[int, Any]
    tags: dict[int, list[Any]]
    files: dict[int, list[Any]]
    polls: dict[int, Any]
    options: dict[int, list[Any]]
    dislikes: dict[int, tuple[int, bool]]


async def export(server: Server, group_id: int, viewer_id: int, format_: Format) -> AsyncIterator[bytes]:
    """A group's threads as its owner sees them, in pieces. Raises NotFound, Forbidden before the first."""

    def unit(conn: Connection) -> GroupRow:
        row, _ = rules.known(conn, group_id, viewer_id)
        rules.check(conn, Action.EXPORT, row, viewer_id)
        return row

    group = await server.db.read(unit)
    return _pieces(server, group, visibility.predicate(viewer_id), format_)


async def export_whole(server: Server, group_id: int, format_: Format) -> AsyncIterator[bytes]:
    """The same with everything that is in it, for who looks after the server. Raises NotFound."""
    group = await server.db.read(groups.by_id, group_id)
    if group is None:
        raise NotFound
    return _pieces(server, group, true(), format_)


async def _pieces(
    server: Server, group: GroupRow, visible: ColumnElement[bool], format_: Format
) -> AsyncIterator[bytes]:
    written: Callable[[Server, GroupRow, _Page], bytes] = {"jsonl": _lines, "mbox": _letters}[format_]
    if format_ == "jsonl":
        yield await server.db.read(_head, group)
    after_thread = 0
    while True:
        lines = await server.db.read(
            group_exports.threads, group.account_id, after_thread, limit=THREADS_PER_PAGE
        )
        if not lines:
            return
        after = (0, 0)
        while (page := await server.db.read(_page, group, lines, after, visible)) is not None:
            yield written(server, group, page)
            after = (page.rows[-1].thread_id, page.rows[-1].id)
        after_thread = lines[-1].post_id


def _page(
    conn: Connection,
    group: GroupRow,
    lines: Sequence[Any],
    after: tuple[int, int],
    visible: ColumnElement[bool],
) -> _Page | None:
    """The next posts of these threads; None when there are no more."""
    threads = {line.post_id: line for line in lines}
    rows = group_exports.posts(conn, group.account_id, list(threads), after, visible, limit=POSTS_PER_PAGE)
    if not rows:
        return None
    ids = [row.id for row in rows]
    questions = [row.id for row in rows if row.kind == "question"]
    return _Page(
        rows=rows,
        threads=threads,
        topics=group_threads.topics_of(conn, list(threads)),
        pinned=frozenset(group_threads.pinned_ids(conn, group.account_id)),
        authors=accounts.by_ids(conn, {row.account_id for row in rows}),
        tags=posts.tags_of(conn, ids),
        files=posts.media_of(conn, ids),
        polls=posts.polls_of(conn, questions) if questions else {},
        options=posts.poll_options_of(conn, questions) if questions else {},
        dislikes=group_threads.dislikes_of(conn, ids, None),
    )


# -- lines of JSON


def _head(conn: Connection, group: GroupRow) -> bytes:
    return _line(
        {
            "type": "group",
            "version": VERSION,
            "id": str(group.account_id),
            "name": group.username,
            "title": group.display_name,
            "uri": group.uri,
            "url": group.url,
            "kind": group.kind,
            "access": group.access,
            "language": group.language,
            "charter": group.charter_source,
            "rules": json.loads(group.rules),
            "topics": [one.name for one in groups.topics(conn, group.account_id)],
            "exported_at": _iso(now_ms()),
        }
    )


def _lines(server: Server, group: GroupRow, page: _Page) -> bytes:
    out: list[bytes] = []
    for row in page.rows:
        thread = page.threads[row.thread_id]
        if row.id == row.thread_id:
            out.append(_line(_thread(row, thread, page)))
        out.append(_line(_post(server, row, thread, page)))
    return b"".join(out)


def _thread(row: Any, thread: Any, page: _Page) -> dict[str, Any]:
    return {
        "type": "thread",
        "id": str(row.id),
        "title": thread.title,
        "topics": [one.name for one in page.topics.get(row.id, ())],
        "replies_count": thread.replies_count,
        "created_at": _iso(row.created_at),
        "last_activity_at": _iso(thread.last_activity_at),
        "locked_at": _iso(thread.locked_at),
        "pinned": row.id in page.pinned,
        "answer_id": None if thread.answer_id is None else str(thread.answer_id),
    }


def _post(server: Server, row: Any, thread: Any, page: _Page) -> dict[str, Any]:
    author = page.authors[row.account_id]
    poll = page.polls.get(row.id)
    return {
        "type": "post",
        "id": str(row.id),
        "thread_id": str(row.thread_id),
        "in_reply_to_id": None if row.in_reply_to_id is None else str(row.in_reply_to_id),
        "uri": row.uri,
        "url": row.url or row.uri,
        "author": {
            "name": author.display_name or author.username,
            "handle": f"@{author.username}@{author.domain or server.config.domain}",
            "uri": None if is_a_name(author) else author.uri,
        },
        "created_at": _iso(row.created_at),
        "edited_at": _iso(row.edited_at),
        "title": row.title,
        "summary": row.summary,
        "sensitive": bool(row.sensitive),
        "language": row.language,
        "html": row.content_html,
        "source": row.source_text,
        "source_type": row.source_type if row.source_text else None,
        "tags": [one.name for one in page.tags.get(row.id, ())],
        "attachments": [
            {
                "type": one.type,
                "media_type": one.media_type,
                "url": _address(server, one),
                "description": one.description,
            }
            for one in page.files.get(row.id, ())
        ],
        "poll": None
        if poll is None
        else {
            "multiple": bool(poll.multiple),
            "expires_at": _iso(poll.expires_at),
            "options": [
                {"title": one.title, "votes": one.votes_count} for one in page.options.get(row.id, ())
            ],
        },
        "votes_for": row.likes_count,
        "votes_against": page.dislikes.get(row.id, (0, False))[0],
        "is_answer": thread.answer_id == row.id,
    }


def _line(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _iso(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _address(server: Server, one: Any) -> str:
    url = str(one.url or one.remote_url)
    return f"{server.config.origin}{url}" if url.startswith("/") else url


# -- mails


def _letters(server: Server, group: GroupRow, page: _Page) -> bytes:
    return b"".join(_letter(server, group, row, page) for row in page.rows)


def _letter(server: Server, group: GroupRow, row: Any, page: _Page) -> bytes:
    """One post as a message of an mbox file (RFC 4155), with a separator that has its date."""
    at = datetime.fromtimestamp(row.created_at / 1000, UTC)
    host = server.uris.host.partition(":")[0]
    mail = EmailMessage(_POLICY)
    mail["From"] = _sender(server, page.authors[row.account_id])
    mail["Date"] = format_datetime(at)
    title = header_text(page.threads[row.thread_id].title)
    mail["Subject"] = title if row.id == row.thread_id else f"Re: {title}"
    mail["Message-ID"] = f"<{message_id(row.id, host)}>"
    if row.id != row.thread_id:
        parent_id = row.in_reply_to_id or row.thread_id
        mail["In-Reply-To"] = f"<{message_id(parent_id, host)}>"
        chain = dict.fromkeys((row.thread_id, parent_id))
        mail["References"] = " ".join(f"<{message_id(one, host)}>" for one in chain)
    mail["List-Id"] = f"<{group.username}.{host}>"
    mail["Archived-At"] = f"<{header_address(row.url or row.uri)}>"  # RFC 5064
    mail.set_content(_text(server, row, page), cte="quoted-printable")
    separator = f"From MAILER-DAEMON {at.strftime('%a %b %d %H:%M:%S %Y')}\n".encode()
    return separator + _FROM_LINE.sub(rb">\1", mail.as_bytes()) + b"\n"


def message_id(post_id: int, host: str) -> str:
    """What a post is called in an archive."""
    return f"post-{post_id}@{host}"


def own_post_id(server: Server, external_id: str) -> int | None:
    """The post of this server that is called so in an archive."""
    found = _OWN_ID.fullmatch(external_id)
    ours = found is not None and found[2] == server.uris.host.partition(":")[0]
    return int(found[1]) if found is not None and ours and int(found[1]) < 1 << 63 else None


def _sender(server: Server, author: Any) -> Address:
    """A name, and an address that no mail can be sent to: nobody's own is told."""
    domain = (author.domain or server.config.domain).partition(":")[0]
    if not domain.endswith(".invalid"):
        domain += ".invalid"
    local = _NOT_IN_LOCAL_PART.sub("-", author.username).strip(".-") or "somebody"
    return Address(header_text(author.display_name) or author.username, local, domain)


def _text(server: Server, row: Any, page: _Page) -> str:
    """What is said, with the addresses of what is attached below."""
    said = row.source_text or to_text(row.content_html)
    if row.summary:
        said = f"{row.summary}\n\n{said}"
    options = "\n".join(f"( ) {one.title}" for one in page.options.get(row.id, ()))
    files = "\n".join(
        f"[{one.description or one.type}] {_address(server, one)}" for one in page.files.get(row.id, ())
    )
    return "\n\n".join(part for part in (said, options, files) if part) + "\n"
