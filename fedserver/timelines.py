"""Lists of posts as a viewer may see them, with all that is needed to show them, in very few statements.

Which posts belong in a home timeline was decided when they arrived (`storage.timelines`); whether they may
still be seen is asked here each time, by the one predicate of `fedserver.visibility`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, case, exists, func, literal_column, or_, select

from fedserver import filters, quoted, visibility
from fedserver.content.links import tag_key
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.feeds import Sides
from fedserver.groups import as_lists
from fedserver.groups import timeline as group_timeline
from fedserver.rendered import Shelf
from storage import accounts, cards, interactions, kept_out, previews
from storage.cards import KINDS_WITH_POLL, VIEWER, AccountLine, Batch, Card, Content, Page, PollCard, PostLine
from storage.hot import Hot
from storage.interactions import Standing
from storage.paging import Window
from storage.relationships import hides
from storage.tables import hashtag, home_entry, list_entry, media, member_list, mute, post, post_tag
from storage.types import AnyOf, now_ms

__all__ = [
    "KINDS_WITH_POLL",
    "AccountLine",
    "AccountPosts",
    "Batch",
    "Card",
    "Content",
    "PollCard",
    "PostLine",
    "Standing",
    "Window",
    "now_ms",
]


@dataclass(frozen=True, slots=True)
class AccountPosts:
    """Which of an account's posts are wanted."""

    only_media: bool = False
    exclude_replies: bool = False
    exclude_boosts: bool = False
    tag: str = ""


# -- statements


_TAG_OF: Final = post_tag.alias("tag_of")


def _for_member(table: Any) -> Any:
    return visibility.predicate(VIEWER, table)


def _for_anybody(table: Any) -> Any:
    return visibility.predicate(None, table)


def _wanted(visible: cards.Visible) -> Select[Any]:
    return cards.select_cards(visible).where(AnyOf(post.c.id, bindparam("ids")))


def _select_home() -> Select[Any]:
    entry = cards.select_cards(_for_member).join(home_entry, home_entry.c.post_id == post.c.id)
    return entry.where(home_entry.c.account_id == VIEWER)


def _select_list() -> Select[Any]:
    entry = cards.select_cards(_for_member).join(list_entry, list_entry.c.post_id == post.c.id)
    owned = exists().where(member_list.c.id == bindparam("list_id"), member_list.c.account_id == VIEWER)
    return entry.where(list_entry.c.list_id == bindparam("list_id"), owned)


def _unless(name: str, condition: Any) -> Any:
    """The condition, if the parameter of this name is not 0."""
    return or_(bindparam(name, type_=post.c.id.type) == literal_column("0"), condition)


def _for_all() -> tuple[Any, ...]:
    """What holds for every post in a timeline that is open to all."""
    now = bindparam("now", type_=mute.c.expires_at.type)
    author = cards.AUTHOR
    return (
        post.c.kind != "boost",
        post.c.deleted_at.is_(None),
        # Not the bare column: without figures about the table SQLite would take the index on it and sort every
        # public post there is, instead of reading the newest ids until the page is full.
        post.c.visibility.concat("") == "public",
        kept_out.shows(author),
        author.c.limited_at.is_(None),
        ~hides(VIEWER, author.c.id, author.c.domain, now),
        _unless("only_media", exists().where(media.c.post_id == post.c.id)),
    )


def _select_public(*, one_side: bool) -> Select[Any]:
    """`one_side`: only what was posted here, or only what was not (parameter ``local``)."""
    query = cards.select_all_cards().where(
        *_for_all(),
        or_(post.c.in_reply_to_account_id.is_(None), post.c.in_reply_to_account_id == post.c.account_id),
    )
    if one_side:
        return query.where(post.c.visibility == "public", post.c.local == bindparam("local"))
    return query


def _select_tagged(*, several: bool) -> Select[Any]:
    """Posts with a hashtag, or with any of `several`, of which a post may have more than one."""
    wanted, excluded = post_tag.alias("wanted"), post_tag.alias("excluded")

    def ids(name: str) -> Any:
        return select(hashtag.c.id).where(AnyOf(hashtag.c.key, bindparam(name)))

    query = (
        cards.select_all_cards()
        .join(_TAG_OF, _TAG_OF.c.post_id == post.c.id)
        .where(
            *_for_all(),
            _unless("one_side", post.c.local == bindparam("local")),
            _unless(
                "all_count",
                select(func.count())
                .where(wanted.c.post_id == post.c.id, wanted.c.tag_id.in_(ids("all_keys")))
                .scalar_subquery()
                == bindparam("all_count", type_=post.c.id.type),
            ),
            ~exists().where(excluded.c.post_id == post.c.id, excluded.c.tag_id.in_(ids("none_keys"))),
        )
    )
    if not several:
        key = select(hashtag.c.id).where(hashtag.c.key == bindparam("key")).scalar_subquery()
        return query.where(_TAG_OF.c.tag_id == key)
    earlier = post_tag.alias("earlier")
    return query.where(
        _TAG_OF.c.tag_id.in_(ids("keys")),
        ~exists().where(
            earlier.c.post_id == post.c.id,
            earlier.c.tag_id < _TAG_OF.c.tag_id,
            earlier.c.tag_id.in_(ids("keys")),
        ),
    )


