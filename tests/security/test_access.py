"""Doors: what a token without the scope, a member without the role, and a form from elsewhere cannot open.

Walked over every route there is, so a new one is tested without anybody thinking of it.
"""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest
from sqlalchemy import Connection, select
from yarl import URL

from fedserver import invites, mail_links, oauth, second_factors, sessions, signup
from fedserver.context import Server
from fedserver.mail_links import Purpose
from storage import tables
from tests import databases
from tests.members import Person
from tests.pages.visitor import PASSWORD
from tests.panel.test_gate import browser_of
from tests.security.test_identity import with_passkey
from web.app import ROUTES
from web.guard import policy_for

PARAMETER = re.compile(r"\{([a-z_]+)(?::((?:[^{}]|\{[^{}]*\})*))?\}")
API = ("/api/", "/oauth/userinfo")

# What a token of the narrowest scope may ask, because nobody needs any for it, or every token will do.
OPEN = re.compile(
    r"/api/(v1/apps|v1/apps/verify_credentials|v1/instance.*|v2/instance|v1/custom_emojis|v1/preferences"
    r"|v1/accounts/(verify_credentials|lookup|relationships)|oembed|proofs|v1/trends.*|v1/directory|v1/peers/search"
    r"|v1/announcements|v1/donation_campaigns|v1/tags/\{name\}|v1/emails/.*|v1/profile|v1/accounts/check_.*"
    r"|v1/accounts/\{id\}/email_subscriptions|v1/streaming/health|v1/streaming.*|health)|/oauth/userinfo"
)


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    """Nothing here depends on the kind of database."""
    return databases.sqlite_database(tmp_path / "database")


def routes(api: bool) -> list[tuple[str, str, str]]:
    """(method, pattern, path) of every route of that face."""

    def value(found: re.Match[str]) -> str:
        pattern = found[2]
        if pattern and re.fullmatch(r"[a-z_/|-]+", pattern):
            return pattern.split("|")[0]
        return "1111" if pattern and not re.fullmatch(pattern, "1") else "1"

    return [
        (route.method, route.path, PARAMETER.sub(value, route.path))
        for route in ROUTES
        if route.method not in ("*", "HEAD") and route.path.startswith(API) == api
    ]


async def test_a_token_opens_nothing_beyond_its_scope(server: Server, alice: Person) -> None:
    narrow = await server.db.write(oauth.issue, alice.account_id, "profile")
    person = Person(alice.client, "alice", alice.account_id, narrow.access_token)
    opened = []
    for method, pattern, path in routes(api=True):
        if OPEN.fullmatch(pattern.rstrip("/")):
            continue
        answer = await person.raw(method, path)
        await answer.read()
        if answer.status != 403:
            opened.append((method, pattern, answer.status))
    assert opened == []


async def test_a_token_that_reads_changes_nothing(server: Server, alice: Person) -> None:
    reading = await server.db.write(oauth.issue, alice.account_id, "read")
    person = Person(alice.client, "alice", alice.account_id, reading.access_token)
    changed = []
    for method, pattern, path in routes(api=True):
        asks = pattern.rstrip("/").endswith(("/translate", "/clashes"))  # questions, too long for an address
        if method == "GET" or asks or OPEN.fullmatch(pattern.rstrip("/")):
            continue
        answer = await person.raw(method, path, json={})
        await answer.read()
        if answer.status != 403:
            changed.append((method, pattern, answer.status))
    assert changed == []


async def test_moderation_is_for_moderators(
    server: Server, alice: Person, nobody: Person, moderator: Person
) -> None:
    wide = await server.db.write(oauth.issue, alice.account_id, "read write admin:read admin:write")
    member = Person(alice.client, "alice", alice.account_id, wide.access_token)
    # The pages of the panel, where a token counts for nothing, are walked in tests/panel/test_gate.py.
    admin_paths = [(method, path) for method, _, path in routes(api=True) if "/admin" in path]
    assert admin_paths
    for method, path in admin_paths:
        for person, refusals in ((member, (403, 404)), (nobody, (401, 403, 404, 303, 302))):
            answer = await person.raw(method, path)
            await answer.read()
            assert answer.status in refusals, (method, path, answer.status)
        answer = await moderator.raw(method, path)
        assert answer.status in (200, 403, 404, 303, 422), (method, path)


