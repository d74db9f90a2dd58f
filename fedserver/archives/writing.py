"""Messages of an archive become posts of a group: a batch is one unit, and what has come once does not come again.

An archive is history: its posts have their own dates and are found and read like others, but nobody is told of them.
They enter no home timeline and no stream, cause no notification and no mail, and are sent nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import search_index
from fedserver.archives import people
from fedserver.archives.exporting import own_post_id
from fedserver.archives.people import Author, Digest
from fedserver.archives.records import Message, Source
from fedserver.content import markdown, plain
from fedserver.content.links import tag_key
from fedserver.content.plain import Rendered
from fedserver.context import Server
from fedserver.errors import Conflict, NotFound, TooLarge
from fedserver.groups import posting, rules
from fedserver.media.pipeline import StoredMedia
from storage import archives, groups, media, posts
from storage.groups import GroupRow
from storage.signals import signal
from storage.types import new_id, now_ms

TITLE_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message that is ready to become a post: its text as HTML, and its pictures in the store."""

    message: Message
    text: str
    rendered: Rendered
    pictures: Sequence[tuple[StoredMedia, str]] = ()


@dataclass(slots=True)
class Written:
    """What became of a batch. `unused` are pictures that are in the store for nothing."""

    added: int = 0
    known: int = 0
    files_added: int = 0
    unused: list[StoredMedia] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Into:
    """Where an archive goes."""

    group_id: int
    source: Source
    matches_members: bool
    digest: Digest


def rendered(server: Server, text: str, media_type: str) -> Rendered:
    """A message's text as HTML. Nobody is mentioned in it: the names are those of another place."""
    render = markdown.render_markdown if media_type == "text/markdown" else plain.render_plain
    try:
        return render(text, {}, lambda name: server.uris.tag(tag_key(name)))
    except TooLarge:  # more formatting than a post may have
        return plain.render_plain(text, {}, lambda name: server.uris.tag(tag_key(name)))


def external_id(source: Source, message_id: str) -> str:
    """How a message is known from one import to the next."""
    return f"{source}:{message_id}"


def write(
    conn: Connection,
    /,
    server: Server,
    into: Into,
    batch: Sequence[Prepared],
    run_id: int,
    *,
    known_before: int,
    **run: Any,
) -> Written:
    """Write a batch, and into the row of the run what `run` says with what has been written. A unit.

    `known_before` messages beside these had come before.

    Raises NotFound when the group is gone, Conflict when it is archived.
    """
    archives.hold(conn, into.group_id)
    group = _open_group(conn, into.group_id)
    done = Written(known=known_before)
    new = _new_ones(conn, server, into, batch, done)
    if new:
        _Batch(conn, server, group, into, done).put(new)
    archives.count_run(conn, run_id, added=done.added, known=done.known, files_added=done.files_added, **run)
    signal(conn, "group", str(into.group_id))
    return done


def _open_group(conn: Connection, group_id: int) -> GroupRow:
    group = groups.by_id(conn, group_id)
    if group is None or group.deleted_at is not None or group.domain:
        raise NotFound("The group is not there any more.")
    if group.archived_at is not None:
        raise Conflict(f"{group.display_name or group.username} is archived: nothing is added to it.")
    return group


def _new_ones(
    conn: Connection, server: Server, into: Into, batch: Sequence[Prepared], done: Written
) -> list[Prepared]:
    ids = [external_id(into.source, one.message.external_id) for one in batch]
    there = {key for key, row in archives.known(conn, into.group_id, ids).items() if not row.is_missing}
    own = _own(conn, server, into, [one.message.external_id for one in batch])
    there |= {external_id(into.source, one) for one in own}
    new = []
    for key, one in zip(ids, batch, strict=True):
        if key in there:
            done.known += 1
            done.unused += [stored for stored, _ in one.pictures]
            continue
        there.add(key)
        new.append(one)
    return new


def _own(conn: Connection, server: Server, into: Into, message_ids: Iterable[str]) -> dict[str, Any]:
    """Posts of this group that were exported and come back: by what they are called in the archive."""
    wanted = (
        {one: post_id for one in message_ids if (post_id := own_post_id(server, one)) is not None}
        if into.source == "mbox"
        else {}
    )
    found = posts.by_ids(conn, wanted.values())
    return {
        one: found[post_id]
        for one, post_id in wanted.items()
        if post_id in found and found[post_id].group_id == into.group_id
    }


