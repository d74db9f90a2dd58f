"""Groups of other servers: what we keep of them, and who moderates them.

What their documents say becomes a row by `fedserver.federation.actors`; who moderates is asked of the group's own
server, and believed for an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.errors import ProtocolError
from activitypub.identifiers import same_origin
from activitypub.vocabulary import read_collection
from fedserver.context import Server
from fedserver.errors import Unreachable
from storage import accounts, groups, relationships
from storage.groups import GroupRow
from storage.types import now_ms

log = logging.getLogger("fedserver.federation")

MODERATORS_FRESH_MS: Final = 3_600_000
MODERATORS_MAX: Final = 100
STRANGERS_MAX: Final = 10  # fetched for one list


def keep(conn: Connection, account_id: int, columns: dict[str, Any]) -> None:
    """What a group's own document says of it, in a row of its own. Members who followed the account before it was
    known to be a group's belong to it now."""
    if groups.by_id(conn, account_id) is not None:
        groups.change(conn, account_id, **columns)
        return
    groups.add(conn, account_id, **columns)
    for member_id in relationships.local_follower_ids(conn, account_id):
        groups.put_member(conn, account_id, member_id)


def knows_moderators(group: GroupRow) -> bool:
    """Whether what we know of who moderates a group elsewhere is still to be believed."""
    fetched_at = group.moderators_fetched_at or 0
    return not group.moderators_uri or fetched_at > now_ms() - MODERATORS_FRESH_MS


async def ask_moderators(server: Server, group_id: int) -> None:
    """Ask a group's server who moderates it, and for those of them who are not known here. Nothing changes if it does
    not answer, but it is not asked again for an hour."""
    # Imported here: fetching an account keeps what it says of a group, with the function above.
    from fedserver.federation import fetch

    group = await server.db.read(groups.by_id, group_id)
    if group is None or not group.domain or not group.moderators_uri:
        return
    uris: Sequence[str] | None = None
    try:
        answer = await fetch.raw_document(server, group.moderators_uri)
        if same_origin(answer.uri, group.uri):
            listed = read_collection(answer.json)
            items = listed.item_ids or (listed.first_page.item_ids if listed.first_page else ())
            uris = items[:MODERATORS_MAX]
    except (Unreachable, ProtocolError) as error:
        log.info("Who moderates %s cannot be had: %s", group.uri, error)
    known = await server.db.read(accounts.by_uris, uris or ())
    for uri in [one for one in uris or () if one not in known][:STRANGERS_MAX]:
        try:
            await fetch.account(server, uri)
        except Unreachable as error:
            log.info("A moderator of %s cannot be had: %s", group.uri, error)
    await server.db.write(_moderated_by, group_id, uris)


def _moderated_by(conn: Connection, group_id: int, uris: Sequence[str] | None) -> None:
    groups.change(conn, group_id, moderators_fetched_at=now_ms())
    if uris is None:
        return
    named = {row.id: row for row in accounts.by_uris(conn, uris).values() if row.deleted_at is None}
    for one in groups.staff(conn, group_id):
        if one.id not in named:
            step_down(conn, group_id, one)
    for row in named.values():
        step_up(conn, group_id, row)


def step_up(conn: Connection, group_id: int, row: accounts.AccountRow) -> None:
    """Somebody moderates a group elsewhere. A member of ours does if they belong to it."""
    there = groups.membership_of(conn, group_id, row.id)
    if there is None and row.domain:
        groups.put_member(conn, group_id, row.id, "moderator")
    elif there is not None and there.role == "member":
        groups.change_member(conn, group_id, row.id, role="moderator")


def step_down(conn: Connection, group_id: int, row: Any) -> None:
    """Somebody moderates a group elsewhere no longer. Of the people of other servers only moderators are known."""
    if row.domain:
        groups.remove_member(conn, group_id, row.id)
    else:
        groups.change_member(conn, group_id, row.id, role="member")
