"""Following, asking to follow, blocking, muting: what members do, and what arrives about them from elsewhere.

The ``receive_…`` functions are units: the inbox calls them once it knows that the sender may say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from fedserver import notifications, visibility
from fedserver.content.text import language_tag
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.federation.publish import Publisher
from fedserver.groups import membership
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.viewer import Member
from storage import accounts, domain_blocks, groups, relationships, timelines
from storage import notifications as stored_notifications
from storage.accounts import AccountRow
from storage.relationships import FollowRow, Relationship
from storage.signals import signal
from storage.tables.archives import NAMES_DOMAIN
from storage.types import new_id, now_ms

FOLLOWS_A_DAY: Final = 400  # as Mastodon, like the next; each may go to another server
FOLLOWS_MAX: Final = 7_500  # who has many followers may follow a tenth more than those
DAY_SECONDS: Final = 86_400


async def between(server: Server, member: Member, account_ids: Sequence[int]) -> list[Relationship]:
    """How the member stands to each of these accounts, in their order."""
    found = await server.db.read(relationships.between, member.account_id, account_ids)
    return [found[one] for one in account_ids if one in found]


async def follow(
    server: Server,
    member: Member,
    target_id: int,
    *,
    shows_boosts: bool | None = None,
    notifies: bool | None = None,
    languages: Sequence[str] | None = None,
    counts: bool = True,
) -> None:
    """Follow, ask to follow, or change how one follows. It `counts` towards what is allowed in a day, unless it has a pace of its
    own, as a file that is brought along. Raises NotFound, Forbidden, Invalid, RateLimited (400 more a day)."""
    if counts and await server.db.read(relationships.follow_between, member.account_id, target_id) is None:
        limit = FOLLOWS_A_DAY * server.config.rate_limit_factor
        server.remembered.attempts.take(f"follow:{member.account_id}", limit=limit, seconds=DAY_SECONDS)
    options: dict[str, Any] = {}
    if shows_boosts is not None:
        options["shows_boosts"] = shows_boosts
    if notifies is not None:
        options["notifies"] = notifies
    if languages is not None:
        tags = [language_tag(one) for one in languages]
        if None in tags:
            raise Invalid({"languages": "must be language codes such as en or pt-BR"})
        options["languages"] = msgspec.json.encode(tags).decode()

    def unit(conn: Connection) -> None:
        if relationships.follow_between(conn, member.account_id, target_id) is None:
            _check_room(conn, member.account_id)
        follow_unit(conn, server, member.account_id, target_id, options)

    await server.db.write(unit)


def _check_room(conn: Connection, account_id: int) -> None:
    me = accounts.by_id(conn, account_id)
    most = max(FOLLOWS_MAX, 0 if me is None else int(me.followers_count * 1.1))
    if relationships.count_follows(conn, account_id) >= most:
        raise Invalid({}, f"Validation failed: You cannot follow more than {most:,} people")


def follow_unit(
    conn: Connection, server: Server, account_id: int, target_id: int, options: dict[str, Any]
) -> None:
    """The unit of `follow`, for whoever begins follows as a part of something larger."""
    target = _target(conn, account_id, target_id)
    known = relationships.follow_between(conn, account_id, target_id)
    if known is not None:
        if options:
            relationships.change_follow(conn, known.id, **options)
        return
    if relationships.either_blocks(conn, account_id, target_id):
        raise Forbidden("You cannot follow this account.")
    if domain_blocks.is_kept_out(conn, account_id, target.domain):
        raise Forbidden(f"You block everybody of {target.domain}.")
    if target.domain == NAMES_DOMAIN:
        raise Forbidden("This is a name in an archive. Nobody writes under it any more.")
    if target.moved_to_id is not None:
        raise Forbidden("This account has moved. Follow the new one instead.")
    me = accounts.by_id(conn, account_id)
    joins = (
        membership.admission(conn, me, target) if membership.is_group(target) and not target.domain else None
    )
    follow_id = new_id()
    row = relationships.add_follow(
        conn, account_id, target_id, server.uris.activity(follow_id), follow_id=follow_id, **options
    )
    if target.domain:
        server.publish.followed(conn, follow_id)
    elif joins == "ask":
        membership.asked(conn, me, target)
    elif target.locked and joins is None:
        notifications.notify(conn, target_id, "follow_request", account_id)
    else:
        _accepted(conn, row)
    signal(conn, "relationship", str(account_id))


async def unfollow(server: Server, member: Member, target_id: int) -> None:
    """End a follow or take a request back; nothing happens when there is none."""
    await server.db.write(unfollow_unit, server.publish, member.account_id, target_id)


def unfollow_unit(conn: Connection, publish: Publisher, account_id: int, target_id: int) -> None:
    """The unit of `unfollow`, for whoever ends follows as a part of something larger."""
    row = relationships.follow_between(conn, account_id, target_id)
    if row is not None:
        membership.check_leaving(conn, target_id, account_id)
        publish.follow_undone(conn, row)
        _ended(conn, row)


async def accept_request(server: Server, member: Member, requester_id: int) -> None:
    """Let somebody follow. Raises NotFound when they did not ask."""
    await server.db.write(answer_request_unit, server.publish, member.account_id, requester_id, accept=True)


async def reject_request(server: Server, member: Member, requester_id: int) -> None:
    """Refuse somebody who asked. Raises NotFound when they did not."""
    await server.db.write(answer_request_unit, server.publish, member.account_id, requester_id, accept=False)


def answer_request_unit(
    conn: Connection, publish: Publisher, account_id: int, requester_id: int, *, accept: bool
) -> None:
    """The unit of `accept_request` and `reject_request`; the account may be a group's. Raises NotFound."""
    row = relationships.follow_between(conn, requester_id, account_id)
    if row is None or row.accepted:
        raise NotFound("There is no such request to follow you.")
    notifications.take_back(conn, account_id, "follow_request", requester_id)
    if accept:
        publish.follow_accepted(conn, row)
        _accepted(conn, row)
    else:
        publish.follow_rejected(conn, row)
        _ended(conn, row)


