"""Who may see a post. The one door: a SQL predicate for lists, a function for one post, and a test that they agree.

| visibility  | who sees it                                              |
|-------------|----------------------------------------------------------|
| `public`    | everybody                                                |
| `unlisted`  | everybody; public timelines leave it out                 |
| `followers` | the author, accepted followers, those it mentions        |
| `members`   | the members of this server, those it mentions            |
| `group`     | the members of the group it was posted to                |
| `direct`    | the author and those it mentions                         |

Accounts are for everybody, but for those of private groups and of who is still to be let in: `may_know`, and
`storage.group_ties.known_to` for lists.

On top of that nobody sees a deleted post or one by an account that is suspended or of a server that is kept out
(`storage.kept_out`), and no viewer sees what somebody wrote who blocks them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, bindparam, exists, or_, select

from fedserver.errors import NotFound
from storage import accounts, archives, groups, kept_out, relationships, shelves
from storage.accounts import AccountRow
from storage.hot import Hot
from storage.posts import PostRow
from storage.tables import account, block, follow, membership, mention, post, shelf, user
from storage.tables.archives import NAMES_DOMAIN
from storage.types import AnyOf, now_ms

Visibility = Literal["public", "unlisted", "followers", "members", "group", "direct"]

VISIBILITIES: Final[tuple[Visibility, ...]] = (
    "public",
    "unlisted",
    "followers",
    "members",
    "group",
    "direct",
)
FOR_EVERYBODY: Final = ("public", "unlisted")


def predicate(viewer_id: Any, table: FromClause = post) -> ColumnElement[bool]:
    """A condition over the `post` table (or an alias of it) that holds for what the viewer (an id, a column, or None for
    nobody we know) may see."""
    columns = table.c
    # Not IN: a list would make the text of hot statements depend on its length.
    for_everybody = or_(*(columns.visibility == one for one in FOR_EVERYBODY))
    shown = and_(
        columns.deleted_at.is_(None),
        ~exists().where(account.c.id == columns.account_id, kept_out.hides()),
    )
    if viewer_id is None:
        return and_(shown, for_everybody)
    followed = exists().where(
        follow.c.account_id == viewer_id, follow.c.target_id == columns.account_id, follow.c.accepted
    )
    mentioned = exists().where(mention.c.post_id == columns.id, mention.c.account_id == viewer_id)
    is_member = exists().where(user.c.account_id == viewer_id)
    in_group = exists().where(membership.c.group_id == columns.group_id, membership.c.account_id == viewer_id)
    author_blocks = exists().where(block.c.account_id == columns.account_id, block.c.target_id == viewer_id)
    return and_(
        shown,
        or_(
            for_everybody,
            columns.account_id == viewer_id,
            and_(columns.visibility == "followers", or_(followed, mentioned)),
            and_(columns.visibility == "members", or_(is_member, mentioned)),
            and_(columns.visibility == "group", in_group),
            and_(columns.visibility == "direct", mentioned),
        ),
        ~author_blocks,
    )


def listed(viewer_id: int | None) -> ColumnElement[bool]:
    """A condition over the `post` table that holds for what lists which are open to all show the viewer: what they may see, and
    what is not unlisted, nor of a limited author whom they do not follow, nor of somebody whom they do not want to see."""
    author = account.alias("listed_author")
    of_author = exists().where(author.c.id == post.c.account_id)
    if viewer_id is None:
        return and_(
            predicate(None), post.c.visibility != "unlisted", of_author.where(author.c.limited_at.is_(None))
        )
    followed = exists().where(
        follow.c.account_id == viewer_id, follow.c.target_id == post.c.account_id, follow.c.accepted
    )
    hidden = relationships.hides(viewer_id, author.c.id, author.c.domain, now_ms())
    others = and_(
        post.c.visibility != "unlisted",
        of_author.where(or_(author.c.limited_at.is_(None), followed), ~hidden),
    )
    return and_(predicate(viewer_id), or_(post.c.account_id == viewer_id, others))


def may_know(conn: Connection, row: AccountRow, viewer_id: int | None) -> bool:
    """Whether the viewer may learn that this account is there: of a private group its members and the invited may, and of a
    name in the archive of a group that is not public its members. Who is still to be let in nobody may know of, and nobody
    anybody of a server that is kept out."""
    if kept_out.is_by_server(row):
        return False
    if not row.hidden:
        return True
    if viewer_id is None:
        return False
    if row.domain == NAMES_DOMAIN:
        group_id = archives.group_of_name(conn, row.id)
        return group_id is not None and groups.membership_of(conn, group_id, viewer_id) is not None
    return groups.membership_of(conn, row.id, viewer_id) is not None or groups.is_invited(
        conn, row.id, viewer_id
    )


def known(conn: Connection, account_id: int, viewer_id: int | None) -> AccountRow:
    """An account that has not been deleted and that the viewer may know of. Raises NotFound."""
    row = accounts.by_id(conn, account_id)
    if row is None or row.deleted_at is not None or not may_know(conn, row, viewer_id):
        raise NotFound("Record not found")
    return row


def may_see(conn: Connection, row: PostRow, viewer_id: int | None) -> bool:
    """Whether the viewer (an account here or elsewhere; None for nobody we know) may see this post."""
    if row.deleted_at is not None:
        return False
    author = accounts.by_id(conn, row.account_id)
    if author is None or author.suspended_at is not None:
        return False
    if viewer_id is None:
        return row.visibility in FOR_EVERYBODY
    if row.account_id == viewer_id:
        return True
    if relationships.block_between(conn, row.account_id, viewer_id) is not None:
        return False
    if row.visibility in FOR_EVERYBODY:
        return True
    match row.visibility:
        case "followers":
            return _mentions(conn, row.id, viewer_id) or relationships.is_following(
                conn, viewer_id, row.account_id
            )
        case "members":
            return _mentions(conn, row.id, viewer_id) or _is_member(conn, viewer_id)
        case "group":
            return _is_in_group(conn, row.group_id, viewer_id)
        case "direct":
            return _mentions(conn, row.id, viewer_id)
    return False


def who_may_see(conn: Connection, row: PostRow, account_ids: Collection[int]) -> set[int]:
    """Those of these members who may see this post, in one statement."""
    if not account_ids:
        return set()
    return {one for (one,) in _who_may_see.run(conn, post_id=row.id, account_ids=list(account_ids))}


def _select_who_may_see() -> Select[Any]:
    viewer = user.alias("viewer")
    return (
        select(viewer.c.account_id)
        .join_from(viewer, post, post.c.id == bindparam("post_id"))
        .where(AnyOf(viewer.c.account_id, bindparam("account_ids")), predicate(viewer.c.account_id))
    )


_who_may_see: Hot[tuple[int]] = Hot(_select_who_may_see, tuple)


def of_shelves(viewer_id: int | None) -> ColumnElement[bool]:
    """A condition over the `shelf` table that holds for the shelves that the viewer (an account here, or elsewhere) may see:
    those for everybody, those for the members, their own and those they curate."""
    owner_is_there = exists().where(
        account.c.id == shelf.c.account_id, kept_out.shows(), account.c.deleted_at.is_(None)
    )
    if viewer_id is None:
        return and_(owner_is_there, shelf.c.visibility == "public")
    return and_(
        owner_is_there,
        ~exists().where(block.c.account_id == shelf.c.account_id, block.c.target_id == viewer_id),
        or_(
            shelf.c.visibility == "public",
            and_(shelf.c.visibility == "members", exists().where(user.c.account_id == viewer_id)),
            shelf.c.account_id == viewer_id,
            shelves.is_curator(viewer_id),
        ),
    )


def _mentions(conn: Connection, post_id: int, account_id: int) -> bool:
    return _any(
        conn,
        select(mention.c.post_id).where(mention.c.post_id == post_id, mention.c.account_id == account_id),
    )


def _is_member(conn: Connection, account_id: int) -> bool:
    return _any(conn, select(user.c.account_id).where(user.c.account_id == account_id))


def _is_in_group(conn: Connection, group_id: int | None, account_id: int) -> bool:
    query = select(membership.c.group_id).where(
        membership.c.group_id == group_id, membership.c.account_id == account_id
    )
    return group_id is not None and _any(conn, query)


def _any(conn: Connection, query: Any) -> bool:
    return conn.execute(query).first() is not None