async def test_web_01_no_form_from_elsewhere_is_taken(server: Server, alice: Person, bob: Person) -> None:
    """WEB-01."""
    ours = await browser_of(server, alice)
    without = {name: value for name, value in ours.items() if name != "x-csrf-token"}
    browser = Person(alice.client)
    forgeries: list[dict[str, str]] = [
        without,
        without | {"content-type": "text/plain"},
        without | {"x-http-method-override": "GET"},
        ours | {"origin": "https://evil.example"},
        ours | {"origin": "null"},
        ours | {"sec-fetch-site": "cross-site"},
        ours | {"sec-fetch-site": "same-site"},
        ours | {"x-csrf-token": "0" * 64},
        ours | {"x-csrf-token": (await browser_of(server, alice))["x-csrf-token"]},  # of another session
        ours | {"x-csrf-token": (await browser_of(server, bob))["x-csrf-token"]},
    ]
    taken = []
    # OAuth's endpoints for apps, mail programs' one-click, harvesters and inboxes know no cookie.
    cookieless = ("/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oai-pmh")
    for method, pattern, path in routes(api=False):
        if method == "GET" or pattern.startswith(cookieless) or pattern.endswith("/inbox"):
            continue
        for forged in forgeries:
            plain = forged.get("content-type") == "text/plain"
            data: Any = '{"a": "b"}' if plain else {"a": "b"}
            answer = await browser.raw(method, path, data=data, headers=forged)
            await answer.read()
            if answer.status != (415 if plain else 403):
                taken.append((method, pattern, forged, answer.status))
    assert taken == []
    assert (await alice.get("/api/v1/accounts/verify_credentials"))["username"] == "alice"


async def test_web_01_reading_changes_nothing(server: Server, admin: Person, alice: Person) -> None:
    """WEB-01: neither of a page nor of a link from a mail, which scanners open, whatever verb it is said to stand for."""
    post = await alice.post("/api/v1/statuses", {"status": "Hello"})
    named = {"handle": "alice", "name": "alice", "username": "alice", "id": post["id"], "post_id": post["id"]}
    about: dict[Purpose, str] = {
        "confirm": "new@mail.example", "reset": "", "login": "", "unsubscribe": "mention", "appeal": "1", "claim": "1",
        "inquiry": "1",
    }  # fmt: skip
    links = [
        await server.db.write(mail_links.mint, "", alice.account_id, purpose, detail)
        for purpose, detail in about.items()
    ]
    invitation = await invites.create(server, admin.member, invites.NewInvite(uses_max=1))
    links += [f"/join/{invitation.row.code}", f"/invite/{invitation.row.code}"]
    paths = {
        path
        for method, pattern, default in routes(api=False)
        if method == "GET"
        for path in (default, PARAMETER.sub(lambda found: named.get(found[1], "1"), pattern))
    }
    headers = {**await browser_of(server, admin), "accept": "text/html", "x-http-method-override": "DELETE"}

    def everything(conn: Connection) -> dict[str, list[str]]:
        return {
            table.name: sorted(map(repr, conn.execute(select(table))))
            for table in tables.metadata.sorted_tables
        }

    # The secret in the addresses to which somebody mails their posts is made when it is first shown.
    assert (await Person(alice.client).raw("GET", "/settings/email", headers=headers)).status == 200
    before = await server.db.read(everything)
    shown = 0
    for path in sorted(paths | set(links)):
        for method in ("GET", "HEAD"):
            query = {"_method": "delete"}
            answer = await Person(alice.client).raw(method, path, params=query, headers=headers)
            await answer.read()
            shown += answer.status == 200
    after = await server.db.read(everything)
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}
    assert shown > 100


