"""Digests: right items, once, at the right hour, and none when there is nothing to tell."""

from __future__ import annotations

import asyncio
from datetime import datetime
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from fedserver import digests, posts
from fedserver.context import Server
from fedserver.digests import next_due, plan_due
from fedserver.groups import members, reading
from fedserver.posts import Draft, PollDraft
from storage import mail_preferences, users
from storage.database import open_database
from storage.types import now_ms
from tests.conftest import StartServer
from tests.groups.conftest import MakeGroup, StartThread
from tests.mailing import Mailbox, mails, text_of
from tests.members import Person
from tests.waiting import eventually

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def at(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "zone", "rhythm", "due"),
    [
        ("2026-05-05T07:59", "Europe/Berlin", "daily", "2026-05-05T08:00"),
        ("2026-05-05T08:00", "Europe/Berlin", "daily", "2026-05-06T08:00"),
        ("2026-05-05T08:00", "Pacific/Auckland", "weekly", "2026-05-11T08:00"),
        ("2026-05-11T07:00", "America/New_York", "weekly", "2026-05-11T08:00"),
        # The clock is put forward in between, and back.
        ("2026-03-28T09:00", "Europe/Berlin", "daily", "2026-03-29T08:00"),
        ("2026-10-24T09:00", "Europe/Berlin", "daily", "2026-10-25T08:00"),
    ],
)
def test_digests_are_due_at_eight_where_the_member_is(now: str, zone: str, rhythm: str, due: str) -> None:
    assert next_due(at(now, zone), zone, rhythm) == at(due, zone)


def test_whoever_wants_none_or_lives_nowhere_is_no_problem() -> None:
    assert next_due(0, "Europe/Berlin", "off") is None
    assert next_due(0, "Not/AZone", "daily") == 8 * HOUR_MS


class Clock:
    """Looks at what is due at instants that a test names."""

    def __init__(self, server: Server, who: Person) -> None:
        self.server = server
        self.who = who

    async def mails_at(self, now: int) -> list[EmailMessage]:
        """What the chore plans for the member at an instant, written."""
        planned = await self.server.db.write(self._planned, now)
        found = [
            await self.server.db.read(
                digests.written, self.server.config, one["account_id"], one["since"], one["until"]
            )
            for one in planned
            if one["account_id"] == self.who.account_id
        ]
        return [one for one in found if one is not None]

    def _planned(self, conn: Connection, now: int) -> list[dict[str, int]]:
        seen: list[dict[str, int]] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                digests, "plan_many", lambda conn, kind, wanted: seen.extend(one for one, _ in wanted)
            )
            plan_due(conn, now)
        return seen

    async def due_at(self) -> int:
        row = await self.server.db.read(mail_preferences.get, self.who.account_id)
        assert row is not None
        assert row.digest_due_at is not None
        return row.digest_due_at


@pytest.fixture
async def clock(server: Server, bob: Person) -> Clock:
    await server.db.write(users.change, bob.account_id, time_zone="Asia/Tokyo")
    return Clock(server, bob)


async def test_each_thing_is_told_once_and_nothing_is_no_mail(
    server: Server,
    clock: Clock,
    alice: Person,
    bob: Person,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
) -> None:
    group_id = await make_group(alice, "trainers", kind="forum")
    await members.join(server, bob.member, group_id)
    assert await clock.mails_at(now_ms()) == []  # the first look only notes when it is due
    due_at = await clock.due_at()
    local = datetime.fromtimestamp(due_at / 1000, ZoneInfo("Asia/Tokyo"))
    assert (local.hour, local.minute, local.weekday()) == (8, 0, 0)

    mine = await start(bob, group_id, "My question")
    await answer(alice, mine, "An answer for you.")
    thread_id = await start(alice, group_id, "Shall we meet?", "In **May**.")
    await answer(alice, thread_id, "Or in June, <b>perhaps</b>.")
    (mail,) = await clock.mails_at(due_at)
    host = server.config.domain.partition(":")[0]
    assert mail["Subject"] == "fedserver: 1 answer to you, 1 new discussion, 2 new answers this week"
    assert mail["List-Id"] == f"<digest.{host}>"
    assert mail["To"] == "bob@members.example"
    text = text_of(mail)
    assert "**Shall we meet?**\nTrainers · new, by alice, 1 answer" in text
    assert "**My question**\nTrainers · 1 new answer, the last by alice" in text
    assert "> An answer for you." in text
    assert "My question" not in text.partition("**Shall we meet?**")[0]
    assert await clock.due_at() == due_at + 7 * DAY_MS
    assert await clock.mails_at(due_at + 7 * DAY_MS) == []


