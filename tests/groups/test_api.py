"""Groups through the client API: finding and making them, joining, threads, moderating, drafts."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver.context import Server
from storage import users
from tests.described import described
from tests.groups.conftest import MakeGroup, StartThread
from tests.members import Person

GROUPS = "/api/v1/groups"
THREADS = "/api/v1/threads"


async def status(asking: Person, method: str, path: str, **more: Any) -> int:
    return int((await asking.raw(method, path, **more)).status)


async def told(asking: Person, method: str, path: str, **more: Any) -> tuple[int, str]:
    answer = await asking.raw(method, path, **more)
    return answer.status, (await answer.json())["error"]


async def test_a_group_is_made_by_who_may_found_and_changed(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    form = {"name": "Teaching", "title": "Teaching", "kind": "help", "topics": ["git", "fair"]}
    assert await status(alice, "POST", GROUPS, json=form) == 403
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    keyed = {"headers": {"Idempotency-Key": "once"}}
    made = await alice.post(GROUPS, form, **keyed)
    described(GROUPS, "post").validate(made)
    assert (await alice.post(GROUPS, form, **keyed))["id"] == made["id"]
    assert (await told(alice, "POST", GROUPS, json=form))[0] == 422
    assert made["membership"]["role"] == "owner"
    assert "appoint" in made["may"]
    at = f"{GROUPS}/{made['id']}"
    changed = await alice.patch(at, {"charter": "# Why\n\nBecause.", "rules": ["Be kind."], "language": "en"})
    assert (changed["rules"], changed["language"], changed["topics"]) == (["Be kind."], "en", made["topics"])
    assert "Because." in changed["description"]
    assert (await told(alice, "PATCH", at, json={"access": "private"}))[0] == 422
    assert await status(bob, "PATCH", at, json={"title": "Mine"}) == 403
    for asking in (bob, nobody):
        shown = await asking.get(at)
        described(f"{GROUPS}/{{id}}").validate(shown)
        assert shown["may"] == ["read", "start", "reply", "vote"]
        assert [one["id"] for one in await asking.get(GROUPS, q="teach", kind="help")] == [made["id"]]
        assert (await asking.get(f"{GROUPS}/lookup", name="@teaching"))["id"] == made["id"]
    assert await bob.get(GROUPS, belonging="joined") == []
    assert [one["name"] for one in await bob.get(f"{at}/topics")] == ["git", "fair"]
    assert (await alice.post(f"{at}/archive"))["archived_at"]
    assert await status(bob, "POST", f"{at}/threads", json={"text": "Too late"}) == 403
    assert (await alice.post(f"{at}/unarchive"))["archived_at"] is None


async def test_who_asks_to_join_is_answered(alice: Person, bob: Person, make_group: MakeGroup) -> None:
    at = f"{GROUPS}/{await make_group(alice, join_mode='request', join_question='Why?')}"
    assert await told(bob, "POST", f"{at}/join") == (422, "answer must be filled in.")
    assert (await bob.post(f"{at}/join", {"answer": "I teach."}))["waiting"]
    assert (await bob.get(GROUPS, belonging="waiting"))[0]["membership"]["waiting"]
    assert (await alice.get(at))["requests_count"] == 1
    asking = await alice.get(f"{at}/requests")
    described(f"{GROUPS}/{{id}}/requests").validate(asking)
    assert [(one["account"]["id"], one["answer"]) for one in asking] == [(bob.id, "I teach.")]
    for refused in (f"{at}/requests", f"{at}/bans", f"{at}/invitations"):
        assert await status(bob, "GET", refused) == 403
    await alice.post(f"{at}/requests/{bob.id}/accept")
    assert await status(alice, "POST", f"{at}/requests/{bob.id}/accept") == 404
    people = await bob.get(f"{at}/members", role="member")
    described(f"{GROUPS}/{{id}}/members").validate(people)
    assert [one["account"]["acct"] for one in people] == ["bob"]
    await alice.put(f"{at}/members/{bob.id}", {"role": "moderator"})
    assert [(one["role"], one["account"]["acct"]) for one in (await bob.get(at))["staff"]] == [
        ("owner", "alice"),
        ("moderator", "bob"),
    ]
    assert (await told(alice, "POST", f"{at}/leave"))[0] == 409
    assert await bob.post(f"{at}/leave") == {}


async def test_who_is_kept_out_cannot_come_back(alice: Person, bob: Person, make_group: MakeGroup) -> None:
    at = f"{GROUPS}/{await make_group(alice)}"
    await bob.post(f"{at}/join")
    await alice.post(f"{at}/bans/{bob.id}", {"reason": "Rude", "duration": 600})
    (ban,) = await alice.get(f"{at}/bans")
    described(f"{GROUPS}/{{id}}/bans").validate([ban])
    assert (ban["reason"], ban["account"]["id"]) == ("Rude", bob.id)
    assert await told(bob, "POST", f"{at}/join") == (403, "You are banned from Python.")
    log = await bob.get(f"{at}/log")
    described(f"{GROUPS}/{{id}}/log").validate(log)
    assert [
        (one["action"], one["account"]["id"], one["target_account"]["id"], one["reason"]) for one in log
    ] == [("ban", alice.id, bob.id, "Rude")]
    assert await alice.delete(f"{at}/bans/{bob.id}") == {}
    assert (await bob.post(f"{at}/join"))["role"] == "member"
    assert await alice.delete(f"{at}/members/{bob.id}", reason="For now") == {}
    await alice.post(f"{at}/invitations/{bob.id}")
    assert [one["id"] for one in await alice.get(f"{at}/invitations")] == [bob.id]
    assert [one["membership"]["invited"] for one in await bob.get(GROUPS, belonging="invited")] == [True]
    assert await alice.delete(f"{at}/invitations/{bob.id}") == {}
    assert await bob.get(GROUPS, belonging="invited") == []


async def test_a_thread_is_begun_listed_answered_and_read(
    alice: Person, bob: Person, nobody: Person, make_group: MakeGroup
) -> None:
    at = f"{GROUPS}/{await make_group(alice, kind='help', topics=['git'], allows_downvotes=True)}"
    await bob.post(f"{at}/join")
    form = {
        "title": "How do you teach git?",
        "text": "With | *care*\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "topics[]": ["git"],
        "poll[options][]": ["Early", "Late"],
        "poll[expires_in]": "3600",
    }
    once = {"Idempotency-Key": "once"}
    thread = await bob.post(f"{at}/threads", data=form, headers=once)
    assert (await bob.post(f"{at}/threads", data=form, headers=once))["id"] == thread["id"]
    described(f"{GROUPS}/{{id}}/threads", "post").validate(thread)
    assert thread["title"] == "How do you teach git?"
    assert "<table>" in thread["status"]["content"]
    assert [one["title"] for one in thread["status"]["poll"]["options"]] == ["Early", "Late"]
    assert [one["name"] for one in thread["topics"]] == ["git"]
    mine = await alice.get(THREADS, sort="unanswered")
    described(THREADS).validate(mine)
    assert [(one["id"], one["unread_count"]) for one in mine] == [(thread["id"], 1)]
    first = await alice.post("/api/v1/statuses", {"status": "Early.", "in_reply_to_id": thread["id"]})
    below = await bob.post("/api/v1/statuses", {"status": "Why?", "in_reply_to_id": first["id"]})
    second = await alice.post("/api/v1/statuses", {"status": "Late.", "in_reply_to_id": thread["id"]})
    opened = await nobody.get(f"{THREADS}/{thread['id']}")
    described(f"{THREADS}/{{id}}").validate(opened)
    order = [(thread["id"], 0), (first["id"], 1), (below["id"], 2), (second["id"], 1)]
    assert [(one["status"]["id"], one["depth"]) for one in opened["posts"]] == order
    paged, after = [], ""
    while after is not None:
        page = await bob.raw(
            "GET", f"{THREADS}/{thread['id']}?limit=3" + (f"&after={after}" if after else "")
        )
        paged += [one["status"]["id"] for one in (await page.json())["posts"]]
        after = page.links["next"]["url"].query["after"] if "next" in page.links else None
    assert paged == [one for one, _ in order]
    assert (await bob.post(f"{THREADS}/{thread['id']}/answer", {"status_id": second["id"]}))[
        "answer_id"
    ] == second["id"]
    assert await alice.get(THREADS, sort="unanswered") == []
    assert (await alice.post(f"{THREADS}/{thread['id']}/read"))["unread_count"] == 0
    assert await alice.post(f"{at}/read") == {}
    named = await nobody.get(f"/api/v1/timelines/group/{at.rpartition('/')[2]}")
    assert [one["id"] for one in named] == [thread["id"]]
    listed = await nobody.get(f"{at}/threads", sort="top", period="all", topic="#Git")
    assert [one["replies_count"] for one in listed] == [3]
    assert await nobody.get(f"{at}/threads", topic="fair") == []
    assert (await told(nobody, "GET", f"{at}/threads?sort=loud"))[0] == 422


async def test_votes_against_a_post_are_counted_where_a_group_allows_them(
    alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    thread_id = await start(alice, await make_group(alice, allows_downvotes=True), "First")
    elsewhere = await start(alice, await make_group(alice, "calm"), "Second")
    at = f"/api/v1/statuses/{thread_id}"
    await bob.post(f"{at}/favourite")
    assert (await bob.post(f"{at}/downvote"))["favourited"] is False
    (first,) = (await bob.get(f"{THREADS}/{thread_id}"))["posts"]
    assert (first["score"], first["downvotes_count"], first["downvoted"]) == (-1, 1, True)
    await bob.post(f"{at}/undownvote")
    assert (await alice.get(f"{THREADS}/{thread_id}"))["score"] == 0
    assert await told(bob, "POST", f"/api/v1/statuses/{elsewhere}/downvote") == (
        403,
        "Calm counts no votes against a post.",
    )


async def test_moderators_keep_order(
    alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id, other_id = await make_group(alice), await make_group(alice, "other")
    first, second = await start(bob, group_id, "First"), await start(bob, group_id, "Second")
    reply = await bob.post("/api/v1/statuses", {"status": "Besides…", "in_reply_to_id": str(first)})
    at, other = f"{THREADS}/{first}", f"{THREADS}/{second}"
    for action in ("lock", "pin", "rename", "split", "merge", "move"):
        form = {"title": "T", "status_id": reply["id"], "into_id": str(second), "group_id": str(other_id)}
        assert await status(bob, "POST", f"{at}/{action}", json=form) == 403, action
    assert (await alice.post(f"{at}/lock", {"reason": "Enough."}))["locked"]
    answer = {"status": "But…", "in_reply_to_id": str(first)}
    sentence = "This discussion is locked: no answers are taken any more."
    assert await told(bob, "POST", "/api/v1/statuses", json=answer) == (403, sentence)
    assert not (await alice.post(f"{at}/unlock"))["locked"]
    assert (await alice.post(f"{other}/pin"))["pinned"]
    assert [one["id"] for one in await bob.get(f"{GROUPS}/{group_id}/threads", pinned="true")] == [
        str(second)
    ]
    assert not (await alice.post(f"{other}/unpin"))["pinned"]
    assert (await alice.post(f"{at}/rename", {"title": "Better"}))["title"] == "Better"
    assert await status(alice, "POST", f"{other}/split", json={"status_id": reply["id"], "title": "T"}) == 404
    third = await alice.post(f"{at}/split", {"status_id": reply["id"], "title": "Third"})
    assert (third["id"], third["title"]) == (reply["id"], "Third")
    assert (await alice.post(f"{THREADS}/{third['id']}/merge", {"into_id": str(second)}))[
        "replies_count"
    ] == 1
    assert (await bob.get(f"{THREADS}/{third['id']}"))["merged_into_id"] == str(second)
    assert (await alice.post(f"{at}/move", {"group_id": str(other_id)}))["group_id"] == str(other_id)
    removal = f"{GROUPS}/{group_id}/statuses/{second}"
    assert await status(bob, "DELETE", removal) == 403
    assert await status(alice, "DELETE", f"{GROUPS}/{other_id}/statuses/{second}") == 404
    assert await alice.delete(removal, reason="Off topic") == {}
    assert await bob.get(f"{GROUPS}/{group_id}/threads") == []
    assert [one["action"] for one in await bob.get(f"{GROUPS}/{group_id}/log", limit=2)] == ["remove", "move"]


async def test_a_member_chooses_what_to_hear_of(
    alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice, topics=["git"])
    thread_id = await start(alice, group_id, "First")
    (topic,) = await bob.get(f"{GROUPS}/{group_id}/topics")
    for path in (
        f"{GROUPS}/{group_id}/subscription",
        f"{GROUPS}/{group_id}/topics/{topic['id']}/subscription",
        f"{THREADS}/{thread_id}/subscription",
    ):
        assert (await bob.get(path))["level"] is None
        assert (await bob.put(path, {"level": "all"}))["level"] == "all"
        assert (await bob.get(path))["level"] == "all"
        assert (await told(bob, "PUT", path, json={"level": "loud"}))[0] == 422
    assert (await bob.get(f"{GROUPS}/{group_id}"))["membership"]["level"] == "all"
    assert (await bob.get(f"{THREADS}/{thread_id}"))["level"] == "all"
    assert (await bob.delete(f"{THREADS}/{thread_id}/subscription"))["level"] is None


async def test_drafts_are_kept(alice: Person, bob: Person, make_group: MakeGroup) -> None:
    at = f"/api/v1/drafts/group:{await make_group(alice)}"
    assert await status(alice, "GET", at) == 404
    await alice.put(at, {"title": "Half", "text": "a th", "topics": ["git"]})
    kept = await alice.get(at)
    described("/api/v1/drafts/{key}").validate(kept)
    assert (kept["title"], kept["text"], kept["topics"]) == ("Half", "a th", ["git"])
    assert await status(bob, "GET", at) == 404
    assert len(await alice.get("/api/v1/drafts")) == 1
    assert (await told(alice, "PUT", "/api/v1/drafts/letter", json={"text": "x"}))[0] == 422
    assert await alice.delete(at) == {}
    assert await alice.get("/api/v1/drafts") == []


@pytest.mark.parametrize(("path", "scope"), [(GROUPS, "read:statuses"), (THREADS, "write:groups")])
async def test_a_token_needs_the_scope(server: Server, alice: Person, path: str, scope: str) -> None:
    from fedserver import oauth

    issued = await server.db.write(oauth.issue, alice.account_id, scope)
    narrow = Person(alice.client, "alice", alice.account_id, issued.access_token)
    assert await status(narrow, "GET", path) == 403
