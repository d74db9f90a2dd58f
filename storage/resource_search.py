"""What resources are found by: rows for the sets that a process keeps of them, their words, and one page of them.

The sets are `fedserver.resources.facets`; whoever may see what is `fedserver.visibility`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, Float, Select, bindparam, case, cast, func, literal, or_, select, union_all

from storage import accounts, kept_out, resources, search
from storage.accounts import AccountRow
from storage.cards import AccountLine
from storage.hot import Hot, Met
from storage.resources import AUTHOR, ResourceRow
from storage.search import Bounds, Clause
from storage.tables import (
    account,
    block,
    follow,
    member_domain_block,
    membership,
    mention,
    mute,
    post,
    resource,
    resource_facet,
    resource_report,
    shelf_item,
    user,
)
from storage.types import AnyOf
from storage.words import Sought

T = TypeVar("T")
ID_MAX: Final = (1 << 63) - 1
RESTRICTED: Final = ("followers", "members", "direct")
"""Visibilities with which those whom a post mentions see it, too."""


class Base(NamedTuple):
    """What says who finds a resource and where it stands in a list. Flags are 0 and 1."""

    post_id: int
    account_id: int
    visibility: str
    group_id: int | None
    withdrawn_at: int | None
    deleted_at: int | None
    changed_at: int
    uses_count: int
    reviews_count: int
    version: int
    domain: str
    suspended_at: int | None
    limited_at: int | None

    @property
    def listed(self) -> bool:
        """Whether it is in any list."""
        return self.withdrawn_at is None and self.deleted_at is None and self.suspended_at is None


class FacetRow(NamedTuple):
    """One value by which a resource is found."""

    post_id: int
    facet: str
    value: str
    label: str


def _select_base() -> Select[Any]:
    return (
        select(
            post.c.id, post.c.account_id, post.c.visibility, post.c.group_id, resource.c.withdrawn_at, post.c.deleted_at,
            resource.c.changed_at, resource.c.uses_count, resource.c.reviews_count, post.c.version,
            account.c.domain, kept_out.hidden_at(), account.c.limited_at,
        )
        .join_from(resource, post, post.c.id == resource.c.post_id)
        .join(account, account.c.id == post.c.account_id)
    )  # fmt: skip


def _ids() -> Any:
    return bindparam("ids")


_all: Hot[Base] = Hot(lambda: _select_base(), Base._make, packed=True)
_base: Hot[Base] = Hot(
    lambda: _select_base().where(AnyOf(resource.c.post_id, _ids())), Base._make, packed=True
)
_facets: Hot[FacetRow] = Hot(
    lambda: select(
        resource_facet.c.post_id, resource_facet.c.facet, resource_facet.c.value, resource_facet.c.label
    ).where(AnyOf(resource_facet.c.post_id, _ids())),
    FacetRow._make,
    packed=True,
)
_mentions: Hot[tuple[int, int]] = Hot(
    lambda: select(mention.c.post_id, mention.c.account_id).where(AnyOf(mention.c.post_id, _ids())),
    tuple,
    packed=True,
)


def all_bases(conn: Connection) -> list[Base]:
    """Every resource that is kept."""
    return _all.run(conn)


def bases(conn: Connection, post_ids: Sequence[int]) -> list[Base]:
    """Those of these posts that are resources."""
    return _base.run(conn, ids=list(post_ids))


def facets(conn: Connection, post_ids: Sequence[int]) -> list[FacetRow]:
    """By what these are found."""
    return _facets.run(conn, ids=list(post_ids))


def mentions(conn: Connection, post_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Whom these mention: pairs of post and account."""
    return _mentions.run(conn, ids=list(post_ids)) if post_ids else []


# -- who is looking


class Tie(NamedTuple):
    """One thing about a viewer: `what` is member, group, follows, hides or server; then whom or what it is about."""

    what: str
    row_id: int
    name: str


def _select_ties() -> Any:
    viewer: Any = bindparam("viewer_id")
    now: Any = bindparam("now", type_=mute.c.expires_at.type)
    none, nothing = literal(0, post.c.id.type), literal("")

    def rows(what: str, row_id: Any, condition: Any, name: Any = nothing) -> Select[Any]:
        return select(literal(what).label("what"), row_id.label("row_id"), name.label("name")).where(
            condition
        )

    return union_all(
        rows("member", user.c.account_id, user.c.account_id == viewer),
        rows("group", membership.c.group_id, membership.c.account_id == viewer),
        rows(
            "follows",
            follow.c.target_id,
            (follow.c.account_id == viewer) & follow.c.accepted & AnyOf(follow.c.target_id, bindparam("of")),
        ),
        rows("hides", block.c.target_id, block.c.account_id == viewer),
        rows("hides", block.c.account_id, block.c.target_id == viewer),
        rows(
            "hides",
            mute.c.target_id,
            (mute.c.account_id == viewer) & or_(mute.c.expires_at.is_(None), mute.c.expires_at > now),
        ),
        rows("server", none, member_domain_block.c.account_id == viewer, member_domain_block.c.domain),
    )


