"""Mails: what is in them, when they are sent, and how they are ended."""

from __future__ import annotations

import asyncio
from collections import Counter
from email import message_from_bytes
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from fedserver import digests, posts, relationships, sessions, unsubscribing
from fedserver.config import Config, load
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.groups import members, reading
from fedserver.mail_compose import Envelope as Addressed
from fedserver.mail_compose import compose
from fedserver.mail_links import LinkExpired
from fedserver.mail_out import FolderMailer, MailRefused, SmtpMailer, open_mailer
from storage import users
from storage.types import now_ms
from tests.groups.conftest import MakeGroup, StartThread, make_group, start
from tests.mailing import Mailbox, link_in, mails, text_of
from tests.members import Person
from tests.running import free_port
from tests.waiting import until

__all__ = ["make_group", "start"]

pytestmark = pytest.mark.jobs


async def say(server: Server, who: Person, text: str, **more: Any) -> int:
    return await posts.create(server, who.member, posts.Draft(text=text, **more))


async def test_a_mention_comes_with_everything_a_mail_program_asks_for(
    server: Server, alice: Person, bob: Person, mailbox: Mailbox
) -> None:
    post_id = await say(server, alice, "Hello @bob, <b>come</b> & see")
    (message,) = await mails(mailbox, 1)
    host = server.config.domain.partition(":")[0]
    assert message["To"] == "bob@members.example"
    assert "alice mentioned you" in message["Subject"]
    assert message["Message-ID"] == f"<thread.{post_id}.{bob.account_id}@{host}>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-ID"] == f"<mention.{host}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Unsubscribe"].startswith(f"<{server.config.origin}/unsubscribe/")
    assert "> Hello @bob, <b>come</b> & see" in text_of(message)
    page = message.get_body(("html",))
    assert page is not None
    assert "&lt;b&gt;come&lt;/b&gt; &amp; see" in page.get_content()
    assert "<img" not in page.get_content()


async def test_an_answer_stands_in_its_thread(
    server: Server, alice: Person, bob: Person, mailbox: Mailbox
) -> None:
    first = await say(server, bob, "A question")
    answer = await say(server, alice, "@bob An answer", in_reply_to_id=first)
    (message,) = await mails(mailbox, 1)
    assert "answered you" in message["Subject"]
    assert str(message["Message-ID"]).startswith(f"<post.{answer}.")
    assert f"thread.{first}." in message["References"] == message["In-Reply-To"]


async def test_one_click_ends_this_kind_and_no_other(
    server: Server, alice: Person, bob: Person, mailbox: Mailbox
) -> None:
    await say(server, alice, "@bob one")
    secret = link_in((await mails(mailbox, 1))[0], "/unsubscribe/")
    assert (await unsubscribing.look_at(server, secret)).active
    assert (await unsubscribing.look_at(server, secret)).active
    await unsubscribing.unsubscribe(server, secret)
    assert not (await unsubscribing.unsubscribe(server, secret)).active
    await say(server, alice, "@bob two")
    await relationships.follow(server, alice.member, bob.account_id)
    assert [str(one["List-ID"]).partition(".")[0] for one in await mails(mailbox, 2)] == [
        "<mention",
        "<follow",
    ]
    with pytest.raises(LinkExpired):
        await unsubscribing.unsubscribe(server, secret + "x")


async def test_a_member_chooses_which_mails_come(server: Server, bob: Person) -> None:
    await unsubscribing.choose(server, bob.member, ["follow"])
    row = await server.db.read(users.by_id, bob.account_id)
    assert row is not None
    assert row.wants_mail == {"follow"}
    with pytest.raises(Invalid):
        await unsubscribing.choose(server, bob.member, ["everything"])


async def test_what_was_deleted_before_the_mail_was_written_is_not_sent(
    server: Server, alice: Person, bob: Person, mailbox: Mailbox
) -> None:
    from fedserver.mail import send_mail

    post_id = await say(server, alice, "@bob wait")
    await mails(mailbox, 1)
    await posts.delete_post(server, alice.member, post_id)
    about = {"kind": "mention", "post_id": post_id, "from_account_id": alice.account_id}
    await send_mail(
        server, {"account_id": bob.account_id, "template": "notification", "context": about, "id": 1}
    )
    assert len(mailbox()) == 1


async def test_secrets_never_wait_in_the_queue(server: Server, bob: Person, mailbox: Mailbox) -> None:
    await sessions.request_reset(server, "bob@members.example")
    secret = link_in((await mails(mailbox, 1))[0], "/password/")
    kept = await server.db.read(lambda conn: repr(conn.exec_driver_sql("SELECT * FROM mail_token").all()))
    assert secret not in kept


def composed(config: Config, **values: Any) -> Any:
    words = {
        "subject": "s",
        "sentence": "t",
        "excerpt": "",
        "url": "https://a.example/",
        "username": "bob",
        "kind_words": "all",
        "can_answer": False,
    }
    to = Addressed(
        to="bob@mail.example", message_id="x.1", kind="mention", unsubscribe_url="https://a.example/u"
    )
    return compose(config, values.pop("title", "Trainers"), "notification", to, words | values)


