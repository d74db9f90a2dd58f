"""Keeping what posts and accounts are found by: in the unit that writes them, and for those that were there before.

Of a post these can be found: title, text, warning or abstract, choices of its poll, what its files show, its
hashtags; and what kind of post it is. Of a resource also who made it, what it teaches, its topics and identifiers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from fedserver.content.html import to_text
from fedserver.context import Server
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.resources.records import Details, decode_details
from fedserver.search_query import language_marks, tag_mark
from storage import posts, previews, resource_search, search
from storage.database import Database
from storage.posts import PostRow
from storage.search import mark

TEXT_CHARS_MAX: Final = 50_000  # of each part
ROWS_PER_UNIT: Final = 100
FILLING_SECONDS: Final = 3_600.0
ID_MAX: Final = (1 << 63) - 1
_MEDIA: Final = {"image": "image", "video": "video", "gifv": "video", "audio": "audio"}
RESOURCE: Final = mark("resource")
"""The mark of resources."""
# A link that is neither a mention nor a hashtag.
_LINK: Final = re.compile(r'<a (?![^>]*class="[^"]*\b(?:mention|hashtag)\b)[^>]*href="https?:')


def add(conn: Connection, row: PostRow, *, tags: Sequence[Any] | None = None, has_media: bool = True) -> None:
    """A post has just been written, with its parts. Rows of its hashtags that are at hand need not be read, nor
    attachments where there are none."""
    if row.kind != "boost":
        known_tags = posts.tags_of(conn, [row.id]) if tags is None else {row.id: tags}
        media = posts.media_of(conn, [row.id]) if has_media else {}
        _put(conn, [row], known_tags, media, search.put_new_post)


def add_all(
    conn: Connection,
    rows: Sequence[PostRow],
    tags: Mapping[int, Sequence[Any]],
    media: Mapping[int, Sequence[Any]],
) -> None:
    """The same for many, of which hashtags and attachments (by id) are at hand."""
    search.put_new_posts(conn, _documents(conn, rows, tags, media))


def change(conn: Connection, row: PostRow) -> None:
    """A post or one of its parts has changed."""
    if row.kind != "boost":
        _put_again(conn, [row])


def change_by_id(conn: Connection, post_id: int) -> None:
    """The same where only the id is at hand."""
    row = posts.by_id(conn, post_id)
    if row is not None:
        change(conn, row)


def _put_again(conn: Connection, rows: Sequence[PostRow]) -> None:
    ids = [row.id for row in rows]
    _put(conn, rows, posts.tags_of(conn, ids), posts.media_of(conn, ids), search.put_post)


def _put(
    conn: Connection,
    rows: Sequence[PostRow],
    tags: Mapping[int, Sequence[Any]],
    media: Mapping[int, Sequence[Any]],
    put: Callable[[Connection, int, Sequence[str], Sequence[str]], None],
) -> None:
    for post_id, parts, marks in _documents(conn, rows, tags, media):
        put(conn, post_id, parts, marks)


def _documents(
    conn: Connection,
    rows: Sequence[PostRow],
    tags: Mapping[int, Sequence[Any]],
    media: Mapping[int, Sequence[Any]],
) -> Iterator[tuple[int, list[str], list[str]]]:
    """Of each post its id, its texts and its marks."""
    questions = [row.id for row in rows if row.kind == "question"]
    options = posts.poll_options_of(conn, questions) if questions else {}
    details = resource_search.details_of(conn, [row.id for row in rows if row.kind == "resource"])
    shown = {row.preview_id for row in rows if row.preview_id is not None}
    played = (
        {one.id for one in previews.by_ids(conn, shown).values() if one.type == "video"} if shown else set()
    )
    for row in rows:
        files = media.get(row.id, [])
        tagged = tags.get(row.id, [])
        choices = options.get(row.id, [])
        parts = [
            row.title,
            to_text(row.content_html[:TEXT_CHARS_MAX]),
            row.summary[:TEXT_CHARS_MAX],
            *(one.title for one in choices),
            *(one.description for one in files),
            *(one.name for one in tagged),
        ]
        marks = set(_marks(row, files, tagged))
        if row.id in details:
            parts += _words_of_resource(decode_details(details[row.id]))
            marks.add(RESOURCE)
        if row.preview_id in played:
            marks.add(mark("embed"))
        yield row.id, parts, sorted(marks)


def _words_of_resource(details: Details) -> Iterator[str]:
    """What is said of a resource beside title, abstract and text."""
    for person in (*details.authors, *details.contributors):
        yield from (person.name, person.orcid, person.affiliation)
    for topic in (*details.topics, *details.skills):
        yield topic.label
    yield from (*details.teaches, *details.prerequisites, *details.keywords, *details.audience)
    yield from (*details.types, details.level, details.licence, details.doi)
    yield from (one.value for one in details.identifiers)
    for funder in details.funders:
        yield from (funder.name, funder.grant)


def _marks(row: PostRow, files: Sequence[Any], tagged: Sequence[Any]) -> Iterator[str]:
    yield mark("by", row.account_id)
    if row.language:
        yield from language_marks(row.language)
    if row.in_reply_to_uri:
        yield mark("reply")
    if row.sensitive:
        yield mark("sensitive")
    if row.quote_uri:
        yield mark("quote")
    if row.kind == "question":
        yield mark("poll")
    if files:
        yield mark("media")
    for one in files:
        if one.type in _MEDIA:
            yield mark(_MEDIA[one.type])
    if _LINK.search(row.content_html):
        yield mark("link")
    for one in tagged:
        tag = tag_mark(one.name)
        if tag is not None:
            yield tag


# -- those that were there before


def fill_posts(conn: Connection, below_id: int = ID_MAX, *, every: bool = False) -> tuple[int, int | None]:
    """Index the next posts under `below_id`, newest first, of which no words are kept (or all of them, with
    `every`): how many, and where to go on, if there are more."""
    rows = search.without_words(conn, below_id, limit=ROWS_PER_UNIT, every=every)
    _put_again(conn, rows)
    return len(rows), rows[-1].id if len(rows) == ROWS_PER_UNIT else None


def fill_accounts(conn: Connection, below_id: int = ID_MAX, *, every: bool = False) -> tuple[int, int | None]:
    """The same for the names of accounts."""
    rows = search.accounts_without_words(conn, below_id, limit=ROWS_PER_UNIT, every=every)
    for row in rows:
        search.put_account(conn, row.id, row.username, row.display_name)
    return len(rows), rows[-1].id if len(rows) == ROWS_PER_UNIT else None


async def fill(db: Database, *, every: bool = False) -> tuple[int, int]:
    """Index what is not yet, a part at a time; how many posts and accounts. What is done stays done when it is cut
    off, and is passed over the next time."""
    counts = []
    for unit in (fill_posts, fill_accounts):
        done, below_id = 0, ID_MAX
        while True:
            number, following = await db.write(unit, below_id, every=every)
            done += number
            if following is None:
                break
            below_id = following
        counts.append(done)
    return counts[0], counts[1]


@handles("fill_search", timeout_seconds=FILLING_SECONDS)
async def _fill(server: Server, payload: dict[str, Any]) -> None:
    await fill(server.db)


def plan_filling(conn: Connection) -> None:
    """Have what came before there was a search indexed, if there is any. A chore."""
    if search.without_words(conn, ID_MAX, limit=1) or search.accounts_without_words(conn, ID_MAX, limit=1):
        plan(conn, "fill_search", {}, key="all")
