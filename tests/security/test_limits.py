"""What is counted under the limits of a real server, by whom, and what is told to who asks too often (LIM-01, LIM-02)."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections import Counter
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import WSServerHandshakeError
from yarl import URL

from fedserver import signup
from fedserver.context import Server
from fedserver.federation import inbox
from fedserver.streams import listeners
from storage import accounts, users
from storage.types import now_ms
from tests import databases
from tests.api.streams import Ear
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person
from tests.panel.test_gate import browser_of
from tests.rows import changed, rows_about
from web import limits
from web.guard import policy_for

GOOD = "seven quiet otters"
MOST = limits.LOGINS.count


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    """Nothing here depends on the kind of database."""
    return databases.sqlite_database(tmp_path / "database")


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"rate_limit_factor": "1", "trusted_proxies": "192.0.2.0/24"}


@pytest.fixture(autouse=True)
def one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """No window in which requests are counted ends in the middle of a test."""
    monkeypatch.setattr("web.guard.Limits", partial(limits.Limits, clock=lambda: 1_800_000_001.0))


async def make(server: Server, name: str) -> None:
    await signup.make_user(
        server.db, server.uris, server.keys, username=name, email=f"{name}@mail.example", password=GOOD
    )


async def statuses(person: Person, path: str, count: int, form: dict[str, str]) -> list[int]:
    found = []
    for number in range(count):
        client = f"203.0.113.{number}"
        headers = {"x-forwarded-for": client, "x-real-ip": client, "forwarded": f"for={client}"}
        answer = await person.raw("POST", path, data=form, headers=headers)
        await answer.read()
        found.append(answer.status)
    return found


async def test_passwords_cannot_be_tried_for_long(server: Server, nobody: Person) -> None:
    """AUT-01, AUT-02: from one client, whomever it tries and wherever it says that it comes from."""
    await make(server, "nora")
    seen = []
    for number in range(MOST):
        form = {"username": f"nobody{number}", "password": "guess"}
        seen += await statuses(nobody, "/login", 1, form)
    assert seen == [422] * MOST
    assert await statuses(nobody, "/login", 2, {"username": "nora", "password": GOOD}) == [429] * 2


class TestBehindAProxy:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"rate_limit_factor": "1", "trusted_proxies": "127.0.0.0/8"}

    async def test_one_account_is_not_guessed_from_many_addresses(
        self, server: Server, nobody: Person
    ) -> None:
        """AUT-01, AUT-02."""
        await make(server, "nora")
        await make(server, "dan")
        seen = await statuses(nobody, "/login", MOST, {"username": "nora", "password": "guess"})
        assert seen == [422] * MOST
        right = {"username": "Nora@mail.example", "password": GOOD}
        assert await statuses(nobody, "/login", 2, right) == [429] * 2
        assert await statuses(nobody, "/login", 1, {"username": "dan", "password": GOOD}) == [303]
        nobody.client.session.cookie_jar.clear()
        # What a client itself puts before the address that the proxy saw counts for nothing.
        for number in range(MOST + 1):
            answer = await nobody.raw(
                "POST",
                "/login",
                data={"username": f"nobody{number}", "password": "guess"},
                headers={"x-forwarded-for": f"198.51.100.{number}, 203.0.113.250"},
            )
            assert answer.status == (422 if number < MOST else 429)


async def test_aut_01_no_spelling_of_an_address_gives_more_tries(server: Server, nobody: Person) -> None:
    """AUT-01: through the page, for an app and in the API, however the address is written, a password is tried under one limit,
    or not at all."""
    await make(server, "nora")
    app = await nobody.post("/api/v1/apps", {"client_name": "x", "redirect_uris": "https://app.example/"})
    form = {
        "username": "nora", "email": "nora@mail.example", "decision": "sign_in", "grant_type": "password", "scope": "read",
        "response_type": "code", "redirect_uri": "https://app.example/", "client_id": app["client_id"],
        "client_secret": app["client_secret"],
    }  # fmt: skip
    origin = str(nobody.client.make_url("/")).rstrip("/")
    ways = [
        f"{before}{word}{after}"
        for word in ("login", "oauth/authorize", "oauth/token")
        for before in ("/", "//", "/%2e/")
        for after in ("", "/", ".json", ".", "%2f", "%00", ";x=1", "?x=1")
    ]
    ways += [
        "/Login",
        "/LOGIN",
        "/%6cogin",
        "/%6Cogin",
        "/l%6Fgin",
        "/OAuth/authorize",
        "/oauth/%61uthorize",
        "/oauth%2fauthorize",
    ]

    async def answer(way: str, password: str, **headers: str) -> Any:
        nobody.client.session.cookie_jar.clear()
        data = form | {"password": password}
        return await nobody.client.session.post(
            URL(origin + way, encoded=True), data=data, headers=headers, allow_redirects=False
        )

    tried: Counter[str] = Counter()
    for number, way in enumerate(ways):
        for _ in range(2):
            told = await answer(way, f"guess {number}", **{"x-forwarded-for": f"203.0.113.{number}"})
            if told.status in (200, 401, 422) and "nora" in await told.text():
                tried[way.partition("?")[0]] += 1
    assert 0 < tried.total() <= limits.LOGINS.count, tried
    for way in ways:
        told = await answer(way, GOOD)
        assert not told.cookies, way
        assert "access_token" not in await told.text(), way
        assert told.status in (400, 401, 403, 404, 405, 429), (way, told.status)
    basic = {"authorization": "Basic " + b64encode(f"nora:{GOOD}".encode()).decode()}
    assert (await answer("/api/v1/statuses", GOOD, **basic)).status == 401


async def test_visitors_cannot_have_us_ask_everywhere(nobody: Person, there: Stub) -> None:
    there.actor("zoe")
    seen = await statuses(nobody, "/interact", 32, {"uri": "x", "handle": f"@zoe@{there.host}"})
    assert seen[-1] == 429
    assert len(there.asked) <= 60


def test_lim_01_whatever_costs_something_is_counted() -> None:
    costly = {
        "POST": (
            "/join", "/join/{code}", "/password", "/confirm", "/login", "/interact", "/inbox", "/users/{name}/inbox",
            "/api/v1/accounts", "/api/v1/apps", "/api/v1/emails/confirmations", "/api/v1/reports", "/oauth/token",
        ),
        "GET": (
            "/search", "/.well-known/webfinger", "/api/oembed", "/media/remote/{name}", "/api/v1/timelines/public",
            "/api/v2/search", "/events.ics", "/oai-pmh", "/invite/{code}",
        ),
    }  # fmt: skip
    free = [
        (method, path)
        for method, paths in costly.items()
        for path in paths
        if not policy_for(method, path).limits
    ]
    assert free == []
    assert limits.SIGN_UPS in policy_for("POST", "/join").limits


async def test_a_workshop_joins_from_one_address(admin: Person, nobody: Person) -> None:
    link = await admin.post("/api/v1/admin/invites", {})
    people = [
        {"username": f"nora{number}", "email": f"nora{number}@mail.example", "agreement": "true", "password": GOOD}
        for number in range(8)
    ]  # fmt: skip
    came = [(await nobody.raw("POST", urlsplit(link["url"]).path, data=one)).status for one in people]
    assert came == [303] * 8
    assert 429 in await statuses(nobody, "/join/nosuchcode", 101, {})


async def test_mod_10_reports_are_counted_bounded_and_shown_as_text(
    server: Server, alice: Person, admin: Person, moderator: Person
) -> None:
    """LIM-01 too: through the form of the page they are counted with those of apps."""
    script = "<script>alert(1)</script>"
    told = await alice.post("/api/v1/reports", {"account_id": admin.id, "comment": script})
    assert told["forwarded"] is False
    big = await alice.raw(
        "POST", "/api/v1/reports", json={"account_id": admin.id, "comment": "x" * 1_000_000}
    )
    assert big.status in (413, 422)
    seen = await statuses(alice, "/api/v1/reports", 30, {"account_id": admin.id, "comment": "Again"})
    assert seen == [200] * 28 + [429] * 2
    page = await alice.raw("POST", "/@ada/report", headers=await browser_of(server, alice))
    assert (page.status, int(page.headers["Retry-After"]) > 0) == (429, True)
    (shown,) = [
        one for one in await moderator.get("/api/v1/admin/reports", limit=100) if one["id"] == told["id"]
    ]
    assert shown["comment"] == script


async def test_apps_and_accounts_are_not_made_by_the_dozen(nobody: Person) -> None:
    app = {"client_name": "x", "redirect_uris": "https://app.example/", "scopes": "read"}
    assert 429 in await statuses(nobody, "/api/v1/apps", 7, app)
    assert 429 in await statuses(nobody, "/join", 7, {"username": "x"})
    assert 429 in await statuses(nobody, "/password", 7, {"email": "a@b.example"})


async def test_lim_01_files_are_not_sent_by_the_dozen(alice: Person) -> None:
    paths = ("/api/v2/media", "/api/v1/media", "/api/v1/resources/files", "/api/v1/groups/1/imports")
    for number, path in enumerate(paths):
        wanted = [422] * (30 if number == 0 else 0) + [429]
        assert await statuses(alice, path, len(wanted), {}) == wanted, path


async def test_events_are_not_announced_by_the_dozen(alice: Person, bob: Person) -> None:
    assert await statuses(alice, "/api/v1/events", 31, {"title": ""}) == [422] * 30 + [429]
    assert await statuses(bob, "/api/v1/events", 1, {"title": ""}) == [422]


BEHIND_A_PROXY = {"rate_limit_factor": "1", "trusted_proxies": "127.0.0.0/8"}


@pytest.mark.parametrize("server_settings", [BEHIND_A_PROXY])
@pytest.mark.parametrize(
    ("path", "field", "count"),
    [("/password", "email", 5), ("/confirm", "email", 5), ("/login", "username", 25)],
)
async def test_lim_01_one_mailbox_or_account_is_counted_from_wherever_it_is_named(
    nobody: Person, path: str, field: str, count: int
) -> None:
    async def ask(number: int, name: str) -> Any:
        form = {field: name, "password": "guess"}
        headers = {"x-forwarded-for": f"203.0.113.{number}"}
        answer = await nobody.raw("POST", path, data=form, headers=headers)
        await answer.read()
        return answer

    seen = [(await ask(number, "nora@mail.example")).status for number in range(count)]
    assert 429 not in seen
    refused = await ask(count, "Nora@MAIL.example")
    assert (refused.status, int(refused.headers["Retry-After"]) > 0) == (429, True)
    assert (await ask(count, "bob@mail.example")).status != 429


@pytest.mark.parametrize("server_settings", [BEHIND_A_PROXY])
async def test_lim_02_streams_are_counted_by_network(nobody: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "PER_CLIENT_MAX", 1)
    async with Ear(nobody, headers={"x-forwarded-for": "2001:db8:1::1"}):
        with pytest.raises(WSServerHandshakeError) as refused:
            async with Ear(nobody, headers={"x-forwarded-for": "2001:db8:1::2"}):
                pass
        assert refused.value.status == 429
        async with Ear(nobody, headers={"x-forwarded-for": "2001:db8:1:1::1"}):
            pass


# Each costly request, with its limit: as many in so many seconds, from one network.
COSTLY = {
    "POST /join": (5, 1800),
    "POST /join/abcd": (100, 1800),
    "POST /confirm/abcd": (100, 1800),
    "POST /api/v1/accounts": (5, 1800),
    "POST /password": (5, 1800),
    "POST /confirm": (5, 1800),
    "POST /api/v1/emails/confirmations": (5, 1800),
    "POST /api/v1/apps": (5, 600),
    "POST /login": (25, 300),
    "POST /oauth/authorize": (25, 300),
    "POST /oauth/token": (100, 300),
    "POST /interact": (30, 300),
    "GET /search?q=x": (300, 300),
    "GET /api/v2/search?q=x": (300, 300),
    "GET /api/v1/accounts/search?q=x": (300, 300),
    "GET /api/v1/timelines/public": (300, 300),
    "GET /api/oembed?url=x": (300, 300),
    "GET /.well-known/webfinger?resource=acct:x@y.example": (1500, 300),
    "GET /media/remote/avatar/1/" + "0" * 32: (3000, 300),
    "GET /media/remote/emoji/x.example/blob/" + "0" * 32: (3000, 300),
    "GET /events.ics": (300, 300),
    "GET /oai-pmh?verb=Identify": (1500, 300),
    "POST /inbox": (100_000, 300),
    "POST /users/alice/inbox": (100_000, 300),
}


class TestSmall:
    """The same limits, so small that each can be reached."""

    FACTOR = 0.001

    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"rate_limit_factor": str(self.FACTOR), "trusted_proxies": "127.0.0.0/8"}

    @pytest.fixture(autouse=True)
    def one_window(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No window ends during a test."""
        monkeypatch.setattr(limits.Limits.__init__, "__defaults__", (lambda: 1_000_000_001.0,))

    async def test_lim_01_whoever_asks_for_what_is_costly_too_often_is_told_when_to_come_again(
        self, alice: Person, nobody: Person
    ) -> None:
        for number, (call, (count, seconds)) in enumerate(COSTLY.items()):
            method, _, path = call.partition(" ")

            async def ask(client: str, method: str = method, path: str = path) -> Any:
                kind = "activity+json" if path.endswith("inbox") else "x-www-form-urlencoded"
                headers = {"x-forwarded-for": client, "content-type": f"application/{kind}"}
                data = None if method == "GET" else f"username=somebody at {client}"
                answer = await nobody.raw(method, path, headers=headers, data=data)
                await answer.read()
                return answer

            for _ in range(max(1, round(count * self.FACTOR))):
                assert (await ask(f"203.0.113.{number}")).status != 429, call
            refused = await ask(f"203.0.113.{number}")
            assert refused.status == 429, call
            assert 0 < int(refused.headers["Retry-After"]) <= seconds, call
            if path.startswith(("/api/", "/oauth/token")):
                assert refused.headers["X-RateLimit-Remaining"] == "0", call
            assert (await ask(f"198.51.100.{number}")).status != 429, f"{call}: others are not concerned"

    async def test_lim_02_a_network_of_ipv6_is_one_client(self, nobody: Person) -> None:
        """Whatever the last 64 bits are, for each kind of limit."""
        for number, path in enumerate(("/login", "/join", "/password", "/api/v1/apps")):
            seen = [
                (
                    await nobody.raw(
                        "POST",
                        path,
                        data={"username": there},
                        headers={"x-forwarded-for": f"2001:db{number}:{there}"},
                    )
                ).status
                for there in ("1::1", "1::2", "1:0:ffff::", "1:1::1", "2::1")
            ]
            assert [status == 429 for status in seen] == [False, True, True, False, False], path

    async def test_lim_01_a_server_is_counted_from_wherever_it_sends(
        self, door: Door, there: Stub, third: Stub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(inbox, "PER_HOST_MAX", 2 / self.FACTOR)
        ann, mallory = there.actor("ann"), third.actor("mallory")

        async def sent(actor: StubActor, client: str) -> int:
            return await door.post(
                actor, actor.says("Create", actor.note("Hi")), **{"X-Forwarded-For": client}
            )

        # What is signed by nobody uses up nothing.
        assert await door.post(mallory, ann.says("Create", ann.note("Forged")), key_id=ann.key.key_id) == 401
        assert [await sent(ann, f"203.0.113.{number}") for number in range(3)] == [202, 202, 429]
        assert await sent(mallory, "203.0.113.9") == 202

    async def test_what_a_member_changes_by_pages_counts_wherever_they_are(
        self, server: Server, alice: Person, bob: Person
    ) -> None:
        """LIM-01, LIM-04."""
        cookie = await browser_of(server, alice)
        seen = []
        for number in range(3):
            headers = {**cookie, "x-forwarded-for": f"203.0.113.{number}"}
            seen.append((await alice.raw("POST", "/notifications/read", headers=headers)).status)
        assert seen == [303, 303, 429]
        others = {**await browser_of(server, bob), "x-forwarded-for": "203.0.113.0"}
        assert (await bob.raw("POST", "/notifications/read", headers=others)).status == 303


async def test_members_cannot_give_themselves_what_is_not_theirs_to_give(
    server: Server, alice: Person, nobody: Person
) -> None:
    """ADM-05: neither in a profile nor when they sign up, as JSON or as a form."""
    taken: dict[str, Any] = {
        "role": "admin", "role_id": "3", "admin": "true", "username": "root", "id": "1", "acct": "root", "domain": "x",
        "followers_count": "9", "created_at": "2001-01-01T00:00:00Z", "private_key": "x", "email": "root@x.example",
        "confirmed": "true", "confirmed_at": "1", "approved": "true", "approved_at": "1", "suspended": "false", "trust": "trusted",
        "may_create_groups": "true", "bytes_max": "9", "account_id": "1", "uri": "https://x.example/", "host": "x",
    }  # fmt: skip
    before = await server.db.read(rows_about, alice.account_id)
    shown = await alice.get("/api/v1/accounts/verify_credentials")
    for method, path in (
        ("PATCH", "/api/v1/accounts/update_credentials"),
        ("PATCH", "/api/v1/profile"),
        ("PUT", "/api/v1/profile"),
    ):
        for body in (
            {"json": taken},
            {"data": taken},
            {"json": {"source": taken, "user": taken, "account": taken}},
        ):
            answer = await alice.raw(method, path, **body)  # type: ignore[arg-type]
            assert answer.status in (200, 422), path
    assert await alice.get("/api/v1/accounts/verify_credentials") == shown
    assert changed(before, await server.db.read(rows_about, alice.account_id)) == {}
    row = await server.db.read(accounts.by_id, alice.account_id)
    assert (row.username, row.domain, row.followers_count, row.uri) == (
        "alice",
        "",
        0,
        server.uris.actor("alice"),
    )  # type: ignore[union-attr]

    wanted = {"client_name": "x", "redirect_uris": "https://app.example/", "scopes": "read write"}
    app = await nobody.post("/api/v1/apps", wanted)
    grant = {**app, "grant_type": "client_credentials", "scope": "read write"}
    by_app = Person(nobody.client, token=(await nobody.post("/oauth/token", grant))["access_token"])
    joins = {
        "username": "ned",
        "email": "ned@mail.example",
        "password": GOOD,
        "agreement": "true",
        "reason": "I teach.",
    }
    await by_app.post("/api/v1/accounts", taken | joins)
    ned = await server.db.read(users.by_name, "ned")
    assert ned is not None
    assert (ned.role, ned.confirmed_at, ned.approved_at, ned.trust, ned.may_create_groups, ned.bytes_max) == (
        "member", None, None, "new", False, None,
    )  # fmt: skip
    assert ned.created_at > now_ms() - 3_600_000


async def test_web_09_requests_that_could_be_read_in_two_ways_are_refused(
    nobody: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """WEB-09, WEB-06: what a proxy and we could take for different requests is answered 400, and the connection closed. No
    answer says what it was made with, and nothing of it is in the log."""
    parts = urlsplit(str(nobody.client.make_url("/")))
    host = f"Host: {parts.netloc}\r\n"
    smuggled = "GET /about HTTP/1.1\r\nHost: x\r\n\r\n"
    chunked = "Transfer-Encoding: chunked\r\n"
    requests = {
        "TE and CL": f"POST /login HTTP/1.1\r\n{host}{chunked}Content-Length: 4\r\n\r\n0\r\n\r\n{smuggled}",
        "bad chunk": f"POST /login HTTP/1.1\r\n{host}{chunked}\r\nzz\r\nx\r\n0\r\n\r\n",
        "CL twice": f"POST /login HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "CL with a sign": f"POST /login HTTP/1.1\r\n{host}Content-Length: +5\r\n\r\nabcde",
        "folded": f"GET /about HTTP/1.1\r\n{host}X-A: b\r\n c: d\r\n\r\n",
        "0.9": "GET /about\r\n\r\n",
        "control character": f"GET /about HTTP/1.1\r\n{host}Cookie: session=secret\x01\r\n\r\n",
        "blank in a name": f"GET /about HTTP/1.1\r\n{host}X A: b\r\n\r\n",
    }

    async def answer_to(text: str) -> bytes:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(text.encode())
        async with asyncio.timeout(5):
            answer = await reader.read()  # until it is closed
        writer.close()
        return answer

    wrong = []
    for name, text in requests.items():
        answer = await answer_to(text)
        if b" 400 " not in answer.partition(b"\r\n")[0] or answer.count(b"HTTP/") != 1:
            wrong.append((name, answer[:80]))
        if re.search(rb"(?i)python|aiohttp|server: [^\r]*\d", answer):
            wrong.append((name, answer))
    assert wrong == []
    assert [record for record in caplog.records if record.name.startswith("aiohttp")] == []
    for asked, refusals in (
        ("TRACE /about", (405,)),
        ("TRACE /api/v1/instance", (405,)),
        ("GETX /about", (400, 405)),
        ("OPTIONS *", (400, 404, 405)),
        ("OPTIONS /about", (405,)),
    ):
        answer = await answer_to(
            f"{asked} HTTP/1.1\r\n{host}Cookie: session=secret\r\nConnection: close\r\n\r\n"
        )
        assert int(answer.split(b" ", 2)[1]) in refusals, asked
        assert b"secret" not in answer, asked
