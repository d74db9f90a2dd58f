"""Signing in, staying signed in, and getting back in."""

from __future__ import annotations

import pytest

from fedserver import mail_links, oauth, passwords, sessions, signup
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, RateLimited, Unauthorized
from fedserver.mail_links import LinkExpired
from fedserver.remembered import Attempts, network_of
from fedserver.viewer import PAGE_SCOPES, Member
from storage import sessions as stored
from storage import users
from storage.types import now_ms
from tests.mailing import Mailbox, link_in, mails, text_of

GOOD = "seven quiet otters"
BETTER = "eight loud herons"


@pytest.fixture
async def nora(server: Server) -> Member:
    account_id = await signup.make_user(
        server.db, server.uris, server.keys, username="nora", email="nora@mail.example", password=GOOD
    )
    return Member(account_id, "nora", "member", PAGE_SCOPES)


@pytest.mark.parametrize("name", ["nora", "@NORA", "Nora@Mail.example"])
async def test_name_or_address_and_password_begin_a_session(server: Server, nora: Member, name: str) -> None:
    session = await sessions.log_in(server, name, GOOD, ip="192.0.2.1", user_agent="Browser\r\nX: y")
    viewer = await sessions.viewer_of_cookie(server, session.secret)
    assert viewer is not None
    assert (viewer.account_id, viewer.session_id) == (nora.account_id, session.id)
    assert [row.user_agent for row in await sessions.of_member(server, viewer)] == ["Browser X: y"]


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(server: Server, nora: Member) -> None:
    """AUT-03."""
    answers = []
    for name in ("nora", "nobody", "nobody@mail.example"):
        with pytest.raises(Unauthorized) as refused:
            await sessions.log_in(server, name, "not the password")
        answers.append(str(refused.value))
    assert len(set(answers)) == 1


async def test_secrets_are_kept_as_digests_only(server: Server, nora: Member) -> None:
    """AUT-13."""
    session = await sessions.log_in(server, "nora", GOOD)
    row = await server.db.read(users.by_id, nora.account_id)
    assert row is not None
    assert row.password_hash.startswith("$argon2id$")
    tables = await server.db.read(
        lambda conn: repr(list(conn.exec_driver_sql("SELECT * FROM login_session")))
    )
    assert session.secret not in tables


async def test_logging_out_ends_this_session_alone(server: Server, nora: Member) -> None:
    """AUT-07."""
    here = await sessions.log_in(server, "nora", GOOD)
    there = await sessions.log_in(server, "nora", GOOD)
    viewer = await sessions.viewer_of_cookie(server, here.secret)
    assert viewer is not None
    await sessions.log_out(server, viewer)
    assert await sessions.viewer_of_cookie(server, here.secret) is None
    assert await sessions.viewer_of_cookie(server, there.secret) is not None


async def test_an_expired_session_is_none(server: Server, nora: Member) -> None:
    session = await sessions.log_in(server, "nora", GOOD)
    await server.db.write(lambda conn: stored.seen(conn, session.id, at_ms=now_ms(), expires_at=now_ms() - 1))
    assert await sessions.viewer_of_cookie(server, session.secret) is None


async def test_a_new_password_signs_out_everywhere_else(server: Server, nora: Member) -> None:
    """AUT-07."""
    here = await sessions.log_in(server, "nora", GOOD)
    there = await sessions.log_in(server, "nora", GOOD)
    viewer = await sessions.viewer_of_cookie(server, here.secret)
    assert viewer is not None
    app = await server.db.write(oauth.issue, nora.account_id, "read")
    await oauth.viewer_of_token(server, app.access_token)
    link = await server.db.write(mail_links.mint, "", nora.account_id, "reset")
    with pytest.raises(Invalid, match="current_password"):
        await sessions.change_password(server, viewer, old="not the password", new=BETTER)
    await sessions.change_password(server, viewer, old=GOOD, new=BETTER)
    assert await sessions.viewer_of_cookie(server, here.secret) is not None
    assert await sessions.viewer_of_cookie(server, there.secret) is None
    with pytest.raises(Unauthorized):
        await oauth.viewer_of_token(server, app.access_token)
    with pytest.raises(LinkExpired):
        await sessions.look_at_reset(server, link.rpartition("/")[2])
    with pytest.raises(Unauthorized):
        await sessions.log_in(server, "nora", GOOD)
    await sessions.log_in(server, "nora", BETTER)


async def test_somebody_disabled_is_out_at_once(server: Server, nora: Member) -> None:
    """AUT-14."""
    session = await sessions.log_in(server, "nora", GOOD)
    assert await sessions.viewer_of_cookie(server, session.secret) is not None
    await server.db.write(lambda conn: users.change(conn, nora.account_id, disabled_at=now_ms()))
    server.remembered.forget_member(nora.account_id)
    assert await sessions.viewer_of_cookie(server, session.secret) is None
    with pytest.raises(Forbidden):
        await sessions.log_in(server, "nora", GOOD)


