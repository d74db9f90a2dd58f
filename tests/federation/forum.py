"""A group on one of two servers: what its people do, and how it stands on either of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, select

from fedserver import config as configuration
from fedserver import posts
from fedserver.assembly import build_server
from fedserver.context import Server
from fedserver.groups import catalogue, members
from fedserver.groups.catalogue import GroupFields
from fedserver.posts import Draft
from fedserver.viewer import PAGE_SCOPES, Member
from storage import accounts, group_threads, groups, tables, users
from storage import posts as stored_posts
from storage.database import open_database
from tests import quick_secrets
from tests.client import Api
from tests.federation.walk import Friends, stands
from tests.running import RunningServer
from tests.waiting import eventually

T = TypeVar("T")
_numbers = itertools.count(1)


def within(running: RunningServer, act: Callable[[Server], Awaitable[T]]) -> T:
    """What `act` returns, done by another process on the server's database."""

    async def run() -> T:
        async with build_server(configuration.load(environ=running.environment)) as server:
            return await act(server)

    with pytest.MonkeyPatch.context() as patch:
        quick_secrets.use(patch.setattr)
        return asyncio.run(run())


def asks(running: RunningServer, unit: Callable[[Connection], T]) -> T:
    """What a unit reads from the server's database."""

    async def read() -> T:
        db = await open_database(running.environment["FEDSERVER_DATABASE"])
        try:
            return await db.read(unit)
        finally:
            await db.close()

    return asyncio.run(read())


