"""What is in calendars: times at which events take place, and events, as far as they fit what is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, literal, not_, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import Boolean

from storage import kept_out
from storage.events import EventRow, select_events
from storage.instances import escaped
from storage.search import Clause, matching
from storage.tables import account, event, hashtag, membership, occurrence, partner, post, post_tag, rsvp

# By another name: what the viewer may see asks for accounts, too.
_author: Final = account.alias("event_author")

# Attributes are the columns of `occurrence`, and what tells an event apart: see `_TELLS_APART`.
TimeRow = Any

_TELLS_APART: Final = (
    post.c.title, post.c.uri, post.c.url, post.c.local, post.c.account_id, post.c.group_id, _author.c.domain,
    event.c.uid, event.c.source_uri, event.c.all_day, event.c.details,
)  # fmt: skip
BUSY_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What fits. Of an empty list anything does; `group_id` 0 is no group's. `topics` are keys of hashtags, `languages` tags of
    BCP 47 of which longer ones are kinds (``pt``: ``pt-BR``), `hosts` authorities ("" for this server). `network` is ""
    (whatever is known), ``local`` or ``partners`` (with this server). `words` is what has to be in it."""

    group_id: int | None = None
    topics: Sequence[str] = ()
    kinds: Sequence[str] = ()
    languages: Sequence[str] = ()
    hosts: Sequence[str] = ()
    network: str = ""
    online: bool | None = None
    in_person: bool | None = None
    words: Sequence[Clause] = ()


class _InJsonList(ColumnElement[bool]):
    """Whether the list `name` of a JSON text has this language, or one that is a kind of it."""

    inherit_cache = True
    type = Boolean()
    _is_implicitly_boolean = True

    def __init__(
        self, column: ColumnElement[Any], name: str, value: ColumnElement[Any], begun: ColumnElement[Any]
    ):
        self.column, self.name, self.value, self.begun = column, literal(name), value, begun

    _traverse_internals = [  # noqa: RUF012  SQLAlchemy's own shape
        ("column", InternalTraversal.dp_clauseelement),
        ("name", InternalTraversal.dp_clauseelement),
        ("value", InternalTraversal.dp_clauseelement),
        ("begun", InternalTraversal.dp_clauseelement),
    ]


@compiles(_InJsonList, "sqlite")
def _in_json_list_sqlite(element: _InJsonList, compiler: Any, **kw: Any) -> str:
    column, name, value, begun = _compiled(element, compiler, kw)
    listed = f"json_each({column}, '$.' || {name})"
    return f"EXISTS (SELECT 1 FROM {listed} WHERE value = {value} OR value LIKE {begun} ESCAPE '\\')"  # noqa: S608  built from compiled parts


@compiles(_InJsonList, "postgresql")
def _in_json_list_postgresql(element: _InJsonList, compiler: Any, **kw: Any) -> str:
    column, name, value, begun = _compiled(element, compiler, kw)
    listed = f"jsonb_array_elements_text(COALESCE(CAST({column} AS JSONB) -> CAST({name} AS TEXT), '[]'))"
    return f"EXISTS (SELECT 1 FROM {listed} AS one WHERE one = {value} OR one LIKE {begun} ESCAPE '\\')"  # noqa: S608  built from compiled parts


def _compiled(element: _InJsonList, compiler: Any, kw: dict[str, Any]) -> list[str]:
    return [
        compiler.process(one, **kw) for one in (element.column, element.name, element.value, element.begun)
    ]


def fits(conn: Connection, asked: Asked) -> ColumnElement[bool]:
    """A condition over `event`, `post` and the author."""
    conditions: list[ColumnElement[bool]] = [true()]
    if asked.group_id is not None:
        conditions.append(post.c.group_id == asked.group_id)
    if asked.topics:
        tagged = select(post_tag.c.post_id).join(hashtag, hashtag.c.id == post_tag.c.tag_id)
        conditions.append(post.c.id.in_(tagged.where(hashtag.c.key.in_(list(asked.topics)))))
    if asked.kinds:
        conditions.append(event.c.kind.in_(list(asked.kinds)))
    if asked.languages:
        conditions.append(or_(*(_in_language(one) for one in asked.languages)))
    if asked.hosts:
        conditions.append(or_(*(_of_host(one) for one in asked.hosts)))
    if asked.network == "local":
        conditions.append(post.c.local)
    elif asked.network == "partners":
        conditions.append(or_(post.c.local, _author.c.host.in_(_partners())))
    if asked.online is not None:
        # Quotes within texts have a backslash before them: this is the field, and nothing that somebody wrote.
        conditions.append(_whether(event.c.details.like('%"online":true%'), asked.online))
    if asked.in_person is not None:
        conditions.append(_whether(event.c.details.like('%"place":{"%'), asked.in_person))
    if asked.words:
        conditions.append(post.c.id.in_(matching(conn.dialect.name, asked.words)))
    return and_(*conditions)


