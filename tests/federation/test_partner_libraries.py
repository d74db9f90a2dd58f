"""Libraries of two servers that are partners: what is published on one is found, read and used on the other."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from storage import partners, posts, resources
from tests.client import Api
from tests.events.test_events import EVENTS, call, wall
from tests.federation.forum import asks
from tests.federation.walk import Friends, becomes, disappears, enrol, stands
from tests.resources.test_publishing import LESSON, RESOURCES
from tests.running import RunningServer
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("two-servers")

PARTNERS, DIRECTORY = "/api/v1/partners", "/api/v1/directory"


class Partners:
    """Two strangers on two servers that are partners: nobody follows anybody."""

    def __init__(self, strangers: Friends) -> None:
        (here,), (there,) = enrol(strangers.here_server, "heidi"), enrol(strangers.there_server, "tim")
        self.here, self.there = here, there
        self.here_server, self.there_server = strangers.here_server, strangers.there_server

    def are_partners(self) -> bool:
        """As one of them sees it at least."""
        ways = (self.here_server, self.there_server), (self.there_server, self.here_server)
        return any(
            self.state(one, other) is not None and self.state(one, other).state == "active"
            for one, other in ways
        )

    def state(self, server: RunningServer, other: RunningServer) -> Any:
        return asks(server, lambda conn: partners.by_host(conn, other.domain))


def found(who: Api, uri: str) -> dict[str, Any] | None:
    """The resource with this address in the catalogue that somebody sees."""
    for one in who.get(RESOURCES, limit=40):
        if one["uri"] == uri:
            made: dict[str, Any] = one
            return made
    return None


def appears(who: Api, uri: str) -> dict[str, Any]:
    return eventually(lambda: found(who, uri), f"that {uri} is in the catalogue of {who.handle}")


def offer_and_accept(here: RunningServer, there: RunningServer) -> None:
    here.command("partner", "offer", there.domain, "--note", "Hello")

    def asked() -> bool:
        listed = there.command_json("partner", "list")["partners"]
        return any(one["host"] == here.domain and one["state"] == "asked" for one in listed)

    eventually(asked, "that the offer has arrived", here.log_end)
    there.command("partner", "accept", here.domain)
    for one, other in ((here, there), (there, here)):
        eventually(
            lambda one=one, other=other: asks(one, lambda conn: partners.is_active(conn, other.domain)),  # type: ignore[misc]
            f"that {other.domain} is a partner of {one.domain}",
        )


@pytest.fixture
def parted(strangers: Friends) -> Iterator[Partners]:
    """No partners; whatever they become ends with the test."""
    both = Partners(strangers)
    yield both
    row = both.state(both.here_server, both.there_server)
    if row is not None and row.state == "active":
        both.here_server.command("partner", "end", both.there_server.domain)
    eventually(lambda: not both.are_partners(), "that they have parted")


@pytest.fixture
def pair(parted: Partners) -> Partners:
    """Partners, until the end of the test."""
    offer_and_accept(parted.here_server, parted.there_server)
    return parted


def test_what_is_published_is_found_at_the_partners_though_nobody_follows(parted: Partners) -> None:
    before = parted.here.post(RESOURCES, {**LESSON, "title": "Written before they were partners"})
    assert found(parted.there, before["uri"]) is None
    offer_and_accept(parted.here_server, parted.there_server)
    old = appears(parted.there, before["uri"])
    assert (old["title"], old["instance"]) == (before["title"], parted.here_server.domain)
    new = parted.here.post(RESOURCES, {**LESSON, "title": "Written since"})
    assert appears(parted.there, new["uri"])["abstract"] == new["abstract"]
    back = parted.there.post(RESOURCES, {**LESSON, "title": "The other way"})
    assert appears(parted.here, back["uri"])["title"] == "The other way"
    assert parted.there.in_home(new["uri"]) is None
    for kind in ("unlisted", "members"):
        hidden = parted.here.post(RESOURCES, {**LESSON, "title": f"For {kind}", "visibility": kind})
        assert found(parted.there, hidden["uri"]) is None


def test_who_wants_to_be_found_is_in_the_partners_directory(parted: Partners) -> None:
    here, there = parted.here, parted.there

    def listed(one: Api) -> bool:
        uris = {shown["uri"] for shown in there.get(DIRECTORY, partners="true", order="new", limit=80)}
        return one.me["uri"] in uris

    assert not listed(here)
    offer_and_accept(parted.here_server, parted.there_server)
    eventually(lambda: listed(here), "that the directory was read", parted.there_server.log_end)
    # Somebody who came later is found with the first change, and is not any more as soon as they say so.
    (late,) = enrol(parted.here_server, "late")
    assert not listed(late)
    late.patch("/api/v1/accounts/update_credentials", {"display_name": "Late, but here"})
    eventually(lambda: listed(late), "that somebody new was heard of", parted.there_server.log_end)
    late.patch("/api/v1/accounts/update_credentials", {"discoverable": False})
    eventually(lambda: not listed(late), "that somebody is found no more", parted.there_server.log_end)
    page = there.raw("GET", "/directory/partners").text
    assert (here.username in page, late.username in page) == (True, False)


def there_of(who: Api, uri: str) -> dict[str, Any]:
    """The same resource with all that is told of it, as somebody of the other server sees it."""
    shown: dict[str, Any] = who.get(f"{RESOURCES}/{appears(who, uri)['id']}")
    return shown


def test_an_adaptation_is_known_to_both_and_its_author_hears_of_it(pair: Partners) -> None:
    made = pair.here.post(RESOURCES, {**LESSON, "title": "The original"})
    appears(pair.there, made["uri"])
    adapted = pair.there.post(
        RESOURCES,
        {**LESSON, "title": "The adaptation", "based_on": [{"uri": made["uri"], "licence": "CC-BY-4.0"}]},
    )
    author = eventually(
        lambda: pair.here.notified("mention"), "that the author hears of the adaptation", pair.here.log_end
    )
    assert author["status"]["uri"] == adapted["uri"]
    for who, own in ((pair.here, adapted["uri"]), (pair.there, made["uri"])):
        assert [one["uri"] for one in there_of(who, adapted["uri"])["based_on"]] == [made["uri"]]
        assert appears(who, own)
        eventually(
            lambda who=who: there_of(who, made["uri"])["adaptations_count"] == 1,  # type: ignore[misc]
            f"that {who.handle} sees that it is adapted",
        )
    for server in (pair.here_server, pair.there_server):
        assert asks(server, lambda conn: _leads_to(conn, adapted["uri"])) == [made["uri"]]
    pair.there.delete(f"{RESOURCES}/{adapted['id']}")
    eventually(
        lambda: there_of(pair.here, made["uri"])["adaptations_count"] == 0, "that it is adapted no longer"
    )


def _leads_to(conn: Connection, uri: str) -> list[str]:
    """By `target_id`, what a resource is made from."""
    row = posts.by_uri(conn, uri)
    assert row is not None
    found = posts.by_ids(conn, resources.targets_of(conn, row.id))
    return [one.uri for one in found.values()]


def test_uses_reviews_and_versions_travel(pair: Partners) -> None:
    made = pair.here.post(RESOURCES, LESSON)
    known = appears(pair.there, made["uri"])
    at, there_at = f"{RESOURCES}/{made['id']}", f"{RESOURCES}/{known['id']}"
    pair.there.post(f"{there_at}/use", {"used_in": "Basel", "changed": "Shorter", "used_on": "2026-11-01"})
    pair.there.post(f"{there_at}/reviews", {"rating": 4, "text": "Clear."})
    eventually(
        lambda: [pair.here.get(at)[name] for name in ("uses_count", "reviews_count")] == [1, 1],
        "that both have arrived",
        pair.there.log_end,
    )
    [use], [review] = pair.here.get(f"{at}/uses"), pair.here.get(f"{at}/reviews")
    assert (use["used_in"], use["changed"], use["used_on"]) == ("Basel", "Shorter", "2026-11-01")
    assert (review["rating"], review["account"]["acct"]) == (4, pair.there.handle[1:])
    assert pair.here.notified("mention") is not None
    pair.here.post(f"{at}/versions", {"number": "2.0.0", "notes": "Shorter, as in Basel."})
    heard = eventually(lambda: pair.there.notified("update"), "that who used it hears of the new version")
    assert heard["status"]["uri"] == made["uri"]
    shown = pair.there.get(there_at)
    newest = shown["versions"][0]
    assert (newest["number"], newest["notes"]) == ("2.0.0", "Shorter, as in Basel.")


def test_withdrawals_and_deletions_travel(pair: Partners) -> None:
    withdrawn, deleted = pair.here.post(RESOURCES, LESSON), pair.here.post(RESOURCES, LESSON)
    known, gone = appears(pair.there, withdrawn["uri"]), appears(pair.there, deleted["uri"])
    pair.here.post(f"{RESOURCES}/{withdrawn['id']}/withdraw", {"reason": "Its data are wrong."})
    becomes(pair.there, f"{RESOURCES}/{known['id']}", withdrawal_reason="Its data are wrong.")
    eventually(lambda: found(pair.there, withdrawn["uri"]) is None, "that it is in the catalogue no more")
    pair.here.delete(f"{RESOURCES}/{deleted['id']}")
    disappears(pair.there, f"{RESOURCES}/{gone['id']}")


def test_when_they_part_what_nobody_uses_goes(pair: Partners) -> None:
    one, marked, followed = (
        pair.here.post(RESOURCES, {**LESSON, "title": title}) for title in ("Nobody's", "Marked", "Followed")
    )
    other = enrol(pair.here_server, "olga")[0]
    theirs = other.post(RESOURCES, {**LESSON, "title": "By another"})
    known = appears(pair.there, marked["uri"])
    pair.there.post(f"/api/v1/statuses/{known['id']}/bookmark")
    for uri in (one["uri"], followed["uri"], theirs["uri"]):
        appears(pair.there, uri)
    other_id = pair.there.find_account(other.handle)["id"]
    pair.there.post(f"/api/v1/accounts/{other_id}/follow")
    stands(pair.there, other_id, following=True)
    pair.here_server.command("partner", "end", pair.there_server.domain)
    eventually(lambda: found(pair.there, one["uri"]) is None, "that it goes", pair.there.log_end)
    assert found(pair.there, marked["uri"]) is not None
    assert found(pair.there, theirs["uri"]) is not None
    later = pair.here.post(RESOURCES, {**LESSON, "title": "Later"})
    after = other.post(RESOURCES, {**LESSON, "title": "For who follows"})
    appears(pair.there, after["uri"])
    assert found(pair.there, later["uri"]) is None
    # Nothing stands in the way of being partners again.
    offer_and_accept(pair.there_server, pair.here_server)
    appears(pair.there, one["uri"])
    appears(pair.there, later["uri"])


def test_a_calendar_of_two_networks_is_one(parted: Partners) -> None:
    word = f"w{secrets.token_hex(4)}"  # the servers have the events of other tests, too
    made = {
        title: who.post(EVENTS, call(title=title, schedule={"starts": wall(day)}))
        for day, (who, title) in enumerate(
            ((parted.here, f"Ours {word}"), (parted.there, f"Theirs {word}")), 2
        )
    }

    def listed(who: Api) -> list[tuple[str, str]]:
        entries = who.get("/api/v1/partners/calendar", q=word)
        return [(one["event"]["title"], one["event"]["uri"]) for one in entries]

    both = [(title, one["uri"]) for title, one in made.items()]
    assert listed(parted.here) == both[:1]
    offer_and_accept(parted.here_server, parted.there_server)
    for who in (parted.here, parted.there):
        eventually(lambda who=who: listed(who) == both, f"that {who.handle} finds both")  # type: ignore[misc]
    later = parted.there.post(EVENTS, call(title=f"Theirs {word}, later", schedule={"starts": wall(9)}))
    eventually(
        lambda: (later["title"], later["uri"]) in listed(parted.here),
        "that what is announced later comes, too",
    )
    assert parted.here.in_home(later["uri"]) is None
