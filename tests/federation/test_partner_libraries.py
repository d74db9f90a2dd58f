"""Libraries of two servers that are partners: what is published on one is found, read and used on the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from storage import partners
from tests.client import Api
from tests.federation.forum import asks
from tests.federation.walk import Friends, enrol
from tests.resources.test_publishing import LESSON, RESOURCES
from tests.running import RunningServer
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("two-servers")

PARTNERS = "/api/v1/partners"


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
