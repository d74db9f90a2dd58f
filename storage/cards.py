"""What is needed to show posts, fetched for a whole list at once by statements that are compiled once.

A `Card` is what changes without an edit: counts, parent, author. Texts come only for those posts and accounts
whose rendering the caller does not hold already, because they change with the version alone.
"""

# Long because all that showing a post takes is fetched in one place, where no list can forget a part of it.

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import (
    BindParameter,
    Connection,
    FromClause,
    Row,
    Select,
    bindparam,
    case,
    exists,
    literal,
    literal_column,
    select,
    union_all,
)

from storage import accounts, collections, event_polls, posts, previews
from storage.hot import Hot, Met
from storage.interactions import Standing
from storage.paging import Window
from storage.tables import (
    account,
    app,
    bookmark,
    group_thread,
    like,
    media,
    mention,
    pin,
    poll,
    poll_option,
    poll_vote,
    post,
    post_collection,
    post_tag,
    thread_mute,
)
from storage.types import AnyOf, now_ms

ID_MAX: Final = (1 << 63) - 1
KINDS_WITH_POLL: Final = frozenset({"question", "event"})

VIEWER: Final[BindParameter[int]] = bindparam("viewer_id", required=True)
"""The parameter of every statement that depends on who is looking."""


class PostLine(NamedTuple):
    """What a post shows that an edit does not touch, and what says which rendering of it holds."""

    id: int
    version: int
    account_id: int
    kind: str
    visibility: str
    thread_id: int
    in_reply_to_id: int | None
    in_reply_to_account_id: int | None
    boost_of_id: int | None
    replies_count: int
    boosts_count: int
    likes_count: int
    quotes_count: int
    quote_policy: int
    quote_uri: str
    preview_id: int | None


class AccountLine(NamedTuple):
    """The same of an account."""

    id: int
    version: int
    followers_count: int
    following_count: int
    posts_count: int
    last_posted_at: int | None
    suspended_at: int | None
    limited_at: int | None
    moved_to_id: int | None


class Card:
    """A post and its author; for a boost also the post it shows and that one's author. Never changed, but for what
    is noted on it: a card that is met again spares whoever shows it most of the work.

    `held` are the renderings of all of it, once they were there, if there is nothing more to a post than these: no
    poll, quote, preview or move. `usual` is for who shows posts: how most viewers see it.
    """

    __slots__ = ("author", "held", "original", "original_author", "post", "usual")

    def __init__(
        self,
        post: PostLine,
        author: AccountLine,
        original: PostLine | None = None,
        original_author: AccountLine | None = None,
    ) -> None:
        self.post = post
        self.author = author
        self.original = original
        self.original_author = original_author
        self.held: tuple[Rendering, bytes, Rendering | None, bytes | None] | None = None
        self.usual: bytes | None = None


class QuoteCard(NamedTuple):
    """What a post quotes, how that stands, and why the viewer is not shown it at once: "" for no reason,
    unauthorized, blocked_domain, blocked_account or muted_account. Without `quoted` it is not known here, or gone.
    `legacy` was made by software that asks nobody."""

    state: str
    legacy: bool
    hidden: str
    quoted: PostLine | None
    quoted_author: AccountLine | None


class PollOption(NamedTuple):
    """One choice; `chosen` is by the viewer."""

    title: str
    votes_count: int
    chosen: bool


@dataclass(slots=True)
class PollCard:
    """A poll as it stands. `voters_count` is None where its origin does not say."""

    multiple: bool
    hide_totals: bool
    expires_at: int | None
    closed_at: int | None
    voters_count: int | None
    options: list[PollOption] = field(default_factory=list)


@dataclass(slots=True)
class Content:
    """A post's own row and what hangs on it: rows of mentioned accounts, hashtags, attachments, the app,
    and collections with whom they feature."""

    row: Row[Any]
    mentions: Sequence[Row[Any]] = ()
    tags: Sequence[Row[Any]] = ()
    media: Sequence[Row[Any]] = ()
    app: Row[Any] | None = None
    collections: Sequence[tuple[Row[Any], Sequence[Row[Any]]]] = ()


