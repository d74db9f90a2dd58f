"""Lists of threads, as a viewer may see them: by activity, new, unanswered, top; with what they have not read yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from fedserver import visibility
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.groups import rules
from fedserver.groups.rules import Action
from storage import group_threads, groups
from storage.cards import VIEWER
from storage.groups import TopicRow
from storage.hot import Hot
from storage.relationships import hides
from storage.tables import (
    account,
    dislike,
    group_thread,
    hashtag,
    membership,
    mute,
    pin,
    post,
    post_tag,
    thread_read,
)
from storage.types import DAY_MS, ID_BITS_WITHIN_MS, AnyOf, Id, id_floor, now_ms

Sort = Literal["activity", "new", "unanswered", "top"]
SORTS: Final[tuple[Sort, ...]] = ("activity", "new", "unanswered", "top")
PERIODS_MS: Final = {
    "day": DAY_MS, "week": 7 * DAY_MS, "month": 30 * DAY_MS, "year": 365 * DAY_MS, "all": None,
}  # fmt: skip

# Attributes are columns of `group_thread`, and those of `_select_lines`.
ThreadLine = Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which threads are asked for. `before` is the cursor of the page before; `topic` is a hashtag."""

    sort: Sort = "activity"
    period: str = "month"  # of `top`
    topic: str = ""
    before: str = ""
    limit: int = 25
    only_pinned: bool = False


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """Some threads; `after` is the cursor of what follows, "" at the end. `topics` are those of each, by its id."""

    lines: list[ThreadLine]
    after: str
    topics: dict[int, list[TopicRow]]


# -- statements

_AUTHOR: Final = account.alias("thread_author")
_LAST: Final = post.alias("last_post")
_LAST_AUTHOR: Final = account.alias("last_author")
_BELONGS: Final = membership.alias("belongs")


def _number(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=Id)


def _unless(name: str, condition: Any) -> Any:
    """The condition, if the parameter of this name is not 0."""
    return or_(_number(name) == literal_column("0"), condition)


def _score() -> Any:
    against = select(func.count()).where(dislike.c.post_id == post.c.id).scalar_subquery()
    return post.c.likes_count - against


def _unread() -> Any:
    """How many posts of others have come since the viewer last read; of a thread never opened the first one, too."""
    later = post.alias("later")
    since = func.coalesce(
        thread_read.c.last_read_id, func.coalesce(_BELONGS.c.read_at, 0) * (1 << ID_BITS_WITHIN_MS)
    )
    count = (
        select(func.count())
        .where(
            later.c.thread_id == group_thread.c.post_id,
            later.c.group_id == group_thread.c.group_id,
            later.c.id > since,
            later.c.account_id != VIEWER,
            later.c.deleted_at.is_(None),
            later.c.boost_of_id.is_(None),
        )
        .correlate(group_thread, thread_read, _BELONGS)
        .scalar_subquery()
    )
    return case((_BELONGS.c.account_id.is_(None), 0), else_=count)


def _select_lines(viewer_id: Any) -> Select[Any]:
    """Threads with what a list shows of them."""
    signed_in = viewer_id is not None
    now = bindparam("now", type_=mute.c.expires_at.type)
    is_pinned = exists().where(
        pin.c.account_id == group_thread.c.group_id, pin.c.post_id == group_thread.c.post_id
    )
    return (
        select(
            *group_thread.c,
            post.c.account_id, post.c.uri, post.c.url, post.c.kind, post.c.visibility, post.c.language,
            post.c.created_at, post.c.local, post.c.sensitive, post.c.likes_count, post.c.content_html,
            _AUTHOR.c.username.label("author_username"),
            _AUTHOR.c.domain.label("author_domain"),
            _AUTHOR.c.display_name.label("author_name"),
            _AUTHOR.c.avatar_url.label("author_avatar_url"),
            _AUTHOR.c.url.label("author_url"),
            _LAST.c.created_at.label("last_at"),
            _LAST_AUTHOR.c.username.label("last_username"),
            _LAST_AUTHOR.c.domain.label("last_domain"),
            _LAST_AUTHOR.c.display_name.label("last_name"),
            case((is_pinned, 1), else_=0).label("is_pinned"),
            _score().label("score"),
            (_unread() if signed_in else literal_column("0")).label("unread_count"),
        )
        .join_from(group_thread, post, post.c.id == group_thread.c.post_id)
        .join(_AUTHOR, _AUTHOR.c.id == post.c.account_id)
        .outerjoin(_LAST, _LAST.c.id == group_thread.c.last_post_id)
        .outerjoin(_LAST_AUTHOR, _LAST_AUTHOR.c.id == _LAST.c.account_id)
        .outerjoin(
            thread_read,
            and_(thread_read.c.thread_id == group_thread.c.post_id, thread_read.c.account_id == VIEWER),
        )
        .outerjoin(
            _BELONGS, and_(_BELONGS.c.group_id == group_thread.c.group_id, _BELONGS.c.account_id == VIEWER)
        )
        .where(visibility.predicate(viewer_id))
        .where(~hides(VIEWER, _AUTHOR.c.id, _AUTHOR.c.domain, now))
    )  # fmt: skip