@pytest.mark.jobs
async def test_a_reset_link_works_once_and_ends_every_session(
    server: Server, nora: Member, mailbox: Mailbox
) -> None:
    """AUT-08."""
    session = await sessions.log_in(server, "nora", GOOD)
    await sessions.request_reset(server, "nora@mail.example")
    await sessions.request_reset(server, "stranger@mail.example")
    (message,) = await mails(mailbox, 1)
    assert message["To"] == "nora@mail.example"
    assert server.config.origin in text_of(message)
    secret = link_in(message, "/password/")
    with pytest.raises(Invalid):
        await sessions.reset_password(server, secret, "short")
    await sessions.reset_password(server, secret, BETTER)
    assert await sessions.viewer_of_cookie(server, session.secret) is None
    with pytest.raises(LinkExpired):
        await sessions.reset_password(server, secret, GOOD)
    await sessions.log_in(server, "nora@mail.example", BETTER)


@pytest.mark.jobs
async def test_a_newer_reset_link_makes_the_older_useless(
    server: Server, nora: Member, mailbox: Mailbox
) -> None:
    """AUT-08."""
    for count in (1, 2):
        await sessions.request_reset(server, "nora@mail.example")
        await mails(mailbox, count)
    older, newer = (link_in(message, "/password/") for message in mailbox())
    with pytest.raises(LinkExpired):
        await sessions.look_at_reset(server, older)
    assert (await sessions.look_at_reset(server, newer)).username == "nora"


async def test_a_link_signs_in_once(server: Server, nora: Member) -> None:
    link = await server.db.write(sessions.login_link, server.config.origin, nora.account_id)
    secret = link.rpartition("/")[2]
    session = await sessions.log_in_by_link(server, secret)
    assert await sessions.viewer_of_cookie(server, session.secret) is not None
    with pytest.raises(LinkExpired):
        await sessions.log_in_by_link(server, secret)


@pytest.mark.jobs
async def test_a_new_address_counts_once_its_mailbox_has_confirmed_it(
    server: Server, nora: Member, mailbox: Mailbox
) -> None:
    await sessions.change_email(server, nora, password=GOOD, email="new@mail.example")
    (message,) = await mails(mailbox, 1)
    assert message["To"] == "new@mail.example"
    await sessions.log_in(server, "nora@mail.example", GOOD)
    await signup.confirm(server, link_in(message, "/confirm/"))
    await sessions.log_in(server, "new@mail.example", GOOD)
    assert [str(told["To"]) for told in await mails(mailbox, 2)][-1] == "nora@mail.example"


class TestLimits:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"rate_limit_factor": "0.2"}

    async def test_guessing_the_password_of_one_account_ends_after_a_few_tries(
        self, server: Server, nora: Member
    ) -> None:
        """AUT-01."""
        for _ in range(5):
            with pytest.raises(Unauthorized):
                await sessions.log_in(server, "nora", "not the password")
        with pytest.raises(RateLimited) as refused:
            await sessions.log_in(server, "NORA@mail.example", GOOD)
        assert refused.value.retry_after > 0


def test_the_tries_under_one_key_do_not_count_for_another() -> None:
    attempts = Attempts()
    attempts.take("one", limit=1, seconds=60)
    attempts.take("other", limit=1, seconds=60)
    with pytest.raises(RateLimited):
        attempts.take("one", limit=1, seconds=60)
    attempts.forgive("one")
    attempts.take("one", limit=1, seconds=60)


def test_an_ipv6_client_is_its_network() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize(
    "password",
    [
        "ten quiet",
        "aaaaaaaaaaaa",
        "Password1234",
        "nora@mail.example",
        "NORANORANORA",
        "a\x00bcdefghijk",
        "x" * 257,
    ],
)
def test_passwords_that_would_be_guessed_first_are_refused(password: str) -> None:
    """AUT-12."""
    with pytest.raises(Invalid):
        passwords.check(password, ("nora", "nora@mail.example"))


async def test_a_password_counts_to_its_last_byte_however_it_is_composed() -> None:
    """AUT-12."""
    long = "ü" * 3 + "abcdefghij" * 9
    hashed = await passwords.hash_of(passwords.check(long))
    assert await passwords.matches(long.replace("ü", "u\u0308"), hashed)
    assert not await passwords.matches(long[:-1] + "x", hashed)
    assert not await passwords.matches("anything at all", "")
    for count in (10, 64, 256):
        assert passwords.check((long * 3)[:count]) == (long * 3)[:count]