class Rendering(NamedTuple):
    """A post as it was made once: its JSON, without the end, and its words as filters compare them."""

    body: bytes
    words: str


class Held(Protocol):
    """The renderings a caller holds. Asked from the thread of a unit."""

    def post(self, post_id: int, version: int) -> Rendering | None: ...

    def account(self, account_id: int, version: int) -> bytes | None: ...

    def preview(self, preview_id: int) -> bytes | None: ...


@dataclass(slots=True)
class Batch:
    """Everything some posts need: cards in order, and by id what goes with them.

    `standing` is None when nobody we know is looking, else it has what the viewer did anything with. A post is in `post_bodies` or in `contents`, an account
    in `account_bodies` or in `profiles`.
    """

    cards: list[Card]
    standing: dict[int, Standing] | None
    polls: dict[int, PollCard]
    post_bodies: dict[int, Rendering]
    contents: dict[int, Content]
    account_bodies: dict[int, bytes]
    profiles: dict[int, Row[Any]]
    moved: dict[int, Row[Any]]
    viewer_id: int | None = None
    # By the post that quotes; and who follows whom between the viewer and those whose posts not all may quote.
    quotes: Mapping[int, QuoteCard] = field(default_factory=dict)
    ties: frozenset[tuple[int, int]] = frozenset()
    # Previews of linked pages by id, made or as rows; and by preview the account of who wrote the page.
    preview_bodies: dict[int, bytes] = field(default_factory=dict)
    previews: dict[int, Any] = field(default_factory=dict)
    writers: dict[int, Any] = field(default_factory=dict)
    # By post, boosts included: what of the viewer's filters it matches (`fedserver.filters.Match`).
    filtered: Mapping[int, tuple[Any, ...]] = field(default_factory=dict)


# -- statements


_new: Final = tuple.__new__
_POST_WIDTH: Final = len(PostLine._fields)
_ACCOUNT_WIDTH: Final = len(AccountLine._fields)
_SPLITS: Final = (
    _POST_WIDTH,
    _POST_WIDTH + _ACCOUNT_WIDTH,
    2 * _POST_WIDTH + _ACCOUNT_WIDTH,
    2 * (_POST_WIDTH + _ACCOUNT_WIDTH),
)
ORIGINAL_COLUMNS: Final = (_SPLITS[1], _SPLITS[3])
"""Those of a `Card` that only boosts have: the gap of packed statements (`Hot`)."""

ORIGINAL: Final = post.alias("original")
AUTHOR: Final = account.alias("author")
_ORIGINAL_AUTHOR: Final = account.alias("original_author")

Visible = Callable[[FromClause], Any]


def select_cards(visible: Visible, *more: Any) -> Select[Any]:
    """The columns of `card_of` over `post`, without posts (and boosts of posts) that are not `visible`."""
    # As CASE, because SQLite would look up every public post by the predicate's ORs rather than the few asked for.
    return select_all_cards(*more).where(
        case((visible(post), True), else_=False),
        case((ORIGINAL.c.id.is_(None), True), else_=visible(ORIGINAL)),
    )


def select_all_cards(*more: Any) -> Select[Any]:
    """The same, whoever may see them; `more` are further columns at the end."""
    columns = [
        *(post.c[name] for name in PostLine._fields),
        *(AUTHOR.c[name] for name in AccountLine._fields),
        *(ORIGINAL.c[name] for name in PostLine._fields),
        *(_ORIGINAL_AUTHOR.c[name] for name in AccountLine._fields),
        *more,
    ]
    return (
        select(*columns)
        .join_from(post, AUTHOR, AUTHOR.c.id == post.c.account_id)
        .join(ORIGINAL, ORIGINAL.c.id == post.c.boost_of_id, isouter=True)
        .join(_ORIGINAL_AUTHOR, _ORIGINAL_AUTHOR.c.id == ORIGINAL.c.account_id, isouter=True)
    )


