"""Members read groups by mail and answer by mail, through a real mail server."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

import pytest

from fedserver import doctor
from fedserver.context import Server
from fedserver.groups import members, moderation, reading
from tests.conftest import MakeConfig, MakeMember
from tests.groups.conftest import MakeGroup, StartThread
from tests.mail_in.letters import PNG, letter
from tests.mail_in.post_office import DOMAIN, PostOffice
from tests.mailing import text_of
from tests.members import Person
from tests.waiting import until

pytestmark = pytest.mark.jobs


@pytest.fixture
def server_settings(office: PostOffice) -> dict[str, str]:
    return office.settings


async def context_of(who: Person, post_id: int) -> list[dict[str, Any]]:
    """The answers below a post, as an app sees them."""
    found: list[dict[str, Any]] = (await who.get(f"/api/v1/statuses/{post_id}/context"))["descendants"]
    return found


async def reading_by_mail(server: Server, who: Person, group_id: int) -> None:
    await members.join(server, who.member, group_id)
    await reading.subscribe(server, who.member, "group", group_id, "all")


def answering(mail: EmailMessage, text: str) -> EmailMessage:
    """An answer to a mail, as programs write it, with what it answers quoted."""
    quoted = "\n".join(f"> {line}" for line in text_of(mail).splitlines())
    return letter(
        f"{text}\n\nOn Tue, May 5, 2026 at 10:11 AM {mail['From']} wrote:\n\n{quoted}\n\n-- \nBo Berg\n",
        Subject=f"Re: {mail['Subject']}",
        To=str(mail["Reply-To"]),
        In_Reply_To=str(mail["Message-ID"]),
        Message_ID=f"<{abs(hash(text))}@mail.example>",
    )


def address_of(header: str) -> str:
    """The address in a header that has one."""
    return header.rpartition("<")[2].rstrip(">").removeprefix("mailto:")


async def test_a_post_goes_out_by_mail_and_is_answered_by_mail(
    server: Server,
    office: PostOffice,
    alice: Person,
    bob: Person,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
) -> None:
    group_id = await make_group(alice, "trainers")
    await reading_by_mail(server, bob, group_id)
    thread_id = await start(alice, group_id, "Shall we meet?", "In **May**, [here](https://place.example/).")
    (mail,) = await office.mails(1)
    host = server.config.domain.partition(":")[0]
    assert mail["Subject"] == "[Trainers] Shall we meet?"
    assert mail["From"] == "alice via Trainers <noreply@trainers.example>"
    assert mail["To"] == "bob@members.example"
    assert mail["Message-ID"] == f"<post.{thread_id}@{host}>"
    assert mail["List-Id"] == f'"Trainers" <trainers.groups.{host}>'
    assert mail["List-Archive"] == f"<{server.config.origin}/groups/trainers>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (mail["Precedence"], mail["Auto-Submitted"]) == ("bulk", "auto-generated")
    assert mail["List-Post"].startswith("<mailto:reply+")
    assert address_of(mail["Reply-To"]).startswith("reply+")
    assert "In **May**, [here](https://place.example/)." in text_of(mail)
    page = mail.get_body(("html",))
    assert page is not None
    assert '<a href="https://place.example/"' in page.get_content()

    office.send(answering(mail, "Yes, gladly!"), address_of(mail["Reply-To"]))
    (found,) = await until(lambda: context_of(alice, thread_id), "that the answer appears")
    assert found["account"]["acct"] == "bob"
    assert found["content"] == "<p>Yes, gladly!</p>"
    assert found["in_reply_to_id"] == str(thread_id)
    await until(lambda: not office.left(), "that the mailbox is empty")

    # Who was answered hears of it by mail, in the same thread.
    first, told = await office.mails(2)
    assert told["To"] == "alice@members.example"
    assert told["Message-ID"] == f"<post.{found['id']}@{host}>"
    assert told["In-Reply-To"] == first["Message-ID"] == told["References"]
    second_id = await answer(alice, int(found["id"]), "Good.")
    third = (await office.mails(3))[2]
    assert third["Subject"] == "Re: [Trainers] Shall we meet?"
    assert third["Message-ID"] == f"<post.{second_id}@{host}>"
    assert third["References"].split() == [f"<post.{thread_id}@{host}>", f"<post.{found['id']}@{host}>"]


async def test_a_discussion_begins_by_mail_with_a_picture(
    server: Server, office: PostOffice, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice, "trainers")
    await reading_by_mail(server, bob, group_id)
    await start(alice, group_id, "Hello")
    (mail,) = await office.mails(1)
    message = letter("Look at *this*.", Subject="Fwd: My garden")
    message.add_attachment(PNG, maintype="image", subtype="png", filename="garden.png")
    office.send(message, address_of(mail["List-Post"]))

    async def begun() -> Any:
        shown = await alice.get(f"/api/v1/accounts/{group_id}/statuses")
        return next((one["reblog"] for one in shown if one["reblog"]["account"]["acct"] == "bob"), None)

    found = await until(begun, "that the discussion begins")
    assert "<em>this</em>" in found["content"]
    assert [one["type"] for one in found["media_attachments"]] == ["image"]


async def test_the_same_mail_is_posted_once(
    server: Server, office: PostOffice, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice, "trainers")
    await reading_by_mail(server, bob, group_id)
    thread_id = await start(alice, group_id, "Shall we?")
    (mail,) = await office.mails(1)
    message = answering(mail, "Yes.")
    for _ in range(3):
        office.send(message, address_of(mail["Reply-To"]))
    await until(lambda: context_of(alice, thread_id), "that the answer appears")
    await until(lambda: not office.left(), "that the mailbox is empty")
    assert len(await context_of(alice, thread_id)) == 1


async def test_what_is_not_for_us_stays_in_the_mailbox_as_read(
    server: Server, office: PostOffice, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice, "trainers")
    await reading_by_mail(server, bob, group_id)
    thread_id = await start(alice, group_id, "Shall we?")
    (mail,) = await office.mails(1)
    reply = address_of(mail["Reply-To"])
    forged = reply[:40] + ("a" if reply[40] != "a" else "b") + reply[41:]
    office.send(letter("forged"), f"reply+{'a' * 44}@{DOMAIN}")
    office.send(letter("forged"), forged)
    office.send(letter("I am away.", Auto_Submitted="auto-replied"), reply)
    office.deliver(
        b"Return-Path: <>\r\nFrom: mailer-daemon@x.example\r\nTo: " + reply.encode() + b"\r\n\r\nNo."
    )
    # Our own, sent back.
    office.send(mail, reply)
    await until(
        lambda: len(office.left()) == 5 and all("\\Seen" in flags for flags, _ in office.left()),
        "that all were looked at",
    )
    assert await context_of(alice, thread_id) == []
    assert len(office.received) == 1


async def test_what_is_refused_comes_back_with_the_reason_and_the_words(
    server: Server, office: PostOffice, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice, "trainers", access="members", join_mode="open")
    await members.join(server, bob.member, group_id)
    await reading.subscribe(server, bob.member, "group", group_id, "all")
    thread_id = await start(alice, group_id, "Shall we?")
    (mail,) = await office.mails(1)
    reply = address_of(mail["Reply-To"])

    async def refusal(message: EmailMessage, to: str = reply) -> EmailMessage:
        count = len(office.received)
        office.send(message, to)
        told = (await office.mails(count + 1))[count]
        assert told["To"] == "bob@members.example"
        assert told["Auto-Submitted"] == "auto-replied"
        assert told["In-Reply-To"] == message["Message-ID"]
        return told

    empty = await refusal(answering(mail, ""))
    assert "Nothing was left of it" in text_of(empty)
    with_pdf = answering(mail, "My plan is attached.")
    with_pdf.add_attachment(
        b"%PDF-1.7 " + b"x" * 100, maintype="application", subtype="pdf", filename="plan.pdf"
    )
    told = text_of(await refusal(with_pdf))
    assert "The file plan.pdf cannot be used" in told
    assert "> My plan is attached." in told
    long = await refusal(answering(mail, "word " * 2_000))
    assert "character limit" in text_of(long)
    untitled = answering(mail, "No title")
    del untitled["Subject"]
    assert "no subject" in text_of(await refusal(untitled, address_of(mail["List-Post"])))
    await moderation.lock(server, alice.member, thread_id)
    assert "is locked" in text_of(await refusal(answering(mail, "Too late?")))
    await members.leave(server, bob.member, group_id)
    assert "may not see it" in text_of(await refusal(answering(mail, "I have left.")))
    assert await context_of(alice, thread_id) == []


async def test_mails_of_a_private_group_reach_its_members_alone(
    server: Server,
    office: PostOffice,
    alice: Person,
    bob: Person,
    member: MakeMember,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
) -> None:
    carol = await member("carol")
    group_id = await make_group(alice, "cohort", access="private")
    for who in (bob, carol):
        await members.invite(server, alice.member, group_id, who.account_id)
        await reading_by_mail(server, who, group_id)
    invitations = len(await office.mails(2))
    thread_id = await start(alice, group_id, "Among us")
    mails = await office.mails(invitations + 2)
    assert {one["To"] for one in mails[invitations:]} == {"bob@members.example", "carol@members.example"}
    await reading.subscribe(server, bob.member, "thread", thread_id, "all")
    await members.leave(server, bob.member, group_id)
    await answer(alice, thread_id, "Without bob")
    assert (await office.mails(invitations + 3))[-1]["To"] == "carol@members.example"
    await start(alice, group_id, "Still without")
    assert (await office.mails(invitations + 4))[-1]["To"] == "carol@members.example"
    assert len(office.received) == invitations + 4


async def test_doctor_says_whether_the_mailbox_lets_us_in(office: PostOffice, config: MakeConfig) -> None:
    found = await doctor.mail_in(config(**office.settings))
    assert (found.state, found.found) == ("good", "The mailbox at 127.0.0.1 tells of new mails.")
    wrong = office.settings["mail_in"].replace("two", "three")
    assert (await doctor.mail_in(config(**{**office.settings, "mail_in": wrong}))).state == "bad"