def _select_open() -> Select[Any]:
    """Those of some posts that public timelines may show."""
    return cards.select_all_cards().where(*_for_all(), AnyOf(post.c.id, bindparam("ids")))


def _select_linking() -> Select[Any]:
    """Posts that show the preview of one page."""
    return cards.select_all_cards().where(
        *_for_all(),
        _unless("one_side", post.c.local == bindparam("local")),
        post.c.preview_id == bindparam("preview_id"),
    )


def _select_of_account(visible: cards.Visible) -> Select[Any]:
    tagged = exists().where(
        post_tag.c.post_id == post.c.id,
        post_tag.c.tag_id == hashtag.c.id,
        hashtag.c.key == bindparam("tag"),
    )
    return cards.select_cards(visible).where(
        post.c.account_id == bindparam("author_id"),
        _unless("only_media", exists().where(media.c.post_id == post.c.id)),
        _unless(
            "exclude_replies",
            (post.c.in_reply_to_uri == "") | (post.c.in_reply_to_account_id == post.c.account_id),
        ),
        _unless("exclude_boosts", post.c.kind != "boost"),
        _unless("only_tagged", tagged),
    )


_home = Page(_select_home, home_entry.c.post_id)
_list = Page(_select_list, list_entry.c.post_id)
_tagged = Page(lambda: _select_tagged(several=False), _TAG_OF.c.post_id)
_tagged_any = Page(lambda: _select_tagged(several=True), _TAG_OF.c.post_id)
_open: Hot[Card] = Hot(_select_open, cards.card_of, packed=True, gap=cards.ORIGINAL_COLUMNS)
_linking = Page(_select_linking, post.c.id)
_public = Page(lambda: _select_public(one_side=False), post.c.id)
_public_side = Page(lambda: _select_public(one_side=True), post.c.id)
_of_account = Page(lambda: _select_of_account(_for_member), post.c.id)
_of_account_public = Page(lambda: _select_of_account(_for_anybody), post.c.id)
_by_ids: Hot[Card] = Hot(lambda: _wanted(_for_member), cards.card_of, packed=True, gap=cards.ORIGINAL_COLUMNS)
_by_ids_public: Hot[Card] = Hot(
    lambda: _wanted(_for_anybody), cards.card_of, packed=True, gap=cards.ORIGINAL_COLUMNS
)


# -- units


def cards_of(conn: Connection, viewer_id: int | None, post_ids: Sequence[int], shelf: Shelf) -> list[Card]:
    """Those of these posts that the viewer may see, in this order."""
    if not post_ids:
        return []
    if viewer_id is None:
        found = _by_ids_public.run(conn, shelf.cards, ids=list(post_ids))
    else:
        found = _by_ids.run(conn, shelf.cards, ids=list(post_ids), viewer_id=viewer_id)
    by_id = {card.post.id: card for card in found}
    return [by_id[one] for one in post_ids if one in by_id]


def batch_of(conn: Connection, viewer_id: int | None, post_ids: Sequence[int], shelf: Shelf) -> Batch:
    """The same with everything that is needed to show them."""
    return quoted.complete(conn, cards_of(conn, viewer_id, post_ids, shelf), viewer_id, shelf)


def open_unit(conn: Connection, viewer_id: int | None, post_ids: Sequence[int], shelf: Shelf) -> Batch:
    """Those of these posts that public timelines show to this viewer, in this order."""
    parameters = {"viewer_id": viewer_id or 0, "now": now_ms(), "only_media": 0}
    found = (
        {card.post.id: card for card in _open.run(conn, shelf.cards, ids=list(post_ids), **parameters)}
        if post_ids
        else {}
    )
    return quoted.complete(conn, [found[one] for one in post_ids if one in found], viewer_id, shelf)


