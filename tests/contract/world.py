"""A server full of everything that can be asked about, and the people of it.

What a call needs is named in braces and made the first time it is needed: `{status}` is a post of Alice's, the
same for every call; `{new.status}` is one that this call alone may change or delete.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from sqlalchemy import Connection

from fedserver import (
    announcements,
    email_addresses,
    email_subscriptions,
    emojis,
    oauth,
    scopes,
    settings,
    signup,
    trends,
)
from fedserver.context import Server
from fedserver.join_questions import Answer
from fedserver.keys import new_pair
from storage import instances, policies, previews
from tests import members
from tests.api.uploads import picture, upload, upload_form
from tests.members import Person
from tests.people import add_stranger
from tests.waiting import until

NAMED = re.compile(r"\{([\w.]+)\}")
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


class World:
    """Alice asks; Bob is her friend; Ada is an admin. Each `_make_…` makes one thing and gives its id."""

    alice: Person
    bob: Person
    ada: Person

    def __init__(self, server: Server, client: TestClient[Any, Any]) -> None:
        self.server = server
        self.client = client
        self.things: dict[str, str] = {}
        self._tokens: dict[tuple[str, str], str] = {}
        self._number = itertools.count(1)

    async def settle(self) -> None:
        """Let the people in."""
        self.alice = await members.make(self.server, self.client, "alice")
        self.bob = await members.make(self.server, self.client, "bob")
        self.ada = await members.make(self.server, self.client, "ada", "admin")
        await email_subscriptions.offer(self.server, self.alice.member, wanted=True)
        self.things |= {
            "alice": self.alice.id, "bob": self.bob.id, "ada": self.ada.id,
            "host": self.server.config.domain, "origin": self.server.config.origin, "party": "🎉",
            "year": "2026",
        }  # fmt: skip
        app = await Person(self.client).post(
            "/api/v1/apps",
            {"client_name": "Contract", "redirect_uris": OUT_OF_BAND, "scopes": " ".join(scopes.ALL)},
        )
        self.things |= {"client_id": app["client_id"], "client_secret": app["client_secret"]}
        await self.alice.post(f"/api/v1/accounts/{self.bob.id}/follow")
        await self.bob.post(f"/api/v1/accounts/{self.alice.id}/follow")

    # Who asks

    def nobody(self) -> Person:
        return Person(self.client)

    async def app(self) -> Person:
        """An app with every scope, on its own."""
        granted = await self.nobody().post(
            "/oauth/token",
            {
                "grant_type": "client_credentials",
                "client_id": self.things["client_id"],
                "client_secret": self.things["client_secret"],
                "scope": " ".join(scopes.ALL),
            },
        )
        return Person(self.client, token=granted["access_token"])

    async def with_scopes(self, person: Person, granted: str) -> Person:
        """The same person with a token that opens only this, the same one each time."""
        key = (person.username, granted)
        if key not in self._tokens:
            issued = await self.server.db.write(oauth.issue, person.account_id, granted)
            self._tokens[key] = issued.access_token
        return Person(self.client, person.username, person.account_id, self._tokens[key], person.role)

    # What is asked about

    async def fill_in(self, pattern: Any) -> Any:
        """The same with a thing in place of each name in braces, however deep."""
        if isinstance(pattern, dict):
            return {name: await self.fill_in(value) for name, value in pattern.items()}
        if isinstance(pattern, list):
            return [await self.fill_in(value) for value in pattern]
        if not isinstance(pattern, str):
            return pattern
        for name in NAMED.findall(pattern):
            pattern = pattern.replace(f"{{{name}}}", await self.thing(name), 1)
        return pattern

    async def thing(self, name: str) -> str:
        """The id, address or name of a thing."""
        if name.startswith("new."):
            return await self._maker(name.removeprefix("new."))()
        if name not in self.things:
            self.things[name] = await self._maker(name)()
        return self.things[name]

    def _maker(self, name: str) -> Callable[[], Awaitable[str]]:
        maker: Callable[[], Awaitable[str]] = getattr(self, f"_make_{name}")
        return maker

    def next_name(self, begin: str) -> str:
        return f"{begin}{next(self._number)}"

    # People

    async def person(self) -> Person:
        return await members.make(self.server, self.client, self.next_name("person"))

    async def _make_member(self) -> str:
        return (await self.person()).id

    async def _make_username(self) -> str:
        return self.next_name("newcomer")

    async def _make_name_of_server(self) -> str:
        return f"{self.next_name('server')}.example"

    async def _make_network(self) -> str:
        return f"192.0.2.{next(self._number)}/32"

    async def _make_followed(self) -> str:
        return await self._related("follow")

    async def _make_blocked(self) -> str:
        return await self._related("block")

    async def _make_muted(self) -> str:
        return await self._related("mute")

    async def _make_endorsed(self) -> str:
        account_id = await self._related("follow")
        await self.alice.post(f"/api/v1/accounts/{account_id}/endorse")
        return account_id

    async def _related(self, action: str) -> str:
        person = await self.person()
        await self.alice.post(f"/api/v1/accounts/{person.id}/{action}")
        return person.id

    async def _make_fan(self) -> str:
        person = await self.person()
        await person.post(f"/api/v1/accounts/{self.alice.id}/follow")
        return person.id

    async def _make_requester(self) -> str:
        """Somebody whose request to follow Alice is open."""
        person = await self.person()
        await self.alice.patch("/api/v1/accounts/update_credentials", {"locked": True})
        await person.post(f"/api/v1/accounts/{self.alice.id}/follow")
        await self.alice.patch("/api/v1/accounts/update_credentials", {"locked": False})
        return person.id

    # Posts

    async def say(self, person: Person, text: str, **more: Any) -> str:
        status: dict[str, Any] = await person.post("/api/v1/statuses", {"status": text, **more})
        return str(status["id"])

    async def _make_status(self) -> str:
        """Of Alice, with everything a post can have, edited, answered, liked and boosted."""
        media = await upload(self.alice, description="a gradient", focus="0.5,-0.5")
        status_id = await self.say(
            self.alice, "Hello @bob, #welcome https://example.com", media_ids=[media["id"]],
            spoiler_text="greeting", language="en",
        )  # fmt: skip
        at = f"/api/v1/statuses/{status_id}"
        await self.alice.put(at, {"status": "Hello again @bob #welcome", "media_ids": [media["id"]]})
        await self.say(self.bob, "@alice and to you", in_reply_to_id=status_id)
        for action in ("favourite", "reblog", "bookmark"):
            await self.bob.post(f"{at}/{action}")
            await self.alice.post(f"{at}/{action}")
        return status_id

    async def _make_own(self) -> str:
        return await self.say(self.alice, "Of my own #welcome")

    async def _make_bobs(self) -> str:
        return await self.say(self.bob, "From Bob #welcome")

    async def _make_favourited(self) -> str:
        return await self._done("favourite", self.bob)

    async def _make_bookmarked(self) -> str:
        return await self._done("bookmark", self.bob)

    async def _make_boosted(self) -> str:
        return await self._done("reblog", self.bob)

    async def _make_hushed(self) -> str:
        return await self._done("mute", self.bob)

    async def _make_pinned(self) -> str:
        return await self._done("pin", self.alice)

    async def _done(self, action: str, author: Person) -> str:
        status_id = await self.say(author, "To do something with")
        await self.alice.post(f"/api/v1/statuses/{status_id}/{action}")
        return status_id

    async def _make_poll(self) -> str:
        """Of Bob; a poll has the id of its post."""
        return await self.say(self.bob, "Well?", poll={"options": ["yes", "no"], "expires_in": 3600})

    async def _make_scheduled(self) -> str:
        made = await self.alice.post(
            "/api/v1/statuses",
            {"status": "Later", "scheduled_at": "2099-01-01T00:00:00.000Z", "poll": {
                "options": ["a", "b"], "expires_in": 3600}},
        )  # fmt: skip
        return str(made["id"])

    async def _make_quoted(self) -> str:
        """A post of Alice that somebody quotes."""
        status_id = await self.say(self.alice, "Quote me", quote_approval_policy="public")
        await self.say(self.bob, "As she says", quoted_status_id=status_id)
        return status_id

    async def _make_quoting(self) -> str:
        """A post of Bob that quotes `{quoted}`."""
        return await self.say(self.bob, "And again", quoted_status_id=await self.thing("quoted"))

    async def _make_media(self) -> str:
        return str((await upload(self.alice))["id"])

    async def _make_conversation(self) -> str:
        await self.say(self.bob, f"@alice between us {next(self._number)}", visibility="direct")
        return str((await self.alice.get("/api/v1/conversations"))[0]["id"])

    # Lists, filters, tags

    async def _make_list(self) -> str:
        made = await self.alice.post("/api/v1/lists", {"title": self.next_name("Friends ")})
        await self.alice.post(f"/api/v1/lists/{made['id']}/accounts", {"account_ids": [self.bob.id]})
        return str(made["id"])

    async def _make_filter(self) -> str:
        made = await self.alice.post(
            "/api/v2/filters",
            {"title": "Quiet", "context": ["home", "public"], "filter_action": "warn", "expires_in": 86_400,
             "keywords_attributes": [{"keyword": self.next_name("noise"), "whole_word": True}]},
        )  # fmt: skip
        return str(made["id"])

    async def _make_keyword(self) -> str:
        """Of `{filter}`; the first version of the API calls it a filter."""
        made = await self.alice.post(
            f"/api/v2/filters/{await self.thing('filter')}/keywords", {"keyword": self.next_name("din")}
        )
        return str(made["id"])

    async def _make_old_filter(self) -> str:
        made = await self.alice.post(
            "/api/v1/filters", {"phrase": self.next_name("buzz"), "context": ["home", "thread"]}
        )
        return str(made["id"])

    async def _make_filtered(self) -> str:
        made = await self.alice.post(
            f"/api/v2/filters/{await self.thing('filter')}/statuses", {"status_id": await self._make_own()}
        )
        return str(made["id"])

    async def _make_tag(self) -> str:
        name = self.next_name("topic")
        await self.say(self.bob, f"About #{name}")
        return name

    async def _make_followed_tag(self) -> str:
        name = await self._make_tag()
        await self.alice.post(f"/api/v1/tags/{name}/follow")
        return name

    async def _make_featured_name(self) -> str:
        name = await self._make_tag()
        await self.alice.post(f"/api/v1/tags/{name}/feature")
        return name

    async def _make_featured_tag(self) -> str:
        made = await self.alice.post("/api/v1/featured_tags", {"name": self.next_name("speciality")})
        return str(made["id"])

    # Collections

    async def _make_collection(self) -> str:
        made = await self.alice.post(
            "/api/v1/collections",
            {"name": self.next_name("Speakers "), "description": "Who spoke", "sensitive": False,
             "discoverable": True, "language": "en", "tag_name": "welcome"},
        )  # fmt: skip
        return str(made["collection"]["id"])

    async def _make_collected(self) -> str:
        """A place in `{collection}`."""
        return await self._collect(self.alice, await self.thing("collection"), await self._make_featurable())

    async def _make_featurable(self) -> str:
        person = await self.person()
        await person.patch("/api/v1/accounts/update_credentials", {"discoverable": True})
        return person.id

    async def _collect(self, owner: Person, collection_id: str, account_id: str) -> str:
        made = await owner.post(f"/api/v1/collections/{collection_id}/items", {"account_id": account_id})
        return str(made["collection_item"]["id"])

    async def _make_bobs_collection(self) -> str:
        made = await self.bob.post("/api/v1/collections", {"name": "Of Bob", "discoverable": True})
        return str(made["collection"]["id"])

    async def _make_alice_collected(self) -> str:
        """Alice's place in `{bobs_collection}`."""
        await self.alice.patch("/api/v1/accounts/update_credentials", {"discoverable": True})
        return await self._collect(self.bob, await self.thing("bobs_collection"), self.alice.id)

    # Notifications

    async def _make_notification(self) -> str:
        await self.say(self.bob, f"@alice are you there? {next(self._number)}")
        return str((await self.alice.get("/api/v1/notifications"))[0]["id"])

    async def _make_group(self) -> str:
        await self.bob.post(f"/api/v1/statuses/{await self._make_own()}/favourite")
        found = await self.alice.get("/api/v2/notifications")
        return str(found["notification_groups"][0]["group_key"])

    async def _make_request(self) -> str:
        """Notifications from somebody Alice has not asked to hear from."""
        policy = "/api/v2/notifications/policy"
        await self.alice.patch(policy, {"for_not_following": "filter"})
        await self.say(await self.person(), "@alice you do not know me")
        await self.alice.patch(policy, {"for_not_following": "accept"})
        return str((await self.alice.get("/api/v1/notifications/requests"))[0]["id"])

    # Moderation

    async def _make_pending(self) -> str:
        """Somebody who has signed up, and waits to be let in."""
        name = self.next_name("pending")
        address = email_addresses.parse(f"{name}@mail.example")
        pair = await new_pair(self.server.uris.actor(name))
        user = signup.NewUser(
            name, address, "", answers=[Answer("Why do you want to join?", "To teach")], confirmed=True
        )

        def unit(conn: Connection) -> int:
            return signup.create_user(conn, self.server.uris, self.server.keys, user, pair)

        return str(await self.server.db.write(unit))

    async def _make_report(self) -> str:
        made = await self.bob.post("/api/v1/reports", {"account_id": self.alice.id, "comment": "look"})
        return str(made["id"])

    async def _make_disabled(self) -> str:
        return await self._moderated("disable")

    async def _make_silenced(self) -> str:
        return await self._moderated("silence")

    async def _make_sensitized(self) -> str:
        return await self._moderated("sensitive")

    async def _make_suspended(self) -> str:
        return await self._moderated("suspend")

    async def _moderated(self, action: str) -> str:
        person = await self.person()
        await self.ada.post(f"/api/v1/admin/accounts/{person.id}/action", {"type": action})
        return person.id

    async def _make_domain_allow(self) -> str:
        return await self._rule("domain_allows", domain="{new.name_of_server}")

    async def _make_domain_block(self) -> str:
        return await self._rule("domain_blocks", domain="{new.name_of_server}", severity="silence")

    async def _make_email_domain_block(self) -> str:
        return await self._rule("email_domain_blocks", domain="{new.name_of_server}")

    async def _make_ip_block(self) -> str:
        return await self._rule("ip_blocks", ip="{new.network}", severity="no_access")

    async def _make_email_block(self) -> str:
        return await self._rule("canonical_email_blocks", email="{new.username}@mail.example")

    async def _rule(self, what: str, **body: str) -> str:
        made = await self.ada.post(f"/api/v1/admin/{what}", await self.fill_in(body))
        return str(made["id"])

    # What is talked about

    async def _make_linked_page(self) -> str:
        """A page that two people link to with the same hashtag, in posts that others like and boost."""
        url = f"{self.things['elsewhere']}/page"
        for author in (self.alice, self.bob):
            status_id = await self.say(author, f"#trending {url}")
            for person in (self.alice, self.bob, self.ada):
                await person.post(f"/api/v1/statuses/{status_id}/favourite")
                await person.post(f"/api/v1/statuses/{status_id}/reblog")

            async def shown(at: str = f"/api/v1/statuses/{status_id}") -> bool:
                return (await self.alice.get(at))["card"] is not None

            await until(shown, "that a link has a card")
        await trends.compute(self.server, {})
        return url

    async def _make_link_id(self) -> str:
        await self.thing("linked_page")
        return str((await self.ada.get("/api/v1/admin/trends/links"))[0]["id"])

    async def _make_link(self) -> str:
        """Another page, which nobody talks about."""
        url = f"https://news.example/{next(self._number)}"
        page = {"url": url, "title": "Another page", "author_id": None}
        return str(await self.server.db.write(previews.put, url, page))

    async def _make_tag_id(self) -> str:
        return str((await self.ada.get(f"/api/v1/tags/{await self._make_tag()}"))["id"])

    # What those who run the server arrange

    @staticmethod
    def _agree_on_terms(conn: Connection) -> None:
        policies.put_draft(conn, "terms", "What we agree on")
        draft = policies.draft(conn, "terms")
        assert draft is not None
        policies.publish(conn, draft.id, f"{datetime.now(UTC):%Y-%m-%d}")

    async def arrange(self, folder: Path) -> None:
        """Rules, terms, an emoji, and accounts of another server."""
        values = {
            "rules": [{"id": "1", "text": "Be kind", "hint": "Always"}],
            "featured_accounts": ["@ada"],
        }
        await self.server.db.write(settings.store, self.server.config, values)
        await self.server.db.write(self._agree_on_terms)
        self.server.remembered.forget_settings()
        owl = folder / "owl.png"
        owl.write_bytes(picture(32, 32))
        await emojis.add(self.server, "owl", owl)
        await self.server.db.write(add_stranger, "sam", "elsewhere.example")
        await self.server.db.write(instances.see, ["elsewhere.example"])
        await self.ada.patch("/api/v1/accounts/update_credentials", {"discoverable": True})

    async def _make_terms_date(self) -> str:
        return str((await self.alice.get("/api/v1/instance/terms_of_service"))["effective_date"])

    async def _make_announcement(self) -> str:
        """One that is published; this takes a server that does its jobs."""

        def unit(conn: Connection) -> int:
            return announcements.add(conn, self.server, announcements.Draft("Welcome @alice #welcome :owl:"))

        announcement_id = str(await self.server.db.write(unit))

        async def seen() -> bool:
            return announcement_id in [one["id"] for one in await self.alice.get("/api/v1/announcements")]

        await until(seen, "that an announcement is published")
        return announcement_id

    async def _make_reacted_to(self) -> str:
        announcement_id = await self._make_announcement()
        await self.alice.put(f"/api/v1/announcements/{announcement_id}/reactions/{self.things['party']}")
        return announcement_id

    # Uploads, as functions of the body

    async def picture_form(self) -> Any:
        return upload_form(picture())
