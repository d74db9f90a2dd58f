"""Writing, editing, deleting; polls; pictures; who sees what; and how little is asked of the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from fedserver.context import Server
from tests.api.uploads import picture, upload, upload_form
from tests.client import ApiError
from tests.conftest import MakeMember
from tests.counting import fewest_statements
from tests.members import Person
from web.app import build_app


async def say(person: Person, text: str = "Hello", **more: Any) -> Any:
    return await person.post("/api/v1/statuses", {"status": text, **more})


async def test_an_edit_shows_and_is_remembered(alice: Person, bob: Person) -> None:
    status = await say(alice, "one", spoiler_text="careful")
    at = f"/api/v1/statuses/{status['id']}"
    assert (await bob.get(at))["content"] == "<p>one</p>"
    await alice.put(at, {"status": "two", "spoiler_text": ""})
    seen = await bob.get(at)
    assert (seen["content"], seen["spoiler_text"], bool(seen["edited_at"])) == ("<p>two</p>", "", True)
    assert [one["content"] for one in await bob.get(f"{at}/history")] == ["<p>one</p>", "<p>two</p>"]
    assert (await alice.get(f"{at}/source"))["text"] == "two"
    for method in ("put", "delete"):
        with pytest.raises(ApiError) as refused:
            await getattr(bob, method)(at, **({"form": {"status": "mine"}} if method == "put" else {}))
        assert refused.value.status == 403


async def test_a_deleted_status_comes_back_as_text(alice: Person) -> None:
    media = await upload(alice)
    status = await say(alice, "*once* more", media_ids=[media["id"]])
    gone = await alice.delete(f"/api/v1/statuses/{status['id']}")
    assert gone["text"] == "*once* more"
    assert (await alice.raw("GET", f"/api/v1/statuses/{status['id']}")).status == 404
    again = await say(alice, gone["text"], media_ids=[gone["media_attachments"][0]["id"]])
    assert again["media_attachments"][0]["url"] == media["url"]


async def test_counts_and_marks_are_fresh(alice: Person, bob: Person) -> None:
    status = await say(alice)
    at = f"/api/v1/statuses/{status['id']}"
    for action, field in (
        ("favourite", "favourited"),
        ("bookmark", "bookmarked"),
        ("mute", "muted"),
        ("reblog", "reblogged"),
    ):
        done = await bob.post(f"{at}/{action}")
        assert (done["reblog"] or done)[field] is True
        assert (await bob.get(at))[field] is True
        assert (await alice.get(at))[field] is False
    seen = await alice.get(at)
    assert (seen["favourites_count"], seen["reblogs_count"]) == (1, 1)
    boost = (await bob.get("/api/v1/timelines/home"))[0]
    assert (boost["reblog"]["id"], boost["reblogged"], boost["favourites_count"]) == (status["id"], True, 1)
    assert (await bob.post(f"/api/v1/statuses/{boost['id']}/unreblog"))["id"] == status["id"]
    await bob.post(f"{at}/unfavourite")
    assert (await bob.get(at))["favourites_count"] == 0
    assert (await alice.post(f"{at}/pin"))["pinned"] is True
    assert [one["id"] for one in await bob.get(f"/api/v1/accounts/{alice.id}/statuses?pinned=true")] == [
        status["id"]
    ]


async def test_what_is_pressed_many_times_at_once_is_done_once(alice: Person, bob: Person) -> None:
    marks = ("favourite", "reblog", "bookmark", "pin", "mute")
    status = await say(alice)
    at = f"/api/v1/statuses/{status['id']}"
    for who in (alice, bob):
        pressed = [f"{at}/{mark}" for mark in marks if who is alice or mark != "pin"]
        answers = await asyncio.gather(*(who.raw("POST", path) for path in pressed * 5))
        assert {answer.status for answer in answers} <= {200}, who.username
    follow = f"/api/v1/accounts/{alice.account_id}/follow"
    answers = await asyncio.gather(*(bob.raw("POST", follow) for _ in range(5)))
    assert {answer.status for answer in answers} == {200}
    seen = await bob.get(at)
    assert (seen["favourites_count"], seen["reblogs_count"], seen["favourited"]) == (2, 2, True)


async def test_what_is_kept_of_a_page_shows_the_same_as_a_page_made_anew(
    alice: Person, bob: Person, member: MakeMember, server: Server
) -> None:
    carol = await member("carol")
    for follower in (bob, carol):
        await follower.post(f"/api/v1/accounts/{alice.id}/follow")
    status = await say(alice, "one")
    at = f"/api/v1/statuses/{status['id']}"
    asked = await say(alice, "Which?", poll={"options": ["A", "B"], "expires_in": 600})
    answer = await say(carol, "@alice two", in_reply_to_id=status["id"])
    words = {"title": "x", "context": ["home"], "keywords_attributes": [{"keyword": "exam"}]}
    changes: list[Callable[[], Awaitable[Any]]] = [
        lambda: bob.post(f"{at}/favourite"),
        lambda: carol.post(f"{at}/reblog"),
        lambda: alice.put(at, {"status": "exam"}),
        lambda: bob.post("/api/v2/filters", words),
        lambda: alice.patch("/api/v1/accounts/update_credentials", {"display_name": "A."}),
        lambda: bob.post(f"/api/v1/polls/{asked['poll']['id']}/votes", {"choices": [1]}),
        lambda: bob.post(f"/api/v1/accounts/{carol.id}/mute"),
        lambda: carol.delete(f"/api/v1/statuses/{answer['id']}"),
    ]

    async def pages(client: TestClient[Any, Any]) -> list[Any]:
        return [
            await replace(person, client=client).get(path)
            for person in (alice, bob, carol)
            for path in ("/api/v1/timelines/home", f"{at}/context", "/api/v1/notifications")
        ]

    seen: list[Any] = []
    for change in changes:
        await change()
        await pages(alice.client)
        again = await pages(alice.client)
        async with TestClient(TestServer(build_app(server))) as afresh:
            assert again == await pages(afresh)
        assert again not in seen
        seen.append(again)


async def test_visibility_holds_everywhere(alice: Person, bob: Person, nobody: Person) -> None:
    private = await say(alice, "#secret", visibility="private")
    direct = await say(alice, "@bob between us", visibility="direct")
    assert (private["visibility"], direct["visibility"]) == ("private", "direct")
    for person, status in ((bob, private), (nobody, private), (nobody, direct)):
        for path in ("", "/context", "/favourited_by", "/history"):
            answer = await person.raw("GET", f"/api/v1/statuses/{status['id']}{path}")
            assert answer.status == 404
    assert (await bob.get(f"/api/v1/statuses/{direct['id']}"))["id"] == direct["id"]
    assert await bob.get("/api/v1/timelines/tag/secret") == []
    assert await nobody.get(f"/api/v1/accounts/{alice.id}/statuses") == []
    for action in ("favourite", "reblog", "bookmark"):
        assert (await bob.raw("POST", f"/api/v1/statuses/{private['id']}/{action}")).status == 404


async def test_a_poll_is_voted_in_once(alice: Person, bob: Person) -> None:
    status = await say(alice, poll={"options": ["a", "b"], "expires_in": 600, "hide_totals": True})
    at = f"/api/v1/polls/{status['poll']['id']}"
    voted = await bob.post(f"{at}/votes", {"choices": ["1"]})
    assert (voted["voted"], voted["own_votes"], voted["votes_count"]) == (True, [1], 1)
    assert [one["votes_count"] for one in voted["options"]] == [None, None]
    for person, choices in ((bob, ["0"]), (alice, ["0"])):
        assert (await person.raw("POST", f"{at}/votes", json={"choices": choices})).status == 422
    assert (await alice.get(at))["votes_count"] == 1


async def test_pictures(alice: Person, bob: Person, nobody: Person) -> None:
    media = await upload(alice, description="first", focus="-1,0.5")
    at = f"/api/v1/media/{media['id']}"
    assert media["meta"]["focus"] == {"x": -1.0, "y": 0.5}
    changed = await alice.put(at, {"description": "second"})
    assert (changed["description"], changed["meta"]["focus"]["x"]) == ("second", -1.0)
    assert (await bob.raw("GET", at)).status == 404
    assert (await bob.raw("PUT", at, json={"description": "theirs"})).status == 404
    assert (await bob.raw("DELETE", at)).status == 404
    answer = await bob.raw("POST", "/api/v1/statuses", json={"status": "mine", "media_ids": [media["id"]]})
    assert answer.status == 422
    status = await say(alice, "", media_ids=[media["id"]])
    assert (await alice.raw("GET", at)).status == 404  # a post has it now
    assert (await alice.raw("DELETE", at)).status == 422
    edited = await alice.put(
        f"/api/v1/statuses/{status['id']}",
        {"status": "", "media_attributes": [{"id": media["id"], "description": "third"}]},
    )
    assert edited["media_attachments"][0]["description"] == "third"
    spare = await upload(alice)
    await alice.delete(f"/api/v1/media/{spare['id']}")
    path = spare["url"].partition("/media/")[2]
    assert (await nobody.raw("GET", f"/media/{path}")).status == 404


async def test_files_are_served_so_that_nothing_in_them_runs(alice: Person, nobody: Person) -> None:
    media = await upload(alice)
    path = "/media/" + media["url"].partition("/media/")[2]
    whole = await nobody.raw("GET", path, headers={"accept": "application/activity+json"})
    body = await whole.read()
    assert (whole.status, whole.content_type) == (200, "image/png")
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    assert whole.headers["Access-Control-Allow-Origin"] == "*"
    part = await nobody.raw("GET", path, headers={"range": "bytes=2-5"})
    assert (part.status, await part.read()) == (206, body[2:6])
    assert (await nobody.raw("GET", path, headers={"range": "bytes=9999999-"})).status == 416
    known = await nobody.raw("GET", path, headers={"if-none-match": whole.headers["ETag"]})
    assert known.status == 304
    for bad in ("/media/../fedserver.toml", "/media/%2e%2e/%2e%2e/etc/passwd", "/media/aa/bb/none.png"):
        assert (await nobody.raw("GET", bad)).status == 404


@pytest.mark.parametrize(
    "data", [b"", b"not a picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7"]
)
async def test_what_is_no_picture_is_refused(alice: Person, data: bytes) -> None:
    answer = await alice.raw("POST", "/api/v2/media", data=upload_form(data))
    assert answer.status == 422
    assert (await answer.json())["error"]


async def test_a_profile_is_changed_in_multipart(alice: Person, bob: Person) -> None:
    form = upload_form(b"")
    form = type(form)(
        {
            "display_name": "Alice A.",
            "note": "I teach #Python",
            "fields_attributes[0][name]": "Web",
            "fields_attributes[0][value]": "https://alice.example",
            "source[privacy]": "unlisted",
            "locked": "1",
            "avatar_description": "me",
        }
    )
    form.add_field("avatar", picture(), filename="me.png", content_type="image/png")
    me = await alice.patch("/api/v1/accounts/update_credentials", data=form)
    assert (me["source"]["note"], me["source"]["privacy"], me["locked"]) == (
        "I teach #Python",
        "unlisted",
        True,
    )
    seen = await bob.get(f"/api/v1/accounts/{alice.id}")
    assert (seen["display_name"], seen["fields"][0]["name"]) == ("Alice A.", "Web")
    assert "/media/" in seen["avatar"]
    assert seen["avatar_description"] == "me"
    assert (await say(alice))["visibility"] == "unlisted"
    assert (await bob.post(f"/api/v1/accounts/{alice.id}/follow"))["requested"] is True
    assert [one["id"] for one in await alice.get("/api/v1/follow_requests")] == [bob.id]
    assert (await alice.post(f"/api/v1/follow_requests/{bob.id}/authorize"))["followed_by"] is True
    assert "/static/" in (await alice.delete("/api/v1/profile/avatar"))["avatar"]


async def test_a_thread_is_in_order_and_hides_what_must_be_hidden(
    alice: Person, bob: Person, nobody: Person
) -> None:
    root = await say(alice, "root")
    first = await say(bob, "first", in_reply_to_id=root["id"])
    second = await say(alice, "second", in_reply_to_id=root["id"])
    secret = await say(alice, "secret", in_reply_to_id=first["id"], visibility="private")
    below = await say(alice, "below", in_reply_to_id=secret["id"])
    seen = await nobody.get(f"/api/v1/statuses/{root['id']}/context")
    assert [one["id"] for one in seen["descendants"]] == [first["id"], below["id"], second["id"]]
    own = await alice.get(f"/api/v1/statuses/{below['id']}/context")
    assert [one["id"] for one in own["ancestors"]] == [root["id"], first["id"], secret["id"]]


async def test_search(alice: Person, bob: Person, nobody: Person) -> None:
    status = await say(alice, "about #Pandas")
    assert [one["id"] for one in (await nobody.get("/api/v2/search", q="ali"))["accounts"]] == [alice.id]
    assert [one["name"] for one in (await nobody.get("/api/v2/search", q="#pand"))["hashtags"]] == ["Pandas"]
    for address in (status["uri"], status["url"]):
        found = await bob.get("/api/v2/search", q=address, resolve="true")
        assert [one["id"] for one in found["statuses"]] == [status["id"]]
    found = await bob.get("/api/v2/search", q=status["account"]["url"], resolve="true")
    assert [one["id"] for one in found["accounts"]] == [alice.id]
    domain = status["uri"].split("/")[2]
    found = await bob.get("/api/v1/accounts/search", q=f"@alice@{domain}")
    assert [one["id"] for one in found] == [alice.id]
    for query in ({"resolve": "true"}, {"offset": 20}):
        answer = await nobody.raw("GET", "/api/v2/search", params={"q": "x", **query})
        assert (answer.status, "error" in await answer.json()) == (401, True)


async def test_blocked_and_muted_are_not_seen(alice: Person, bob: Person) -> None:
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    status = await say(alice)
    assert (await bob.post(f"/api/v1/accounts/{alice.id}/mute"))["muting"] is True
    assert await bob.get("/api/v1/timelines/home") == []
    assert await bob.get("/api/v1/timelines/public") == []
    await bob.post(f"/api/v1/accounts/{alice.id}/unmute")
    assert [one["id"] for one in await bob.get("/api/v1/timelines/home")] == [status["id"]]
    assert (await alice.post(f"/api/v1/accounts/{bob.id}/block"))["blocking"] is True
    assert (await bob.raw("GET", f"/api/v1/statuses/{status['id']}")).status == 404
    assert await bob.get("/api/v1/timelines/home") == []
    assert (await bob.raw("POST", f"/api/v1/accounts/{alice.id}/follow")).status == 403


async def test_few_statements(server: Server, alice: Person, bob: Person, nobody: Person) -> None:
    """A page costs the same however long it is, once its posts have been rendered."""
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    root = await say(alice, "root")
    for index in range(8):
        await say(alice, str(index), in_reply_to_id=root["id"])
        asked = await say(bob, str(index), poll={"options": ["a", "b"], "expires_in": 600})
        await alice.post(f"/api/v1/statuses/{asked['id']}/favourite")
        await bob.post(f"/api/v1/statuses/{(await say(alice, f'boosted {index}'))['id']}/reblog")
    for path, most in (
        ("/api/v1/timelines/home", 3),
        (f"/api/v1/statuses/{root['id']}/context", 4),
        (f"/api/v1/statuses/{root['id']}", 3),
        ("/api/v1/notifications", 4),
        (f"/api/v1/accounts/{alice.id}/statuses", 4),
    ):
        assert await bob.get(path)
        assert await fewest_statements(server, lambda: bob.get(path)) <= most, path  # noqa: B023
    await say(alice, "The #lesson https://example.org/1")
    said = await fewest_statements(server, lambda: say(alice, "The next #lesson https://example.org/2"))
    # PostgreSQL is told of each signal by a statement.
    assert said <= {"sqlite": 18, "postgresql": 21}[server.db.dialect]
    assert len(await nobody.get("/api/v1/timelines/public")) > 10
    assert await fewest_statements(server, lambda: nobody.get("/api/v1/timelines/public")) <= 2