@dataclass
class Forum:
    """A group of the server of `friends.here`, who owns it; `name` is its handle's."""

    friends: Friends
    name: str

    @classmethod
    def make(cls, friends: Friends, **fields: Any) -> Forum:
        forum = cls(friends, f"forum{next(_numbers)}")
        fields.setdefault("title", forum.name.capitalize())

        async def create(server: Server) -> None:
            owner = await member_of(server, friends.here)
            await server.db.write(users.change, owner.account_id, may_create_groups=True)
            await catalogue.create(server, owner, forum.name, GroupFields(**fields))

        within(friends.here_server, create)
        return forum

    @property
    def handle(self) -> str:
        return f"@{self.name}@{self.friends.here_server.domain}"

    @property
    def uri(self) -> str:
        return f"{self.friends.here_server.origin}/groups/{self.name}"

    def joined_by(self, *members: Api) -> Forum:
        """Let members of the other server join by following, and wait until they belong to it."""
        for member in members:
            group_id = member.find_account(self.handle)["id"]
            member.post(f"/api/v1/accounts/{group_id}/follow")
            stands(member, group_id, following=True, requested=False)
        return self

    def start(self, title: str, text: str = "Well?", *, by: Api | None = None, there: bool = False) -> str:
        """Begin a thread as the owner, or `by` somebody of the server that they are of; its uri."""
        running = self.friends.there_server if there else self.friends.here_server

        async def begin(server: Server) -> str:
            author = await member_of(server, by or self.friends.here)
            group = await server.db.read(accounts.by_uri, self.uri)
            assert group is not None
            post_id = await posts.create(
                server, author, Draft(text, "text/markdown", title=title, group_id=group.id)
            )
            return server.uris.post(post_id)

        return within(running, begin)

    def acts(self, unit: Callable[[Server, Member, Any], Awaitable[Any]], by: Api | None = None) -> None:
        """The owner (or somebody else of this server) does something with the group: `unit(server, member, group)`."""

        async def act(server: Server) -> None:
            actor = await member_of(server, by or self.friends.here)
            await unit(server, actor, await server.db.read(groups.by_handle, self.name))

        within(self.friends.here_server, act)

    def moderates(
        self,
        action: Callable[..., Awaitable[Any]],
        uri: str,
        *,
        by: Api | None = None,
        there: bool = False,
        **more: Any,
    ) -> None:
        """The owner, or `by` a moderator of the server that they are of, does something with a post."""
        running = self.friends.there_server if there else self.friends.here_server

        async def act(server: Server) -> None:
            row = await server.db.read(stored_posts.by_uri, uri)
            assert row is not None
            await action(server, await member_of(server, by or self.friends.here), row.id, **more)

        within(running, act)

    def appoints(self, whom: Api, role: str) -> None:
        """The owner gives a member of the other server a role."""

        async def act(server: Server, owner: Member, group: Any) -> None:
            await members.appoint(server, owner, group.account_id, await self._known(server, whom), role)

        self.acts(act)

    def bans(self, whom: Api, reason: str) -> None:
        """The owner bans a member of the other server."""

        async def act(server: Server, owner: Member, group: Any) -> None:
            await members.ban(server, owner, group.account_id, await self._known(server, whom), reason=reason)

        self.acts(act)

    async def _known(self, server: Server, whom: Api) -> int:
        row = await server.db.read(accounts.by_handle, whom.username, whom.domain)
        assert row is not None
        return int(row.id)

    # -- how it stands on either server

    def role_of(self, running: RunningServer, whom: Api) -> str | None:
        def read(conn: Connection) -> str | None:
            group = accounts.by_uri(conn, self.uri)
            who = accounts.by_uri(conn, f"{whom.origin}/users/{whom.username}")
            there = groups.membership_of(conn, group.id, who.id) if group and who else None
            return None if there is None else str(there.role)

        return asks(running, read)

    def pins(self, running: RunningServer) -> list[str]:
        """The uris of pinned threads."""

        def read(conn: Connection) -> list[str]:
            group = accounts.by_uri(conn, self.uri)
            assert group is not None
            found = stored_posts.by_ids(conn, group_threads.pinned_ids(conn, group.id))
            return [row.uri for row in found.values()]

        return asks(running, read)

    def dislikes(self, running: RunningServer, uri: str) -> int:
        def read(conn: Connection) -> int:
            row = stored_posts.by_uri(conn, uri)
            assert row is not None
            return group_threads.dislikes_of(conn, [row.id], None).get(row.id, (0, False))[0]

        return asks(running, read)

    def thread(self, running: RunningServer, uri: str) -> Any:
        """The row of the thread on one of the servers, or None."""

        def read(conn: Connection) -> Any:
            query = (
                select(tables.group_thread, tables.account.c.uri.label("group_uri"))
                .join(tables.post, tables.post.c.id == tables.group_thread.c.post_id)
                .join(tables.account, tables.account.c.id == tables.group_thread.c.group_id)
                .where(tables.post.c.uri == uri)
            )
            return conn.execute(query).first()

        return asks(running, read)

    def becomes(self, running: RunningServer, uri: str, seen: Callable[[Any], Any], what: str) -> Any:
        """The row of the thread once it is as wanted."""
        return eventually(
            lambda: (row := self.thread(running, uri)) is not None and seen(row) and row,
            what,
            lambda: self.thread(running, uri),
        )


async def member_of(server: Server, who: Api) -> Member:
    """The member behind a client, as fedserver's functions know them."""
    row = await server.db.read(accounts.local, who.username)
    assert row is not None
    return Member(row.id, who.username, "member", PAGE_SCOPES)


def answers(who: Api, uri: str, text: str) -> str:
    """Answer the status with this address; the answer's uri."""
    status = who.find_status(uri)
    answer = who.post("/api/v1/statuses", {"status": text, "in_reply_to_id": status["id"]})
    return str(answer["uri"])


def in_thread(who: Api, root_uri: str, uri: str) -> dict[str, Any]:
    """The status with this address once it is below the root, as this reader sees it."""

    def seen() -> dict[str, Any] | None:
        found = who.get(f"/api/v1/statuses/{who.find_status(root_uri)['id']}/context")["descendants"]
        return next((one for one in found if one["uri"] == uri), None)

    return eventually(seen, f"{uri} below {root_uri} for {who.handle}")
