"""Announcements: written on the command line, shown to members in apps and on their home page, reacted to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection

from fedserver import announcements
from fedserver.announcements import Draft
from fedserver.cli.main import cli
from fedserver.context import Server
from storage import emojis
from storage.types import now_ms
from tests.members import Person
from tests.running import RunningServer
from tests.waiting import eventually

AT = "/api/v1/announcements"


async def announce(server: Server, text: str, **more: Any) -> str:
    """Write and publish, as the job does; the id."""

    def unit(conn: Connection) -> int:
        announcement_id = announcements.add(conn, server, Draft(text, **more))
        row = announcements.listed(conn)[-1]
        announcements._publish(conn, announcement_id, row.scheduled_at)
        return announcement_id

    return str(await server.db.write(unit))


async def test_members_read_and_dismiss(server: Server, alice: Person, bob: Person, nobody: Person) -> None:
    post = await bob.post("/api/v1/statuses", {"status": "come"})
    heard, end = server.bus.queue("announcement")
    first = await announce(server, f"**Meet** @bob #soon {post['url']}")
    now = now_ms()
    over = {"starts_at": now - 2000, "ends_at": now - 1000}
    await announce(server, "Over", **over)
    later = await announce(server, "Later", starts_at=now + 10_000, ends_at=now + 20_000, all_day=True)
    assert (await heard.get())[1] == first
    end()
    shown = await alice.get(AT)
    assert [one["id"] for one in shown] == [first, later]
    one = shown[0]
    assert "<strong>Meet</strong>" in one["content"]
    assert [each["acct"] for each in one["mentions"]] == ["bob"]
    assert ([each["name"] for each in one["tags"]], [each["id"] for each in one["statuses"]]) == (
        ["soon"], [post["id"]],
    )  # fmt: skip
    await alice.post(f"{AT}/{first}/dismiss")
    assert [each["read"] for each in await alice.get(AT)] == [True, False]
    assert [each["read"] for each in await bob.get(AT)] == [False, False]
    assert (await alice.raw("POST", f"{AT}/1/dismiss")).status == 404
    assert (await nobody.raw("GET", AT)).status == 401


async def test_members_react(server: Server, alice: Person, bob: Person) -> None:
    one = await announce(server, "Hello")
    url = f"{server.config.origin}/media/owl.png"
    await server.db.write(lambda conn: emojis.put_own(conn, "owl", url=url, static_url=url))
    heard, end = server.bus.queue("announcement.reaction")
    # Written without the mark for the coloured picture, it is still the same.
    for person, name in ((alice, "\u2764"), (bob, "\u2764\ufe0f"), (bob, "owl"), (bob, "owl")):
        await person.put(f"{AT}/{one}/reactions/{name}")
    [shown] = await alice.get(AT)
    assert shown["reactions"] == [
        {"name": "\u2764\ufe0f", "count": 2, "me": True},
        {"name": "owl", "count": 1, "me": False, "url": url, "static_url": url},
    ]
    for wrong in ("x", "nope", "\u2764\u2764", "1"):
        assert (await alice.raw("PUT", f"{AT}/{one}/reactions/{wrong}")).status == 422
    assert (await alice.raw("DELETE", f"{AT}/{one}/reactions/owl")).status == 404
    await bob.delete(f"{AT}/{one}/reactions/owl")
    told = [json.loads((await heard.get())[1]) for _ in range(4)]
    end()
    assert [(each["name"], each["count"]) for each in told] == [
        ("\u2764\ufe0f", 1), ("\u2764\ufe0f", 2), ("owl", 1), ("owl", 0),
    ]  # fmt: skip
    assert (told[0]["announcement_id"], told[2]["url"]) == (one, url)
    for code in range(0x1F600, 0x1F607):
        await alice.put(f"{AT}/{one}/reactions/{chr(code)}")
    assert (await alice.raw("PUT", f"{AT}/{one}/reactions/\U0001f680")).status == 422
    assert (await bob.raw("PUT", f"{AT}/{one}/reactions/{chr(0x1F600)}")).status == 200


@pytest.mark.parametrize("name", ["running_server", "second_server"])
def test_the_command_line_announces(request: pytest.FixtureRequest, name: str) -> None:
    server: RunningServer = request.getfixturevalue(name)

    def command(*arguments: str) -> Any:
        done = CliRunner().invoke(cli, ["announcement", *arguments, "--json"], env=server.environment)
        return json.loads(done.stdout) if done.exit_code == 0 else done.stderr

    def shown() -> list[str]:
        return [one["id"] for one in server.member("herald").get(AT)]

    first = command("add", "Welcome **all**")["id"]
    eventually(lambda: shown() == [first], "it is published")
    draft = command("add", "Not yet", "--draft")["id"]
    later = command("add", "In years", "--at", "2999-01-01")["id"]
    states = {one["id"]: one["state"] for one in command("list")["announcements"]}
    assert states == {first: "published", draft: "draft", later: "planned"}
    command("publish", draft)
    eventually(lambda: shown() == [first, draft], "the draft is published")
    assert "published already" in command("publish", draft)
    for one in (first, draft, later):
        command("remove", one)
    assert shown() == []