async def test_web_02_03_06_every_page_says_what_may_run_on_it(server: Server, admin: Person) -> None:
    """WEB-02, WEB-03, WEB-05, WEB-06, AUT-06."""
    cookie = {**await browser_of(server, admin), "accept": "text/html"}
    pages = 0
    for headers in ({"accept": "text/html"}, cookie):
        for method, pattern, path in [*routes(api=False), ("GET", "", "/no/such/page")]:
            if method != "GET":
                continue
            answer = await Person(admin.client).raw("GET", path, headers=headers)
            await answer.read()
            assert answer.headers["X-Content-Type-Options"] == "nosniff", pattern
            assert "Access-Control-Allow-Credentials" not in answer.headers, pattern
            assert not re.search(r"\d", answer.headers["Server"]), pattern
            assert "Set-Cookie" not in answer.headers, pattern
            if headers is cookie and policy_for("GET", pattern).identity == "session":
                assert "Access-Control-Allow-Origin" not in answer.headers, pattern
            if answer.content_type == "text/html":
                pages += 1
                csp = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in csp, pattern
                if pattern.startswith(
                    "/embed/"
                ):  # made to be framed by other sites: nothing runs in it, nothing is sent
                    assert "script-src" not in csp, pattern
                    assert "form-action 'none'" in csp, pattern
                    continue
                assert "script-src 'self';" in csp, pattern
                assert "base-uri 'none'; frame-ancestors 'none'; form-action 'self'" in csp, pattern
                assert "unsafe" not in csp, pattern
                assert answer.headers["X-Frame-Options"] == "DENY", pattern
                assert answer.headers["Referrer-Policy"] == "same-origin", pattern
                assert answer.headers["Permissions-Policy"], pattern
    assert pages > 100


ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "/\t/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,evil.example",
    "@evil.example",
    ".evil.example",
    "evil.example",
    "/%09/evil.example",
    "/%5cevil.example",
    "%2f%2fevil.example",
]


def where_to(location: str, origin: str) -> str:
    """The origin to which a browser would go, which drops tabs and line ends and takes \\ for / (WHATWG URL §4.4)."""
    read = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(33))))).replace("\\", "/")
    return str(URL(urljoin(f"{origin}/login", read)).origin())


async def test_web_04_no_address_leads_away(server: Server, nobody: Person) -> None:
    """WEB-04: neither at once nor after signing in, with one step or two, nor after a form."""
    origin = server.config.origin
    assert where_to("/\t\\evil.example", origin) == "http://evil.example"  # so it would be noticed
    account_id = await signup.make_user(
        server.db, server.uris, server.keys, username="nora", email="nora@mail.example", password=PASSWORD
    )
    ours = await browser_of(server, Person(nobody.client, "nora", account_id))

    async def led(method: str, path: str, **more: Any) -> tuple[str, str]:
        """Where an answer leads, and its text."""
        nobody.client.session.cookie_jar.clear()
        answer = await nobody.raw(method, path, **more)
        return where_to(answer.headers.get("location", ""), origin), await answer.text()

    away: list[tuple[str, str]] = []
    for target in ELSEWHERE:
        for path in ("/login", "/", "/logout", "/join", "/about/rules"):
            for name in ("next", "return_to", "redirect", "continue", "lang"):
                there, text = await led("GET", path, params={name: target})
                kept = re.findall(r'name="next" value="([^"]*)"', text)
                if {there, *(where_to(html.unescape(one), origin) for one in kept)} != {origin}:
                    away.append((path, target))
        form = {"username": "nora", "password": PASSWORD, "next": target}
        for path, data, headers in (
            ("/login", form, {}),
            ("/login?" + urlencode({"next": target}), {"username": "nora", "password": PASSWORD}, {}),
            ("/login/again", {"next": target}, ours),
            ("/agree", {"next": target}, ours),
        ):
            if (await led("POST", path, data=data, headers=headers))[0] != origin:
                away.append((path, target))
    await server.db.write(with_passkey, account_id)
    for target in ELSEWHERE:
        half = await sessions.log_in(server, "nora", PASSWORD, target=target)
        assert isinstance(half, sessions.SecondStep)
        code = (await server.db.write(second_factors._new_codes, server.config, account_id))[0]
        step = {"cookie": f"step={half.secret}"}
        there, text = await led("POST", "/login/2fa", data={"code": code}, headers=step)
        assert not text
        if there != origin:
            away.append(("/login/2fa", target))
    assert away == []
