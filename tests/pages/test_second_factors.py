"""Signing in with a second factor, in a browser without JavaScript: setting it up, using it, losing it, having to have it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest
from sqlalchemy import Connection, select, update

from fedserver import apps, second_factors
from fedserver.context import Server
from fedserver.mail import send_mail
from storage import audit, tables
from storage.paging import Window
from storage.types import now_ms
from tests.conftest import MakeMember
from tests.mailing import Mailbox, text_of
from tests.pages.conftest import MakeReader
from tests.pages.visitor import PASSWORD, Page, Visitor
from tests.planned import planned

SECURITY, TOTP = "/settings/security", "/settings/security/totp"


class Clock:
    """The instant by which codes are counted; it can be moved by steps of 30 seconds."""

    def __init__(self) -> None:
        self.moved = 0

    def __call__(self) -> int:
        return now_ms() + self.moved * 30_000

    def code(self, secret: str, steps: int = 0) -> str:
        """What an app shows now, or would so many steps from now."""
        return pyotp.TOTP(secret).at(self() // 1000 + steps * 30)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(second_factors, "now_ms", found)
    return found


async def set_up(reader: Visitor, clock: Clock) -> tuple[str, list[str]]:
    """The secret of an app that is set up, and the recovery codes."""
    page = await reader.submit(await reader.open(SECURITY), TOTP, {"totp_password": PASSWORD})
    assert page.url.endswith(TOTP), page.words()
    assert not page.problems
    secret = page.all("code")[0].text.replace(" ", "")
    page = await reader.submit(page, f"{TOTP}/confirm", {"code": clock.code(secret)})
    codes = [one.text for one in page.all("code")]
    assert len(codes) == 10, page.words()
    assert not page.problems
    clock.moved += 1
    return secret, codes


async def give_password(reader: Visitor, name: str) -> Page:
    page = await reader.open("/login")
    return await reader.submit(page, "/login", {"username": name, "password": PASSWORD})


async def test_aut_10_codes_of_an_app_and_recovery_codes(
    server: Server, signed_in: MakeReader, browser: Any, clock: Clock, mailbox: Mailbox
) -> None:
    """AUT-10."""
    alice = await signed_in("alice")
    wrong = await alice.submit(await alice.open(SECURITY), TOTP, {"totp_password": "another one"})
    assert wrong.status == 422  # enabling asks for the password
    page = await alice.submit(await alice.open(SECURITY), TOTP, {"totp_password": PASSWORD})
    unconfirmed = page.all("code")[0].text.replace(" ", "")
    assert (await alice.submit(page, f"{TOTP}/confirm", {"code": "000000"})).status == 422
    assert (await give_password(browser(), "alice")).url.endswith("/home")  # not asked before it is confirmed
    secret, codes = await set_up(alice, clock)
    assert secret != unconfirmed
    assert (await alice.open(TOTP)).url.endswith(SECURITY)  # nobody sees the secret again

    other = browser()
    page = await give_password(other, "alice")
    assert page.url.endswith("/login/2fa")
    assert not page.problems
    assert (await other.open("/settings/security")).url.endswith(
        "/login?next=/settings/security"
    )  # half is not in
    for far in (-5, -2, -1, 2, 5):  # the last one was spent to set it up
        assert (await other.submit(page, "/login/2fa", {"code": clock.code(secret, far)})).status == 422
    used = clock.code(secret, 1)
    assert (await other.submit(page, "/login/2fa", {"code": used})).url.endswith("/home")
    third = browser()
    page = await give_password(third, "alice")
    for old in (used, clock.code(secret)):  # each once, and none from before the last
        assert (await third.submit(page, "/login/2fa", {"code": old})).status == 422
    spelled = codes[0].upper().replace("-", " ")
    assert (await third.submit(page, "/login/2fa", {"code": spelled})).url.endswith("/home")
    fourth = browser()
    page = await give_password(fourth, "alice")
    assert (await fourth.submit(page, "/login/2fa", {"code": codes[0]})).status == 422
    assert (await browser().open("/login/2fa")).url.endswith(
        "/login?done=step-over"
    )  # no code without password
    clock.moved += 5
    early = clock.code(secret, -1)
    async with browser().session.post(f"{server.config.origin}/login/2fa", data={"code": early}) as answer:
        assert str(answer.url).endswith("/login?done=step-over")
    # Twice at once it is good once, and what is early by one step is good.
    halves = browser(), browser()
    pages = await asyncio.gather(*(give_password(one, "alice") for one in halves))
    came = [one.submit(at, "/login/2fa", {"code": early}) for one, at in zip(halves, pages, strict=True)]
    assert sorted(one.url.rpartition("/")[2] for one in await asyncio.gather(*came)) == ["2fa", "home"]

    account_id = await account_of(server, "alice")
    server.remembered.attempts.forgive(f"second-factor:{account_id}")
    clock.moved += 5
    statuses = [
        (await fourth.submit(page, "/login/2fa", {"code": f"{number:06}"})).status for number in range(12)
    ]
    assert statuses == [422] * 10 + [429] * 2
    # The right one comes too late as well, and in another browser.
    fifth = browser()
    for reader, right in ((fourth, clock.code(secret)), (fifth, clock.code(secret)), (fifth, codes[1])):
        page = await give_password(reader, "alice")
        assert (await reader.submit(page, "/login/2fa", {"code": right})).status == 429
    server.remembered.attempts.forgive(f"second-factor:{account_id}")

    def kept(conn: Connection) -> tuple[bytes, set[bytes]]:
        sealed = conn.scalar(select(tables.totp.c.sealed))
        assert sealed is not None
        return bytes(sealed), {bytes(one) for one in conn.scalars(select(tables.recovery_code.c.code_hash))}

    sealed, hashes = await server.db.read(kept)
    assert secret.encode() not in sealed
    assert len(hashes) == 10
    assert not hashes & {
        hashlib.sha256(one.encode()).digest() for code in codes for one in (code, code.replace("-", ""))
    }

    page = await alice.open(SECURITY)
    assert "9 are left" in page.words()
    for wrong_password in ("no", ""):
        refused = await alice.submit(page, f"{TOTP}/remove", {"remove_password": wrong_password})
        assert refused.status == 422
        assert (await give_password(browser(), "alice")).url.endswith("/login/2fa")
    page = await alice.submit(page, f"{SECURITY}/codes", {"codes_password": PASSWORD})
    renewed = [one.text for one in page.all("code")]
    assert not set(renewed) & set(codes)
    page = await alice.submit(await alice.open(SECURITY), f"{TOTP}/remove", {"remove_password": PASSWORD})
    assert page.url.endswith("done=second-factor-gone")
    assert (await give_password(browser(), "alice")).url.endswith("/home")
    for payload in await server.db.read(planned, "mail"):
        await send_mail(server, payload)
    told = " ".join(text_of(mail) for mail in mailbox())
    for words in (
        "are asked for when you sign in",
        "a recovery code was used; 9 are left",
        "are not asked for any more",
    ):
        assert words in told


async def account_of(server: Server, name: str) -> int:
    def unit(conn: Connection) -> int:
        found = conn.scalar(select(tables.account.c.id).where(tables.account.c.username == name))
        assert found is not None
        return int(found)

    return await server.db.read(unit)


async def test_aut_10_apps_are_let_in_after_the_second_step(
    server: Server, signed_in: MakeReader, browser: Any, clock: Clock
) -> None:
    """AUT-10."""
    secret, _ = await set_up(await signed_in("alice"), clock)
    app = await apps.register_app(server, name="Toot", redirect_uris=("toot://done",), scopes="read")
    asked = {
        "client_id": app.client_id,
        "redirect_uri": "toot://done",
        "response_type": "code",
        "scope": "read",
    }
    reader = browser()
    page = await reader.open(f"/oauth/authorize?{urlencode(asked)}")
    page = await reader.submit(page, "/oauth/authorize", {"username": "alice", "password": PASSWORD})
    assert page.url.endswith("/login/2fa")
    assert "toot:" in page.headers["Content-Security-Policy"]
    page = await reader.submit(page, "/login/2fa", {"code": clock.code(secret, 1)})
    assert "/oauth/authorize?" in page.url
    assert "Toot" in page.words()


async def test_a_lost_second_factor_is_removed_by_an_admin_and_nobody_below(
    server: Server, signed_in: MakeReader, browser: Any, clock: Clock, member: MakeMember
) -> None:
    await set_up(await signed_in("alice"), clock)
    ada, mo = await signed_in("ada", role="admin"), await signed_in("mo", role="moderator")
    await set_up(mo, clock)
    for name in ("alice", "mo"):
        here = f"/mod/accounts/{await account_of(server, name)}"
        assert "second-factors" not in (await mo.open(here)).text
        page = await ada.submit(await ada.open(here), f"{here}/second-factors/remove")
        assert page.url.endswith("done=factors-removed")
        assert (await give_password(browser(), name)).url.endswith("/home")
    log = await server.db.read(audit.page, Window(limit=10))
    assert [(one.actor_name, one.subject_name) for one in log if one.action == "remove_second_factors"] == [
        ("ada", "mo"), ("ada", "alice"),
    ]  # fmt: skip
    assert sum(one["template"] == "second_factor" for one in await server.db.read(planned, "mail")) == 4


async def test_who_must_have_a_second_factor_sets_it_up_first(
    server: Server, signed_in: MakeReader, clock: Clock, member: MakeMember
) -> None:
    ada, mo, bob = (
        await signed_in("ada", role="admin"),
        await signed_in("mo", role="moderator"),
        await signed_in("bob"),
    )
    by_app = await member("mia", role="moderator")
    page = await ada.open("/admin/access")
    assert not page.problems
    page = await ada.submit(page, "/admin/access", choose={"require_two_factor": "staff"})
    assert "set one up" in page.words()  # the admin, too
    assert page.url.endswith("done=second-factor-first")
    assert (await mo.open("/mod")).url.endswith("done=second-factor-first")
    assert (await mo.open("/home")).url.endswith("/home")
    assert (await by_app.raw("GET", "/api/v1/admin/accounts")).status == 403
    assert (await by_app.raw("GET", "/api/v1/timelines/home")).status == 200
    await set_up(mo, clock)
    assert (await mo.open("/mod")).status == 200
    await set_up(ada, clock)
    page = await ada.submit(
        await ada.open("/admin/access"), "/admin/access", choose={"require_two_factor": "everybody"}
    )
    assert page.url.endswith("done=saved")
    for path in ("/home", "/groups", "/settings/profile", "/compose"):
        assert (await bob.open(path)).url.endswith("done=second-factor-first"), path
    assert (await bob.open("/about/rules")).url.endswith("/about/rules")
    await set_up(bob, clock)
    assert (await bob.open("/home")).url.endswith("/home")
    log = await server.db.read(audit.page, Window(limit=10))
    assert [one.subject_name for one in log if one.action == "change"] == ["require_two_factor"] * 2


def grow_old(conn: Connection) -> None:
    """All sessions began long ago."""
    conn.execute(update(tables.login_session).values(proved_at=now_ms() - 31 * 60_000))


async def test_adm_08_sensitive_actions_want_a_fresh_sign_in_and_lose_nothing(
    server: Server, signed_in: MakeReader, clock: Clock
) -> None:
    ada = await signed_in("ada", role="owner")
    await signed_in("bob")
    secret, _ = await set_up(ada, clock)

    async def make_old() -> None:
        await server.db.write(grow_old)
        server.remembered.sessions.clear()

    await make_old()
    page = await ada.open("/admin/roles")
    assert page.status == 200  # looking is free
    page = await ada.submit(page, "/admin/roles", {"username": "bob", "role": "curator"})
    assert "Is it you?" in page.words()
    assert not page.problems
    assert await role_of(server, "bob") == "member"
    page = await ada.submit(page, "/admin/roles", {"proof_password": "wrong"})
    assert page.status == 422
    assert "is not right" in page.words()
    page = await ada.submit(page, "/admin/roles", {"proof_password": PASSWORD})
    assert page.url.endswith("done=role-given")
    assert await role_of(server, "bob") == "curator"
    page = await ada.submit(
        await ada.open("/admin/roles"), "/admin/roles", {"username": "bob", "role": "greeter"}
    )
    assert page.url.endswith("done=role-given")  # for a while nothing is asked

    # A form with lists, suspending: a code will do as well. A warning does not need it.
    bob = await account_of(server, "bob")
    await make_old()
    page = await ada.open(f"/mod/accounts/{bob}")
    page = await ada.submit(
        page, "/mod/decide/confirm", {"text": "Zo\u00eb & <b>"}, choose={"measures[]": "suspend"}
    )
    page = await ada.submit(page, "/mod/decide")
    assert "Is it you?" in page.words()
    page = await ada.submit(page, "/mod/decide", {"proof_code": clock.code(secret)})
    assert "Is it you?" not in page.words()
    assert "suspended" in (await ada.open(f"/mod/accounts/{bob}")).words()
    assert "Zo\u00eb & <b>" in (await ada.open(f"/mod/accounts/{bob}")).words()

    await make_old()
    page = await ada.open("/settings/export/archive")
    assert "Is it you?" in page.words()
    page = await ada.submit(page, "/login/again", {"proof_password": PASSWORD})
    assert "/settings/export" in page.url
    assert "Is it you?" not in page.words()
    # Replayed from another site, or without the form's own secret, it does nothing.
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        async with ada.session.post(
            f"{server.config.origin}/admin/roles", data={"username": "bob", "role": "owner"}, headers=headers
        ) as answer:
            assert answer.status == 403
    assert await role_of(server, "bob") == "greeter"


async def role_of(server: Server, name: str) -> str:
    def unit(conn: Connection) -> str:
        account_id = select(tables.account.c.id).where(tables.account.c.username == name).scalar_subquery()
        return str(conn.scalar(select(tables.user.c.role).where(tables.user.c.account_id == account_id)))

    return await server.db.read(unit)


async def test_aut_07_sessions_are_seen_and_ended_by_their_member_and_by_moderators(
    server: Server, signed_in: MakeReader, browser: Any
) -> None:
    """AUT-07."""
    alice, mo = await signed_in("alice"), await signed_in("mo", role="moderator")
    phone, tablet = browser(), browser()
    for reader in (phone, tablet):
        assert (await give_password(reader, "alice")).url.endswith("/home")
    page = await alice.open(SECURITY)
    ends = re.findall(r"/settings/security/sessions/\d+", page.text)
    assert len(ends) == 2
    assert page.words().count("this browser") == 1
    await alice.submit(page, ends[0])
    page = await alice.submit(
        page, f"{SECURITY}/password", {"current_password": PASSWORD, "password": "nine loud herons"}
    )
    assert page.url.endswith("done=new-password")
    assert [(await one.open(SECURITY)).url.count("/login") for one in (alice, phone, tablet)] == [0, 1, 1]

    here = f"/mod/accounts/{await account_of(server, 'alice')}"
    page = await mo.submit(await mo.open(here), f"{here}/sessions/end")
    assert page.url.endswith("done=signed-out-there")
    assert "/login" in (await alice.open(SECURITY)).url
    log = await server.db.read(audit.page, Window(limit=10))
    assert [(one.actor_name, one.action, one.subject_name) for one in log] == [
        ("mo", "end_sessions", "alice")
    ]
