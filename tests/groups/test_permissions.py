"""Who may do what in which group: each action by each role in each kind of group, asked through the API and compared with
tables that are written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.groups import members
from fedserver.groups.rules import KINDS, Action
from storage import accounts, groups, relationships
from storage.accounts import RemoteAccount
from tests.conftest import MakeMember
from tests.groups.conftest import MakeGroup, StartThread
from tests.members import Person

ROLES: Final = ("owner", "moderator", "member", "outsider", "banned", "invited", "nobody")
# y: done, n: refused (403), h: as if it were not there (404), l: asked to sign in (401), c: not in such a group (409).
# By kind: o where everybody may begin discussions, m where members may, q where questions are answered; else refused.
TABLES: Final = {
    "public": """
        read        y y y y y y y
        start       y y m o n o l
        reply       y y y y n y l
        vote        y y y y n y l
        downvote    y y y y n y l
        answer      q q n n n n l
        lock        y y n n n n l
        unlock      y y n n n n l
        pin         y y n n n n l
        unpin       y y n n n n l
        rename      y y n n n n l
        move        y y n n n n l
        split       y y n n n n l
        merge       y y n n n n l
        remove      y y n n n n l
        admit       y y n n n n l
        invite      y y n n n n l
        expel       y y n n n n l
        ban         y y n n n n l
        unban       y y n n n n l
        appoint     y n n n n n l
        edit        y n n n n n l
        archive     y n n n n n l
        unarchive   y n n n n n l
        import      y n n n n n l
        export      y n n n n n l
    """,
    "members": """
        read        y y y n n n n
        start       y y m n n n l
        reply       y y y h h h l
        vote        y y y h h h l
        downvote    y y y h h h l
        answer      q q n h h h l
        lock        y y n h h h l
        unlock      y y n h h h l
        pin         y y n h h h l
        unpin       y y n h h h l
        rename      y y n h h h l
        move        c c n h h h l
        split       y y n h h h l
        merge       y y n h h h l
        remove      y y n h h h l
        admit       y y n n n n l
        invite      y y n n n n l
        expel       y y n n n n l
        ban         y y n n n n l
        unban       y y n n n n l
        appoint     y n n n n n l
        edit        y n n n n n l
        archive     y n n n n n l
        unarchive   y n n n n n l
        import      y n n n n n l
        export      y n n n n n l
    """,
    # Nobody can ask to join what they may not know of: whoever may admit finds nobody who asks.
    "private": """
        read        y y y h h n h
        start       y y m h h n l
        reply       y y y h h h l
        vote        y y y h h h l
        downvote    y y y h h h l
        answer      q q n h h h l
        lock        y y n h h h l
        unlock      y y n h h h l
        pin         y y n h h h l
        unpin       y y n h h h l
        rename      y y n h h h l
        move        c c n h h h l
        split       y y n h h h l
        merge       y y n h h h l
        remove      y y n h h h l
        admit       h h n h h n l
        invite      y y n h h n l
        expel       y y n h h n l
        ban         y y n h h n l
        unban       y y n h h n l
        appoint     y n n h h n l
        edit        y n n h h n l
        archive     y n n h h n l
        unarchive   y n n h h n l
        import      y n n h h n l
        export      y n n h h n l
    """,
}
OPEN_KINDS: Final = ("forum", "help")
STATUS: Final = {"y": 200, "n": 403, "h": 404, "l": 401, "c": 409}
# Done from the command line and on pages; the API says only whether somebody may.
NOT_ASKED: Final = (Action.IMPORT, Action.EXPORT)


def rows(table: str, roles: tuple[str, ...] = ROLES) -> Iterator[tuple[Action, dict[str, str]]]:
    for line in table.split("\n"):
        if line.strip():
            name, *cells = line.split()
            yield Action(name), dict(zip(roles, cells, strict=True))


def meant(cell: str, kind: str) -> str:
    """The cell for a group of this kind."""
    holds = {"o": kind in OPEN_KINDS, "m": kind != "announce", "q": kind == "help"}
    return cell if cell not in holds else "y" if holds[cell] else "n"


@dataclass
class Place:
    """A group with something of everything that can be acted on. Lists have one thing for each who may use it up."""

    group_id: int
    other_id: int
    thread: int
    closed: int  # a thread to lock
    reply: int
    replies: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    removable: list[int] = field(default_factory=list)
    asking: list[Person] = field(default_factory=list)
    leaving: list[Person] = field(default_factory=list)
    pupil: Person | None = None
    stranger: Person | None = None

    def ask(self, action: Action, *, used_up: bool) -> tuple[str, str, dict[str, Any]]:
        """Verb, path and form that do it; what is `used_up` by it is not there the next time."""

        def one(found: list[Any]) -> Any:
            return found.pop() if used_up else found[-1]

        group, thread = f"/api/v1/groups/{self.group_id}", f"/api/v1/threads/{self.thread}"
        closed = f"/api/v1/threads/{self.closed}"
        assert self.pupil is not None
        assert self.stranger is not None
        match action:
            case Action.READ:
                return "GET", f"{group}/threads", {}
            case Action.START:
                return "POST", f"{group}/threads", {"title": "Another", "text": "Well?"}
            case Action.REPLY:
                return "POST", "/api/v1/statuses", {"status": "Yes", "in_reply_to_id": str(self.thread)}
            case Action.VOTE:
                return "POST", f"/api/v1/statuses/{self.thread}/favourite", {}
            case Action.DOWNVOTE:
                return "POST", f"/api/v1/statuses/{self.thread}/downvote", {}
            case Action.ANSWER:
                return "POST", f"{thread}/answer", {"status_id": str(self.reply)}
            case Action.LOCK | Action.UNLOCK | Action.PIN | Action.UNPIN:
                return "POST", f"{closed}/{action}", {}
            case Action.RENAME:
                return "POST", f"{thread}/rename", {"title": "Better"}
            case Action.SPLIT:
                return "POST", f"{thread}/split", {"status_id": str(one(self.replies)), "title": "Apart"}
            case Action.MERGE:
                return "POST", f"/api/v1/threads/{one(self.threads)}/merge", {"into_id": str(self.thread)}
            case Action.MOVE:
                return "POST", f"/api/v1/threads/{one(self.threads)}/move", {"group_id": str(self.other_id)}
            case Action.REMOVE:
                return "DELETE", f"{group}/statuses/{one(self.removable)}", {}
            case Action.ADMIT:
                return "POST", f"{group}/requests/{one(self.asking).id}/accept", {}
            case Action.INVITE:
                return "POST", f"{group}/invitations/{self.stranger.id}", {}
            case Action.EXPEL:
                return "DELETE", f"{group}/members/{one(self.leaving).id}", {}
            case Action.BAN:
                return "POST", f"{group}/bans/{self.stranger.id}", {}
            case Action.UNBAN:
                return "DELETE", f"{group}/bans/{self.stranger.id}", {}
            case Action.APPOINT:
                return "PUT", f"{group}/members/{self.pupil.id}", {"role": "member"}
            case Action.EDIT:
                return "PATCH", group, {"language": "en"}
            case Action.ARCHIVE | Action.UNARCHIVE:
                return "POST", f"{group}/{action}", {}
        raise AssertionError(action)


async def status(asking: Person, asked: tuple[str, str, dict[str, Any]]) -> int:
    method, path, form = asked
    async with await asking.raw(method, path, **({} if method == "GET" else {"json": form})) as answer:
        return int(answer.status)


def test_the_tables_are_complete() -> None:
    for table in TABLES.values():
        assert {action for action, _ in rows(table)} == set(Action)


@pytest.mark.parametrize("access", TABLES)
async def test_each_role_may_what_its_table_says(
    access: str, server: Server, alice: Person, bob: Person, nobody: Person, member: MakeMember,
    make_group: MakeGroup, start: StartThread, answer: StartThread,
) -> None:  # fmt: skip
    names = ("mo", "carol", "dan", "eve", "asks1", "asks2", "goes1", "goes2", "pupil", "stranger")
    people = {name: await member(name) for name in names}
    by_role = dict(
        zip(
            ROLES,
            (alice, people["mo"], bob, people["carol"], people["dan"], people["eve"], nobody),
            strict=True,
        )
    )
    other_id = await make_group(alice, "plaza")
    await members.join(server, people["mo"].member, other_id)
    wrong = []
    # What differs between kinds is in the rules, not in what they are asked of: on PostgreSQL two that differ in all.
    for kind in KINDS if server.db.dialect == "sqlite" else ("help", "announce"):
        group_id = await make_group(
            alice, f"group_{kind[:4]}", kind=kind, access=access, join_mode="request", allows_downvotes=True
        )
        place = await _furnish(server, access, group_id, other_id, by_role, people, start, answer)
        # Those who may nothing come first, because what is done is done.
        for role in reversed(ROLES):
            shown = await by_role[role].raw("GET", f"/api/v1/groups/{group_id}")
            may = (await shown.json()).get("may", [])
            for action, cells in rows(TABLES[access]):
                cell = meant(cells[role], kind)
                done = action not in NOT_ASKED
                if done:
                    found = await status(by_role[role], place.ask(action, used_up=cell == "y"))
                    if found != STATUS[cell]:
                        wrong.append(f"{role} gets {found} and not {STATUS[cell]} for {action} in {kind}")
                told = shown.status == 200 and role != "nobody" and cell != "h"
                if told and (action in may) != (cell in "yc"):
                    wrong.append(f"{role} is told wrongly whether they may {action} in {kind}")
    assert not wrong, "\n".join(wrong)


async def _furnish(
    server: Server, access: str, group_id: int, other_id: int, by_role: dict[str, Person], people: dict[str, Person],
    start: StartThread, answer: StartThread,
) -> Place:  # fmt: skip
    owner, bob = by_role["owner"], by_role["member"]
    for one in (by_role["moderator"], bob, people["goes1"], people["goes2"], people["pupil"]):
        await members.invite(server, owner.member, group_id, one.account_id)
        await members.join(server, one.member, group_id)
    await members.appoint(server, owner.member, group_id, by_role["moderator"].account_id, "moderator")
    await members.ban(server, owner.member, group_id, by_role["banned"].account_id)
    await members.invite(server, owner.member, group_id, by_role["invited"].account_id)
    asking = [people["asks1"], people["asks2"]]
    if access != "private":
        for one in asking:
            await members.join(server, one.member, group_id)
    thread = await start(owner, group_id, "First")
    place = Place(
        group_id, other_id, thread, await start(owner, group_id, "To lock"), await answer(bob, thread)
    )
    place.replies = [await answer(bob, thread) for _ in range(2)]
    place.threads = [await start(owner, group_id, f"Thread {number}") for number in range(4)]
    place.removable = [await answer(bob, thread) for _ in range(2)]
    place.asking, place.leaving = asking, [people["goes1"], people["goes2"]]
    place.pupil, place.stranger = people["pupil"], people["stranger"]
    return place


async def test_an_archived_group_is_read_and_nothing_else(
    server: Server, alice: Person, bob: Person, member: MakeMember, make_group: MakeGroup, start: StartThread, answer: StartThread
) -> None:  # fmt: skip
    group_id, other_id = (
        await make_group(alice, kind="help", allows_downvotes=True),
        await make_group(alice, "plaza"),
    )
    people = [bob, *[await member(name) for name in ("asks", "goes", "pupil", "stranger")]]
    for one in (bob, people[2], people[3]):
        await members.join(server, one.member, group_id)
    thread = await start(bob, group_id, "First")
    place = Place(group_id, other_id, thread, thread, await answer(alice, thread))
    place.replies, place.threads, place.removable = [place.reply], [thread], [place.reply]
    place.asking, place.leaving, place.pupil, place.stranger = [people[1]], [people[2]], people[3], people[4]
    await alice.post(f"/api/v1/groups/{group_id}/archive")
    may = {Action.READ, Action.EXPEL, Action.APPOINT, Action.ARCHIVE, Action.UNARCHIVE}
    for action in Action:
        if action in NOT_ASKED or action is Action.UNARCHIVE:
            continue
        found = await status(alice, place.ask(action, used_up=False))
        assert found == (200 if action in may else 403), action
    assert await status(alice, place.ask(Action.UNARCHIVE, used_up=False)) == 200
    assert await status(alice, place.ask(Action.REPLY, used_up=False)) == 200


# Of a group elsewhere, whose kind is one of two as far as others learn of it, and which is never private for us. Its own
# server decides about most of it; moderators who are members here lock, pin and remove.
KINDS_ELSEWHERE: Final = ("forum", "announce")
ROLES_ELSEWHERE: Final = ("moderator", "member", "outsider", "banned")
ELSEWHERE: Final = {
    "public": """
        read        y y y y
        start       y m o n
        reply       y y y n
        vote        y y y n
        downvote    y y y n
        answer      n n n n
        lock        y n n n
        unlock      y n n n
        pin         y n n n
        unpin       y n n n
        rename      n n n n
        move        n n n n
        split       n n n n
        merge       n n n n
        remove      y n n n
        admit       n n n n
        invite      n n n n
        expel       n n n n
        ban         n n n n
        unban       n n n n
        appoint     n n n n
        edit        n n n n
        archive     n n n n
        unarchive   n n n n
    """,
    "members": """
        read        y y n n
        start       y m n n
        reply       y y h h
        vote        y y h h
        downvote    y y h h
        answer      n n h h
        lock        y n h h
        unlock      y n h h
        pin         y n h h
        unpin       y n h h
        rename      n n h h
        move        n n h h
        split       n n h h
        merge       n n h h
        remove      y n h h
        admit       n n n n
        invite      n n n n
        expel       n n n n
        ban         n n n n
        unban       n n n n
        appoint     n n n n
        edit        n n n n
        archive     n n n n
        unarchive   n n n n
    """,
}


@pytest.mark.parametrize("access", ELSEWHERE)
async def test_in_a_group_elsewhere_its_server_decides(
    access: str, server: Server, alice: Person, bob: Person, member: MakeMember, make_group: MakeGroup,
    start: StartThread, answer: StartThread,
) -> None:  # fmt: skip
    people = {name: await member(name) for name in ("carol", "dan", "pupil", "stranger")}
    by_role = dict(zip(ROLES_ELSEWHERE, (alice, bob, people["carol"], people["dan"]), strict=True))
    other_id = await make_group(alice, "plaza")
    wrong = []
    for kind in KINDS_ELSEWHERE:
        group_id = await server.db.write(_elsewhere, kind, access, alice, bob, people["pupil"])
        thread = await start(alice, group_id, "First")
        place = Place(
            group_id, other_id, thread, await start(alice, group_id, "To lock"), await answer(bob, thread)
        )
        place.replies = [place.reply]
        place.threads = [await start(alice, group_id, "Another")]
        place.removable = [place.reply, await answer(bob, thread)]
        place.asking, place.leaving = [people["stranger"]], [people["pupil"]]
        place.pupil, place.stranger = people["pupil"], people["stranger"]
        await server.db.write(_ban, group_id, people["dan"])
        for role in reversed(ROLES_ELSEWHERE):
            for action, cells in rows(ELSEWHERE[access], ROLES_ELSEWHERE):
                cell = meant(cells[role], kind)
                found = await status(by_role[role], place.ask(action, used_up=False))
                if found != STATUS[cell]:
                    wrong.append(f"{role} gets {found} and not {STATUS[cell]} for {action} in {kind}")
    assert not wrong, "\n".join(wrong)


def _elsewhere(conn: Connection, kind: str, access: str, moderator: Person, *others: Person) -> int:
    """A group of another server, as it is known here; the first of these members moderates it."""
    uri = f"https://there.example/c/{kind}"
    group_id = accounts.upsert_remote(
        conn,
        RemoteAccount(
            uri=uri, url=uri, username=kind, domain="there.example", host="there.example", actor_type="Group",
            inbox_uri=f"{uri}/inbox", followers_uri=f"{uri}/followers", featured_uri=f"{uri}/featured",
        ),
    )  # fmt: skip
    posting = "moderators" if kind == "announce" else "anybody"
    if groups.by_id(conn, group_id) is None:
        groups.add(conn, group_id, kind=kind, access=access, join_mode="open", posting=posting)
    groups.change(
        conn, group_id, kind=kind, access=access, posting=posting, allows_downvotes=True,
        moderators_uri=f"{uri}/moderators",
    )  # fmt: skip
    for one in (moderator, *others):
        groups.put_member(conn, group_id, one.account_id, "moderator" if one is moderator else "member")
        relationships.add_follow(conn, one.account_id, group_id, f"{uri}#{one.id}", accepted=True)
    return group_id


def _ban(conn: Connection, group_id: int, who: Person) -> None:
    groups.put_ban(conn, group_id, who.account_id, by_id=None, reason="", expires_at=None)