async def remove_follower(server: Server, member: Member, follower_id: int) -> None:
    """Have somebody follow no longer; nothing happens when they do not."""
    await server.db.write(_remove_follower, server.publish, member.account_id, follower_id)


def _remove_follower(conn: Connection, publish: Publisher, account_id: int, follower_id: int) -> None:
    row = relationships.follow_between(conn, follower_id, account_id)
    if row is not None:
        publish.follow_rejected(conn, row)
        _ended(conn, row)


async def block(server: Server, member: Member, target_id: int) -> None:
    """Neither sees nor hears the other any more; follows both ways end."""
    await server.db.write(_block, server, member.account_id, target_id)


def _block(conn: Connection, server: Server, account_id: int, target_id: int) -> None:
    _target(conn, account_id, target_id)
    if relationships.block_between(conn, account_id, target_id) is not None:
        return
    membership.check_leaving(conn, target_id, account_id)
    _part(conn, server.publish, account_id, target_id)
    block_id = new_id()
    row = relationships.add_block(
        conn, account_id, target_id, server.uris.activity(block_id), block_id=block_id
    )
    server.publish.blocked(conn, row)
    signal(conn, "relationship", str(account_id))


async def unblock(server: Server, member: Member, target_id: int) -> None:
    await server.db.write(_unblock, server.publish, member.account_id, target_id)


def _unblock(conn: Connection, publish: Publisher, account_id: int, target_id: int) -> None:
    row = relationships.block_between(conn, account_id, target_id)
    if row is not None:
        publish.block_undone(conn, row)
        relationships.remove_block(conn, row.id)
        signal(conn, "relationship", str(account_id))


async def mute(
    server: Server, member: Member, target_id: int, *, hides_notifications: bool = True, duration_s: int = 0
) -> None:
    """Hide somebody's posts, for `duration_s` seconds or (0) for good. They do not hear of it."""
    expires_at = now_ms() + duration_s * 1000 if duration_s > 0 else None
    await server.db.write(_mute, member.account_id, target_id, hides_notifications, expires_at)


