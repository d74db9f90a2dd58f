"""Becoming a member, and ceasing to be one."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from fedserver import admission, email_addresses, export, farewell, names, sessions, settings, signup
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from fedserver.mail_links import LinkExpired
from fedserver.signup import SignUp
from fedserver.viewer import PAGE_SCOPES, Member
from storage import accounts, keys, users
from tests.mailing import Mailbox, link_in, mails, text_of
from tests.members import Person

GOOD = "seven quiet otters"


def wanted(**changes: object) -> SignUp:
    values = {
        "username": "Nora",
        "email": "Nora@Mail.example",
        "password": GOOD,
        "reason": "I teach\nstatistics",
        "agreed": True,
    }
    return SignUp(**(values | changes))  # type: ignore[arg-type]


class TestOpen:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"registrations": "open"}

    @pytest.mark.jobs
    async def test_whoever_confirms_the_address_is_in(self, server: Server, mailbox: Mailbox) -> None:
        signed_up = await signup.sign_up(server, wanted(reason=""), ip="192.0.2.1")
        assert not signed_up.needs_approval
        with pytest.raises(Forbidden, match="confirmed e-mail"):
            await sessions.log_in(server, "nora", GOOD)
        (message,) = await mails(mailbox, 1)
        secret = link_in(message, "/confirm/")
        assert (await signup.look_at_confirmation(server, secret)).confirmed_at is None
        await signup.confirm(server, secret)
        session = await sessions.log_in(server, "nora", GOOD)
        assert session.account_id == signed_up.account_id
        with pytest.raises(LinkExpired):
            await signup.confirm(server, secret)

    @pytest.mark.jobs
    async def test_who_signs_up_with_a_known_address_waits_until_they_name_their_own(
        self, server: Server, alice: Person, mailbox: Mailbox
    ) -> None:
        known = await signup.sign_up(server, wanted(email="ALICE@members.example"))
        assert not known.needs_approval
        (message,) = await mails(mailbox, 1)
        assert message["To"] == "alice@members.example"
        assert "already have an account" in text_of(message)
        nora = Member(known.account_id, "nora", "member", PAGE_SCOPES)
        await signup.confirm_later(server, nora, "nora@mail.example")
        message = (await mails(mailbox, 2))[1]
        assert message["To"] == "nora@mail.example"
        await signup.confirm(server, link_in(message, "/confirm/"))
        await sessions.log_in(server, "nora@mail.example", GOOD)
        await sessions.log_in(server, "nora", GOOD)

    async def test_what_cannot_be_used_is_named(self, server: Server, alice: Person) -> None:
        for field, value in {
            "username": "ALICE",
            "email": "no address",
            "password": "nora@mail.example",
            "agreement": False,
        }.items():
            with pytest.raises(Invalid) as refused:
                await signup.sign_up(server, wanted(**{"agreed" if field == "agreement" else field: value}))
            assert list(refused.value.fields) == [field]


class TestApproval:
    @pytest.mark.jobs
    async def test_a_moderator_lets_in_whoever_confirmed(
        self, server: Server, moderator: Person, alice: Person, mailbox: Mailbox
    ) -> None:
        with pytest.raises(Invalid, match="reason"):
            await signup.sign_up(server, wanted(reason=" "))
        signed_up = await signup.sign_up(server, wanted())
        assert signed_up.needs_approval
        (message,) = await mails(mailbox, 1)
        assert await admission.waiting(server, moderator.member) == []
        await signup.confirm(server, link_in(message, "/confirm/"))
        with pytest.raises(Forbidden, match="pending"):
            await sessions.log_in(server, "nora", GOOD)
        told = (await mails(mailbox, 2))[-1]
        assert told["To"] == "mo@members.example"
        assert "1 request to join: @nora" in text_of(told)
        assert [row.username for row in await admission.waiting(server, moderator.member)] == ["nora"]
        with pytest.raises(Forbidden):
            await admission.approve(server, alice.member, signed_up.account_id)
        await admission.approve(server, moderator.member, signed_up.account_id)
        await sessions.log_in(server, "nora", GOOD)

    @pytest.mark.jobs
    async def test_whoever_is_rejected_hears_of_it_and_is_forgotten(
        self, server: Server, moderator: Person, mailbox: Mailbox
    ) -> None:
        signed_up = await signup.sign_up(server, wanted())
        await signup.confirm(server, link_in((await mails(mailbox, 1))[0], "/confirm/"))
        await mails(mailbox, 2)
        await admission.reject(server, moderator.member, signed_up.account_id, comment="Too soon")
        assert "Too soon" in text_of((await mails(mailbox, 3))[-1])
        assert await server.db.read(accounts.by_id, signed_up.account_id) is None
        with pytest.raises(NotFound):
            await admission.approve(server, moderator.member, signed_up.account_id)


@pytest.mark.parametrize("mode", ["closed", "invite"])
async def test_an_admin_closes_the_door_in_the_panel(
    server: Server, admin: Person, alice: Person, mode: str
) -> None:
    with pytest.raises(Forbidden):
        await settings.change(server, alice.member, {"registrations": mode})
    await settings.change(server, admin.member, {"registrations": mode})
    with pytest.raises(Forbidden):
        await signup.sign_up(server, wanted())


class TestLocked:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"title": "Trainers"}

    async def test_what_the_environment_sets_cannot_be_changed(self, server: Server, admin: Person) -> None:
        assert settings.locked(server.config) == {"title"}
        with pytest.raises(Invalid, match="title"):
            await settings.change(server, admin.member, {"title": "Others", "description": "Ours"})
        now = await settings.current(server)
        assert (now.title, now.description) == ("Trainers", "")
        rules = [{"id": "1", "text": "Be kind"}]
        changed = await settings.change(server, admin.member, {"description": "Ours", "rules": rules})
        assert (changed.description, changed.rules[0].text) == ("Ours", "Be kind")
        assert await settings.current(server) == changed

    @pytest.mark.parametrize(
        "values", [{"registrations": "ajar"}, {"rules": [{"id": "x", "text": "y"}]}, {"domain": "x"}]
    )
    async def test_what_a_setting_cannot_be_is_refused(
        self, server: Server, admin: Person, values: dict[str, object]
    ) -> None:
        with pytest.raises(Invalid):
            await settings.change(server, admin.member, values)


@pytest.mark.parametrize("name", ["", "a b", "é", "a-b", "a.b", "x" * 31, "___", "admin", "_Admin_", "inbox"])
def test_names_nobody_may_choose(name: str) -> None:
    with pytest.raises(Invalid):
        names.check_free_for_all(name)


@pytest.mark.parametrize(
    "text",
    [
        "", "nora", "@mail.example", "nora@", "nora@[192.0.2.1]", "nora@mail..example", '"no ra"@mail.example',
        "nora@mail.example\nBcc: x@y.example", "nora%evil.example@mail.example", "a!b@mail.example",
        "no..ra@mail.example", "nora@mail.example>", f"{'x' * 65}@mail.example", f"x@{'y.' * 130}example",
    ],
)  # fmt: skip
def test_addresses_that_mail_servers_read_differently_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        email_addresses.parse(text)


def test_two_spellings_of_an_address_are_one() -> None:
    one, other = (
        email_addresses.parse(" Nora@BÜCHER.example"),
        email_addresses.parse("nora@xn--bcher-kva.example"),
    )
    assert one.key == other.key
    assert one.text == "Nora@xn--bcher-kva.example"


@pytest.fixture
async def nora(server: Server) -> Member:
    account_id = await signup.make_user(
        server.db, server.uris, server.keys, username="nora", email="nora@mail.example", password=GOOD
    )
    return Member(account_id, "nora", "member", PAGE_SCOPES)


@pytest.mark.jobs
async def test_a_member_takes_everything_along(
    server: Server, nora: Member, mailbox: Mailbox, tmp_path: Path
) -> None:
    """DEL-06: what is theirs in open formats, and neither secrets nor what others said to others."""
    from fedserver import interactions, posts, relationships, scheduled, uploads
    from storage.types import now_ms

    friend = await signup.make_user(
        server.db, server.uris, server.keys, username="friend", email="friend@mail.example"
    )
    session = await sessions.log_in(server, "nora", GOOD)
    Image.new("RGB", (8, 8), "teal").save(tmp_path / "slides.png")
    picture = await uploads.attach(server, nora, tmp_path / "slides.png")
    await posts.create(server, nora, posts.Draft(text="Slides for tomorrow", media_ids=(picture.id,)))
    told = Member(friend, "friend", "member", PAGE_SCOPES)
    await posts.create(server, told, posts.Draft(text="Only for you, @nora", visibility="direct"))
    among = await posts.create(server, told, posts.Draft(text="Among friends", visibility="members"))
    for keep in (interactions.like, interactions.bookmark):
        await keep(server, nora, among)
    await posts.create(server, nora, posts.Draft(text="I agree", in_reply_to_id=among, visibility="members"))
    await scheduled.add(server, nora, posts.Draft(text="Slides for Monday"), now_ms() + 86_400_000)
    await relationships.follow(server, nora, friend)
    await mails(mailbox, 2)
    await export.request(server, nora)
    assert "archive" in text_of((await mails(mailbox, 3))[-1])
    found = await export.status(server, nora)
    assert not found.is_waiting
    with zipfile.ZipFile(await export.archive(server, nora)) as archive:
        outbox = json.loads(archive.read("outbox.json"))
        assert "Slides for tomorrow" in outbox["orderedItems"][0]["object"]["content"]
        assert json.loads(archive.read("actor.json"))["preferredUsername"] == "nora"
        (later,) = json.loads(archive.read("scheduled_posts.json"))
        assert later["post"]["text"] == "Slides for Monday"
        rows = list(csv.reader(io.StringIO(archive.read("following_accounts.csv").decode())))
        assert rows[1][:2] == [f"friend@{server.config.domain}", "true"]
        assert archive.read(
            next(name for name in archive.namelist() if name.startswith("media_attachments/"))
        )
        everything = b"".join(archive.read(name) for name in archive.namelist())
        assert server.uris.post(among).encode() in archive.read("bookmarks.csv")
        assert b"I agree" in archive.read("outbox.json")
        own = await server.db.read(keys.own, nora.account_id)
        secrets = [line for key in own for line in key.private_pem.splitlines() if len(line) > 40]
        for secret in ("PRIVATE", "$argon2", "Only for you", "Among friends", session.secret, *secrets):
            assert secret.encode() not in everything, secret


@pytest.mark.jobs
async def test_a_deleted_account_is_gone_and_its_name_stays_taken(
    server: Server, nora: Member, admin: Person, mailbox: Mailbox
) -> None:
    """DEL-02, AUT-14."""
    from fedserver import posts
    from storage import posts as stored_posts

    post_id = await posts.create(server, nora, posts.Draft(text="Soon gone"))
    session = await sessions.log_in(server, "nora", GOOD)
    with pytest.raises(Invalid):
        await farewell.delete_account(server, nora, "not the password")
    await farewell.delete_account(server, nora, GOOD)
    assert await sessions.viewer_of_cookie(server, session.secret) is None
    with pytest.raises(Unauthorized):
        await sessions.log_in(server, "nora", GOOD)
    with pytest.raises(Invalid, match="taken"):
        await signup.make_user(
            server.db, server.uris, server.keys, username="nora", email="other@mail.example"
        )
    assert (await mails(mailbox, 1))[0]["To"] == "nora@mail.example"
    await farewell.remove_rest(server, {"account_id": nora.account_id, "pictures": []})
    assert await server.db.read(stored_posts.by_id, post_id) is None
    row = await server.db.read(accounts.by_id, nora.account_id)
    assert row is not None
    assert row.deleted_at is not None
    assert await server.db.read(users.by_id, nora.account_id) is None
    finger = "/.well-known/webfinger?resource=acct:nora@" + server.config.domain
    for path, accept, status in (
        (finger, "application/jrd+json", 410),
        ("/@nora", "text/html", 404),
        (f"/api/v1/statuses/{post_id}", "application/json", 404),
        (f"/api/v1/accounts/{nora.account_id}", "application/json", 404),
    ):
        answer = await admin.raw("GET", path, headers={"accept": accept})
        assert answer.status == status, (path, answer.status)


async def test_the_only_owner_cannot_leave(server: Server) -> None:
    account_id = await signup.make_user(
        server.db, server.uris, server.keys, username="ada", email="a@b.example", password=GOOD, role="owner"
    )
    with pytest.raises(Conflict):
        await farewell.delete_account(server, Member(account_id, "ada", "owner", PAGE_SCOPES), GOOD)
