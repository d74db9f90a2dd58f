"""Manners of the client API that hold for every route: refusals, slashes, deprecation, unknown paths."""

from __future__ import annotations

from typing import Any

from tests.members import Person


async def test_notifications_tell_each_kind(alice: Person, bob: Person, moderator: Person) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Hello"})
    at = f"/api/v1/statuses/{status['id']}"
    await bob.post("/api/v1/statuses", {"status": "@alice hi"})
    await bob.post(f"{at}/favourite")
    await bob.post(f"{at}/reblog")
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    await bob.post("/api/v1/reports", {"account_id": alice.id, "comment": "look"})
    found = await alice.get("/api/v1/notifications")
    assert [one["type"] for one in found] == ["follow", "reblog", "favourite", "mention"]
    only = await alice.get("/api/v1/notifications", **{"types[]": "mention"})
    assert [one["id"] for one in only] == [found[-1]["id"]]
    without = await alice.get("/api/v1/notifications", **{"exclude_types[]": "mention"})
    assert [one["id"] for one in without] == [one["id"] for one in found[:-1]]
    assert (await alice.get(f"/api/v1/notifications/{found[0]['id']}"))["type"] == "follow"
    assert (await moderator.get("/api/v1/notifications"))[0]["report"]["comment"] == "look"
    assert (await alice.get("/api/v1/notifications/unread_count")) == {"count": 4}
    await alice.post("/api/v1/markers", {"notifications": {"last_read_id": found[0]["id"]}})
    assert (await alice.get("/api/v1/notifications/unread_count")) == {"count": 0}
    await alice.post(f"/api/v1/notifications/{found[0]['id']}/dismiss")
    await bob.post(f"{at}/unfavourite")
    assert [one["type"] for one in await alice.get("/api/v1/notifications")] == ["reblog", "mention"]
    await alice.post("/api/v1/notifications/clear")
    assert await alice.get("/api/v1/notifications") == []


async def test_deprecated_routes_say_so(nobody: Person) -> None:
    assert (await nobody.raw("GET", "/api/v1/instance")).headers["Deprecation"] == "@1668384000"
    assert "Deprecation" not in (await nobody.raw("GET", "/api/v2/instance")).headers


async def test_a_slash_at_the_end_changes_nothing(alice: Person) -> None:
    assert await alice.get("/api/v1/instance/") == await alice.get("/api/v1/instance")
    status = await alice.post("/api/v1/statuses/", {"status": "x"})
    assert await alice.get(f"/api/v1/statuses/{status['id']}/") == status


async def test_unknown_paths_are_told_in_json(nobody: Person) -> None:
    for path in ("/api/v1/nothing", "/api/v3/instance", "/api/v1/statuses/1/nothing", "/api/nothing"):
        answer = await nobody.raw("GET", path)
        assert answer.status == 404, path
        assert "error" in await answer.json()


REFUSED: list[tuple[str, str, Any, int]] = [
    ("POST", "/api/v1/statuses", {"status": ""}, 422),
    ("POST", "/api/v1/statuses", {"status": "x" * 5001}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "visibility": "everybody"}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "poll": {"options": ["one"], "expires_in": 600}}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "poll": {"options": ["a", "b"], "expires_in": 1}}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "media_ids": ["1"]}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "media_ids": ["none"]}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "in_reply_to_id": "1"}, 404),
    ("POST", "/api/v1/statuses", {"status": "x", "scheduled_at": "2020-01-01T00:00:00Z"}, 422),
    ("POST", "/api/v1/statuses/1/favourite", {}, 404),
    ("POST", "/api/v1/statuses/none/favourite", {}, 404),
    ("POST", "/api/v1/accounts/1/follow", {}, 404),
    ("POST", "/api/v1/accounts/99999999999999999999/follow", {}, 404),
    ("POST", "/api/v1/follow_requests/1/authorize", {}, 404),
    ("POST", "/api/v1/reports", {"comment": "about nobody"}, 422),
    ("POST", "/api/v1/push/subscription", {"subscription": {"endpoint": "http://push.example"}}, 422),
    ("POST", "/api/v1/media", {}, 422),
    ("GET", "/api/v1/timelines/home?limit=-1", None, 400),
    ("GET", "/api/v1/timelines/public?max_id=newest", None, 400),
    ("PATCH", "/api/v1/accounts/update_credentials", {"display_name": "x" * 51}, 422),
    ("DELETE", "/api/v1/lists", None, 405),
]


async def test_refused_inputs_change_nothing(alice: Person) -> None:
    for method, path, form, status in REFUSED:
        answer = await alice.raw(method, path, **({"json": form} if form is not None else {}))
        assert answer.status == status, (method, path, form)
        assert (await answer.json())["error"]
    assert await alice.get(f"/api/v1/accounts/{alice.id}/statuses") == []
    assert await alice.get("/api/v1/favourites") == []