def card_of(values: Any) -> Card:
    """A `Card` of the columns of `select_cards`, with or without the gap of one that is no boost."""
    one, two, three, four = _SPLITS
    # Past the constructors of named tuples, which are Python's and cost as much as the query.
    post_line, author = _new(PostLine, values[:one]), _new(AccountLine, values[one:two])
    if len(values) < four or values[two] is None:
        return Card(post_line, author)
    original, original_author = _new(PostLine, values[two:three]), _new(AccountLine, values[three:four])
    return Card(post_line, author, original, original_author)


class Page:
    """A hot statement over a list ordered by id, for any window. Parameters ``above``, ``below`` and ``size``.

    `gap` is that of `Hot`, which for cards is what only boosts have.
    """

    def __init__(
        self,
        statement: Callable[[], Select[Any]],
        column: Any,
        row: Callable[[Any], Any] = card_of,
        gap: tuple[int, int] | None = None,
    ) -> None:
        def bounded(*, ascending: bool) -> Select[Any]:
            order = column.asc() if ascending else column.desc()
            return (
                statement()
                .where(column > bindparam("above"), column < bindparam("below"))
                .order_by(order)
                .limit(bindparam("size"))
            )

        gap = ORIGINAL_COLUMNS if row is card_of else gap
        self._down: Hot[Any] = Hot(lambda: bounded(ascending=False), row, packed=True, gap=gap)
        self._up: Hot[Any] = Hot(lambda: bounded(ascending=True), row, packed=True, gap=gap)

    def run(
        self, conn: Connection, window: Window, met: Met[Any] | None = None, **parameters: Any
    ) -> list[Any]:
        """The page, newest first; rows that have been `met` are taken from there."""
        bounds = {
            "above": max(window.min_id or 0, window.since_id or 0),
            "below": ID_MAX if window.max_id is None else window.max_id,
            "size": window.limit,
        }
        if window.ascending:
            return self._up.run(conn, met, **bounds, **parameters)[::-1]
        return self._down.run(conn, met, **bounds, **parameters)


def _select_standing() -> Any:
    ids: BindParameter[Any] = bindparam("ids")
    threads: BindParameter[Any] = bindparam("threads")
    return union_all(
        select(literal("liked").label("what"), like.c.post_id).where(
            like.c.account_id == VIEWER, AnyOf(like.c.post_id, ids)
        ),
        select(literal("boosted"), post.c.boost_of_id).where(
            post.c.account_id == VIEWER, AnyOf(post.c.boost_of_id, ids)
        ),
        select(literal("bookmarked"), bookmark.c.post_id).where(
            bookmark.c.account_id == VIEWER, AnyOf(bookmark.c.post_id, ids)
        ),
        select(literal("pinned"), pin.c.post_id).where(pin.c.account_id == VIEWER, AnyOf(pin.c.post_id, ids)),
        select(literal("muted"), thread_mute.c.thread_id).where(
            thread_mute.c.account_id == VIEWER, AnyOf(thread_mute.c.thread_id, threads)
        ),
    )


def _select_polls() -> Any:
    own = (
        select(
            poll.c.post_id,
            poll.c.multiple,
            poll.c.hide_totals,
            poll.c.expires_at,
            poll.c.closed_at,
            poll.c.voters_count,
            poll_option.c.title,
            poll_option.c.votes_count,
            poll_vote.c.position.label("chosen"),
            poll_option.c.position.label("place"),
        )
        .join_from(poll, poll_option, poll_option.c.post_id == poll.c.post_id)
        .join(
            poll_vote,
            (poll_vote.c.post_id == poll.c.post_id)
            & (poll_vote.c.account_id == VIEWER)
            & (poll_vote.c.position == poll_option.c.position),
            isouter=True,
        )
        .where(AnyOf(poll.c.post_id, bindparam("ids")))
    )
    of_events = event_polls.select_choices(bindparam("ids"), VIEWER, bindparam("now"))
    return union_all(own, of_events).order_by(literal_column("1"), literal_column("10"))


