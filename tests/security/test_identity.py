"""Who somebody is, and what is theirs: signing in, getting back in, cookies, standing, and the things of others."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from fedserver import mail_links, oauth, passwords, sessions, settings, signup
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.mail import send_mail
from fedserver.viewer import PAGE_SCOPES, Member
from storage import second_factors, tables, users
from storage.types import now_ms
from tests.client import ApiError
from tests.conftest import MakeMember
from tests.mailing import Mailbox, link_in, text_of
from tests.members import Person
from tests.panel.test_gate import browser_of
from tests.planned import planned
from web import auth

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GOOD = "seven quiet otters"


async def make(server: Server, name: str) -> int:
    return await signup.make_user(
        server.db, server.uris, server.keys, username=name, email=f"{name}@mail.example", password=GOOD
    )


async def sent(nobody: Person, path: str, form: dict[str, str], **headers: str) -> tuple[int, str, Any]:
    """Status, headers and text without what differs by chance, and cookies of the answer to a form."""
    nobody.client.session.cookie_jar.clear()
    answer = await nobody.raw("POST", path, data=form, headers=headers)
    return answer.status, await told(answer, *form.values()), answer.cookies


async def told(answer: Any, *chosen: str) -> str:
    """Where it leads, its text and its headers, without what was chosen and what differs by chance."""
    by_chance = ("Date", "X-Request-Id", "Content-Length", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    headers = {name: value for name, value in answer.headers.items() if name not in by_chance}
    text = f"{answer.headers.get('Location', '')} {await answer.text()} {headers}"
    for value in sorted({*chosen, answer.headers["X-Request-Id"]}, key=len, reverse=True):
        text = text.replace(value, "…") if value else text
    return text


async def test_aut_05_and_07_a_session_begins_anew_and_ends_on_the_server(
    server: Server, nobody: Person
) -> None:
    """AUT-05, AUT-07."""
    account_id = await make(server, "nora")
    cookie = auth.cookie_name(server.config.origin)
    planted = await server.db.write(sessions.begin, account_id)
    form = {"username": "nora", "password": GOOD}
    theirs = await server.db.write(sessions.begin, await make(server, "mallory"))
    kept = await server.db.write(sessions.begin, account_id)
    seen = set()
    for before in ("chosen-by-somebody-else", planted.secret, theirs.secret):
        token = {} if before == "chosen-by-somebody-else" else await token_of(server, before)
        status, _, cookies = await sent(nobody, "/login", form, cookie=f"{cookie}={before}", **token)
        assert status == 303
        seen.add(cookies[cookie].value)
        assert await sessions.viewer_of_cookie(server, before) is None
    assert len(seen) == 3
    assert not seen & {"chosen-by-somebody-else", planted.secret, theirs.secret}
    assert await sessions.viewer_of_cookie(server, kept.secret) is not None  # of another browser
    secret = seen.pop()
    headers = {"cookie": f"{cookie}={secret}", **await token_of(server, secret)}
    assert (await sent(nobody, "/logout", {}, **headers))[0] == 303
    assert await sessions.viewer_of_cookie(server, secret) is None


async def token_of(server: Server, secret: str) -> dict[str, str]:
    return {"x-csrf-token": hmac.new(secret.encode(), b"forms of this session", hashlib.sha256).hexdigest()}


class TestOverHttps:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"domain": "here.example", "url": "https://here.example"}

    async def test_aut_06_cookies_are_for_this_host_and_no_script(
        self, server: Server, nobody: Person
    ) -> None:
        """AUT-06."""
        account_id = await make(server, "nora")
        form = {"username": "nora", "password": GOOD}
        app = await nobody.post(
            "/api/v1/apps", {"client_name": "App", "redirect_uris": "https://app.example/"}
        )
        asked = {
            "response_type": "code", "client_id": app["client_id"], "redirect_uri": "https://app.example/",
            "decision": "sign_in",
        }  # fmt: skip
        link = await server.db.write(sessions.login_link, "", account_id)
        _, _, by_password = await sent(nobody, "/login", form)
        secret = by_password["__Host-session"].value
        signed_in = {"cookie": f"__Host-session={secret}", **await token_of(server, secret)}
        jars = [
            ("session", by_password),
            ("session", (await sent(nobody, "/oauth/authorize", form | asked))[2]),
            ("session", (await sent(nobody, link, {}))[2]),
            ("session", (await sent(nobody, "/logout", {}, **signed_in))[2]),
        ]
        await server.db.write(with_passkey, account_id)
        for path, more in (("/login", {}), ("/oauth/authorize", asked)):
            _, where, half = await sent(nobody, path, form | more)
            assert where.startswith("/login/2fa")
            jars.append(("step", half))
        for kind, jar in jars:
            assert list(jar) == [f"__Host-{kind}"]
            (found,) = jar.values()
            assert (found["httponly"], found["secure"], found["samesite"], found["path"], found["domain"]) == (
                True, True, "Lax", "/", "",
            )  # fmt: skip


def with_passkey(conn: Connection, account_id: int) -> None:
    second_factors.add_passkey(
        conn, account_id, credential_id=b"c", public_key=b"k", sign_count=0, name="Key"
    )


async def test_aut_08_a_reset_link_is_ours_alone_and_dies_in_time(
    server: Server, nobody: Person, mailbox: Mailbox
) -> None:
    """AUT-08."""
    account_id, other_id = await make(server, "nora"), await make(server, "dan")
    await sent(
        nobody,
        "/password",
        {"email": "nora@mail.example"},
        host="evil.example",
        **{"x-forwarded-host": "evil.example", "forwarded": "host=evil.example"},
    )

    def link(conn: Connection) -> str:
        return mail_links.mint(conn, server.config.origin, account_id, "reset")

    for payload in await server.db.read(planned, "mail"):
        await send_mail(server, payload)
    (mail,) = mailbox()
    assert "evil" not in mail.as_string()
    assert f"{server.config.origin}/password/" in text_of(mail)
    path = f"/password/{link_in(mail, '/password/')}"
    page = await nobody.raw("GET", path)
    assert page.status == 200
    assert page.headers["Referrer-Policy"] == "same-origin"
    # It changes the password of whom it was sent to, whoever the form names, and of two at once the first.
    named = {
        "account_id": str(other_id),
        "id": str(other_id),
        "username": "dan",
        "password": "nine loud herons",
    }
    answers = await asyncio.gather(*(sent(nobody, path, named) for _ in range(2)))
    assert sorted(status for status, _, _ in answers) == [303, 404]
    assert (await sent(nobody, path, named))[0] == 404
    for name, password in (("dan", GOOD), ("nora", "nine loud herons")):
        await sessions.log_in(server, name, password)
    secret = (await server.db.write(link)).rpartition("/")[2]
    await sessions.change_email(
        server, await member_of(server, account_id), password="nine loud herons", email="new@mail.example"
    )
    confirm = await server.db.write(
        lambda conn: mail_links.mint(conn, server.config.origin, account_id, "confirm", "new@mail.example")
    )
    await signup.confirm(server, confirm.rpartition("/")[2])
    with pytest.raises(mail_links.LinkExpired):
        await sessions.reset_password(server, secret, "nine loud herons")
    late = (await server.db.write(link)).rpartition("/")[2]

    def an_hour_later(conn: Connection) -> None:
        lifetimes = conn.scalars(select(tables.mail_token.c.expires_at)).all()
        assert max(lifetimes) <= now_ms() + 3_600_000
        conn.execute(update(tables.mail_token).values(expires_at=now_ms() - 1))

    await server.db.write(an_hour_later)
    with pytest.raises(mail_links.LinkExpired):
        await sessions.reset_password(server, late, "nine loud herons")


async def member_of(server: Server, account_id: int) -> Any:
    secret = (await server.db.write(sessions.begin, account_id)).secret
    return await sessions.viewer_of_cookie(server, secret)


async def test_aut_12_and_13_passwords_are_bounded_and_no_secret_is_kept_in_clear(
    server: Server, nobody: Person, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AUT-12, AUT-13."""
    account_id = await make(server, "nora")
    await settings.change(server, admin.member, {"registrations": "open"})

    def link_for(conn: Connection, purpose: mail_links.Purpose) -> str:
        return mail_links.mint(conn, "", account_id, purpose)

    session = (await server.db.write(sessions.begin, account_id)).secret
    signed_in = {"cookie": f"session={session}", **await token_of(server, session)}
    app = await nobody.post(
        "/api/v1/apps", {"client_name": "App", "redirect_uris": "app://", "scopes": "read write"}
    )
    asked = {"client_id": app["client_id"], "client_secret": app["client_secret"], "scope": "read write"}
    own = await nobody.post("/oauth/token", {"grant_type": "client_credentials", **asked})
    hashed: list[str] = []
    huge = "x1y2z" * 200_000
    join = {"username": "dan", "email": "dan@mail.example", "agreement": "1", "password": huge}
    ways: list[tuple[str, dict[str, str], dict[str, str]]] = [
        ("/login", {"username": "nora", "password": huge}, {}),
        ("/join", join, {}),
        ("/api/v1/accounts", join, {"authorization": f"Bearer {own['access_token']}"}),
        (await server.db.write(link_for, "reset"), {"password": huge}, {}),
        ("/settings/security/password", {"current_password": huge, "password": GOOD}, signed_in),
        ("/settings/security/totp", {"totp_password": huge}, signed_in),
    ]
    with monkeypatch.context() as watched:
        watched.setattr(passwords, "_verify", lambda password, _: hashed.append(password))
        for path, form, headers in ways:
            status, _, _ = await sent(nobody, path, form, **headers)
            assert 400 <= status < 500, path
    assert hashed == []  # no work that grows with the length
    purposes: tuple[mail_links.Purpose, ...] = ("reset", "confirm", "login", "unsubscribe")
    secrets = [
        session,
        (await server.db.write(oauth.issue, account_id, "read")).access_token,
        *[(await server.db.write(link_for, purpose)).rpartition("/")[2] for purpose in purposes],
    ]
    request = await oauth.read_request(
        server, response_type="code", client_id=app["client_id"], redirect_uri="app://"
    )
    secrets.append(await oauth.grant(server, Member(account_id, "nora", "member", PAGE_SCOPES), request))
    await server.db.write(with_passkey, account_id)
    half = await sessions.log_in(server, "nora", GOOD)
    assert isinstance(half, sessions.SecondStep)
    secrets += [half.secret, GOOD]

    def everything(conn: Connection) -> str:
        return "".join(
            repr(conn.execute(select(table)).fetchall()) for table in tables.metadata.sorted_tables
        )

    kept = await server.db.read(everything)
    assert [one for one in secrets if one in kept] == []
    row = await server.db.read(users.by_id, account_id)
    assert row is not None
    assert row.password_hash.startswith("$argon2id$")