def _mute(
    conn: Connection, account_id: int, target_id: int, hides_notifications: bool, expires_at: int | None
) -> None:
    _target(conn, account_id, target_id)
    relationships.put_mute(
        conn, account_id, target_id, hides_notifications=hides_notifications, expires_at=expires_at
    )
    timelines.empty_home_of(conn, account_id, target_id)
    if expires_at is not None:
        payload = {"account_id": account_id, "target_id": target_id}
        key = f"{account_id}:{target_id}:{expires_at}"
        plan(conn, "end_mute", payload, key=key, not_before_ms=expires_at)
    signal(conn, "relationship", str(account_id))


@handles("end_mute")
async def end_mute(server: Server, payload: dict[str, Any]) -> None:
    """A mute is over: what it hid comes home. One that was prolonged meanwhile has another job."""
    await server.db.write(_end_mute, payload["account_id"], payload["target_id"])


def _end_mute(conn: Connection, account_id: int, target_id: int) -> None:
    if relationships.remove_mute(conn, account_id, target_id, over_at=now_ms()):
        _brought_home(conn, account_id, target_id)


async def unmute(server: Server, member: Member, target_id: int) -> None:
    await server.db.write(_unmute, member.account_id, target_id)


def _unmute(conn: Connection, account_id: int, target_id: int) -> None:
    relationships.remove_mute(conn, account_id, target_id)
    _brought_home(conn, account_id, target_id)


def _brought_home(conn: Connection, account_id: int, target_id: int) -> None:
    if relationships.is_following(conn, account_id, target_id):
        timelines.fill_home(conn, account_id, target_id)
    signal(conn, "relationship", str(account_id))


# -- what arrives from elsewhere


def receive_follow(
    conn: Connection, publish: Publisher, follower: AccountRow, target: AccountRow, uri: str
) -> None:
    """Somebody elsewhere follows a member: accepted at once unless the member approves each follower."""
    known = relationships.follow_between(conn, follower.id, target.id)
    if known is not None:
        # Sent again: their server lost our answer, or never had it.
        relationships.change_follow(conn, known.id, uri=uri)
        if known.accepted:
            row = relationships.follow_by_id(conn, known.id)
            assert row is not None
            publish.follow_accepted(conn, row)
        return
    row = relationships.add_follow(conn, follower.id, target.id, uri)
    if membership.is_group(target):
        _receive_joining(conn, publish, follower, target, row)
    elif (
        relationships.either_blocks(conn, follower.id, target.id)
        or domain_blocks.is_kept_out(conn, target.id, follower.domain)
        or target.moved_to_id is not None
    ):
        publish.follow_rejected(conn, row)
        relationships.remove_follow(conn, row.id)
    elif target.locked or follower.limited_at is not None:
        notifications.notify(conn, target.id, "follow_request", follower.id)
    else:
        publish.follow_accepted(conn, row)
        _accepted(conn, row)


def _receive_joining(
    conn: Connection, publish: Publisher, follower: AccountRow, group: AccountRow, row: FollowRow
) -> None:
    try:
        joins = membership.admission(conn, follower, group)
    except Forbidden:
        publish.follow_rejected(conn, row)
        relationships.remove_follow(conn, row.id)
        return
    if joins == "ask" or follower.limited_at is not None:
        membership.asked(conn, follower, group)
    else:
        publish.follow_accepted(conn, row)
        _accepted(conn, row)


def receive_accept(
    conn: Connection, follow_uri: str | None, by_id: int, follower_id: int | None = None
) -> bool:
    """Somebody elsewhere lets a member follow: found by the follow's id, else by the pair. Whether one was."""
    row = _answered(conn, follow_uri, by_id, follower_id)
    if row is None:
        return False
    if not row.accepted:
        _accepted(conn, row)
    return True


def receive_reject(
    conn: Connection, follow_uri: str | None, by_id: int, follower_id: int | None = None
) -> bool:
    """Somebody elsewhere refuses a member, or has them follow no longer. Whether there was such a follow."""
    row = _answered(conn, follow_uri, by_id, follower_id)
    if row is None:
        return False
    _ended(conn, row)
    return True