def _whether(condition: ColumnElement[bool], wanted: bool) -> ColumnElement[bool]:
    return condition if wanted else not_(condition)


def _in_language(tag: str) -> ColumnElement[bool]:
    begun = f"{escaped(tag)}-%"
    return or_(
        post.c.language == tag,
        post.c.language.like(begun, escape="\\"),
        _InJsonList(event.c.details, "languages", literal(tag), literal(begun)),
    )


def _of_host(host: str) -> ColumnElement[bool]:
    return and_(post.c.local) if not host else and_(~post.c.local, _author.c.host == host)


def _partners() -> Any:
    return select(partner.c.host).where(partner.c.state == "active")


def times(
    conn: Connection, asked: Asked, shown: Any, *, from_ms: int, to_ms: int, begin_ms: int | None, limit: int
) -> list[TimeRow]:
    """What goes on between two instants, in order, from those on that begin at `begin_ms`; `shown` is what the viewer may see
    of `post`."""
    query = (
        select(occurrence, *_TELLS_APART)
        .join(event, event.c.post_id == occurrence.c.post_id)
        .join(post, post.c.id == event.c.post_id)
        .join(_author, _author.c.id == post.c.account_id)
        .where(occurrence.c.ends_at > from_ms, occurrence.c.starts_at < to_ms, shown, fits(conn, asked))
        .order_by(occurrence.c.starts_at, occurrence.c.id)
        .limit(limit)
    )
    if begin_ms is not None:
        query = query.where(occurrence.c.starts_at >= begin_ms)
    return list(conn.execute(query))


def coming(conn: Connection, asked: Asked, since_ms: int, shown: Any, *, limit: int) -> list[EventRow]:
    """Events that are not over since an instant, the first to begin first."""
    wanted = (
        select(event.c.post_id)
        .join_from(event, post, post.c.id == event.c.post_id)
        .join(_author, _author.c.id == post.c.account_id)
        .where(event.c.ends_at > since_ms, shown, fits(conn, asked))
    )
    query = select_events().where(event.c.post_id.in_(wanted))
    return list(conn.execute(query.order_by(event.c.starts_at, event.c.post_id).limit(limit)))


def newest(conn: Connection, asked: Asked, shown: Any, *, limit: int) -> list[EventRow]:
    """Events as they were announced, the newest first."""
    wanted = (
        select(event.c.post_id)
        .join_from(event, post, post.c.id == event.c.post_id)
        .join(_author, _author.c.id == post.c.account_id)
        .where(shown, fits(conn, asked))
        .order_by(event.c.post_id.desc())
        .limit(limit)
    )
    return list(
        conn.execute(select_events().where(event.c.post_id.in_(wanted)).order_by(event.c.post_id.desc()))
    )


def upcoming(
    conn: Connection, now: int, group_id: int | None, *, behind: tuple[int, int], limit: int
) -> list[EventRow]:
    """The public events of members of this server, or of anybody in a group, that are not over, in order, from behind (begin,
    id)."""
    begins, post_id = behind
    query = select_events().where(
        *_announced(now, group_id),
        or_(event.c.starts_at > begins, and_(event.c.starts_at == begins, post.c.id > post_id)),
    )
    if not post_id:
        query = select_events().where(*_announced(now, group_id))
    return list(conn.execute(query.order_by(event.c.starts_at, post.c.id).limit(limit)))


def count_upcoming(conn: Connection, now: int, group_id: int | None) -> int:
    """How many there are."""
    query = (
        select(func.count())
        .select_from(event)
        .join(post, post.c.id == event.c.post_id)
        .join(account, account.c.id == post.c.account_id)
    )
    return conn.scalar(query.where(*_announced(now, group_id))) or 0


