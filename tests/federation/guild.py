"""A group of another server, as Lemmy speaks it: a stub that hands on what people of that server and others do."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from activitypub.names import PUBLIC
from fedserver import relationships
from fedserver.federation import fetch
from storage import accounts, group_threads, groups, tables
from storage import posts as stored_posts
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person

_names = (f"guild{number}" for number in itertools.count(1))


@dataclass
class Guild:
    """The group `actor` at `stub`, to which a member here belongs; `mod` moderates it, at a server of theirs."""

    door: Door
    actor: StubActor
    mod: StubActor
    group_id: int

    @classmethod
    async def found(
        cls,
        door: Door,
        stub: Stub,
        mod: StubActor,
        member: Person,
        *,
        existing: StubActor | None = None,
        **more: Any,
    ) -> Guild:
        """Make the group (or take this one), list its moderator, and let the member join."""
        name = next(_names) if existing is None else existing.name
        moderators = f"{stub.origin}/users/{name}/moderators"
        actor = existing or stub.actor(
            name, "Group", attributedTo=moderators, endpoints={"sharedInbox": f"{stub.origin}/inbox"}, **more
        )
        stub.documents[f"/users/{name}/moderators"] = {
            "type": "OrderedCollection", "id": moderators, "orderedItems": [mod.uri],
        }  # fmt: skip
        group_id = await fetch.account(door.server, actor.uri)
        assert group_id is not None
        guild = cls(door, actor, mod, group_id)
        await guild.joined_by(member)
        return guild

    async def joined_by(self, member: Person) -> None:
        await relationships.follow(self.door.server, member.member, self.group_id)
        follow = await self.door.server.db.read(_follow, member.account_id, self.group_id)
        await self.door.takes(self.actor, self.actor.says("Accept", follow.uri))

    @property
    def uri(self) -> str:
        return self.actor.uri

    def page(self, author: StubActor, name: str = "A thread", *, served: bool = True, **more: Any) -> Any:
        """A thread of the author's in the group, as Lemmy writes it."""
        return author.note(
            "Text", served=served, type="Page", name=name, mediaType="text/html",
            **{"to": [self.uri, PUBLIC], "cc": [], "audience": self.uri, "attachment": [], **more},
        )  # fmt: skip

    def comment(self, author: StubActor, parent: Any, text: str = "Yes", **more: Any) -> Any:
        return author.note(
            text, served=True, inReplyTo=parent["id"],
            **{"to": [PUBLIC], "cc": [self.uri, parent["attributedTo"]], "audience": self.uri, **more},
        )  # fmt: skip

    def hands_on(self, said: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The group's Announce of an activity."""
        return self.actor.says("Announce", said, cc=[f"{self.uri}/followers"], **more)

    def does(self, who: StubActor, kind: str, what: Any, **more: Any) -> dict[str, Any]:
        """An activity in the group, which its origin serves to whoever asks."""
        said = who.says(kind, what, cc=[self.uri], audience=self.uri) | more
        who.stub.documents[said["id"].removeprefix(who.stub.origin)] = said
        return said

    async def announces(self, *said: dict[str, Any]) -> None:
        """The group hands these on, and they are acted on."""
        await self.door.takes(self.actor, *(self.hands_on(one) for one in said))

    async def begins(self, author: StubActor, name: str = "A thread", **more: Any) -> Any:
        """Somebody's new thread, handed on; the Page."""
        page = self.page(author, name, **more)
        await self.announces(self.does(author, "Create", page))
        return page

    # -- how it stands here

    async def row(self) -> Any:
        return await self.door.server.db.read(groups.by_id, self.group_id)

    async def post(self, document: Any) -> Any:
        return await self.door.server.db.read(stored_posts.by_uri, document["id"])

    async def thread(self, document: Any) -> Any:
        row = await self.post(document)
        return None if row is None else await self.door.server.db.read(group_threads.by_id, row.id)

    async def dislikes(self, document: Any) -> int:
        row = await self.post(document)
        counted = await self.door.server.db.read(group_threads.dislikes_of, [row.id], None)
        return counted.get(row.id, (0, False))[0]

    async def boosts(self) -> list[Any]:
        """The boosts by which the group has shown threads."""

        def unit(conn: Connection) -> list[Any]:
            query = select(tables.post).where(tables.post.c.account_id == self.group_id)
            return list(conn.execute(query.order_by(tables.post.c.id)))

        return await self.door.server.db.read(unit)

    async def role_of(self, uri: str) -> str | None:
        def unit(conn: Connection) -> str | None:
            who = accounts.by_uri(conn, uri)
            there = None if who is None else groups.membership_of(conn, self.group_id, who.id)
            return None if there is None else str(there.role)

        return await self.door.server.db.read(unit)

    async def log(self) -> list[tuple[str, str]]:
        """What moderators did, as (action, reason), oldest first."""

        def unit(conn: Connection) -> list[tuple[str, str]]:
            table = tables.group_action
            query = select(table).where(table.c.group_id == self.group_id).order_by(table.c.id)
            return [(row.action, row.reason) for row in conn.execute(query)]

        return await self.door.server.db.read(unit)


def _follow(conn: Connection, account_id: int, target_id: int) -> Any:
    table = tables.follow
    return conn.execute(
        select(table).where(table.c.account_id == account_id, table.c.target_id == target_id)
    ).one()
