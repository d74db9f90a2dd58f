"""What may be shown among what many look at: hashtags, links, publishers and posts, approved or rejected.

`fedserver.trends` asks what was decided; what nobody has decided about is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from fedserver import trends
from fedserver.content.links import tag_key
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.rendered import Shelf
from fedserver.tags import HISTORY_DAYS, ShownTag, shown_unit
from fedserver.trends import TrendingLink
from fedserver.viewer import Member
from storage import posts, previews, review
from storage.cards import Batch
from storage.paging import Window
from storage.tables import preview
from storage.types import DAY_MS, now_ms

Kind = Literal["link", "publisher", "post"]
PREVIEWS_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something that was rejected; `title` and `url` are those of a page that is linked to."""

    kind: Kind
    subject: str
    decided_at: int
    title: str
    url: str


# -- hashtags


async def tags(server: Server, member: Member, window: Window) -> list[ShownTag]:
    """Every hashtag, the newest first. Raises Forbidden."""
    require(member, Permission.MANAGE_TAXONOMIES)
    return await server.db.read(lambda conn: shown_unit(conn, member.account_id, review.tags(conn, window)))


async def busy_tags(server: Server, member: Member, *, offset: int, limit: int) -> list[ShownTag]:
    """The hashtags that most accounts used in the last seven days, decided about or not. Raises Forbidden."""
    require(member, Permission.MANAGE_TAXONOMIES)
    since = now_ms() - HISTORY_DAYS * DAY_MS

    def unit(conn: Connection) -> list[ShownTag]:
        return shown_unit(conn, member.account_id, review.most_used_tags(conn, since, offset, limit))

    return await server.db.read(unit)


async def tag(server: Server, member: Member, tag_id: int) -> ShownTag:
    """One hashtag. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_TAXONOMIES)
    return await server.db.read(_tag, member, tag_id)


async def change_tag(
    server: Server,
    member: Member,
    tag_id: int,
    *,
    display_name: str | None = None,
    usable: bool | None = None,
    listable: bool | None = None,
    trendable: bool | None = None,
) -> ShownTag:
    """How a hashtag is written, and what may be done with it; None leaves a thing as it is.

    Raises Forbidden, NotFound, Invalid for another name than in other capitals.
    """
    require(member, Permission.MANAGE_TAXONOMIES)

    def unit(conn: Connection) -> ShownTag:
        row = review.tag(conn, tag_id)
        if row is None:
            raise NotFound("Record not found")
        given = {"name": display_name, "usable": usable, "listable": listable, "trendable": trendable}
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if display_name is not None and tag_key(display_name) != row.key:
            raise Invalid({"display_name": "can differ in capitals alone"})
        before = {name: getattr(row, name) for name in values}
        review.change_tag(conn, tag_id, **values)
        audit.note(conn, member, "update", ("tag", tag_id, row.name), before=before, after=values)
        trends.plan_computing(conn)
        return _tag(conn, member, tag_id)

    return await server.db.write(unit)


def _tag(conn: Connection, member: Member, tag_id: int) -> ShownTag:
    row = review.tag(conn, tag_id)
    if row is None:
        raise NotFound("Record not found")
    return shown_unit(conn, member.account_id, [row])[0]


# -- links, publishers, posts


async def links(
    server: Server, member: Member, *, offset: int, limit: int
) -> list[tuple[TrendingLink, bool | None]]:
    """The pages that are linked to most, with what was decided about each. Raises Forbidden."""
    require(member, Permission.MANAGE_TAXONOMIES)
    found = await trends.links_page(server, limit=limit, offset=offset)

    def unit(conn: Connection) -> dict[str, bool]:
        return review.decisions(conn, "link", [str(one.preview.id) for one in found])

    known = await server.db.read(unit)
    return [(one, known.get(str(one.preview.id))) for one in found]


async def link(server: Server, member: Member, link_id: int) -> TrendingLink:
    """One page that is linked to. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_TAXONOMIES)
    found = await server.db.read(trends.links_unit, [link_id])
    if not found:
        raise NotFound("Record not found")
    return found[0]


async def busy_posts(server: Server, member: Member, shelf: Shelf, *, offset: int, limit: int) -> Batch:
    """The posts that are read most. Raises Forbidden."""
    require(member, Permission.MANAGE_TAXONOMIES)
    return await trends.posts_page(server, member.account_id, shelf, limit=limit, offset=offset)


async def decided(server: Server, member: Member, kind: Kind, subjects: Sequence[str]) -> dict[str, bool]:
    """What was decided about those of these that somebody decided about. Raises Forbidden."""
    require(member, Permission.MANAGE_TAXONOMIES)
    return await server.db.read(review.decisions, kind, subjects)


async def rejected(server: Server, member: Member, *, offset: int, limit: int) -> list[Rejected]:
    """What was rejected, decided last first. Raises Forbidden."""
    require(member, Permission.MANAGE_TAXONOMIES)

    def unit(conn: Connection) -> list[Rejected]:
        rows = review.rejected(conn, offset, limit)
        pages = previews.by_ids(conn, [int(row.subject) for row in rows if row.kind == "link"])
        found = []
        for row in rows:
            page = pages.get(int(row.subject)) if row.kind == "link" else None
            title, url = ("", "") if page is None else (page.title, page.url)
            found.append(Rejected(row.kind, row.subject, row.decided_at, title, url))
        return found

    return await server.db.read(unit)


async def decide(server: Server, member: Member, kind: Kind, subject: str, *, allowed: bool) -> None:
    """Approve or reject something. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_TAXONOMIES)

    def unit(conn: Connection) -> None:
        name = _name_of(conn, kind, subject)
        if name is None:
            raise NotFound("Record not found")
        before = review.decide(conn, kind, subject, allowed=allowed, by_id=member.account_id)
        verb = "approve" if allowed else "reject"
        audit.note(conn, member, verb, (f"trend_{kind}", subject, name), before={"allowed": before})
        trends.plan_computing(conn)

    await server.db.write(unit)


async def publishers(
    server: Server, member: Member, *, offset: int, limit: int
) -> Sequence[tuple[str, bool | None]]:
    """The sites that posts linked to most of late, with what was decided about each. Raises Forbidden."""
    require(member, Permission.MANAGE_TAXONOMIES)

    def unit(conn: Connection) -> list[tuple[str, bool | None]]:
        latest = select(preview.c.url).order_by(preview.c.id.desc()).limit(PREVIEWS_COUNTED)
        counted = Counter(host for url in conn.scalars(latest) if (host := urlsplit(url).hostname))
        names = [name for name, _ in counted.most_common(offset + limit)][offset:]
        known = review.decisions(conn, "publisher", names)
        return [(name, known.get(name)) for name in names]

    return await server.db.read(unit)


def _name_of(conn: Connection, kind: Kind, subject: str) -> str | None:
    """By what the log names something; None for what is not there."""
    match kind:
        case "post":
            row = posts.by_id(conn, int(subject)) if subject.isdigit() else None
            return None if row is None else row.url or row.uri
        case "link":
            query = select(preview.c.url).where(preview.c.id == int(subject)) if subject.isdigit() else None
            return None if query is None else conn.scalar(query)
        case "publisher":
            return subject or None