def _announced(now: int, group_id: int | None) -> list[ColumnElement[bool]]:
    return [
        event.c.ends_at > now,
        post.c.visibility == "public",
        post.c.deleted_at.is_(None),
        kept_out.shows(account),
        account.c.limited_at.is_(None),
        post.c.local if group_id is None else post.c.group_id == group_id,
    ]


def of_member(
    conn: Connection, account_id: int, since_ms: int, shown: Any, *, limit: int, with_groups: bool = False
) -> list[EventRow]:
    """Those that a member organises, goes to, or waits for; perhaps also those of the groups they belong to, as long as they
    have not declined."""

    def answered(condition: ColumnElement[bool]) -> Any:
        return (
            select(occurrence.c.post_id)
            .join(rsvp, rsvp.c.occurrence_id == occurrence.c.id)
            .where(rsvp.c.account_id == account_id, condition)
        )

    comes = and_(rsvp.c.answer.in_(("going", "maybe")), rsvp.c.state != "refused")
    mine = [post.c.account_id == account_id, event.c.post_id.in_(answered(comes))]
    if with_groups:
        within = select(membership.c.group_id).where(membership.c.account_id == account_id)
        not_declined = event.c.post_id.not_in(answered(rsvp.c.answer == "declined"))
        mine.append(and_(post.c.group_id.in_(within), not_declined))
    wanted = (
        select(event.c.post_id)
        .join_from(event, post, post.c.id == event.c.post_id)
        .where(event.c.ends_at > since_ms, or_(*mine), shown)
    )
    query = select_events().where(event.c.post_id.in_(wanted))
    return list(conn.execute(query.order_by(event.c.starts_at, event.c.post_id).limit(limit)))


def busy(
    conn: Connection,
    spans: Sequence[tuple[int, int]],
    shown: Any,
    *,
    groups: Iterable[int],
    without: int | None = None,
) -> list[TimeRow]:
    """What takes place in one of these [begin, end) spans in the network: on this server, on partners', in one of these groups;
    in order. What was called off does not."""
    if not spans:
        return []
    query = (
        select(occurrence, *_TELLS_APART)
        .join(event, event.c.post_id == occurrence.c.post_id)
        .join(post, post.c.id == event.c.post_id)
        .join(_author, _author.c.id == post.c.account_id)
        .where(
            or_(
                *(
                    and_(occurrence.c.starts_at < ends, occurrence.c.ends_at > begins)
                    for begins, ends in spans
                )
            ),
            occurrence.c.status != "cancelled",
            event.c.status.not_in(("cancelled", "postponed")),
            or_(post.c.local, _author.c.host.in_(_partners()), post.c.group_id.in_(list(groups))),
            shown,
        )
        .order_by(occurrence.c.starts_at, occurrence.c.id)
        .limit(BUSY_MAX)
    )
    if without is not None:
        query = query.where(post.c.id != without)
    return list(conn.execute(query))


def ahead(conn: Connection, shown: Any, since_ms: int, *, limit: int) -> list[Any]:
    """What can be chosen from of the events that are not over: rows of (kind, language, group_id, host, group's name and title)."""
    group = account.alias("event_group")
    query = (
        select(
            event.c.kind,
            post.c.language,
            post.c.group_id,
            _author.c.domain.label("host"),
            group.c.username.label("group_name"),
            group.c.domain.label("group_host"),
            group.c.display_name.label("group_title"),
        )
        .select_from(event)
        .join(post, post.c.id == event.c.post_id)
        .join(_author, _author.c.id == post.c.account_id)
        .outerjoin(group, group.c.id == post.c.group_id)
        .where(event.c.ends_at > since_ms, shown)
        .order_by(event.c.starts_at)
        .limit(limit)
    )
    return list(conn.execute(query))


def topics_ahead(conn: Connection, shown: Any, since_ms: int, *, limit: int) -> list[tuple[str, str]]:
    """The hashtags, as (key, name), that most of them have."""
    number = func.count()
    query = (
        select(hashtag.c.key, hashtag.c.name)
        .select_from(event)
        .join(post, post.c.id == event.c.post_id)
        .join(post_tag, post_tag.c.post_id == post.c.id)
        .join(hashtag, hashtag.c.id == post_tag.c.tag_id)
        .where(event.c.ends_at > since_ms, shown)
        .group_by(hashtag.c.key, hashtag.c.name)
        .order_by(number.desc(), hashtag.c.key)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in conn.execute(query)]
