"""Who of those who listen is told of a post: decided for all of them at once, by the rules of the timelines.

A member hears of what is in their home timeline, and in public streams of what public timelines would show them.
Whether they may see it is asked of the one predicate of `fedserver.visibility`, with the listeners in place of a
single viewer. No statement looks at members who do not listen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, Connection, Select, bindparam, case, exists, literal, select, union_all

from fedserver import quoted, visibility
from fedserver.groups import as_lists
from fedserver.streams import names
from fedserver.streams.gone import Gone
from fedserver.streams.names import Stream
from storage import cards, event_polls, filters, lists, posts, quotes
from storage.cards import KINDS_WITH_POLL, Batch, Card, Held, PostLine
from storage.filters import Filter
from storage.hot import Hot
from storage.interactions import Standing
from storage.relationships import hides
from storage.tables import (
    account,
    block,
    bookmark,
    follow,
    home_entry,
    like,
    media,
    membership,
    mute,
    pin,
    poll_vote,
    post,
    quote,
    thread_mute,
    user,
)
from storage.types import AnyOf, now_ms

FEW: Final = 40  # so many listeners are looked up one by one rather than found among all who have the post


@dataclass(frozen=True, slots=True)
class Interest:
    """Who listens to what, as a unit needs it: to whose home, to which lists; and to which streams open to all, with
    the members among those who listen to them."""

    home: Collection[int]
    open: Mapping[Stream, frozenset[int]]
    lists: Collection[int]
    of_lists: Collection[int]  # the members who listen to some list
    unfiltered: Collection[int]  # of all of them, those whose filters are not known yet


@dataclass(slots=True)
class Told:
    """A post, and who is told of it: whose home has it, and which lists; the streams open to all that it is in and
    somebody listens to, and the members who want to see it there."""

    card: Card
    home: set[int] = field(default_factory=set)
    lists: dict[int, set[int]] = field(
        default_factory=dict
    )  # and whose they are; those of groups are of many
    streams: list[Stream] = field(default_factory=list)
    welcome: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Shown:
    """What is needed to show the posts to each of those who are told. Pairs are of a member and a post."""

    told: dict[int, Told]
    batch: Batch
    standing: dict[tuple[int, int], Standing]
    chosen: dict[tuple[int, int], frozenset[int]]  # places of a poll they voted for
    hidden: dict[tuple[int, int], str]  # of what a post quotes: as `QuoteCard.hidden`
    ties: frozenset[tuple[int, int]]  # who follows whom, as `Batch.ties`
    filters: dict[int, list[Filter]]


class _Row(NamedTuple):
    card: Card
    local: bool
    has_media: bool


def open_streams(
    listened: Collection[Stream], *, in_public: bool, local: bool, has_media: bool, tags: Iterable[str]
) -> list[Stream]:
    """Which of the streams somebody listens to have a post that everybody may see; `in_public` unless it answers
    somebody else."""
    side = "public:local" if local else "public:remote"
    of_side = names.HASHTAG_LOCAL if local else names.HASHTAG_REMOTE
    wanted = [Stream(name, key) for key in tags for name in (names.HASHTAG, of_side)]
    if in_public:
        wanted += [Stream("public", ""), Stream(side, "")]
        if has_media:
            wanted += [Stream("public:media", ""), Stream(f"{side}:media", "")]
    return [one for one in wanted if one in listened]


# -- statements

_LISTENER: Final = user.alias("listener")
_HEARS: Final = _LISTENER.c.account_id
_VIEWERS: Final[BindParameter[Any]] = bindparam("viewers")
_IDS: Final[BindParameter[Any]] = bindparam("ids")


def _select_posts() -> Select[Any]:
    # Shown or not is decided for each listener.
    has_media = exists().where(media.c.post_id == post.c.id)
    return cards.select_all_cards(post.c.local, case((has_media, literal(1)), else_=literal(0))).where(
        AnyOf(post.c.id, _IDS), post.c.deleted_at.is_(None)
    )


def _row(values: Any) -> _Row:
    return _Row(cards.card_of(values), bool(values[-2]), bool(values[-1]))


def _select_seen() -> Select[Any]:
    """Pairs of listener and post that may be seen, with 1 where public streams would show it to them."""
    now = bindparam("now", type_=mute.c.expires_at.type)
    author = account.alias("writer")
    unwanted = hides(_HEARS, author.c.id, author.c.domain, now)
    original = cards.ORIGINAL
    return (
        select(_HEARS, post.c.id, case((unwanted, literal(0)), else_=literal(1)).label("wanted"))
        .select_from(_LISTENER.join(post, literal(True)).join(author, author.c.id == post.c.account_id))
        .join(original, original.c.id == post.c.boost_of_id, isouter=True)
        .where(AnyOf(_HEARS, _VIEWERS), AnyOf(post.c.id, _IDS))
        .where(
            case((_visible(post), True), else_=False),
            case((original.c.id.is_(None), True), else_=_visible(original)),
        )
    )


def _visible(table: Any) -> Any:
    return visibility.predicate(_HEARS, table)


def _select_home(*, few: bool) -> Select[Any]:
    query = select(home_entry.c.account_id, home_entry.c.post_id).where(AnyOf(home_entry.c.post_id, _IDS))
    return query.where(AnyOf(home_entry.c.account_id, _VIEWERS)) if few else query


def _select_hidden() -> Select[Any]:
    """Why what these posts quote is hidden from each listener."""
    quotes_shown = quotes.select_shown(_visible, member=True, viewer=_HEARS)
    return (
        quotes_shown.add_columns(_HEARS)
        .join(_LISTENER, literal(True))
        .where(AnyOf(_HEARS, _VIEWERS), AnyOf(quote.c.post_id, _IDS))
    )


def _select_ties() -> Any:
    authors: BindParameter[Any] = bindparam("authors")
    pair = (follow.c.account_id, follow.c.target_id)
    return union_all(
        select(*pair).where(AnyOf(pair[0], _VIEWERS), AnyOf(pair[1], authors), follow.c.accepted),
        select(*pair).where(AnyOf(pair[0], authors), AnyOf(pair[1], _VIEWERS), follow.c.accepted),
    )


def _select_standing() -> Any:
    """Like `cards.standing_of`, for many viewers."""
    parts = [
        select(literal("liked").label("what"), like.c.account_id, like.c.post_id).where(
            AnyOf(like.c.account_id, _VIEWERS), AnyOf(like.c.post_id, _IDS)
        ),
        select(literal("boosted"), post.c.account_id, post.c.boost_of_id).where(
            AnyOf(post.c.account_id, _VIEWERS), AnyOf(post.c.boost_of_id, _IDS)
        ),
        select(literal("bookmarked"), bookmark.c.account_id, bookmark.c.post_id).where(
            AnyOf(bookmark.c.account_id, _VIEWERS), AnyOf(bookmark.c.post_id, _IDS)
        ),
        select(literal("pinned"), pin.c.account_id, pin.c.post_id).where(
            AnyOf(pin.c.account_id, _VIEWERS), AnyOf(pin.c.post_id, _IDS)
        ),
        select(literal("muted"), thread_mute.c.account_id, thread_mute.c.thread_id).where(
            AnyOf(thread_mute.c.account_id, _VIEWERS), AnyOf(thread_mute.c.thread_id, bindparam("threads"))
        ),
    ]
    return union_all(*parts)


def _select_votes() -> Any:
    own = select(poll_vote.c.account_id, poll_vote.c.post_id, poll_vote.c.position).where(
        AnyOf(poll_vote.c.account_id, _VIEWERS), AnyOf(poll_vote.c.post_id, _IDS)
    )
    return union_all(own, event_polls.select_votes(_IDS, _VIEWERS, bindparam("now")))


def _select_followers() -> Select[Any]:
    return select(follow.c.account_id).where(
        AnyOf(follow.c.account_id, _VIEWERS), follow.c.target_id == bindparam("author_id"), follow.c.accepted
    )


def _select_blocked() -> Select[Any]:
    return select(block.c.target_id).where(
        AnyOf(block.c.target_id, _VIEWERS), block.c.account_id == bindparam("author_id")
    )


def _select_group() -> Select[Any]:
    return select(membership.c.account_id).where(
        AnyOf(membership.c.account_id, _VIEWERS), membership.c.group_id == bindparam("group_id")
    )


_posts: Hot[_Row] = Hot(_select_posts, _row, packed=True)
_seen: Hot[Any] = Hot(_select_seen, tuple, packed=True)
_home_of_few: Hot[Any] = Hot(lambda: _select_home(few=True), tuple, packed=True)
_home_of_all: Hot[Any] = Hot(lambda: _select_home(few=False), tuple, packed=True)
_hidden: Hot[Any] = Hot(_select_hidden, lambda row: (row[-1], *quotes.shown_of(row[:-1])), packed=True)
_ties: Hot[Any] = Hot(_select_ties, tuple)
_standing: Hot[Any] = Hot(_select_standing, tuple, packed=True)
_votes: Hot[Any] = Hot(_select_votes, tuple, packed=True)
_followers: Hot[Any] = Hot(_select_followers, tuple)
_group: Hot[Any] = Hot(_select_group, tuple)
_blocked: Hot[Any] = Hot(_select_blocked, tuple)


# -- units


def told_of(conn: Connection, post_ids: Sequence[int], interest: Interest, held: Held) -> Shown | None:
    """Who is told of these posts, and what is needed to show them; None when nobody is."""
    in_home = _in_home(conn, post_ids, interest.home)
    in_lists = {one: _in_lists(conn, one, interest) for one in post_ids if interest.lists}
    concerned = [one for one in post_ids if interest.open or one in in_home or in_lists.get(one)]
    if not concerned:
        return None
    rows = _posts.run(conn, ids=concerned)
    told = {row.card.post.id: Told(row.card) for row in rows}
    _find_streams(conn, rows, told, interest)
    _admit(conn, told, in_home, in_lists, interest)
    told = {post_id: one for post_id, one in told.items() if one.home or one.lists or one.streams}
    if not told:
        return None
    members: set[int] = set().union(
        *(one.home | one.welcome | set().union(*one.lists.values()) for one in told.values())
    )
    return _shown(conn, told, members, interest, held)


def _find_streams(
    conn: Connection, rows: Sequence[_Row], told: Mapping[int, Told], interest: Interest
) -> None:
    """Put the open streams that somebody listens to with the posts that are in them."""
    listed = [row for row in rows if _is_listed(row.card)]
    if not interest.open or not listed:
        return
    tags: dict[int, list[Any]] = {}
    if any(one.of for one in interest.open):
        tags = posts.tags_of(conn, [row.card.post.id for row in listed])
    for row in listed:
        line = row.card.post
        told[line.id].streams = open_streams(
            interest.open,
            in_public=line.in_reply_to_account_id in (None, line.account_id),
            local=row.local,
            has_media=row.has_media,
            tags=[tag.key for tag in tags.get(line.id, ())],
        )


def _is_listed(card: Card) -> bool:
    line, author = card.post, card.author
    return (
        line.visibility == "public"
        and line.kind != "boost"
        and author.suspended_at is None
        and author.limited_at is None
    )


def _in_lists(conn: Connection, post_id: int, interest: Interest) -> list[tuple[int, int]]:
    """(list, whose it is) of those that a post has entered, groups among them."""
    own = lists.containing(conn, post_id, list(interest.lists))
    return own + as_lists.containing(conn, post_id, list(interest.lists), interest.of_lists)


def _in_home(conn: Connection, post_ids: Sequence[int], listening: Collection[int]) -> dict[int, set[int]]:
    """By post: who of those listening has it in their home timeline."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    if not listening:
        return found
    if len(listening) <= FEW:
        rows = _home_of_few.run(conn, ids=list(post_ids), viewers=list(listening))
    else:
        # Not one by one: with a thousand sockets open that would cost more than the post itself.
        rows = _home_of_all.run(conn, ids=list(post_ids))
    for account_id, post_id in rows:
        if account_id in listening:
            found[post_id].add(account_id)
    return found


