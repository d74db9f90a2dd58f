"""Mails that are handed over: kept before anybody is told so, posted once, and never by whom they are not from."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection

from fedserver import mail_codes
from fedserver.cli.main import cli
from fedserver.context import Server
from fedserver.mail_in import arrivals
from fedserver.mail_in.arrivals import Outcome, post_arrival, take_in
from storage import mail_arrivals, mail_preferences, users
from storage.database import open_database
from tests.conftest import StartServer
from tests.groups.conftest import MakeGroup, StartThread
from tests.mail_in.letters import letter
from tests.mailing import Mailbox, mails, text_of
from tests.members import Person
from tests.waiting import eventually, until

ADDRESS = "reply@trainers.example"


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"mail_in_address": ADDRESS, "mail_in_bytes_max": "20000"}


async def address_of(server: Server, who: Person, purpose: mail_codes.Purpose, target_id: int) -> str:
    row = await server.db.write(mail_preferences.ensure, who.account_id)
    return mail_codes.address(server.config, row, purpose, target_id)


async def answers(who: Person, post_id: int) -> list[Any]:
    return (await who.get(f"/api/v1/statuses/{post_id}/context"))["descendants"]  # type: ignore[no-any-return]


def the_arrival(conn: Connection) -> int:
    return int(conn.exec_driver_sql("SELECT id FROM mail_arrival").scalar_one())


async def test_a_mail_is_kept_before_it_is_posted_and_posted_once_however_often_that_is_tried(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice)
    thread_id = await start(alice, group_id, "Shall we?")
    mail = bytes(letter(To=await address_of(server, bob, "reply", thread_id), Message_ID="<1@mail.example>"))
    assert await take_in(server.db, server.config, mail) is Outcome.TAKEN
    assert await take_in(server.db, server.config, mail) is Outcome.KNOWN
    payload = {"id": await server.db.read(the_arrival), "is_large": False}
    for _ in range(2):
        await post_arrival(server, payload)
    (found,) = await answers(alice, thread_id)
    assert (found["account"]["acct"], found["content"]) == ("bob", "<p>Yes, in May.</p>")
    assert await server.db.read(mail_arrivals.waiting, payload["id"]) is None
    assert await take_in(server.db, server.config, mail) is Outcome.KNOWN


async def test_who_a_mail_says_that_it_is_from_does_not_matter(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice)
    thread_id = await start(alice, group_id, "Shall we?")
    to = await address_of(server, bob, "reply", thread_id)
    forged = bytes(letter(From="alice@members.example", To=to))
    assert await take_in(server.db, server.config, forged) is Outcome.TAKEN
    await post_arrival(server, {"id": await server.db.read(the_arrival), "is_large": False})
    assert [one["account"]["acct"] for one in await answers(alice, thread_id)] == ["bob"]
    without = bytes(letter(From="bob@members.example", To=ADDRESS))
    assert await take_in(server.db, server.config, without) is Outcome.UNKNOWN


async def test_codes_of_other_kinds_and_of_members_who_are_gone_post_nothing(
    server: Server, alice: Person, bob: Person
) -> None:
    for purpose in ("end_thread", "end_digest"):
        to = await address_of(server, bob, purpose, 1)  # type: ignore[arg-type]
        assert await take_in(server.db, server.config, bytes(letter(To=to))) is Outcome.UNKNOWN
    to = await address_of(server, bob, "reply", 1)
    mail = bytes(letter())
    assert await take_in(server.db, server.config, mail, recipients=[to], sender="") is Outcome.IGNORED
    assert await take_in(server.db, server.config, mail, recipients=[to.upper()]) is Outcome.TAKEN
    await server.db.write(users.remove, bob.account_id)
    assert await take_in(server.db, server.config, bytes(letter(To=to))) is Outcome.UNKNOWN


async def test_secrets_that_were_quoted_are_not_posted(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice)
    thread_id = await start(alice, group_id, "Shall we?")
    to = await address_of(server, bob, "reply", thread_id)
    row = await server.db.write(mail_preferences.ensure, bob.account_id)
    link = mail_codes.link(server.config, row, "end_digest")
    await take_in(server.db, server.config, bytes(letter(f"I wrote to {to} and opened {link}", To=to)))
    await post_arrival(server, {"id": await server.db.read(the_arrival), "is_large": False})
    (found,) = await answers(alice, thread_id)
    assert "reply+…@trainers.example" in found["content"]
    assert link.rpartition("/")[2] not in found["content"]


async def test_a_member_whose_program_answers_everything_is_slowed_down(
    server: Server, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "IN_AN_HOUR_MAX", 2)
    to = await address_of(server, bob, "reply", 1)
    outcomes = [
        await take_in(server.db, server.config, bytes(letter(To=to, Message_ID=f"<{n}@mail.example>")))
        for n in range(3)
    ]
    assert outcomes == [Outcome.TAKEN, Outcome.TAKEN, Outcome.LATER]


@pytest.mark.jobs
async def test_what_is_too_large_is_refused_with_the_limit(
    server: Server, bob: Person, mailbox: Mailbox
) -> None:
    to = await address_of(server, bob, "reply", 1)
    await take_in(server.db, server.config, bytes(letter("x" * 30_000, To=to)))
    (found,) = await mails(mailbox, 1)
    assert "too large" in text_of(found)


@pytest.mark.jobs
async def test_refusals_go_to_the_members_own_address_and_not_without_end(
    server: Server, bob: Person, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "REFUSALS_TOLD_MAX", 2)
    to = await address_of(server, bob, "reply", 1)
    for number in range(4):
        mail = letter(
            "To nobody", From="victim@elsewhere.example", To=to, Message_ID=f"<{number}@mail.example>"
        )
        await take_in(server.db, server.config, bytes(mail))

    async def done() -> bool:
        query = "SELECT count(*) FROM mail_arrival WHERE state = 'waiting'"
        return not await server.db.read(lambda conn: conn.exec_driver_sql(query).scalar_one())

    await until(done, "that all are refused")
    found = await mails(mailbox, 2)
    assert {one["To"] for one in found} == {"bob@members.example"}
    assert len(mailbox()) == 2


async def code_of(url: str, name: str) -> str:
    """A code of a member of a server that runs, for an answer to a post that does not exist."""
    db = await open_database(url)
    try:

        def unit(conn: Connection) -> str:
            member = users.by_name(conn, name)
            assert member is not None
            return mail_codes.write(mail_preferences.ensure(conn, member.account_id), "reply", 1)

        return await db.write(unit)
    finally:
        await db.close()


def test_a_mail_servers_pipe_is_told_what_became_of_a_mail(start_server: StartServer, tmp_path: Path) -> None:
    running = start_server(MAIL_IN_ADDRESS=ADDRESS)
    running.member("bob")
    code = asyncio.run(code_of(running.environment["FEDSERVER_DATABASE"], "bob"))

    def pipe(message: bytes, *arguments: str, **environment: str) -> Any:
        env = running.environment | {f"FEDSERVER_{name}": value for name, value in environment.items()}
        return CliRunner(env=env).invoke(cli, ["mail", "receive", *arguments], input=message)

    mail = bytes(letter())
    assert (
        pipe(mail, "--sender", "bo@mail.example", "--recipient", f"reply+{code}@trainers.example").exit_code
        == 0
    )
    eventually(running.mails, "that the running server refuses what answers nothing", running.log_end)
    unknown = pipe(mail, "--recipient", f"reply+{'a' * 44}@trainers.example")
    assert (unknown.exit_code, "no address of ours" in unknown.stderr) == (67, True)
    assert pipe(mail, "--sender", "", "--recipient", ADDRESS).exit_code == 0
    assert pipe(mail, MAIL_IN_ADDRESS="").exit_code == 69
    assert pipe(mail, MAIL_IN_ADDRESS="no address").exit_code == 78
    assert pipe(mail, DATABASE=f"sqlite:///{tmp_path}").exit_code == 75