def _select_texts() -> Select[Any]:
    """Posts, whether there are things that hang on them, and the thread of a group that they are in."""
    hanging = (mention, post_tag, media, post_collection)
    thread = group_thread.c
    return (
        select(
            post,
            *(
                exists().where(table.c.post_id == post.c.id).label(name)
                for name, table in zip(_PARTS, hanging, strict=True)
            ),
            thread.title.label("thread_title"),
            thread.locked_at.label("thread_locked_at"),
            thread.answer_id.label("thread_answer_id"),
        )
        .join(group_thread, thread.post_id == post.c.thread_id, isouter=True)
        .where(AnyOf(post.c.id, bindparam("ids")))
    )


_PARTS: Final = ("mentions_some", "has_tags", "has_media", "has_collections")
TEXTS: Hot[Any] = Hot(_select_texts)
MARKS: Hot[Any] = Hot(_select_standing, tuple, packed=True)
POLLS: Hot[Any] = Hot(_select_polls, tuple, packed=True)


# -- fetching


def complete(
    conn: Connection,
    cards: list[Card],
    viewer_id: int | None,
    held: Held,
    quotes: Mapping[int, QuoteCard] | None = None,
) -> Batch:
    """Everything else these cards need: one statement for a viewer's marks, one more if there are polls, and
    more only for what is not `held`. `quotes` are theirs: `fedserver.quoted.complete` knows what may be seen."""
    lines: dict[int, PostLine] = {}
    authors: dict[int, AccountLine] = {}
    looked_at: list[PostLine] = []
    bodies: dict[int, Rendering] = {}
    profiles: dict[int, bytes] = {}
    unknown: list[Card] = []
    for card in cards:
        looked_at.append(card.post)
        if card.original is not None:
            looked_at.append(card.original)
        if card.held is not None:
            bodies[card.post.id], profiles[card.author.id], body, profile = card.held
            if body is not None and profile is not None:
                bodies[card.original.id], profiles[card.original_author.id] = body, profile  # type: ignore[union-attr]
            continue
        unknown.append(card)
        lines[card.post.id] = card.post
        authors[card.author.id] = card.author
        if card.original is not None and card.original_author is not None:
            lines[card.original.id] = card.original
            authors[card.original_author.id] = card.original_author
    for quote in (quotes or {}).values():
        if quote.quoted is not None and quote.quoted_author is not None:
            looked_at.append(quote.quoted)
            lines[quote.quoted.id] = quote.quoted
            authors[quote.quoted_author.id] = quote.quoted_author
    standing = None if viewer_id is None else standing_of(conn, viewer_id, looked_at)
    polled = [line.id for line in lines.values() if line.kind in KINDS_WITH_POLL]
    batch = Batch(cards, standing, polls_of(conn, polled, viewer_id), bodies, {}, profiles, {}, {})
    batch.viewer_id, batch.quotes = viewer_id, quotes or {}
    missing: list[int] = []
    for line in lines.values():
        body = held.post(line.id, line.version)
        if body is None:
            missing.append(line.id)
        else:
            batch.post_bodies[line.id] = body
    if missing:
        batch.contents = contents_of(conn, missing)
    add_accounts(conn, batch, authors.values(), held)
    add_previews(
        conn, batch, {line.preview_id for line in lines.values() if line.preview_id is not None}, held
    )
    for card in unknown:
        _note_held(card, batch)
    return batch


def _note_held(card: Card, batch: Batch) -> None:
    """On a card of which everything is held."""
    body, profile = batch.post_bodies.get(card.post.id), batch.account_bodies.get(card.author.id)
    if body is None or profile is None or not _is_plain(card.post, card.author):
        return
    if card.original is None or card.original_author is None:
        card.held = body, profile, None, None
        return
    original = batch.post_bodies.get(card.original.id)
    original_profile = batch.account_bodies.get(card.original_author.id)
    if (
        original is not None
        and original_profile is not None
        and _is_plain(card.original, card.original_author)
    ):
        card.held = body, profile, original, original_profile


def _is_plain(line: PostLine, author: AccountLine) -> bool:
    return (
        line.kind not in KINDS_WITH_POLL
        and not line.quote_uri
        and line.preview_id is None
        and author.moved_to_id is None
    )