class _Batch:
    """One batch on its way into the tables."""

    def __init__(self, conn: Connection, server: Server, group: GroupRow, into: Into, done: Written) -> None:
        self.conn, self.server, self.group, self.into, self.done = conn, server, group, into, done
        self.visibility = rules.visibility_in(group)
        self.rows: dict[str, dict[str, Any]] = {}
        self.missing: dict[str, int] = {}
        self.threads: dict[int, int] = {}  # new ones: id to instant
        self.answered: dict[int, int] = {}

    def put(self, new: Sequence[Prepared]) -> None:
        authors = people.authors_of(
            self.conn, self.server, self.group, self.into.source, [one.message.author for one in new],
            self.into.digest, matches_members=self.into.matches_members,
        )  # fmt: skip
        self._read_ancestors(new)
        for one in new:
            self._add(one, authors[one.message.author.external_id])
        rows = list(self.rows.values())
        archives.put_posts(self.conn, rows)
        archives.put_known(
            self.conn, self.group.account_id, {key: row["id"] for key, row in self.rows.items()}, self.missing
        )
        self._put_parts(new, rows)
        self._count(rows)
        self.done.added += len(rows)

    def _read_ancestors(self, new: Sequence[Prepared]) -> None:
        """What the batch may answer and has come before: by external id the post."""
        wanted = {
            external_id(self.into.source, one) for prepared in new for one in prepared.message.ancestors
        }
        known = archives.known(self.conn, self.group.account_id, wanted) if wanted else {}
        found = posts.by_ids(self.conn, {row.post_id for row in known.values() if row.post_id is not None})
        self.before = {
            key: found[row.post_id]
            for key, row in known.items()
            if row.post_id in found and found[row.post_id].group_id == self.group.account_id
        }
        ancestors = [one for prepared in new for one in prepared.message.ancestors]
        own = _own(self.conn, self.server, self.into, ancestors)
        self.before |= {external_id(self.into.source, one): row for one, row in own.items()}

    def _parent(self, message: Message) -> Any | None:
        """The nearest ancestor that is there, as a row of the table or one that is about to be."""
        for one in message.ancestors:
            key = external_id(self.into.source, one)
            if key in self.rows:
                return SimpleNamespace(**self.rows[key])
            if key in self.before:
                return self.before[key]
            if key in self.missing:
                first = next(row for row in self.rows.values() if row["id"] == self.missing[key])
                return SimpleNamespace(**first)
        return None

    def _add(self, one: Prepared, author: Author) -> None:
        message, uris = one.message, self.server.uris
        parent = self._parent(message)
        at_ms = min(message.at_ms, now_ms())
        if parent is not None:  # ids sort by time, and no answer comes before what it answers
            at_ms = max(at_ms, parent.created_at + 1)
        post_id = new_id(at_ms)
        title = message.title[:TITLE_CHARS_MAX] if parent is None else ""
        thread_id = post_id if parent is None else parent.thread_id
        self.rows[external_id(self.into.source, message.external_id)] = {
            "id": post_id,
            "uri": uris.post(post_id),
            "url": uris.post_page(author.handle, post_id),
            "account_id": author.id,
            "kind": "article" if title else "note",
            "visibility": self.visibility,
            "title": title,
            "content_html": one.rendered.html,
            "source_text": one.text,
            "source_type": message.media_type,
            "language": self.group.language,
            "in_reply_to_id": None if parent is None else parent.id,
            "in_reply_to_account_id": None if parent is None else parent.account_id,
            "in_reply_to_uri": "" if parent is None else parent.uri,
            "thread_id": thread_id,
            "context_uri": uris.context(thread_id) if parent is None else parent.context_uri,
            "group_id": self.group.account_id,
            "quote_policy": 0,
            "local": author.is_member,
            "created_at": at_ms,
            "edited_at": message.edited_at_ms,
        }
        if parent is None:
            self.threads[post_id] = at_ms
            for ancestor in message.ancestors:
                self.missing.setdefault(external_id(self.into.source, ancestor), post_id)
        else:
            self.answered[parent.id] = self.answered.get(parent.id, 0) + 1

    def _put_parts(self, new: Sequence[Prepared], rows: Sequence[dict[str, Any]]) -> None:
        tags: dict[int, Sequence[Any]] = {}
        pictures: dict[int, list[Any]] = {}
        for one, row in zip(new, rows, strict=True):
            names = {tag_key(name): name for name in (*one.rendered.hashtags, *one.message.tags)}
            if names:
                tags[row["id"]] = posts.put_tags(self.conn, row["id"], names, new=True)
            for position, (stored, name) in enumerate(one.pictures):
                put = _put_picture(self.conn, row, stored, name, position)
                pictures.setdefault(row["id"], []).append(put)
                self.done.files_added += 1
        shown: list[Any] = [
            SimpleNamespace(**row, summary="", sensitive=False, quote_uri="", preview_id=None) for row in rows
        ]
        search_index.add_all(self.conn, shown, tags, pictures)
        titles = {row.id: posting.title_of(row) for row in shown if row.id in self.threads}
        archives.put_threads(
            self.conn, self.group.account_id, [(one, titles[one], at) for one, at in self.threads.items()]
        )

    def _count(self, rows: Sequence[dict[str, Any]]) -> None:
        archives.count_answers(self.conn, self.answered)
        archives.grow_threads(self.conn, _growth(rows))
        groups.add_to_counts(self.conn, self.group.account_id, threads=len(self.threads))
        groups.active(self.conn, self.group.account_id, max(row["created_at"] for row in rows))
        if self.visibility == "group":
            return  # what is said among members is counted on no profile
        by_account: dict[int, tuple[int, int]] = {}
        for row in rows:
            more, latest = by_account.get(row["account_id"], (0, 0))
            by_account[row["account_id"]] = (more + 1, max(latest, row["created_at"]))
        archives.count_posts(self.conn, by_account)


def _growth(rows: Sequence[dict[str, Any]]) -> list[tuple[int, int, int, int]]:
    """Of each thread that is answered its id, by how many, and the id and instant of the last answer."""
    found: dict[int, tuple[int, int, int]] = {}
    for row in rows:
        if row["thread_id"] != row["id"]:
            more, last, at = found.get(row["thread_id"], (0, 0, 0))
            if row["created_at"] >= at:
                last, at = row["id"], row["created_at"]
            found[row["thread_id"]] = (more + 1, last, at)
    return [(thread_id, *grown) for thread_id, grown in sorted(found.items())]


def _put_picture(
    conn: Connection, row: Mapping[str, Any], stored: StoredMedia, name: str, position: int
) -> Any:
    media_id = media.add(
        conn,
        row["account_id"],
        type_=stored.kind,
        media_type=stored.media_type,
        store_key=stored.key,
        preview_key=stored.preview_key,
        url=stored.url,
        preview_url=stored.preview_url,
        description="",
        blurhash=stored.blurhash,
        focus=(0, 0),
        meta=stored.meta,
        file_bytes=stored.bytes,
    )
    media.change(conn, media_id, post_id=row["id"], position=position)
    return SimpleNamespace(type=stored.kind, description="")