@pytest.fixture
def settings_only(tmp_path: Path) -> Config:
    return load(environ={"FEDSERVER_DOMAIN": "a.example", "FEDSERVER_DATA": str(tmp_path)})


def test_no_name_can_add_a_header(settings_only: Config) -> None:
    evil = "x\r\nBcc: victim@mail.example\r\n\r\nbody\u2028Cc: y@z.example"
    message = composed(settings_only, title=evil, subject=evil, sentence="ok")
    assert message["Bcc"] is None
    assert "Bcc" in message["Subject"]
    head = message.as_bytes().partition(b"\r\n\r\n")[0]
    assert not any(line.lower().startswith((b"bcc:", b"cc:")) for line in head.splitlines())
    assert message["To"] == "bob@mail.example"


NAME = "Ann\r\nBcc: x@evil.example\r\n\u2028=?utf-8?q?=0A?= ü"
TITLE = "Shall we?\r\nBcc: x@evil.example\r\n\r\nHi =?utf-8?q?=0D=0ACc:_x@evil.example?=\u2028" + "ü" * 10


@pytest.mark.parametrize("server_settings", [{"mail_in_address": "reply@trainers.example"}])
async def test_inj_02_in_mails_that_are_sent_are_the_headers_that_are_meant(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, mailbox: Mailbox,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Of posts in groups, of digests, of mentions and of follows, where names, titles and texts would add some."""
    await alice.patch("/api/v1/accounts/update_credentials", {"display_name": NAME})
    group_id, other_id = [await make_group(alice, name, title=TITLE) for name in ("trainers", "others")]
    for one in (group_id, other_id):
        await members.join(server, bob.member, one)
    await reading.subscribe(server, bob.member, "group", group_id, "all")
    await server.db.write(digests.plan_due, now_ms())
    for one in (group_id, other_id):
        await start(alice, one, TITLE)
    await alice.post("/api/v1/statuses", {"status": f"@bob {TITLE}", "spoiler_text": TITLE})
    await alice.post(f"/api/v1/accounts/{bob.id}/follow")
    await server.db.write(digests.plan_due, now_ms() + 8 * 86_400_000)
    kinds = {"group", "digest", "mention", "follow"}
    await until(lambda: kinds <= {str(one["X-Mail-Kind"]) for one in mailbox()}, "that each kind is sent")
    answered = 0
    for file in (tmp_path / "mail").glob("*.eml"):
        wire = file.read_bytes()
        assert all(len(line) < 999 and line.isascii() for line in wire.split(b"\r\n"))
        mail = message_from_bytes(wire, policy=SMTP_POLICY)
        assert max(Counter(name.lower() for name in mail).values()) == 1
        assert {name.lower() for name in mail} <= HEADERS
        assert [one.addr_spec for one in mail["To"].addresses] == ["bob@members.example"]
        assert [one.addr_spec for one in mail["From"].addresses] == [server.config.mail_sender]
        for one in mail["Reply-To"].addresses if "Reply-To" in mail else ():
            answered += 1
            assert one.addr_spec.startswith("reply+")
            assert one.addr_spec.endswith("@trainers.example")
        assert "evil.example" in str(mail["Subject"]) + text_of(mail), (
            "what would be a header is there as text"
        )
    assert answered


HEADERS = {
    "from", "to", "subject", "date", "message-id", "in-reply-to", "references", "reply-to", "auto-submitted",
    "x-auto-response-suppress", "x-mail-kind", "list-unsubscribe", "list-unsubscribe-post", "list-id", "precedence",
    "feedback-id", "list-archive", "list-post", "mime-version", "content-type",
}  # fmt: skip


def test_every_line_fits_what_mail_servers_take(settings_only: Config) -> None:
    raw = composed(settings_only, sentence="ü" * 5_000).as_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()


async def test_a_mail_sent_twice_is_one_file(settings_only: Config, tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path / "out")
    for _ in range(2):
        await mailer.send(composed(settings_only))
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".eml"]


class Receiver:
    """A mail server that takes everything but what is for nobody."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken.append(envelope)
        return "250 OK"


async def test_smtp_delivers_and_tells_what_is_refused_for_good(settings_only: Config) -> None:
    receiver, port = Receiver(), free_port()
    controller = Controller(receiver, hostname="127.0.0.1", port=port)
    await asyncio.to_thread(controller.start)
    try:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{port}")
        message = composed(settings_only)
        await mailer.send(message)
        del message["To"]
        message["To"] = "nobody@mail.example"
        with pytest.raises(MailRefused):
            await mailer.send(message)
        with pytest.raises(Exception, match="STARTTLS"):
            await SmtpMailer(f"smtp://user:secret@127.0.0.1:{port}").send(message)
    finally:
        await asyncio.to_thread(controller.stop)
    assert [envelope.rcpt_tos for envelope in receiver.taken] == [["bob@mail.example"]]


def test_the_setting_chooses_the_way_out(settings_only: Config) -> None:
    assert type(open_mailer(settings_only)).__name__ == "LogMailer"