async def test_what_was_read_here_is_not_told(
    server: Server, clock: Clock, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice, "trainers")
    await members.join(server, bob.member, group_id)
    await clock.mails_at(now_ms())
    due_at = await clock.due_at()
    read = await start(alice, group_id, "I have read this")
    await start(alice, group_id, "I have not")
    await reading.read_thread(server, bob.member, read)
    (mail,) = await clock.mails_at(due_at)
    assert "I have not" in text_of(mail)
    assert "I have read this" not in text_of(mail)


@pytest.mark.parametrize(
    ("level", "told"), [("all", False), ("mentions", False), ("none", False), ("digest", True)]
)
async def test_the_digest_tells_of_what_is_heard_of_in_digests(
    server: Server,
    clock: Clock,
    alice: Person,
    bob: Person,
    make_group: MakeGroup,
    start: StartThread,
    level: str,
    told: bool,
) -> None:
    group_id = await make_group(alice, "trainers", topics=["git"])
    await members.join(server, bob.member, group_id)
    await clock.mails_at(now_ms())
    due_at = await clock.due_at()
    await reading.subscribe(server, bob.member, "group", group_id, "none" if told else "digest")
    ((_, topic_id),) = [(one.name, one.id) for one in await server.db.read(_topics, group_id)]
    await reading.subscribe(server, bob.member, "topic", topic_id, level)
    await start(alice, group_id, "About git", topics=["git"])
    assert bool(await clock.mails_at(due_at)) is told


def _topics(conn: Connection, group_id: int) -> list[object]:
    from storage import groups

    return groups.topics(conn, group_id)


async def test_polls_and_newcomers_are_told_and_private_groups_only_to_members(
    server: Server, clock: Clock, alice: Person, bob: Person, make_group: MakeGroup
) -> None:
    secret = await make_group(alice, "cohort", access="private")
    await posts.create(
        server, alice.member, Draft("Secret", "text/markdown", title="Secret", group_id=secret)
    )
    group_id = await make_group(alice, "trainers")
    await members.join(server, bob.member, group_id)
    await clock.mails_at(now_ms())
    due_at = await clock.due_at()
    poll = PollDraft(["May", "June"], 600 * 3_600)
    await posts.create(
        server,
        alice.member,
        Draft("When?", "text/markdown", title="When do we meet?", group_id=group_id, poll=poll),
    )
    (mail,) = await clock.mails_at(due_at)
    text = text_of(mail)
    assert "Polls you have not voted in" in text
    assert "Trainers · closes " in text
    assert "Secret" not in text


@pytest.mark.jobs
async def test_a_digest_that_is_planned_is_sent_and_ended_with_one_click(
    server: Server,
    alice: Person,
    bob: Person,
    make_group: MakeGroup,
    start: StartThread,
    mailbox: Mailbox,
) -> None:
    group_id = await make_group(alice, "trainers")
    await members.join(server, bob.member, group_id)
    await server.db.write(plan_due, now_ms())
    await start(alice, group_id, "New")
    await server.db.write(plan_due, now_ms() + 8 * DAY_MS)
    (mail,) = await mails(mailbox, 1)
    assert (mail["To"], mail["X-Mail-Kind"]) == ("bob@members.example", "digest")
    path = str(mail["List-Unsubscribe"]).strip("<>").removeprefix(server.config.origin)
    async with bob.client.post(path) as done:
        assert done.status == 200
    row = await server.db.read(mail_preferences.get, bob.account_id)
    assert row is not None
    assert (row.rhythm, row.digest_due_at) == ("off", None)


async def make_due(url: str, name: str) -> None:
    """The digest of a member of a server that runs is due."""
    db = await open_database(url)

    def unit(conn: Connection) -> None:
        member = users.by_name(conn, name)
        assert member is not None
        mail_preferences.ensure(conn, member.account_id)
        mail_preferences.change(conn, member.account_id, digest_due_at=1, digest_until_at=1)

    try:
        await db.write(unit)
    finally:
        await db.close()


def test_a_server_that_runs_looks_for_digests_that_are_due(start_server: StartServer) -> None:
    running = start_server()
    running.member("bob")
    running.member("alice").post("/api/v1/statuses", {"status": "Hello @bob"})
    asyncio.run(make_due(running.environment["FEDSERVER_DATABASE"], "bob"))
    eventually(
        lambda: any(mail.name.startswith("digest-") for mail in running.mails()),
        "that the digest is sent",
        running.log_end,
    )
