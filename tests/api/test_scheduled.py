"""Posts that are published later: kept, moved, deleted; and published once, or not and said why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from fedserver import scheduled
from fedserver.assembly import build_server
from fedserver.context import Server
from tests.api.uploads import upload
from tests.client import ApiError
from tests.mailing import Mailbox, text_of
from tests.members import Person
from tests.waiting import until

AT = "/api/v1/scheduled_statuses"


def later(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat().replace("+00:00", "Z")


async def schedule(person: Person, at: str, text: str = "Later", **more: Any) -> Any:
    headers = more.pop("headers", {})
    return await person.post(
        "/api/v1/statuses", {"status": text, "scheduled_at": at, **more}, headers=headers
    )


async def status_of(call: Any) -> int:
    with pytest.raises(ApiError) as error:
        await call
    return error.value.status


async def test_what_is_scheduled_is_kept_as_it_was_sent(alice: Person, bob: Person) -> None:
    first = await alice.post("/api/v1/statuses", {"status": "Now"})
    media = await upload(alice)
    key = {"Idempotency-Key": "one"}
    at = later(hours=1)
    one = await schedule(
        alice, at, "With a picture", media_ids=[media["id"]], visibility="private", spoiler_text="Careful",
        sensitive=True, language="de", in_reply_to_id=first["id"], quoted_status_id=first["id"], headers=key,
    )  # fmt: skip
    assert one["scheduled_at"] == at[:23] + "Z"
    assert one["params"] == {
        "text": "With a picture", "visibility": "private", "media_ids": [media["id"]], "sensitive": True,
        "spoiler_text": "Careful", "in_reply_to_id": int(first["id"]), "language": "de", "poll": None,
        "quoted_status_id": first["id"], "quote_approval_policy": "public", "scheduled_at": None,
        "idempotency": None, "with_rate_limit": False, "application_id": one["params"]["application_id"],
    }  # fmt: skip
    assert [file["id"] for file in one["media_attachments"]] == [media["id"]]
    assert (await schedule(alice, at, "With a picture", headers=key))["id"] == one["id"]
    assert await status_of(alice.post("/api/v1/statuses", {"status": "x", "media_ids": [media["id"]]})) == 422
    poll = {"options": ["a", "b"], "expires_in": 600, "multiple": True}
    two = await schedule(alice, later(hours=2), "Vote", poll=poll)
    assert two["params"]["poll"] == {**poll, "hide_totals": False}
    page = await alice.raw("GET", AT, params={"limit": 1})
    assert [entry["id"] for entry in await page.json()] == [two["id"]]
    assert f"max_id={two['id']}" in page.headers["Link"]
    assert [entry["id"] for entry in await alice.get(AT, max_id=two["id"])] == [one["id"]]
    assert await bob.get(AT) == []
    for ask in (bob.get(f"{AT}/{one['id']}"), bob.put(f"{AT}/{one['id']}"), bob.delete(f"{AT}/{one['id']}")):
        assert await status_of(ask) == 404
    moved = await alice.put(f"{AT}/{one['id']}", {"scheduled_at": later(days=3)})
    assert moved["params"] == one["params"]
    assert moved["scheduled_at"] > one["scheduled_at"]
    await alice.delete(f"{AT}/{one['id']}")
    assert await status_of(alice.get(f"{AT}/{one['id']}")) == 404
    await alice.post("/api/v1/statuses", {"status": "x", "media_ids": [media["id"]]})


async def test_what_could_not_be_posted_is_not_scheduled(
    alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIM-04: nor more than there may be, in all and for a day."""
    private = await bob.post("/api/v1/statuses", {"status": "Mine", "visibility": "private"})
    for code, at, more in (
        (422, later(minutes=4), {}),
        (422, later(hours=-1), {}),
        (422, "tomorrow", {}),
        (422, later(hours=1), {"status": ""}),
        (404, later(hours=1), {"in_reply_to_id": private["id"]}),
        (404, later(hours=1), {"quoted_status_id": private["id"]}),
        (422, later(hours=1), {"quote_approval_policy": "friends"}),
    ):
        assert await status_of(schedule(alice, at, **more)) == code, more
    monkeypatch.setattr(scheduled, "DAILY_MAX", 1)
    monkeypatch.setattr(scheduled, "TOTAL_MAX", 2)
    day = "2040-05-01T{}:00:00Z"
    one = await schedule(alice, day.format("10"))
    assert await status_of(schedule(alice, day.format("11"))) == 422
    await alice.put(f"{AT}/{one['id']}", {"scheduled_at": day.format("12")})
    await schedule(alice, "2040-05-02T10:00:00Z")
    assert await status_of(schedule(alice, "2040-05-03T10:00:00Z")) == 422


async def test_it_is_published_once_by_the_server_that_comes_up_afterwards(
    server: Server, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox
) -> None:
    monkeypatch.setattr(scheduled, "SOONEST_MS", -60_000)
    parent = await bob.post("/api/v1/statuses", {"status": "Soon gone"})
    media = await upload(alice)
    at = later(seconds=-1)
    key = {"Idempotency-Key": "one"}
    one = await schedule(alice, at, "@bob It is time", media_ids=[media["id"]], headers=key)
    lost = await schedule(alice, at, "I agree", in_reply_to_id=parent["id"])
    moved = await schedule(alice, at, "Not yet")
    await alice.put(f"{AT}/{moved['id']}", {"scheduled_at": later(days=1)})
    await bob.delete(f"/api/v1/statuses/{parent['id']}")

    def refusals() -> list[EmailMessage]:
        return [one for one in mailbox() if one["Subject"].startswith("Your scheduled post")]

    async def settled() -> bool:
        return bool(await alice.get("/api/v1/timelines/home") and refusals())

    async with build_server(server.config, jobs=True):
        await until(settled, "that what was due is published or refused")
        for entry in (one, lost, moved):
            await scheduled.publish(server, {"scheduled_id": int(entry["id"])})
    (status,) = await alice.get("/api/v1/timelines/home")
    assert "It is time" in status["content"]
    assert [file["id"] for file in status["media_attachments"]] == [media["id"]]
    (heard,) = await bob.get("/api/v1/notifications")
    assert heard["status"]["id"] == status["id"]
    again = await schedule(alice, at, "@bob It is time", headers=key)
    assert again["id"] == status["id"], "by now it is a status"
    assert {entry["id"] for entry in await alice.get(AT)} == {lost["id"], moved["id"]}
    (mail,) = refusals()
    assert "does not exist any more" in text_of(mail)
