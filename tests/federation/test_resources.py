"""Resources between two servers of ours: found, read as resources, changed, withdrawn and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Api
from tests.federation.walk import Friends, arrives
from tests.resources.test_publishing import LESSON, RESOURCES
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("two-servers")


def there(who: Api, uri: str) -> dict[str, Any]:
    """The same resource as it is known to somebody of the other server."""
    found: dict[str, Any] = who.get(f"{RESOURCES}/{who.find_status(uri)['id']}")
    return found


def test_a_resource_arrives_with_all_that_is_said_of_it(friends: Friends) -> None:
    version = {"number": "0.9", "links": [{"url": "https://files.example/a.pdf", "name": "Slides"}]}
    made = friends.here.post(RESOURCES, {**LESSON, "version": version})
    arrives(friends.there, made["uri"])
    found = there(friends.there, made["uri"])
    same = ("title", "abstract", "types", "authors", "licence", "level", "time_required_minutes", "teaches",
            "topics", "keywords", "landing_url", "version", "language", "description")  # fmt: skip
    assert {name: found[name] for name in same} == {name: made[name] for name in same}
    assert [one["url"] for one in found["versions"][0]["files"]] == ["https://files.example/a.pdf"]
    assert not found["local"]
    at = f"{RESOURCES}/{made['id']}"
    friends.here.post(f"{at}/versions", {"number": "1.0", "notes": "Better."})
    friends.here.patch(at, {"level": "advanced"})
    eventually(lambda: there(friends.there, made["uri"])["level"] == "advanced", "that the change arrives")
    assert [one["number"] for one in there(friends.there, made["uri"])["versions"]] == ["1.0", "0.9"]
    friends.here.post(f"{at}/withdraw", {"reason": "Wrong."})
    eventually(
        lambda: there(friends.there, made["uri"])["withdrawal_reason"] == "Wrong.", "that it is withdrawn"
    )
    path = f"{RESOURCES}/{friends.there.find_status(made['uri'])['id']}"
    friends.here.delete(at)
    eventually(lambda: friends.there.raw("GET", path).status_code == 404, "that it is gone")