def receive_undo_follow(conn: Connection, follower_id: int, target_id: int) -> bool:
    """Somebody elsewhere follows a member no longer. Whether they did."""
    row = relationships.follow_between(conn, follower_id, target_id)
    if row is None:
        return False
    notifications.take_back(conn, target_id, "follow_request", follower_id)
    _ended(conn, row)
    return True


def receive_block(conn: Connection, publish: Publisher, blocker_id: int, target_id: int, uri: str) -> None:
    """Somebody elsewhere blocks a member: they part, and the member sees nothing of them any more."""
    _part(conn, publish, blocker_id, target_id)
    if relationships.block_between(conn, blocker_id, target_id) is None:
        relationships.add_block(conn, blocker_id, target_id, uri)
    signal(conn, "relationship", str(target_id))


def receive_undo_block(conn: Connection, blocker_id: int, target_id: int) -> bool:
    """Whether there was such a block."""
    row = relationships.block_between(conn, blocker_id, target_id)
    if row is None:
        return False
    relationships.remove_block(conn, row.id)
    return True


# -- the steps they share


def _accepted(conn: Connection, row: FollowRow) -> None:
    relationships.change_follow(conn, row.id, accepted=True)
    _count(conn, row, 1)
    notifications.notify(conn, row.target_id, "follow", row.account_id)
    follower = accounts.by_id(conn, row.account_id)
    if groups.by_id(conn, row.target_id) is not None:
        membership.joined(conn, row.target_id, row.account_id)
    if follower is not None and not follower.domain:
        timelines.fill_home(conn, row.account_id, row.target_id)
    signal(conn, "relationship", str(row.account_id))


def _count(conn: Connection, row: FollowRow, by: int) -> None:
    target = accounts.by_id(conn, row.target_id)
    # Whoever reads the count of a member of a private group would learn that there is one.
    if target is None or not target.hidden:
        accounts.add_to_counts(conn, row.account_id, following=by)
    accounts.add_to_counts(conn, row.target_id, followers=by)


def _ended(conn: Connection, row: FollowRow) -> None:
    relationships.remove_follow(conn, row.id)
    if row.accepted:
        _count(conn, row, -1)
    membership.left(conn, row.target_id, row.account_id)
    notifications.take_back(conn, row.target_id, "follow", row.account_id)
    timelines.empty_home_of(conn, row.account_id, row.target_id)
    signal(conn, "relationship", str(row.account_id))


def end_follow(conn: Connection, publish: Publisher, row: FollowRow, account_id: int) -> None:
    """End a follow, or a request, from the side of one of the two: it is undone, or rejected."""
    if row.account_id == account_id:
        publish.follow_undone(conn, row)
    else:
        publish.follow_rejected(conn, row)
    _ended(conn, row)


def _part(conn: Connection, publish: Publisher, account_id: int, target_id: int) -> None:
    """End what there was between two people, from the side of `account_id`."""
    for one, other in ((account_id, target_id), (target_id, account_id)):
        row = relationships.follow_between(conn, one, other)
        if row is not None:
            end_follow(conn, publish, row, account_id)
    for one, other in ((account_id, target_id), (target_id, account_id)):
        timelines.empty_home_of(conn, one, other)
        stored_notifications.remove_between(conn, one, other)


def _answered(
    conn: Connection, follow_uri: str | None, by_id: int, follower_id: int | None
) -> FollowRow | None:
    row = relationships.follow_by_uri(conn, follow_uri) if follow_uri else None
    if row is None and follower_id is not None:
        row = relationships.follow_between(conn, follower_id, by_id)
    # Only the one who is followed can answer.
    return row if row is not None and row.target_id == by_id else None


def _target(conn: Connection, account_id: int, target_id: int) -> AccountRow:
    if account_id == target_id:
        raise Invalid({}, "You cannot do this to yourself.")
    target = accounts.by_id(conn, target_id)
    if target is None or target.suspended_at is not None or target.deleted_at is not None:
        raise NotFound
    if not visibility.may_know(conn, target, account_id):
        raise NotFound
    return target