def _admit(
    conn: Connection,
    told: Mapping[int, Told],
    in_home: Mapping[int, set[int]],
    in_lists: Mapping[int, Sequence[tuple[int, int]]],
    interest: Interest,
) -> None:
    """Of those who listen, let those hear of the posts who may see them."""
    listening = {
        post_id: set().union(*(interest.open[stream] for stream in one.streams))
        for post_id, one in told.items()
    }
    owners = {owner_id for pairs in in_lists.values() for _, owner_id in pairs}
    asked = owners.union(*listening.values(), *(in_home.get(post_id, ()) for post_id in told))
    if not asked:
        return
    for account_id, post_id, wanted in _seen.run(conn, viewers=list(asked), ids=list(told), now=now_ms()):
        if account_id in in_home.get(post_id, ()):
            told[post_id].home.add(account_id)
        for list_id, owner_id in in_lists.get(post_id, ()):
            if owner_id == account_id:
                told[post_id].lists.setdefault(list_id, set()).add(owner_id)
        if wanted and account_id in listening[post_id]:
            told[post_id].welcome.add(account_id)


def _shown(
    conn: Connection, told: dict[int, Told], members: Collection[int], interest: Interest, held: Held
) -> Shown:
    """With what differs from one member to another: a statement for all that they did, and more only if there are
    polls, quotes, posts that not everybody may quote, or filters not known yet."""
    batch = quoted.complete(conn, [one.card for one in told.values()], None, held)
    shown = Shown(told, batch, {}, {}, {}, frozenset(), {})
    if not members:
        return shown
    lines: dict[int, PostLine] = {}
    for one in told.values():
        for line in (one.card.post, one.card.original):
            if line is not None:
                lines[line.id] = line
    viewers = list(members)
    _add_standing(conn, shown, lines.values(), viewers)
    polled = [line.id for line in lines.values() if line.kind in KINDS_WITH_POLL]
    if polled:
        chosen: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        for account_id, post_id, position in _votes.run(conn, viewers=viewers, ids=polled, now=now_ms()):
            chosen[account_id, post_id].add(position)
        shown.chosen = {pair: frozenset(places) for pair, places in chosen.items()}
    if batch.quotes:
        for account_id, post_id, one_quote in _hidden.run(
            conn, viewers=viewers, ids=list(batch.quotes), now=now_ms()
        ):
            shown.hidden[account_id, post_id] = one_quote.hidden
    quotable = [*lines.values(), *(one.quoted for one in batch.quotes.values() if one.quoted is not None)]
    authors = {one.account_id for one in quotable if quoted.depends_on_ties(one)}
    if authors:
        shown.ties = frozenset(_ties.run(conn, viewers=viewers, authors=list(authors)))
    unfiltered = [one for one in viewers if one in interest.unfiltered]
    if unfiltered:
        shown.filters = filters.of_accounts(conn, unfiltered)
    return shown