async def test_aut_14_who_is_not_in_good_standing_stays_out_of_every_door(
    server: Server, nobody: Person, member: MakeMember
) -> None:
    """AUT-14."""
    states: dict[str, tuple[str, dict[str, Any]]] = {
        "pending": ("user", {"approved_at": None}),
        "unconfirmed": ("user", {"confirmed_at": None}),
        "disabled": ("user", {"disabled_at": 1}),
        "suspended": ("account", {"suspended_at": 1}),
    }
    for name, (table, values) in states.items():
        account_id = await make(server, name)
        token = (await server.db.write(oauth.issue, account_id, "read write")).access_token
        session = await server.db.write(sessions.begin, account_id)
        await server.db.write(with_passkey_of, account_id, name)
        half = await sessions.log_in(server, name, GOOD)
        assert isinstance(half, sessions.SecondStep)
        once, reset = [
            await server.db.write(lambda conn, one=account_id, to=purpose: mail_links.mint(conn, "", one, to))
            for purpose in ("login", "reset")
        ]

        def change(conn: Connection, table: str = table, values: Any = values, one: int = account_id) -> None:
            found = getattr(tables, table)
            conn.execute(
                update(found)
                .where((found.c.id if table == "account" else found.c.account_id) == one)
                .values(**values)
            )

        await server.db.write(change)
        server.remembered.forget_member(account_id)
        status, text, cookies = await sent(nobody, "/login", {"username": name, "password": GOOD})
        assert (status, list(cookies)) == (403, []), (name, text[:300])
        assert await sessions.viewer_of_cookie(server, session.secret) is None
        by_app = Person(nobody.client, token=token)
        assert (await by_app.raw("GET", "/api/v1/timelines/home")).status == 403
        step = {"cookie": f"step={half.secret}"}
        status, _, cookies = await sent(nobody, "/login/2fa", {"code": "123456"}, **step)
        assert (status, list(cookies)) == (403, []), name
        status, _, cookies = await sent(nobody, once, {})
        assert (status, list(cookies)) == (403, []), name
        # Who has only still to be let in may choose another password, which lets nobody in either.
        status, where, cookies = await sent(nobody, reset, {"password": "nine loud herons"})
        lasting = name in ("disabled", "suspended")
        assert status == (403 if lasting else 303), (name, where)
        for password in (GOOD, "nine loud herons"):
            status, _, cookies = await sent(nobody, "/login", {"username": name, "password": password})
            assert (status in (403, 422), [one for one in cookies.values() if one.value]) == (True, []), name
        if lasting:
            await sent(nobody, "/password", {"email": f"{name}@mail.example"})
        with pytest.raises(Invalid, match="taken"):
            await signup.sign_up(
                server, signup.SignUp(name, "x@mail.example", GOOD, reason="So", agreed=True)
            )
        again = signup.SignUp(f"{name}2", f"{name}@mail.example", GOOD, reason="So", agreed=True)
        second_id = (await signup.sign_up(server, again)).account_id
        second = await server.db.read(users.by_id, second_id)
        assert second is not None
        assert (second.email, second.confirmed_at) == ("", None), name
    assert [one for one in await server.db.read(planned, "mail") if one["template"] == "reset"] == []