def home_unit(conn: Connection, viewer_id: int, window: Window, shelf: Shelf) -> Batch:
    """One page of a home timeline: three statements at most when everything has been rendered before."""
    return quoted.complete(conn, _home.run(conn, window, shelf.cards, viewer_id=viewer_id), viewer_id, shelf)


def public_unit(
    conn: Connection,
    viewer_id: int | None,
    window: Window,
    shelf: Shelf,
    *,
    local: bool,
    remote: bool,
    only_media: bool,
) -> Batch:
    """Public posts, newest first: no boosts, no replies to others, nobody limited or hidden by the viewer."""
    parameters = {"viewer_id": viewer_id or 0, "now": now_ms(), "only_media": int(only_media)}
    if local != remote:
        found = _public_side.run(conn, window, shelf.cards, local=local, **parameters)
    else:
        found = _public.run(conn, window, shelf.cards, **parameters)
    return quoted.complete(conn, found, viewer_id, shelf)


def of_list_unit(conn: Connection, viewer_id: int, list_id: int, window: Window, shelf: Shelf) -> Batch:
    """One page of the timeline of a list, or of a group as one. Raises NotFound for what is no list of the viewer's."""
    found = _list.run(conn, window, shelf.cards, viewer_id=viewer_id, list_id=list_id)
    if not found:
        owned = select(member_list.c.id).where(
            member_list.c.id == list_id, member_list.c.account_id == viewer_id
        )
        if conn.execute(owned).first() is None:
            if as_lists.one(conn, viewer_id, list_id) is None:
                raise NotFound("Record not found")
            return group_timeline.of_group_unit(conn, viewer_id, list_id, window, shelf)
    return quoted.complete(conn, found, viewer_id, shelf)


def by_tag_unit(
    conn: Connection,
    viewer_id: int | None,
    window: Window,
    shelf: Shelf,
    *,
    any_of: Sequence[str],
    all_of: Sequence[str] = (),
    none_of: Sequence[str] = (),
    local: bool = False,
    remote: bool = False,
    only_media: bool = False,
) -> Batch:
    """The unit of `by_tag`."""
    keys = list(dict.fromkeys(map(tag_key, any_of)))
    all_keys = set(map(tag_key, all_of))
    parameters: dict[str, Any] = {
        "viewer_id": viewer_id or 0,
        "now": now_ms(),
        "only_media": int(only_media),
        "one_side": int(local != remote),
        "local": local,
        "all_count": len(all_keys),
        "all_keys": all_keys,
        "none_keys": set(map(tag_key, none_of)),
    }
    if len(keys) == 1:
        found = _tagged.run(conn, window, shelf.cards, key=keys[0], **parameters)
    else:
        found = _tagged_any.run(conn, window, shelf.cards, keys=keys, **parameters)
    return quoted.complete(conn, found, viewer_id, shelf)


def of_account_unit(
    conn: Connection,
    viewer_id: int | None,
    author_id: int,
    window: Window,
    shelf: Shelf,
    wanted: AccountPosts,
) -> Batch:
    """An account's posts, newest first. Raises NotFound for no account."""
    parameters = {
        "author_id": author_id,
        "only_media": int(wanted.only_media),
        "exclude_replies": int(wanted.exclude_replies),
        "exclude_boosts": int(wanted.exclude_boosts),
        "only_tagged": int(bool(wanted.tag)),
        "tag": tag_key(wanted.tag),
    }
    if viewer_id is None:
        found = _of_account_public.run(conn, window, shelf.cards, **parameters)
    else:
        found = _of_account.run(conn, window, shelf.cards, viewer_id=viewer_id, **parameters)
    if not found:
        # Whoever is gone has no post that may be seen, so it is enough to ask now.
        author = accounts.by_id(conn, author_id)
        if author is None or author.deleted_at is not None:
            raise NotFound
        if not visibility.may_know(conn, author, viewer_id):
            raise NotFound
    return quoted.complete(conn, found, viewer_id, shelf)


def _seen_by(viewer_id: int) -> Any:
    # As CASE, because SQLite would look up every public post by the predicate's ORs rather than the few asked for.
    return case((visibility.predicate(viewer_id), True), else_=False)


# -- what web and streams ask


async def one(server: Server, viewer_id: int | None, post_id: int, shelf: Shelf) -> Batch:
    """One post. Raises NotFound when the viewer may not see it."""
    batch = await some(server, viewer_id, [post_id], shelf)
    if not batch.cards:
        raise NotFound
    return batch


async def some(server: Server, viewer_id: int | None, post_ids: Sequence[int], shelf: Shelf) -> Batch:
    """Those of these posts that the viewer may see, in this order."""
    return await filters.applied(
        server, viewer_id, await server.db.read(batch_of, viewer_id, post_ids, shelf)
    )