_ties: Hot[Tie] = Hot(_select_ties, Tie._make)


def ties(conn: Connection, viewer_id: int, now: int, *, of: Iterable[int]) -> list[Tie]:
    """What decides which resources a viewer finds: their groups, whom of these accounts they follow, whom and which servers
    they do not want to see (or must not)."""
    return _ties.run(conn, viewer_id=viewer_id, now=now, of=list(of))


# -- finding


def details_of(conn: Connection, post_ids: Iterable[int]) -> dict[int, str]:
    """What is said of these resources (JSON), by id."""
    wanted = set(post_ids)
    if not wanted:
        return {}
    query = select(resource.c.post_id, resource.c.details).where(resource.c.post_id.in_(wanted))
    return {row.post_id: row.details for row in conn.execute(query)}


def with_words(conn: Connection, clauses: Sequence[Clause], bounds: Bounds) -> list[int]:
    """Ids of all resources with these words, whoever may see them."""
    marked = Clause(Sought((search.mark("resource"),)))
    return search.posts(conn, [marked, *clauses], _is_resource, bounds, limit=ID_MAX)


def _is_resource() -> Any:
    return post.c.kind == "resource"


_on_shelf: Hot[tuple[int]] = Hot(
    lambda: select(shelf_item.c.post_id).where(shelf_item.c.shelf_id == bindparam("shelf_id")), tuple
)


def on_shelf(conn: Connection, shelf_id: int) -> list[int]:
    """Ids of the resources on a shelf."""
    return [one for (one,) in _on_shelf.run(conn, shelf_id=shelf_id)]


def _mean() -> Any:
    mean = select(cast(func.avg(resource_report.c.rating), Float)).where(
        resource_report.c.resource_id == resource.c.post_id
    )
    return case((resource.c.reviews_count > 0, mean.scalar_subquery()), else_=None).label("rating")


_listed: Hot[ResourceRow] = Hot(
    lambda: resources.select_resources(_mean()).where(AnyOf(resource.c.post_id, _ids()))
)
# All that changes when anything of a row of a list does.
_OF_POST: Final = ("id", "version", "visibility", "replies_count", "likes_count", "boosts_count")
_OF_RESOURCE: Final = (
    "changed_at", "version", "versions_count", "uses_count", "reviews_count", "adaptations_count", "withdrawn_at",
    "links_state", "links_checked_at",
)  # fmt: skip


@lru_cache(maxsize=8)
def _keys(shown: Callable[[], Any]) -> Hot[tuple[Any, ...]]:
    columns = [*(post.c[name] for name in _OF_POST), *(resource.c[name] for name in _OF_RESOURCE)]
    return Hot(
        lambda: (
            select(*columns, *(AUTHOR.c[name] for name in AccountLine._fields), _mean())
            .join_from(resource, post, post.c.id == resource.c.post_id)
            .join(AUTHOR, AUTHOR.c.id == post.c.account_id)
            .where(AnyOf(resource.c.post_id, _ids()), case((shown(), True), else_=False))
        ),
        tuple,
        packed=True,
    )


def page(
    conn: Connection,
    post_ids: Sequence[int],
    shown: Callable[[], Any],
    make: Callable[[ResourceRow, AccountRow], T],
    met: Met[T] | None = None,
    **parameters: Any,
) -> list[T]:
    """Those of these resources that are `shown` (a condition over `post`, see `search.posts`), in this order, each as `make`
    makes it of its row, with the mean of its `rating`s, and that of its author. Those that have been `met` are taken from there, unless anything of
    them has changed."""
    if not post_ids:
        return []
    keys = {key[0]: key for key in _keys(shown).run(conn, ids=list(post_ids), **parameters)}
    found: dict[int, T] = {}
    if met is not None:
        found = {post_id: one for post_id, key in keys.items() if (one := met.get(key)) is not None}
    missing = [post_id for post_id in keys if post_id not in found]
    if missing:
        rows = _listed.run(conn, ids=missing)
        authors = accounts.by_ids(conn, {row.account_id for row in rows})
        for row in rows:
            if row.account_id in authors:
                made = found[row.id] = make(row, authors[row.account_id])
                if met is not None:
                    met.put(keys[row.id], made)
    return [found[one] for one in post_ids if one in found]
