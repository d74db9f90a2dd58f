"""Every list of the client API that is paged: where it is, and how something comes into it and goes again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.contract.world import World
from tests.members import Person

POOL = 8
"""So many people, posts and so on stand ready to be put into lists."""

Put = Callable[[int], Awaitable[str]]
Remove = Callable[[str], Awaitable[Any]]


def _id(item: Any) -> str:
    return str(item["id"])


@dataclass
class Listing:
    """`put(n)` puts the nth thing into the list and gives the key it has there; `remove` takes one out by its key."""

    path: str
    put: Put
    remove: Remove
    key: Callable[[Any], str] = _id
    person: Person | None = None
    # The list within the answer, if it is a part of it.
    inner: str = ""
    # Whether an item that goes on beyond a page is on the next page, too: groups do.
    repeats: bool = False
    # Whether the list is emptied afterwards, because its things come into it again.
    clears: bool = True
    # What was arranged for this list alone is undone.
    after: Callable[[], Awaitable[Any]] | None = None


class Listings:
    """All of them, for Alice in a world; ask for each by its name in `NAMES`."""

    NAMES = (
        "home", "public", "hashtag", "in_list", "of_account", "direct", "favourites", "bookmarks", "quotes",
        "notifications", "grouped", "group_accounts", "requests", "followers", "following", "follow_requests",
        "blocks", "mutes", "endorsements", "list_accounts", "favourited_by", "reblogged_by", "conversations",
        "scheduled", "followed_tags", "domain_blocks", "admin_accounts", "admin_accounts_v1", "admin_reports",
        "admin_domain_allows", "admin_domain_blocks", "admin_email_domain_blocks", "admin_ip_blocks",
        "admin_canonical_email_blocks",
    )  # fmt: skip

    def __init__(self, world: World) -> None:
        self.world = world
        self._people: list[Person] = []
        self._statuses: list[str] = []

    async def listing(self, name: str) -> Listing:
        made: Listing = await getattr(self, f"_{name}")()
        return made

    # What is put into lists

    async def _person(self, n: int) -> Person:
        while len(self._people) < POOL:
            self._people.append(await self.world.person())
        return self._people[n % POOL]

    async def _status(self, n: int) -> str:
        while len(self._statuses) < POOL:
            self._statuses.append(await self._aside(self.world.bob, "one of many"))
        # Neighbours in the list are not written one after the other.
        return self._statuses[n * 7 % POOL]

    async def _aside(self, author: Person, text: str, **more: Any) -> str:
        """A post that is in no open timeline."""
        return await self.world.say(author, text, visibility="unlisted", **more)

    def _posts(self, path: str, author: Person, text: str = "walk", **more: Any) -> Listing:
        async def put(n: int) -> str:
            return await self.world.say(author, f"{text} {n}", **more)

        return Listing(path, put, lambda key: author.delete(f"/api/v1/statuses/{key}"), clears=False)

    def _marked(self, path: str, action: str) -> Listing:
        """Posts that Alice has done something with."""
        alice = self.world.alice

        async def put(n: int) -> str:
            status_id = await self._status(n)
            await alice.post(f"/api/v1/statuses/{status_id}/{action}")
            return status_id

        return Listing(path, put, lambda key: alice.post(f"/api/v1/statuses/{key}/un{action}"))

    def _related(self, path: str, action: str, **more: Any) -> Listing:
        """Accounts that Alice has done something with."""
        alice = self.world.alice

        async def put(n: int) -> str:
            person = await self._person(n)
            await alice.post(f"/api/v1/accounts/{person.id}/{action}", more)
            return person.id

        return Listing(path, put, lambda key: alice.post(f"/api/v1/accounts/{key}/un{action}"))

    def _by_people(self, path: str, act: str, undo: str) -> Listing:
        """Accounts that have done something."""

        async def put(n: int) -> str:
            person = await self._person(n)
            await person.post(act)
            return person.id

        async def remove(key: str) -> None:
            person = next(one for one in self._people if one.id == key)
            await person.post(undo)

        return Listing(path, put, remove)

    def _ruled(self, what: str, body: Callable[[int], dict[str, Any]]) -> Listing:
        """Rules of moderators."""
        ada, path = self.world.ada, f"/api/v1/admin/{what}"

        async def put(n: int) -> str:
            made = await ada.post(path, body(n))
            return _id(made)

        return Listing(path, put, lambda key: ada.delete(f"{path}/{key}"), person=ada)

    # Posts

    async def _home(self) -> Listing:
        reader, author = await self.world.person(), await self.world.person()
        await reader.post(f"/api/v1/accounts/{author.id}/follow")
        found = self._posts("/api/v1/timelines/home", author)
        found.person = reader
        return found

    async def _public(self) -> Listing:
        return self._posts("/api/v1/timelines/public?local=true", self.world.bob)

    async def _hashtag(self) -> Listing:
        tag = self.world.next_name("stroll")
        return self._posts(f"/api/v1/timelines/tag/walk?any[]={tag}&local=true", self.world.bob, f"#{tag}")

    async def _in_list(self) -> Listing:
        alice, author = self.world.alice, await self.world.person()
        await alice.post(f"/api/v1/accounts/{author.id}/follow")
        made = await alice.post("/api/v1/lists", {"title": "One of them"})
        await alice.post(f"/api/v1/lists/{made['id']}/accounts", {"account_ids": [author.id]})
        return self._posts(f"/api/v1/timelines/list/{made['id']}", author)

    async def _of_account(self) -> Listing:
        author = await self.world.person()
        return self._posts(f"/api/v1/accounts/{author.id}/statuses?exclude_replies=true", author)

    async def _direct(self) -> Listing:
        return self._posts("/api/v1/timelines/direct", self.world.bob, "@alice", visibility="direct")

    async def _favourites(self) -> Listing:
        return self._marked("/api/v1/favourites", "favourite")

    async def _bookmarks(self) -> Listing:
        return self._marked("/api/v1/bookmarks", "bookmark")

    async def _quotes(self) -> Listing:
        quoted = await self._aside(self.world.alice, "Quote me", quote_approval_policy="public")
        return self._posts(f"/api/v1/statuses/{quoted}/quotes", self.world.bob, quoted_status_id=quoted)

    async def _scheduled(self) -> Listing:
        alice, path = self.world.alice, "/api/v1/scheduled_statuses"

        async def put(n: int) -> str:
            # Not in the order in which they are written.
            day = 1 + n * 7 % 28
            at = f"2099-01-{day:02}T00:00:{n % 60:02}.000Z"
            return _id(await alice.post("/api/v1/statuses", {"status": "later", "scheduled_at": at}))

        return Listing(path, put, lambda key: alice.delete(f"{path}/{key}"))

    # Notifications

    async def _notifications(self) -> Listing:
        alice = self.world.alice

        async def put(n: int) -> str:
            await self._aside(self.world.bob, f"@alice {n}")
            return _id((await alice.get("/api/v1/notifications"))[0])

        return Listing(
            "/api/v1/notifications?types[]=mention&exclude_types[]=follow",
            put,
            lambda key: alice.post(f"/api/v1/notifications/{key}/dismiss"),
        )

    async def _grouped(self) -> Listing:
        alice = self.world.alice

        async def put(n: int) -> str:
            status_id = await self._aside(alice, f"like me {n}")
            for person in (self.world.bob, self.world.ada):
                await person.post(f"/api/v1/statuses/{status_id}/favourite")
            return str((await alice.get("/api/v2/notifications"))["notification_groups"][0]["group_key"])

        return Listing(
            "/api/v2/notifications?types[]=favourite&grouped_types[]=favourite",
            put,
            lambda key: alice.post(f"/api/v2/notifications/{key}/dismiss"),
            key=lambda group: str(group["group_key"]),
            inner="notification_groups",
            repeats=True,
        )

    async def _group_accounts(self) -> Listing:
        status_id = await self._aside(self.world.alice, "like me all")
        like = f"/api/v1/statuses/{status_id}/favourite"
        await self.world.bob.post(like)
        group = (await self.world.alice.get("/api/v2/notifications"))["notification_groups"][0]
        return self._by_people(
            f"/api/v2/notifications/{group['group_key']}/accounts", like, like.replace("/fav", "/unfav")
        )

    async def _requests(self) -> Listing:
        alice, path = self.world.alice, "/api/v1/notifications/requests"
        policy = "/api/v2/notifications/policy"
        await alice.patch(policy, {"for_not_following": "filter"})

        async def put(n: int) -> str:
            await self._aside(await self.world.person(), f"@alice {n}")
            return _id((await alice.get(path))[0])

        return Listing(
            path,
            put,
            lambda key: alice.post(f"{path}/{key}/dismiss"),
            after=lambda: alice.patch(policy, {"for_not_following": "accept"}),
        )

    async def _conversations(self) -> Listing:
        alice, path = self.world.alice, "/api/v1/conversations"

        async def put(n: int) -> str:
            await self.world.say(self.world.bob, f"@alice {n}", visibility="direct")
            return _id((await alice.get(path))[0])

        return Listing(path, put, lambda key: alice.delete(f"{path}/{key}"))

    # People

    async def _followers(self) -> Listing:
        ada = self.world.ada.id
        return self._by_people(
            f"/api/v1/accounts/{ada}/followers",
            f"/api/v1/accounts/{ada}/follow",
            f"/api/v1/accounts/{ada}/unfollow",
        )

    async def _following(self) -> Listing:
        return self._related(f"/api/v1/accounts/{self.world.alice.id}/following", "follow")

    async def _follow_requests(self) -> Listing:
        alice, profile = self.world.alice, "/api/v1/accounts/update_credentials"
        await alice.patch(profile, {"locked": True})
        at = f"/api/v1/accounts/{alice.id}"
        found = self._by_people("/api/v1/follow_requests", f"{at}/follow", f"{at}/unfollow")
        found.after = lambda: alice.patch(profile, {"locked": False})
        return found

    async def _blocks(self) -> Listing:
        return self._related("/api/v1/blocks", "block")

    async def _mutes(self) -> Listing:
        return self._related("/api/v1/mutes", "mute", duration=3600)

    async def _endorsements(self) -> Listing:
        for n in range(POOL):
            await self.world.alice.post(f"/api/v1/accounts/{(await self._person(n)).id}/follow")
        return self._related("/api/v1/endorsements", "endorse")

    async def _list_accounts(self) -> Listing:
        alice = self.world.alice
        for n in range(POOL):
            await alice.post(f"/api/v1/accounts/{(await self._person(n)).id}/follow")
        path = f"/api/v1/lists/{(await alice.post('/api/v1/lists', {'title': 'All'}))['id']}/accounts"

        async def put(n: int) -> str:
            person = await self._person(n)
            await alice.post(path, {"account_ids": [person.id]})
            return person.id

        return Listing(path, put, lambda key: alice.delete(path, **{"account_ids[]": key}))

    async def _favourited_by(self) -> Listing:
        at = f"/api/v1/statuses/{await self._aside(self.world.alice, 'all like it')}"
        return self._by_people(f"{at}/favourited_by", f"{at}/favourite", f"{at}/unfavourite")

    async def _reblogged_by(self) -> Listing:
        at = f"/api/v1/statuses/{await self._aside(self.world.alice, 'all boost it')}"
        return self._by_people(f"{at}/reblogged_by", f"{at}/reblog", f"{at}/unreblog")

    # What is named by a text

    async def _followed_tags(self) -> Listing:
        alice = self.world.alice

        async def put(n: int) -> str:
            await alice.post(f"/api/v1/tags/topic{n}/follow")
            return f"topic{n}"

        return Listing(
            "/api/v1/followed_tags",
            put,
            lambda key: alice.post(f"/api/v1/tags/{key}/unfollow"),
            key=lambda tag: str(tag["name"]),
        )

    async def _domain_blocks(self) -> Listing:
        alice, path = self.world.alice, "/api/v1/domain_blocks"

        async def put(n: int) -> str:
            await alice.post(path, {"domain": f"unwanted{n}.example"})
            return f"unwanted{n}.example"

        return Listing(path, put, lambda key: alice.delete(path, domain=key), key=str)

    # Moderation

    async def _admin_accounts(self) -> Listing:
        return self._pending("/api/v2/admin/accounts?status=pending&origin=local")

    async def _admin_accounts_v1(self) -> Listing:
        return self._pending("/api/v1/admin/accounts?pending=true&local=true")

    def _pending(self, path: str) -> Listing:
        ada = self.world.ada
        return Listing(
            path,
            lambda n: self.world.thing("new.pending"),
            lambda key: ada.post(f"/api/v1/admin/accounts/{key}/approve"),
            person=ada,
        )

    async def _admin_reports(self) -> Listing:
        ada, path = self.world.ada, "/api/v1/admin/reports"
        return Listing(
            f"{path}?target_account_id={self.world.alice.id}",
            lambda n: self.world.thing("new.report"),
            lambda key: ada.post(f"{path}/{key}/resolve"),
            person=ada,
        )

    async def _admin_domain_allows(self) -> Listing:
        return self._ruled("domain_allows", lambda n: {"domain": f"allowed{n}.example"})

    async def _admin_domain_blocks(self) -> Listing:
        return self._ruled(
            "domain_blocks", lambda n: {"domain": f"blocked{n}.example", "severity": "silence"}
        )

    async def _admin_email_domain_blocks(self) -> Listing:
        return self._ruled("email_domain_blocks", lambda n: {"domain": f"mail{n}.example"})

    async def _admin_ip_blocks(self) -> Listing:
        return self._ruled("ip_blocks", lambda n: {"ip": f"198.51.100.{n}/32", "severity": "no_access"})

    async def _admin_canonical_email_blocks(self) -> Listing:
        return self._ruled("canonical_email_blocks", lambda n: {"email": f"troll{n}@mail.example"})