def _select_page(viewer_id: Any, sort: Sort) -> Select[Any]:
    in_topic = exists(
        select(post_tag.c.post_id)
        .join(hashtag, hashtag.c.id == post_tag.c.tag_id)
        .where(post_tag.c.post_id == group_thread.c.post_id, hashtag.c.key == bindparam("topic"))
    )
    is_pinned = exists().where(
        pin.c.account_id == group_thread.c.group_id, pin.c.post_id == group_thread.c.post_id
    )
    query = (
        _select_lines(viewer_id)
        .where(
            AnyOf(group_thread.c.group_id, bindparam("group_ids")), group_thread.c.merged_into_id.is_(None)
        )
        .where(_unless("in_topic", in_topic), _unless("only_pinned", is_pinned))
        .limit(_number("limit"))
    )
    at, thread_id = group_thread.c.last_activity_at, group_thread.c.post_id
    before_at, before_id = _number("before_at"), _number("before_id")
    if sort == "activity":
        below = or_(at < before_at, and_(at == before_at, thread_id < before_id))
        return query.where(_unless("before_id", below)).order_by(at.desc(), thread_id.desc())
    if sort == "top":
        return (
            query.where(thread_id >= before_id)
            .order_by(_score().desc(), group_thread.c.replies_count.desc(), thread_id.desc())
            .offset(before_at)
        )
    query = query.where(_unless("before_id", thread_id < before_id)).order_by(thread_id.desc())
    if sort == "unanswered":
        query = query.where(
            group_thread.c.answer_id.is_(None),
            group_thread.c.locked_at.is_(None),
            or_(group_thread.c.replies_count == 0, _number("help") == literal_column("1")),
        )
    return query


def _select_some(viewer_id: Any) -> Select[Any]:
    return _select_lines(viewer_id).where(AnyOf(group_thread.c.post_id, bindparam("ids")))


def _viewer(signed_in: bool) -> Any:
    return VIEWER if signed_in else None


_pages: Final[dict[tuple[bool, Sort], Hot[ThreadLine]]] = {
    (signed_in, sort): Hot(partial(_select_page, _viewer(signed_in), sort))
    for signed_in in (False, True)
    for sort in SORTS
}
_by_ids: Final[dict[bool, Hot[ThreadLine]]] = {
    signed_in: Hot(partial(_select_some, _viewer(signed_in))) for signed_in in (False, True)
}


# -- what web asks


async def of_group(server: Server, viewer_id: int | None, group_id: int, wanted: Wanted) -> ThreadPage:
    """One page of a group's threads. Raises NotFound, Forbidden, Invalid."""

    def unit(conn: Connection) -> ThreadPage:
        group, _ = rules.known(conn, group_id, viewer_id)
        rules.check(conn, Action.READ, group, viewer_id)
        return page_unit(conn, viewer_id, [group_id], wanted, help_group=group.kind == "help")

    return await server.db.read(unit)


async def of_member(server: Server, account_id: int, wanted: Wanted) -> ThreadPage:
    """One page of the threads of all groups that a member belongs to. Raises Invalid."""

    def unit(conn: Connection) -> ThreadPage:
        mine = [one.account_id for one in groups.of_member(conn, account_id)]
        return page_unit(conn, account_id, mine, wanted)

    return await server.db.read(unit)


def page_unit(
    conn: Connection,
    viewer_id: int | None,
    group_ids: Sequence[int],
    wanted: Wanted,
    *,
    help_group: bool = False,
) -> ThreadPage:
    """Threads of these groups, in two statements."""
    if wanted.sort not in SORTS:
        raise Invalid({"sort": f"must be one of {', '.join(SORTS)}"})
    if wanted.period not in PERIODS_MS:
        raise Invalid({"period": f"must be one of {', '.join(PERIODS_MS)}"})
    if not group_ids:
        return ThreadPage([], "", {})
    before_at, before_id = _cursor(wanted)
    found = _pages[viewer_id is not None, wanted.sort].run(
        conn, viewer_id=viewer_id or 0, now=now_ms(), group_ids=list(group_ids), limit=wanted.limit + 1,
        topic=wanted.topic, in_topic=int(bool(wanted.topic)), only_pinned=int(wanted.only_pinned),
        before_at=before_at, before_id=before_id, **({"help": int(help_group)} if wanted.sort == "unanswered" else {}),
    )  # fmt: skip
    lines = found[: wanted.limit]
    after = _after(wanted, lines[-1]) if len(found) > wanted.limit else ""
    return ThreadPage(lines, after, topics_of(conn, lines))


def lines_unit(conn: Connection, viewer_id: int | None, thread_ids: Sequence[int]) -> dict[int, ThreadLine]:
    """Those of these threads that the viewer may see, by id."""
    if not thread_ids:
        return {}
    rows = _by_ids[viewer_id is not None].run(
        conn, ids=list(thread_ids), viewer_id=viewer_id or 0, now=now_ms()
    )
    return {row.post_id: row for row in rows}


def topics_of(conn: Connection, lines: Sequence[ThreadLine]) -> dict[int, list[TopicRow]]:
    """The topics of their groups that these threads are in."""
    if not lines:
        return {}
    return group_threads.topics_of(conn, [one.post_id for one in lines])


def _cursor(wanted: Wanted) -> tuple[int, int]:
    """What is behind the cursor: an instant and an id; for `top` how many to pass over, and the oldest id."""
    first, _, second = wanted.before.partition("-")
    if wanted.before and not (
        first.isdecimal() and (second.isdecimal() or not second) and len(wanted.before) < 40
    ):
        raise Invalid({"before": "is no cursor of a page before"})
    at, row_id = int(first or 0), int(second or 0)
    if wanted.sort == "top":
        period = PERIODS_MS[wanted.period]
        return min(at, 10_000), 0 if period is None else id_floor(now_ms() - period)
    return (at, row_id) if wanted.sort == "activity" else (0, at)


def _after(wanted: Wanted, last: ThreadLine) -> str:
    if wanted.sort == "activity":
        return f"{last.last_activity_at}-{last.post_id}"
    if wanted.sort == "top":
        return str(_cursor(wanted)[0] + wanted.limit)
    return str(last.post_id)