def with_passkey_of(conn: Connection, account_id: int, name: str) -> None:
    second_factors.add_passkey(
        conn, account_id, credential_id=name.encode(), public_key=b"k", sign_count=0, name="Key"
    )


async def test_adm_04_what_is_somebody_elses_is_not_found(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    listed = await alice.post("/api/v1/lists", {"title": "Mine"})
    filtered = await alice.post(
        "/api/v2/filters", {"title": "Mine", "context": ["home"], "keywords_attributes": [{"keyword": "x"}]}
    )
    later = await alice.post("/api/v1/statuses", {"status": "Later", "scheduled_at": "2099-01-01T00:00:00Z"})
    await bob.post("/api/v1/statuses", {"status": "@alice hello", "visibility": "direct"})
    told = (await alice.get("/api/v1/notifications"))[0]
    talk = (await alice.get("/api/v1/conversations"))[0]
    draft = await alice.post("/api/v1/resources/drafts", {"title": "Mine"})
    keyword = filtered["keywords"][0]["id"]
    eve = Person(bob.client, "eve")
    eve_id = await make(server, "eve")
    eve.token = (await server.db.write(oauth.issue, eve_id, "read write follow push")).access_token
    ways = [
        ("GET", f"/api/v1/lists/{listed['id']}"), ("PUT", f"/api/v1/lists/{listed['id']}"),
        ("DELETE", f"/api/v1/lists/{listed['id']}"), ("GET", f"/api/v1/lists/{listed['id']}/accounts"),
        ("POST", f"/api/v1/lists/{listed['id']}/accounts"), ("GET", f"/api/v1/timelines/list/{listed['id']}"),
        ("GET", f"/api/v2/filters/{filtered['id']}"), ("PUT", f"/api/v2/filters/{filtered['id']}"),
        ("DELETE", f"/api/v2/filters/{filtered['id']}"), ("GET", f"/api/v2/filters/{filtered['id']}/keywords"),
        ("GET", f"/api/v2/filters/keywords/{keyword}"), ("PUT", f"/api/v2/filters/keywords/{keyword}"),
        ("DELETE", f"/api/v2/filters/keywords/{keyword}"), ("GET", f"/api/v1/scheduled_statuses/{later['id']}"),
        ("PUT", f"/api/v1/scheduled_statuses/{later['id']}"), ("DELETE", f"/api/v1/scheduled_statuses/{later['id']}"),
        ("GET", f"/api/v1/notifications/{told['id']}"), ("POST", f"/api/v1/conversations/{talk['id']}/read"),
        ("DELETE", f"/api/v1/conversations/{talk['id']}"), ("GET", f"/api/v1/resources/drafts/{draft['id']}"),
        ("PUT", f"/api/v1/resources/drafts/{draft['id']}"), ("DELETE", f"/api/v1/resources/drafts/{draft['id']}"),
    ]  # fmt: skip
    wrong = []
    for method, path in ways:
        answer = await eve.raw(
            method, path, json={"title": "Taken", "keyword": "y", "account_ids": [str(eve_id)]}
        )
        await answer.read()
        if answer.status != 404:
            wrong.append((method, path, answer.status))
    assert wrong == []
    assert (await alice.get(f"/api/v1/lists/{listed['id']}"))["title"] == "Mine"
    assert (await alice.get(f"/api/v2/filters/{filtered['id']}"))["keywords"][0]["keyword"] == "x"

    # The same in browsers: sessions, apps and passkeys of others.
    headers = await browser_of(server, bob)
    theirs = await server.db.write(sessions.begin, alice.account_id)
    await server.db.write(with_passkey, alice.account_id)
    key = (await server.db.read(second_factors.passkeys_of, alice.account_id))[0].id
    token = await server.db.read(
        lambda conn: conn.scalar(
            select(tables.token.c.id).where(tables.token.c.account_id == alice.account_id)
        )
    )
    for path in (f"security/sessions/{theirs.id}", f"apps/{token}", f"security/passkeys/{key}/remove"):
        answer = await nobody.raw("POST", f"/settings/{path}", headers=headers)
        assert answer.status == 404, path
    assert await sessions.viewer_of_cookie(server, theirs.secret) is not None
    assert len(await server.db.read(second_factors.passkeys_of, alice.account_id)) == 1


async def test_adm_05_no_form_gives_more_than_it_shows(
    server: Server, nobody: Person, member: MakeMember
) -> None:
    mo = await member("mo", role="moderator")
    taken = {
        "role": "owner",
        "approved": "1",
        "confirmed_at": "1",
        "proved_at": "9",
        "may_create_groups": "1",
        "email": "x@x.example",
    }
    headers = await browser_of(server, mo)

    def standing(conn: Connection) -> Any:
        row = users.by_id(conn, mo.account_id)
        assert row is not None
        return row.role, row.email, row.may_create_groups, row.confirmed_at

    before = await server.db.read(standing)
    for path in (
        "/settings/profile",
        "/settings/appearance",
        "/settings/email",
        f"/mod/accounts/{mo.account_id}",
    ):
        answer = await nobody.raw("POST", path, data=taken, headers=headers)
        assert answer.status < 500, path
    assert await server.db.read(standing) == before
    form = {
        "username": "ned", "email": "ned@mail.example", "password": GOOD, "reason": "I teach.", "agreement": "1", **taken,
        "email_confirmed": "1",
    }  # fmt: skip
    form["email"] = "ned@mail.example"
    await sent(nobody, "/join", form)
    row = await server.db.read(users.by_name, "ned")
    assert row is None or (row.role, row.approved_at, row.confirmed_at) == ("member", None, None)
    with pytest.raises(ApiError):
        await mo.post(f"/api/v1/admin/accounts/{mo.account_id}/approve", taken)