def add_previews(conn: Connection, batch: Batch, preview_ids: Iterable[int], held: Held) -> None:
    """Put these previews of linked pages into the batch."""
    missing: list[int] = []
    for preview_id in preview_ids:
        body = held.preview(preview_id)
        if body is None:
            missing.append(preview_id)
        else:
            batch.preview_bodies[preview_id] = body
    if missing:
        batch.previews = previews.by_ids(conn, missing)
        if any(row.author_id is not None for row in batch.previews.values()):
            batch.writers = previews.writers(conn, missing)


def add_accounts(conn: Connection, batch: Batch, lines: Iterable[AccountLine], held: Held) -> None:
    """Put what these accounts need into the batch."""
    missing: list[int] = []
    moved: set[int] = set()
    for line in lines:
        body = held.account(line.id, line.version)
        if body is None:
            missing.append(line.id)
        else:
            batch.account_bodies[line.id] = body
        if line.moved_to_id is not None:
            moved.add(line.moved_to_id)
    if missing:
        batch.profiles.update(accounts.by_ids(conn, missing))
    if moved:
        there = accounts.by_ids(conn, moved)
        batch.moved.update((one, row) for one, row in there.items() if row.suspended_at is None)


def standing_of(conn: Connection, viewer_id: int, lines: Iterable[PostLine]) -> dict[int, Standing]:
    """What the viewer did with these posts, in one statement; those with which they did nothing are left out."""
    threads: dict[int, list[int]] = {}
    ids: list[int] = []
    for line in lines:
        ids.append(line.id)
        threads.setdefault(line.thread_id, []).append(line.id)
    if not ids:
        return {}
    return standing_from(MARKS.run(conn, viewer_id=viewer_id, ids=ids, threads=list(threads)), threads)


def standing_from(rows: Iterable[Any], threads: Mapping[int, Sequence[int]]) -> dict[int, Standing]:
    """The same of rows of `MARKS`; `threads` are the posts in question by their thread."""
    found: dict[int, Standing] = {}
    for what, one in rows:
        for post_id in threads[one] if what == "muted" else (one,):
            setattr(found.setdefault(post_id, Standing()), what, True)
    return found


def polls_of(conn: Connection, post_ids: Sequence[int], viewer_id: int | None) -> dict[int, PollCard]:
    """Those of these posts that have a poll, with the viewer's choices."""
    if not post_ids:
        return {}
    return polls_from(POLLS.run(conn, ids=list(post_ids), viewer_id=viewer_id or 0, now=now_ms()))


def polls_from(rows: Iterable[Any]) -> dict[int, PollCard]:
    """The same of rows of `POLLS`."""
    found: dict[int, PollCard] = {}
    for row in rows:
        post_id, multiple, hide_totals, expires_at, closed_at, voters_count, title, votes, chosen, _ = row
        card = found.get(post_id)
        if card is None:
            card = found[post_id] = PollCard(
                bool(multiple), bool(hide_totals), expires_at, closed_at, voters_count
            )
        card.options.append(PollOption(title, votes, chosen is not None))
    return found


def contents_of(conn: Connection, post_ids: Sequence[int]) -> dict[int, Content]:
    """The texts of these posts, and what hangs on them: a statement for each kind of thing that there is."""
    rows = {row.id: row for row in TEXTS.run(conn, ids=list(post_ids))}

    def those(flag: str) -> list[int]:
        return [row.id for row in rows.values() if getattr(row, flag)]

    mentioning, tagged, illustrated, listing = map(those, _PARTS)
    mentions = posts.mentioned(conn, mentioning) if mentioning else {}
    tags = posts.tags_of(conn, tagged) if tagged else {}
    media = posts.media_of(conn, illustrated) if illustrated else {}
    listed = collections.shown_with(conn, listing) if listing else {}
    app_ids = {row.app_id for row in rows.values() if row.app_id is not None}
    apps = {row.id: row for row in conn.execute(select(app).where(app.c.id.in_(app_ids)))} if app_ids else {}
    return {
        post_id: Content(
            row,
            [one for one in mentions.get(post_id, ()) if not one.silent],
            tags.get(post_id, ()),
            media.get(post_id, ()),
            apps.get(row.app_id),
            listed.get(post_id, ()),
        )
        for post_id, row in rows.items()
    }
