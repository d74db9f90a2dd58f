"""Who of another server may do what in which group here: each action that there are words for, by each role in each kind of
group, sent to the inbox and compared with tables that are written by hand."""

from __future__ import annotations

from typing import Final

import pytest
from sqlalchemy import Connection, select

from activitypub.names import PUBLIC
from fedserver.context import Server
from fedserver.federation import fetch
from fedserver.groups.rules import KINDS, Action
from storage import groups, relationships, tables
from tests.federation.stub import Door, Stub, StubActor
from tests.groups.conftest import MakeGroup, StartThread
from tests.groups.test_permissions import ROLES_ELSEWHERE, meant, rows
from tests.members import Person

# y: done, n: nothing changes; by kind as in the tables of members.
SAID: Final = {
    "public": """
        start       y m o n
        reply       y y y n
        vote        y y y n
        downvote    y y y n
        lock        y n n n
        unlock      y n n n
        pin         y n n n
        unpin       y n n n
        remove      y n n n
        ban         y n n n
        unban       y n n n
        appoint     n n n n
        edit        n n n n
    """,
    "members": """
        start       y m n n
        reply       y y n n
        vote        y y n n
        downvote    y y n n
        lock        y n n n
        unlock      y n n n
        pin         y n n n
        unpin       y n n n
        remove      y n n n
        ban         y n n n
        unban       y n n n
        appoint     n n n n
        edit        n n n n
    """,
}
# There are no words for these between servers, or (read) nothing is said.
NOT_SAID: Final = {
    Action.READ, Action.ANSWER, Action.RENAME, Action.MOVE, Action.SPLIT, Action.MERGE, Action.ADMIT, Action.INVITE,
    Action.EXPEL, Action.ARCHIVE, Action.UNARCHIVE, Action.IMPORT, Action.EXPORT,
}  # fmt: skip


def test_the_tables_of_what_is_said_are_complete() -> None:
    for table in SAID.values():
        assert {action for action, _ in rows(table, ROLES_ELSEWHERE)} | NOT_SAID == set(Action)


@pytest.mark.parametrize("access", SAID)
async def test_people_of_other_servers_may_what_their_table_says(
    access: str,
    door: Door,
    there: Stub,
    alice: Person,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
) -> None:
    server = door.server
    actors = {role: there.actor(role) for role in ROLES_ELSEWHERE}
    victim = there.actor("victim")
    wrong = []
    for kind in KINDS if server.db.dialect == "sqlite" else ("help", "announce"):
        name = f"group_{kind[:4]}"
        group_id = await make_group(alice, name, kind=kind, access=access, allows_downvotes=True)
        uris = server.uris.group_uris(name)
        thread = await start(alice, group_id, "First")
        closed = server.uris.post(await start(alice, group_id, "To lock"))
        root = server.uris.post(thread)
        await server.db.write(
            _seat, group_id, [await _known(server, one) for one in (*actors.values(), victim)]
        )
        for role in reversed(ROLES_ELSEWHERE):
            actor = actors[role]
            to = {"to": [uris.id, uris.followers] if access == "members" else [PUBLIC], "cc": [uris.id]}
            removed = server.uris.post(await answer(alice, thread))
            notes = {
                Action.START: actor.note(f"@{name} Hello", **to),
                Action.REPLY: actor.note("Yes", inReplyTo=root, **to),
            }
            lock = actor.says("Lock", closed, **to)
            ban = actor.says("Block", victim.uri, target=uris.id, **to)
            pinned = {"target": uris.featured, **to}
            said = {action: actor.says("Create", note, **to) for action, note in notes.items()} | {
                Action.VOTE: actor.says("Like", root, **to),
                Action.DOWNVOTE: actor.says("Dislike", root, **to),
                Action.LOCK: lock, Action.UNLOCK: actor.says("Undo", lock, **to),
                Action.PIN: actor.says("Add", closed, **pinned), Action.UNPIN: actor.says("Remove", closed, **pinned),
                Action.REMOVE: actor.says("Delete", removed, **to),
                Action.BAN: ban, Action.UNBAN: actor.says("Undo", ban, **to),
                Action.APPOINT: actor.says("Add", victim.uri, **{**pinned, "target": uris.moderators}),
                Action.EDIT: actor.says("Update", {"id": uris.id, "type": "Group", "name": "Bent"}, **to),
            }  # fmt: skip
            await door.takes(actor, *said.values())
            outcome = await server.db.read(_outcome, actor.uri, group_id)
            for action, cells in rows(SAID[access], ROLES_ELSEWHERE):
                # Who is refused a post is answered; that was done, and the post is not there.
                done = notes[action]["id"] in outcome if action in notes else said[action]["id"] in outcome
                if done != (meant(cells[role], kind) == "y"):
                    wrong.append(f"{role} {'may' if done else 'may not'} {action} in {kind}")
        row = await server.db.read(groups.by_id, group_id)
        assert (row.display_name, await server.db.read(groups.is_banned, group_id, await _known(server, victim))) == (
            name.capitalize(), False,
        )  # fmt: skip
    assert not wrong, "\n".join(wrong)


async def _known(server: Server, actor: StubActor) -> int:
    account_id = await fetch.account(server, actor.uri)
    assert account_id is not None
    return account_id


def _seat(conn: Connection, group_id: int, account_ids: list[int]) -> None:
    """These are its moderator, a member, nobody to it, and banned from it; the last belongs to it, too."""
    moderator, member, _, banned, victim = account_ids
    for account_id, role in ((moderator, "moderator"), (member, "member"), (victim, "member")):
        groups.put_member(conn, group_id, account_id, role)
        relationships.add_follow(
            conn, account_id, group_id, f"https://x.example/{group_id}/{account_id}", accepted=True
        )
    groups.put_ban(conn, group_id, banned, by_id=None, reason="", expires_at=None)


def _outcome(conn: Connection, signer_uri: str, group_id: int) -> set[str]:
    """What was done of what somebody said, and the posts that are in the group."""
    item = tables.inbox_item.c
    done = select(item.activity_id).where(
        item.signer_uri == signer_uri, item.state == "done", item.note == ""
    )
    posted = select(tables.post.c.uri).where(tables.post.c.group_id == group_id)
    return {*conn.scalars(done), *conn.scalars(posted)}
