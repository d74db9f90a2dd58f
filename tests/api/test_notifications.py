"""Notifications: held back as a member chose, asked for in groups, and told of what is new."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from fedserver import notifications
from fedserver.context import Server
from fedserver.notifications import Lost
from storage import strikes, tables
from tests.members import Person

POLICY = "/api/v2/notifications/policy"
GROUPS = "/api/v2/notifications"
ACCEPT_ALL = {
    "for_not_following": "accept",
    "for_not_followers": "accept",
    "for_new_accounts": "accept",
    "for_private_mentions": "accept",
    "for_limited_accounts": "filter",
    "for_bots": "accept",
    "summary": {"pending_requests_count": 0, "pending_notifications_count": 0},
}


async def say(person: Person, text: str, **form: Any) -> Any:
    return await person.post("/api/v1/statuses", {"status": text, **form})


async def groups(person: Person, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await person.get(GROUPS, **query))["notification_groups"]
    return found


async def test_likes_and_boosts_of_a_post_come_as_one(alice: Person, member: Any) -> None:
    one, two = await say(alice, "one"), await say(alice, "two")
    fans = [await member(f"fan{index}") for index in range(5)]
    for fan in fans:
        await fan.post(f"/api/v1/statuses/{one['id']}/favourite")
    await say(fans[0], "@alice hello")
    await fans[0].post(f"/api/v1/statuses/{two['id']}/favourite")
    await fans[1].post(f"/api/v1/statuses/{one['id']}/reblog")
    for fan in fans[:2]:
        await fan.post(f"/api/v1/accounts/{alice.id}/follow")
    singles = await alice.get("/api/v1/notifications")
    assert len(singles) == 10
    found = await alice.get(GROUPS)
    shown = found["notification_groups"]
    assert [(one["type"], one["notifications_count"]) for one in shown] == [
        ("follow", 2), ("reblog", 1), ("favourite", 1), ("mention", 1), ("favourite", 5),
    ]  # fmt: skip
    likes = shown[-1]
    assert likes["sample_account_ids"] == [fan.id for fan in fans[::-1]]
    assert likes["status_id"] == one["id"]
    ids = [single["id"] for single in singles if single["group_key"] == likes["group_key"]]
    assert (likes["most_recent_notification_id"], likes["page_max_id"], likes["page_min_id"]) == (
        int(ids[0]),
        ids[0],
        ids[-1],
    )
    assert {each["id"] for each in found["accounts"]} == {fan.id for fan in fans}
    assert sorted(each["id"] for each in found["statuses"])[:2] == [one["id"], two["id"]]
    partly = await alice.get(GROUPS, expand_accounts="partial_avatars")
    assert {each["id"] for each in partly["accounts"] + partly["partial_accounts"]} == {
        fan.id for fan in fans
    }
    assert len(partly["accounts"]) == 3
    assert set(partly["partial_accounts"][0]) > {
        "acct",
        "avatar",
        "locked",
        "bot",
    }
    key = likes["group_key"]
    people = await alice.raw("GET", f"{GROUPS}/{key}/accounts?limit=3")
    assert [each["id"] for each in await people.json()] == [fan.id for fan in fans[:1:-1]]
    assert "max_id=" in people.headers["Link"]
    assert (await alice.get(f"{GROUPS}/{key}"))["notification_groups"][0]["notifications_count"] == 5
    alone = await alice.get(f"{GROUPS}/{shown[3]['group_key']}")
    assert (alone["notification_groups"][0]["type"], len(alone["statuses"])) == ("mention", 1)
    only_likes = await groups(alice, **{"grouped_types[]": "favourite"})
    assert [one["type"] for one in only_likes].count("follow") == 2
    assert (await alice.get(f"{GROUPS}/unread_count"))["count"] == 5
    await alice.post(
        "/api/v1/markers", {"notifications": {"last_read_id": shown[1]["most_recent_notification_id"]}}
    )
    assert (await alice.get(f"{GROUPS}/unread_count"))["count"] == 1
    await alice.post(f"{GROUPS}/{key}/dismiss")
    assert len(await alice.get("/api/v1/notifications")) == 5


async def test_pages_of_groups_go_on_exactly(alice: Person, member: Any) -> None:
    posts = [(await say(alice, str(index)))["id"] for index in range(3)]
    fans = [await member(f"fan{index}") for index in range(3)]
    for fan in fans:  # the groups lie across each other
        for post in posts:
            await fan.post(f"/api/v1/statuses/{post}/favourite")
        await say(fan, "@alice hello")
    ids = [one["id"] for one in await alice.get("/api/v1/notifications")]
    assert await _walk(alice, f"{GROUPS}?limit=2", "next") == ids
    assert sorted(await _walk(alice, f"{GROUPS}?limit=2&min_id={ids[-1]}", "prev")) == sorted(ids[:-1])


async def _walk(person: Person, path: str, relation: str) -> list[str]:
    """The notifications that the pages cover, by the bounds that each group gives."""
    keys = {one["id"]: one["group_key"] for one in await person.get("/api/v1/notifications")}
    covered: list[str] = []
    while path:
        answer = await person.raw("GET", path)
        shown = (await answer.json())["notification_groups"]
        for one in shown:
            lower, upper = int(one["page_min_id"]), int(one["page_max_id"])
            covered += [
                each for each, key in keys.items() if key == one["group_key"] and lower <= int(each) <= upper
            ]
        links = answer.links
        path = str(links[relation]["url"].relative()) if relation in links and shown else ""
    assert len(covered) == len(set(covered))
    return sorted(covered, reverse=True)


async def test_what_is_held_back_waits_behind_a_request(
    server: Server, alice: Person, bob: Person, moderator: Person, mailbox: Any
) -> None:
    merged, end = server.bus.queue(f"notifications_merged:{alice.id}", f"notification:{alice.id}")
    assert await alice.get(POLICY) == ACCEPT_ALL
    assert (await alice.patch(POLICY, {"for_not_following": "filter"}))["for_not_following"] == "filter"
    for wrong in ("maybe", ""):
        assert (await alice.raw("PATCH", POLICY, json={"for_bots": wrong})).status == 422
    heard = await say(bob, "@alice hello")
    private = await say(bob, "@alice between us", visibility="direct")
    liked = await say(alice, "mine")
    await bob.post(f"/api/v1/statuses/{liked['id']}/favourite")
    await say(moderator, "@alice a word")
    assert [one["account"]["id"] for one in await alice.get("/api/v1/notifications")] == [moderator.id]
    assert (await alice.get("/api/v1/notifications/unread_count"))["count"] == 1
    assert await groups(alice, include_filtered="true") != await groups(alice)
    every = await alice.get("/api/v1/notifications", account_id=bob.id)
    assert [(one["type"], one["filtered"]) for one in every] == [
        ("favourite", True), ("mention", True), ("mention", True),
    ]  # fmt: skip
    assert (await alice.get(POLICY))["summary"] == {
        "pending_requests_count": 1,
        "pending_notifications_count": 2,
    }
    [request] = await alice.get("/api/v1/notifications/requests")
    assert (request["account"]["id"], request["notifications_count"]) == (bob.id, "2")
    assert request["last_status"]["id"] == private["id"]
    assert await bob.get("/api/v1/notifications/requests") == []
    at = f"/api/v1/notifications/requests/{request['id']}"
    assert (await alice.get(at))["id"] == request["id"]
    assert (await bob.raw("POST", f"{at}/accept")).status == 404
    assert await alice.get("/api/v1/conversations") == []
    await alice.post(f"{at}/accept")
    assert len(await alice.get("/api/v1/notifications")) == 4
    assert [one["last_status"]["id"] for one in await alice.get("/api/v1/conversations")] == [private["id"]]
    assert (await alice.get("/api/v1/notifications/requests/merged")) == {"merged": True}
    assert await alice.get("/api/v1/notifications/requests") == []
    await say(bob, "@alice again")  # let through from now on
    told = await alice.get("/api/v1/notifications")
    assert [one["status"]["content"] for one in told[:1]] == [told[0]["status"]["content"]]
    assert (len(told), heard["id"] in {one.get("status", {}).get("id") for one in told}) == (5, True)
    names = [(await merged.get())[0].partition(":")[0] for _ in range(3)]
    end()
    assert names == ["notification", "notifications_merged", "notification"]


async def test_requests_are_dismissed_and_policies_drop(alice: Person, bob: Person, member: Any) -> None:
    old = "/api/v1/notifications/policy"
    assert (await alice.put(old, {"filter_not_followers": True}))["filter_not_followers"] is True
    assert (await alice.get(POLICY))["for_not_followers"] == "filter"
    carol = await member("carol")
    for person in (bob, carol):
        await say(person, "@alice hello")
    ids = [one["id"] for one in await alice.get("/api/v1/notifications/requests")]
    assert len(ids) == 2
    await alice.post("/api/v1/notifications/requests/dismiss", {"id": ids})
    assert await alice.get("/api/v1/notifications/requests") == []
    assert await alice.get("/api/v1/notifications", include_filtered="true") == []
    await alice.put(POLICY, {"for_not_followers": "drop"})
    await say(bob, "@alice hello?")
    assert await alice.get("/api/v1/notifications", include_filtered="true") == []
    # Somebody whom one has written to first is no stranger.
    await alice.put(POLICY, {"for_not_followers": "accept", "for_private_mentions": "drop"})
    await say(carol, "@alice psst", visibility="direct")
    asked = await say(alice, "@bob a question", visibility="direct")
    await say(bob, "@alice an answer", visibility="direct", in_reply_to_id=asked["id"])
    assert [one["account"]["id"] for one in await alice.get("/api/v1/notifications")] == [bob.id]


@pytest.mark.parametrize(
    ("name", "columns"), [("for_bots", {"bot": True}), ("for_limited_accounts", {"limited_at": 1})]
)
async def test_kinds_of_senders(
    server: Server, alice: Person, bob: Person, name: str, columns: dict[str, Any]
) -> None:
    change = update(tables.account).where(tables.account.c.id == bob.account_id)
    await server.db.write(lambda conn: conn.execute(change.values(**columns)) and None)
    await alice.patch(POLICY, {name: "drop"})
    await say(bob, "@alice one")
    await alice.patch(POLICY, {name: "accept"})
    await say(bob, "@alice two")
    assert len(await alice.get("/api/v1/notifications")) == 1
    await alice.patch(POLICY, {name: "drop"})
    await alice.post(f"/api/v1/accounts/{bob.id}/follow")
    await say(bob, "@alice three")
    assert len(await alice.get("/api/v1/notifications")) == 2


async def test_what_one_is_told_of_oneself(server: Server, alice: Person, bob: Person) -> None:
    def unit(conn: Any) -> None:
        notifications.severed(
            conn, "domain_block", "far.example", [Lost(alice.account_id, 2, 1), Lost(bob.account_id, 0, 0)]
        )
        strike_id = strikes.add(conn, alice.account_id, actor_id=None, action="none", text="Please be kind.")
        notifications.warned(conn, alice.account_id, strike_id)

    await server.db.write(unit)
    warning, lost = await alice.get("/api/v1/notifications")
    assert (lost["type"], lost["event"]["target_name"], lost["event"]["followers_count"]) == (
        "severed_relationships", "far.example", 2,
    )  # fmt: skip
    assert warning["moderation_warning"]["text"] == "Please be kind."
    assert warning["moderation_warning"]["target_account"]["id"] == alice.id
    assert await bob.get("/api/v1/notifications") == []
    assert "fallback" not in lost
    known, _ = await alice.get("/api/v1/notifications", **{"supported_types[]": "moderation_warning"})
    assert "fallback" not in known
    for late in [*await alice.get("/api/v1/notifications", **{"supported_types[]": "mention"}),
                 *await groups(alice, **{"supported_types[]": "mention"})]:  # fmt: skip
        assert late["fallback"]["title"]


async def test_a_filter_that_hides_keeps_notifications_away(alice: Person, bob: Person) -> None:
    await alice.post(
        "/api/v2/filters",
        {
            "title": "x",
            "context": ["notifications"],
            "filter_action": "hide",
            "keywords_attributes": [{"keyword": "spoiler"}],
        },
    )
    await say(bob, "@alice a spoiler")
    await say(bob, "@alice a secret")
    assert [
        one["status"]["content"].endswith("secret</p>") for one in await alice.get("/api/v1/notifications")
    ] == [True]


async def test_single_notifications_are_removed(alice: Person, bob: Person) -> None:
    for text in "abc":
        await say(bob, f"@alice {text}")
    ids = [one["id"] for one in await alice.get("/api/v1/notifications")]
    assert (await bob.raw("DELETE", f"/api/v1/notifications/{ids[0]}")).status == 404
    await alice.delete(f"/api/v1/notifications/{ids[0]}")
    await alice.delete("/api/v1/notifications/destroy_multiple", **{"ids[]": ids[1]})
    assert [one["id"] for one in await alice.get("/api/v1/notifications")] == ids[2:]
    assert (await alice.raw("POST", "/api/v1/notifications/dismiss", json={"id": ids[2]})).status == 404
    await alice.post(f"{GROUPS}/clear")
    assert await groups(alice) == []
    assert (await alice.raw("GET", f"{GROUPS}/ungrouped-{ids[2]}")).status == 404
    assert (await alice.raw("GET", f"{GROUPS}/anything")).status == 404
    assert (await alice.raw("GET", f"{GROUPS}?expand_accounts=no")).status == 400
