"""Deleting an account: at once for everybody who looks, then step by step for the rows and files.

At once it is hidden, nothing opens it any more, and its address and password are forgotten. Its row stays, empty, so
that its name is never given to somebody else; its keys as long as other servers may still have to be told.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sqlalchemy import Connection

import fedserver.posts
from fedserver import erasing, export, mail_links, sessions
from fedserver.context import Server
from fedserver.errors import Conflict, NotFound
from fedserver.federation.publish import Publisher
from fedserver.groups import membership
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mail import plan_mail
from fedserver.viewer import Member
from storage import accounts, belongings, deliveries, inbox, users
from storage.accounts import AccountRow
from storage.belongings import File
from storage.types import DAY_MS, now_ms

# Deliveries are tried for seven days.
KEYS_KEPT_MS: Final = 8 * DAY_MS
MINUTES_MAX: Final = 30


async def delete_account(server: Server, member: Member, password: str) -> None:
    """Delete one's own account for good. Raises Invalid for a wrong password, Conflict for the only owner."""
    await sessions.check_password(server, member, password)
    await server.db.write(leave, server.publish, member.account_id)
    server.remembered.forget_member(member.account_id)


def leave(conn: Connection, publish: Publisher, account_id: int) -> None:
    """Delete a member's account within a unit: nobody sees or uses it any more, and a job removes the rest."""
    row = accounts.by_id(conn, account_id)
    member = users.by_id(conn, account_id)
    if row is None or row.deleted_at is not None or member is None:
        raise NotFound
    if member.role == "owner" and users.count_owners(conn) == 1:
        raise Conflict("You are the only owner. Make somebody else an owner first.")
    told = {"to": member.email, "username": member.username, "language": member.locale}
    plan_mail(conn, account_id, "goodbye", told)
    close(conn, publish, row)


def close(conn: Connection, publish: Publisher, row: AccountRow) -> None:
    """The same without questions and without a word to the member: also when moderators had it erased."""
    account_id = row.id
    # Before the rows go, by which it is known whom to tell.
    publish.account_deleted(conn, row)
    pictures = [url for url in (row.avatar_url, row.header_url) if url]
    now = now_ms()
    accounts.change(
        conn,
        account_id,
        deleted_at=now,
        suspended_at=now,  # hides the posts until they are gone
        display_name="",
        note_html="",
        note_source="",
        fields="[]",
        emojis="[]",
        also_known_as="[]",
        attribution_domains="[]",
        moved_to_id=None,
        avatar_url="",
        avatar_alt="",
        header_url="",
        header_alt="",
        discoverable=False,
        indexable=False,
    )
    membership.owner_gone(conn, account_id)
    inbox.bury(conn, row.uri, "account", former_type=row.actor_type, for_good=True)
    mail_links.withdraw(conn, account_id)
    users.empty(conn, account_id)
    plan(conn, "give_up_seats", {"account_id": account_id}, key=str(account_id))
    plan(conn, "farewell", {"account_id": account_id, "pictures": pictures}, key=str(account_id))


@handles("farewell", timeout_seconds=MINUTES_MAX * 60, attempts_max=20)
async def remove_rest(server: Server, payload: dict[str, Any]) -> None:
    """Remove posts, files and relations of a deleted account; where it was interrupted, it goes on."""
    account_id: int = payload["account_id"]
    await erasing.in_steps(server, _remove_posts, account_id)
    for url in payload["pictures"]:
        key = server.media.key_of(url)
        if key is not None:
            await server.media.delete(key)
    while files := await server.db.read(belongings.files, account_id):
        await _remove_files(server, files)
    await asyncio.to_thread(export.remove, server, account_id)
    await erasing.in_steps(server, belongings.remove_relations, account_id, erasing.ROWS_PER_UNIT)
    await erasing.in_steps(server, belongings.remove_user, account_id, erasing.ROWS_PER_UNIT)
    await server.db.write(_finish, server.config.testing.time_scale, account_id)


async def _remove_files(server: Server, files: list[File]) -> None:
    for file in files:
        for key in (file.store_key, file.preview_key, file.source_key):
            if key:
                await server.media.delete(key)
    await server.db.write(belongings.remove_files, [file.id for file in files])


def _remove_posts(conn: Connection, account_id: int) -> bool:
    """Erase some posts; whether there were any. Other servers drop them with the account."""
    rows = belongings.posts(conn, account_id, limit=erasing.POSTS_PER_UNIT)
    if rows:
        erasing.erase_some(conn, rows, fedserver.posts.erase)
    return bool(rows)


def _finish(conn: Connection, time_scale: float, account_id: int) -> None:
    belongings.remove_decisions(conn, account_id)
    accounts.change(
        conn, account_id, followers_count=0, following_count=0, posts_count=0, last_posted_at=None
    )
    due = now_ms() + int(KEYS_KEPT_MS / time_scale)
    plan(conn, "forget_keys", {"account_id": account_id}, key=str(account_id), not_before_ms=due)


@handles("forget_keys")
async def forget_keys(server: Server, payload: dict[str, Any]) -> None:
    """Destroy the keys of a deleted account, once nobody needs to be told any more; what nobody took goes with them."""
    account_id: int = payload["account_id"]
    await erasing.in_steps(server, deliveries.drop_some_by, account_id)
    await server.db.write(belongings.remove_keys, account_id)
    server.keys.forget(account_id)
