"""How an account stands to many groups at once: for lists of them, and of accounts, among which private groups are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    bindparam,
    exists,
    literal_column,
    or_,
    select,
    union_all,
)

from storage.hot import Hot
from storage.tables import (
    account,
    archive_person,
    group_ban,
    group_invitation,
    group_request,
    membership,
    subscription,
)
from storage.types import AnyOf, Id, now_ms


class Ties(NamedTuple):
    """How an account stands to a group: its role in it ("" for none), what else there is between them, and how it hears
    of the group ("" for as is usual)."""

    role: str = ""
    is_waiting: bool = False
    is_invited: bool = False
    is_banned: bool = False
    level: str = ""


def _select_ties() -> Any:
    account_id: BindParameter[Any] = bindparam("account_id", type_=Id)
    group_ids: BindParameter[Any] = bindparam("group_ids")

    def tie(name: str, table: Any, group_id: Any, value: Any, *conditions: Any) -> Select[Any]:
        query = select(group_id, literal_column(f"'{name}'"), value)
        return query.where(table.c.account_id == account_id, AnyOf(group_id, group_ids), *conditions)

    yes: Any = literal_column("'yes'")
    bans = group_ban.c
    is_on = or_(bans.expires_at.is_(None), bans.expires_at > bindparam("now", type_=Id))
    return union_all(
        tie("role", membership, membership.c.group_id, membership.c.role),
        tie("is_waiting", group_request, group_request.c.group_id, yes),
        tie("is_invited", group_invitation, group_invitation.c.group_id, yes),
        tie("is_banned", group_ban, bans.group_id, yes, is_on),
        tie(
            "level",
            subscription,
            subscription.c.target_id,
            subscription.c.level,
            subscription.c.kind == literal_column("'group'"),
        ),
    )


_ties: Hot[Any] = Hot(_select_ties, tuple)


def of_account(conn: Connection, account_id: int | None, group_ids: Iterable[int]) -> dict[int, Ties]:
    """How somebody stands to each of these groups, in one statement; those without any tie are left out."""
    wanted = set(group_ids)
    found: dict[int, Ties] = {}
    if account_id is None or not wanted:
        return found
    for group_id, name, value in _ties.run(conn, account_id=account_id, group_ids=wanted, now=now_ms()):
        change: dict[str, Any] = {name: True if value == "yes" else value}
        found[group_id] = found.get(group_id, Ties())._replace(**change)
    return found


def known_to(viewer_id: Any, table: FromClause = account) -> ColumnElement[bool]:
    """Over accounts: those that somebody (an id, a parameter, or None for nobody we know) may learn of at all. All but who
    is still to be let in, private groups, of which those who are in them and those who are invited may, and names in the archives of groups
    that are not public, of which their members may.
    """
    open_to_all = table.c.hidden.is_(False)
    if viewer_id is None:
        return open_to_all
    return or_(
        open_to_all,
        exists().where(membership.c.group_id == table.c.id, membership.c.account_id == viewer_id),
        exists().where(group_invitation.c.group_id == table.c.id, group_invitation.c.account_id == viewer_id),
        exists().where(
            archive_person.c.account_id == table.c.id,
            archive_person.c.group_id == membership.c.group_id,
            membership.c.account_id == viewer_id,
        ),
    )
