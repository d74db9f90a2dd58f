"""Links in the mails of groups end them, with one click and without signing in; and settings do."""

from __future__ import annotations

import pytest

from fedserver import mail_codes, mail_preferences, unsubscribing
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.groups import members, reading
from fedserver.mail_links import LinkExpired
from storage import mail_preferences as stored
from tests.groups.conftest import MakeGroup, StartThread
from tests.mailing import Mailbox, mails, text_of
from tests.members import Person
from tests.waiting import until

pytestmark = pytest.mark.jobs


async def subscribed(server: Server, who: Person, group_id: int, *more: tuple[str, int]) -> None:
    await members.join(server, who.member, group_id)
    await reading.subscribe(server, who.member, "group", group_id, "all")
    for kind, target_id in more:
        await reading.subscribe(server, who.member, kind, target_id, "all")


def secret_of(header: str) -> str:
    return header.strip("<>").rpartition("/")[2]


async def test_one_click_ends_the_mails_of_a_group_and_leaves_its_members_be(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, mailbox: Mailbox
) -> None:
    group_id = await make_group(alice, "trainers")
    await subscribed(server, bob, group_id)
    await start(alice, group_id, "One")
    (mail,) = await mails(mailbox, 1)
    path = str(mail["List-Unsubscribe"]).strip("<>").removeprefix(server.config.origin)
    async with bob.client.get(path) as shown:
        assert "Trainers" in await shown.text()
    assert (await unsubscribing.look_at(server, secret_of(path))).active
    async with bob.client.post(path, data={"List-Unsubscribe": "One-Click"}) as done:
        assert done.status == 200
    assert not (await unsubscribing.look_at(server, secret_of(path))).active
    await start(alice, group_id, "Two")
    # Who is named hears of it: that is another kind.
    await start(alice, group_id, "Three", "@bob look")
    second = (await mails(mailbox, 2))[1]
    assert "mentioned you" in second["Subject"]
    assert len(mailbox()) == 2


async def test_a_discussion_is_ended_alone(
    server: Server,
    alice: Person,
    bob: Person,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
    mailbox: Mailbox,
) -> None:
    group_id = await make_group(alice, "trainers")
    await subscribed(server, bob, group_id)
    thread_id = await start(alice, group_id, "One")
    text = text_of((await mails(mailbox, 1))[0])
    links = [line.rpartition("/")[2] for line in text.splitlines() if "/unsubscribe/" in line]
    await unsubscribing.unsubscribe(server, links[0])
    await answer(alice, thread_id, "not mailed")
    await start(alice, group_id, "Two")
    assert [one["Subject"] for one in await mails(mailbox, 2)] == ["[Trainers] One", "[Trainers] Two"]


async def test_who_gets_each_post_gets_no_second_mail_for_being_named(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, mailbox: Mailbox
) -> None:
    group_id = await make_group(alice, "trainers")
    await subscribed(server, bob, group_id)
    await start(alice, group_id, "One", "@bob look")
    await start(alice, group_id, "Two")
    assert [one["Subject"] for one in await mails(mailbox, 2)] == ["[Trainers] One", "[Trainers] Two"]
    await mail_preferences.choose(server, bob.member, wants_groups=False, rhythm="off")
    await start(alice, group_id, "Three", "@bob look")
    assert "mentioned you" in (await mails(mailbox, 3))[2]["Subject"]


async def test_nobody_is_mailed_what_they_wrote_or_keep_from_themselves(
    server: Server,
    alice: Person,
    bob: Person,
    moderator: Person,
    make_group: MakeGroup,
    start: StartThread,
    mailbox: Mailbox,
) -> None:
    group_id = await make_group(alice, "trainers")
    for who in (bob, moderator):
        await subscribed(server, who, group_id)
    await bob.post(f"/api/v1/accounts/{moderator.id}/mute")
    await start(moderator, group_id, "By somebody muted")
    await start(bob, group_id, "My own")
    await start(alice, group_id, "For both")
    await until(lambda: len(mailbox()) == 3, "that three mails come")
    assert sorted((one["To"], one["Subject"]) for one in mailbox()) == [
        ("bob@members.example", "[Trainers] For both"),
        ("mo@members.example", "[Trainers] For both"),
        ("mo@members.example", "[Trainers] My own"),
    ]


async def test_a_codes_letters_cannot_be_changed(server: Server, bob: Person) -> None:
    row = await server.db.write(stored.ensure, bob.account_id)
    for purpose in ("reply", "group", "end_thread", "end_group", "end_groups", "end_digest"):
        text = mail_codes.write(row, purpose, 77)  # type: ignore[arg-type]
        assert len(text) == mail_codes.CHARS
        found = await server.db.read(mail_codes.read, text)
        assert found == (purpose, bob.account_id, 77)
        for index in range(len(text) - 1):  # bits of the last letter are spare
            other = text[:index] + ("a" if text[index] != "a" else "b") + text[index + 1 :]
            assert await server.db.read(mail_codes.read, other) is None
    for odd in ("", "a" * 44, "ä" * 44, "1" * 44, "a" * 43):
        assert await server.db.read(mail_codes.read, odd) is None


async def test_new_addresses_end_the_old_ones_and_no_link(server: Server, bob: Person) -> None:
    row = await server.db.write(stored.ensure, bob.account_id)
    address, link = mail_codes.write(row, "reply", 1), mail_codes.write(row, "end_digest")
    await mail_preferences.renew_addresses(server, bob.member)
    assert await server.db.read(mail_codes.read, address) is None
    assert (await unsubscribing.unsubscribe(server, link)).active
    assert (await mail_preferences.show(server, bob.member)).rhythm == "off"
    with pytest.raises(LinkExpired):
        await unsubscribing.unsubscribe(server, mail_codes.write(row, "group", 1))
    with pytest.raises(Invalid):
        await mail_preferences.choose(server, bob.member, wants_groups=True, rhythm="hourly")
