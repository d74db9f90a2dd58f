"""Following a group is joining it: what `fedserver.relationships` asks and tells when somebody follows one.

Units. What members and moderators do is in `fedserver.groups.members`.
"""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import Connection

from fedserver.errors import Conflict, Forbidden, NotFound
from fedserver.events import seats
from fedserver.groups import rules
from fedserver.mail import plan_mail
from storage import groups, notifications, subscriptions
from storage.accounts import AccountRow

ANSWER_CHARS_MAX: Final = 2_000
Admission = Literal["enter", "ask"]


def admission(conn: Connection, account: AccountRow, target: AccountRow) -> Admission:
    """How somebody comes into a group of this server: at once, or by asking.

    Raises NotFound for a private group they are not invited to, Forbidden for who is banned or not invited.
    """
    group, standing = rules.known(conn, target.id, account.id)
    if group.access == "private" and account.domain:
        raise NotFound
    if standing.is_banned:
        raise Forbidden(f"You are banned from {group.display_name}.")
    if group.archived_at is not None:
        raise Forbidden(f"{group.display_name} is archived and takes no new members.")
    if standing.is_invited or group.join_mode == "open":
        return "enter"
    if group.join_mode == "invite":
        raise Forbidden(f"{group.display_name} takes new members by invitation.")
    return "ask"


def asked(conn: Connection, account: AccountRow, target: AccountRow) -> None:
    """Somebody asks to join: they wait, and the moderators hear of it."""
    groups.put_request(conn, target.id, account.id, "")
    for one in groups.staff(conn, target.id):
        if not one.domain:
            plan_mail(
                conn, one.id, "group_request",
                {"group": target.display_name, "group_url": target.url, "who": account.display_name or account.username},
            )  # fmt: skip


def joined(conn: Connection, group_id: int, account_id: int) -> None:
    """Somebody follows a group now."""
    groups.put_member(conn, group_id, account_id)
    groups.remove_request(conn, group_id, account_id)
    groups.withdraw_invitation(conn, group_id, account_id)


def left(conn: Connection, group_id: int, account_id: int) -> None:
    """Somebody follows a group no longer, or asks no longer to."""
    groups.remove_request(conn, group_id, account_id)
    if groups.remove_member(conn, group_id, account_id):
        topics = [one.id for one in groups.topics(conn, group_id)]
        subscriptions.forget_group(conn, account_id, group_id, topics)
        notifications.forget_group(conn, account_id, group_id)
        seats.plan_giving_up(conn, [account_id], gone=False)


def check_leaving(conn: Connection, group_id: int, account_id: int) -> None:
    """Raise Conflict for the last owner of a group that others belong to."""
    there = groups.membership_of(conn, group_id, account_id)
    group = groups.by_id(conn, group_id)
    if (
        there is not None
        and there.role == "owner"
        and group is not None
        and not group.domain
        and group.members_count > 1
        and groups.count_owners(conn, group_id) < 2
    ):
        raise Conflict("You are the only owner of this group. Make somebody else one first.")


def owner_gone(conn: Connection, account_id: int) -> None:
    """Somebody is about to be deleted: groups they alone own go to who has been in them longest, moderators first."""
    for group in groups.of_member(conn, account_id):
        if group.role != "owner" or group.domain or groups.count_owners(conn, group.account_id) > 1:
            continue
        heir = groups.heir(conn, group.account_id, account_id)
        if heir is not None:
            groups.change_member(conn, group.account_id, heir, role="owner")


def is_group(row: AccountRow | None) -> bool:
    """Whether the account is a group's."""
    return row is not None and row.actor_type == "Group"