async def home(server: Server, viewer_id: int, window: Window, shelf: Shelf) -> Batch:
    """A member's home timeline."""
    batch = await server.db.read(home_unit, viewer_id, window, shelf)
    return await filters.applied(server, viewer_id, batch)


async def of_list(server: Server, viewer_id: int, list_id: int, window: Window, shelf: Shelf) -> Batch:
    """The timeline of one of a member's lists. Raises NotFound."""
    batch = await server.db.read(of_list_unit, viewer_id, list_id, window, shelf)
    return await filters.applied(server, viewer_id, batch)


async def public(
    server: Server,
    viewer_id: int | None,
    window: Window,
    shelf: Shelf,
    *,
    local: bool = False,
    remote: bool = False,
    only_media: bool = False,
) -> Batch:
    """The public timeline: of this server (`local`), of others (`remote`), or both."""
    batch = await server.db.read(
        public_unit, viewer_id, window, shelf, local=local, remote=remote, only_media=only_media
    )
    return await filters.applied(server, viewer_id, batch)


async def of_account(
    server: Server, viewer_id: int | None, author_id: int, window: Window, shelf: Shelf, wanted: AccountPosts
) -> Batch:
    """An account's posts. Raises NotFound for no account."""
    batch = await server.db.read(of_account_unit, viewer_id, author_id, window, shelf, wanted)
    return await filters.applied(server, viewer_id, batch)


async def pinned(server: Server, viewer_id: int | None, author_id: int, shelf: Shelf) -> Batch:
    """The posts an account shows at the top of its profile."""

    def unit(conn: Connection) -> Batch:
        return batch_of(conn, viewer_id, interactions.pinned(conn, author_id), shelf)

    return await filters.applied(server, viewer_id, await server.db.read(unit))


async def by_tag(
    server: Server,
    viewer_id: int | None,
    window: Window,
    shelf: Shelf,
    *,
    any_of: Sequence[str],
    all_of: Sequence[str] = (),
    none_of: Sequence[str] = (),
    local: bool = False,
    remote: bool = False,
    only_media: bool = False,
) -> Batch:
    """Public posts with any, all and none of these hashtags (as typed)."""
    batch = await server.db.read(
        by_tag_unit,
        viewer_id,
        window,
        shelf,
        any_of=any_of,
        all_of=all_of,
        none_of=none_of,
        local=local,
        remote=remote,
        only_media=only_media,
    )
    return await filters.applied(server, viewer_id, batch)


async def by_link(
    server: Server, viewer_id: int | None, window: Window, shelf: Shelf, *, url: str, sides: Sides | None
) -> Batch:
    """Public posts that link to a page; none for one that nobody linked to. `sides` as `fedserver.feeds` says."""

    def unit(conn: Connection) -> Batch:
        preview_id = previews.by_url(conn, url)
        found: list[Card] = []
        if preview_id is not None and sides is not None:
            found = _linking.run(
                conn,
                window,
                shelf.cards,
                preview_id=preview_id,
                viewer_id=viewer_id or 0,
                now=now_ms(),
                only_media=0,
                one_side=int(sides.local != sides.remote),
                local=sides.local,
            )
        return quoted.complete(conn, found, viewer_id, shelf)

    return await filters.applied(server, viewer_id, await server.db.read(unit))


async def liked(server: Server, viewer_id: int, window: Window, shelf: Shelf) -> tuple[list[int], Batch]:
    """What a member liked: the ids of the likes (the cursors) and the posts that can still be shown."""

    def unit(conn: Connection) -> tuple[list[int], Batch]:
        rows = interactions.liked(conn, viewer_id, window, _seen_by(viewer_id))
        return [row.relation_id for row in rows], batch_of(
            conn, viewer_id, [row.post_id for row in rows], shelf
        )

    ids, batch = await server.db.read(unit)
    return ids, await filters.applied(server, viewer_id, batch)


async def bookmarked(server: Server, viewer_id: int, window: Window, shelf: Shelf) -> tuple[list[int], Batch]:
    """What a member bookmarked: the ids of the bookmarks (the cursors) and the posts that can still be shown."""

    def unit(conn: Connection) -> tuple[list[int], Batch]:
        rows = interactions.bookmarked(conn, viewer_id, window, _seen_by(viewer_id))
        return [row.relation_id for row in rows], batch_of(
            conn, viewer_id, [row.post_id for row in rows], shelf
        )

    ids, batch = await server.db.read(unit)
    return ids, await filters.applied(server, viewer_id, batch)