def _add_standing(conn: Connection, shown: Shown, lines: Iterable[PostLine], viewers: list[int]) -> None:
    threads: defaultdict[int, list[int]] = defaultdict(list)
    ids = []
    for line in lines:
        ids.append(line.id)
        threads[line.thread_id].append(line.id)
    for what, account_id, one in _standing.run(conn, viewers=viewers, ids=ids, threads=list(threads)):
        for post_id in threads[one] if what == "muted" else (one,):
            setattr(shown.standing.setdefault((account_id, post_id), Standing()), what, True)


def told_it_is_gone(conn: Connection, gone: Gone, listening: Collection[int]) -> set[int]:
    """Who of the members listening could see the post that was deleted, and so may know that it is gone."""
    if not listening:
        return set()
    # Whom a group does not let read a post does not see it for being named in it.
    named = () if gone.visibility == "group" else gone.mentioned
    found = {one for one in (gone.author_id, *named) if one in listening}
    viewers = list(listening)
    if gone.visibility == "group" and gone.group_id is not None:
        found.update(one for (one,) in _group.run(conn, viewers=viewers, group_id=gone.group_id))
    elif gone.visibility == "members":
        found.update(listening)
    elif gone.visibility != "direct":
        found.update(one for (one,) in _followers.run(conn, viewers=viewers, author_id=gone.author_id))
    if gone.visibility not in visibility.FOR_EVERYBODY and found:
        found.difference_update(
            one for (one,) in _blocked.run(conn, viewers=list(found), author_id=gone.author_id)
        )
    return found
