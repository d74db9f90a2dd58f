"""What the client API answers is what Mastodon's documentation says, and nobody gets what is not for them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image

from tests.api.entities_check import Entities
from tests.members import Person

POLL = {"options": ["yes", "no"], "expires_in": 3600, "hide_totals": True}


def picture(width: int = 64, height: int = 48) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(file, "PNG")
    return file.getvalue()


def upload_form(data: bytes, **fields: str) -> FormData:
    form = FormData(fields)
    form.add_field("file", data, filename="picture.png", content_type="image/png")
    return form


async def upload(person: Person, **fields: str) -> Any:
    return await person.post("/api/v2/media", data=upload_form(picture(), **fields))


@pytest.fixture
def entities(shared: Path) -> Entities:
    return Entities(shared / "data" / "mastodon" / "entities.json")


@pytest.fixture
def endpoints(shared: Path) -> list[dict[str, Any]]:
    return json.loads((shared / "data" / "mastodon" / "endpoints.json").read_text(encoding="utf-8"))


async def test_every_answer_is_as_described(
    alice: Person, bob: Person, moderator: Person, nobody: Person, entities: Entities
) -> None:
    media = await upload(alice, description="a gradient", focus="0.5,-0.5")
    status = await alice.post(
        "/api/v1/statuses",
        {
            "status": "Hello @bob, #Welcome https://example.com",
            "spoiler_text": "greeting",
            "media_ids": [media["id"]],
            "language": "en",
        },
    )
    at = f"/api/v1/statuses/{status['id']}"
    asked = await alice.post("/api/v1/statuses", {"status": "Well?", "poll": POLL})
    reply = await bob.post("/api/v1/statuses", {"status": "@alice hi", "in_reply_to_id": status["id"]})
    boost = await bob.post(f"{at}/reblog")
    await bob.post(f"{at}/favourite")
    await bob.post(f"{at}/bookmark")
    await bob.post(f"/api/v1/polls/{asked['id']}/votes", {"choices": [0]})
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    await alice.put(at, {"status": "Hello again", "spoiler_text": "", "media_ids": [media["id"]]})
    report = await bob.post(
        "/api/v1/reports", {"account_id": alice.id, "status_ids": [status["id"]], "comment": "look"}
    )
    push = {
        "subscription": {
            "endpoint": "https://push.example/1",
            "keys": {
                "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                "auth": "BTBZMqHH6r4Tts7J_aSIgg",
            },
        },
        "data": {"alerts": {"mention": True}},
    }
    await bob.post("/api/v1/markers", {"home": {"last_read_id": status["id"]}})
    reads = [
        ("Status", at, None),
        ("Account", f"/api/v1/accounts/{bob.id}", None),
        ("Account", "/api/v1/accounts/lookup?acct=alice", None),
        ("CredentialAccount", "/api/v1/accounts/verify_credentials", None),
        ("Profile", "/api/v1/profile", None),
        ("Preferences", "/api/v1/preferences", None),
        ("Context", f"/api/v1/statuses/{reply['id']}/context", None),
        ("Poll", f"/api/v1/polls/{asked['id']}", None),
        ("Instance", "/api/v2/instance", None),
        ("V1::Instance", "/api/v1/instance", None),
        ("Search", "/api/v2/search?q=alice", None),
        ("Search", "/api/v2/search?q=%23welcome", None),
        ("Tag", "/api/v1/tags/welcome", None),
        ("NotificationPolicy", "/api/v2/notifications/policy", None),
        ("V1::NotificationPolicy", "/api/v1/notifications/policy", None),
        ("GroupedNotificationsResults", "/api/v2/notifications", None),
        ("ExtendedDescription", "/api/v1/instance/extended_description", None),
        ("PrivacyPolicy", "/api/v1/instance/privacy_policy", None),
        ("Marker", "/api/v1/markers?timeline[]=home", "home"),
    ]
    lists = [
        ("Status", "/api/v1/timelines/home"),
        ("Status", "/api/v1/timelines/public?local=true"),
        ("Status", "/api/v1/favourites"),
        ("Status", "/api/v1/bookmarks"),
        ("Status", f"/api/v1/accounts/{bob.id}/statuses"),
        ("Account", f"{at}/favourited_by"),
        ("Account", f"{at}/reblogged_by"),
        ("Account", f"/api/v1/accounts/{alice.id}/followers"),
        ("Account", f"/api/v1/accounts/{bob.id}/following"),
        ("Account", "/api/v1/accounts/search?q=ali"),
        ("Relationship", f"/api/v1/accounts/relationships?id[]={alice.id}"),
        ("StatusEdit", f"{at}/history"),
        ("FamiliarFollowers", f"/api/v1/accounts/familiar_followers?id[]={alice.id}"),
    ]
    problems: list[str] = []
    for name, path, key in reads:
        answer = await bob.get(path)
        problems += [f"{path}: {one}" for one in entities.problems(name, answer[key] if key else answer)]
    for name, path in lists:
        answer = await bob.get(path)
        assert answer, f"{path} is empty"
        for one in answer:
            problems += [f"{path}: {problem}" for problem in entities.problems(name, one)]
    for person in (alice, moderator):
        for one in await person.get("/api/v1/notifications"):
            problems += entities.problems("Notification", one)
    problems += entities.problems("WebPushSubscription", await bob.post("/api/v1/push/subscription", push))
    problems += entities.problems("MediaAttachment", media)
    problems += entities.problems("StatusSource", await alice.get(f"{at}/source"))
    problems += entities.problems("Report", report)
    problems += entities.problems("Status", boost)
    await bob.post(f"/api/v1/accounts/{alice.id}/mute", {"duration": 3600})
    problems += [p for one in await bob.get("/api/v1/mutes") for p in entities.problems("MutedAccount", one)]
    problems += entities.problems("Status", await nobody.get(at))
    problems += entities.problems("Status", await alice.delete(at))
    assert problems == []


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


async def test_each_documented_get_answers(
    alice: Person, admin: Person, endpoints: list[dict[str, Any]], app_client: Any
) -> None:
    """A client that asks at its start gets JSON, never an unknown path."""
    known = {
        resource.canonical
        for resource in app_client.app.router.resources()
        if any(route.method == "GET" for route in resource)
    }
    shapes = {_shape(path) for path in known}
    missing = [
        one["path"]
        for one in endpoints
        if one["method"] == "GET"
        and one["path"].startswith("/api/")
        and one["priority"] != "removed"
        and not one["path"].startswith(("/api/v1/streaming", "/api/oembed", "/api/v1/emails"))
        and _shape(one["path"]) not in shapes
    ]
    assert missing == []
    for path in sorted(known):
        if not path.startswith("/api/v") or path.startswith(("/api/v1/streaming", "/api/v1/apps/")):
            continue
        asked = _shape(path).replace("*", "1")
        answer = await admin.raw("GET", asked)
        assert answer.status in (200, 404, 422), f"{asked}: {answer.status}"
        assert answer.content_type == "application/json", asked
        if answer.status >= 400:
            assert "error" in await answer.json()


def _shape(path: str) -> str:
    return "/".join(
        "*" if part.startswith((":", "{")) else part for part in path.partition("?")[0].split("/")
    )


async def test_deprecated_routes_say_so(nobody: Person) -> None:
    assert (await nobody.raw("GET", "/api/v1/instance")).headers["Deprecation"] == "@1668384000"
    assert "Deprecation" not in (await nobody.raw("GET", "/api/v2/instance")).headers


async def test_a_slash_at_the_end_changes_nothing(alice: Person) -> None:
    assert await alice.get("/api/v1/instance/") == await alice.get("/api/v1/instance")
    status = await alice.post("/api/v1/statuses/", {"status": "x"})
    assert await alice.get(f"/api/v1/statuses/{status['id']}/") == status


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v3/instance", "/api/v1/statuses/1/nothing", "/api/nothing"]
)
async def test_unknown_paths_are_told_in_json(nobody: Person, path: str) -> None:
    answer = await nobody.raw("GET", path)
    assert answer.status == 404
    assert "error" in await answer.json()


NEEDS_MEMBER = [
    "/api/v1/timelines/home",
    "/api/v1/notifications",
    "/api/v1/preferences",
    "/api/v1/bookmarks",
    "/api/v1/blocks",
    "/api/v1/filters",
    "/api/v1/lists",
    "/api/v1/markers",
    "/api/v1/accounts/verify_credentials",
    "/api/v1/admin/reports",
]


@pytest.mark.parametrize("path", NEEDS_MEMBER)
async def test_nobody_is_asked_to_sign_in(nobody: Person, path: str) -> None:
    answer = await nobody.raw("GET", path)
    assert (answer.status, await answer.json()) == (401, {"error": "The access token is invalid"})


Refused = Callable[[Person, str], Awaitable[Any]]

REFUSED: list[tuple[str, str, Any, int]] = [
    ("POST", "/api/v1/statuses", {"status": ""}, 422),
    ("POST", "/api/v1/statuses", {"status": "x" * 5001}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "visibility": "everybody"}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "poll": {"options": ["one"], "expires_in": 600}}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "poll": {"options": ["a", "b"], "expires_in": 1}}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "media_ids": ["1"]}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "media_ids": ["none"]}, 422),
    ("POST", "/api/v1/statuses", {"status": "x", "in_reply_to_id": "1"}, 404),
    ("POST", "/api/v1/statuses", {"status": "x", "scheduled_at": "2030-01-01T00:00:00Z"}, 422),
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


@pytest.mark.parametrize(("method", "path", "form", "status"), REFUSED)
async def test_refused_inputs_change_nothing(
    alice: Person, method: str, path: str, form: Any, status: int
) -> None:
    answer = await alice.raw(method, path, **({"json": form} if form is not None else {}))
    assert answer.status == status
    assert (await answer.json())["error"]
    assert await alice.get(f"/api/v1/accounts/{alice.id}/statuses") == []
    assert await alice.get("/api/v1/favourites") == []
