"""Doors: what a token without the scope, a member without the role, and a form from elsewhere cannot open.

Walked over every route there is, so a new one is tested without anybody thinking of it.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from fedserver import oauth, sessions
from fedserver.context import Server
from tests import databases
from tests.members import Person
from web import auth
from web.app import ROUTES

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


async def test_web_01_no_form_from_elsewhere_is_taken(server: Server, alice: Person) -> None:
    session = await server.db.write(sessions.begin, alice.account_id)
    cookie = {"cookie": f"{auth.cookie_name(server.config.origin)}={session.secret}"}
    browser = Person(alice.client)
    forgeries: list[dict[str, str]] = [
        {},  # without the token of the session
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"x-csrf-token": "0" * 64},
    ]
    taken = []
    # OAuth's endpoints for apps, mail programs' one-click, harvesters and inboxes know no cookie.
    cookieless = ("/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oai-pmh")
    for method, pattern, path in routes(api=False):
        if method == "GET" or pattern.startswith(cookieless) or pattern.endswith("/inbox"):
            continue
        for forged in forgeries:
            answer = await browser.raw(method, path, data={"a": "b"}, headers={**cookie, **forged})
            await answer.read()
            if answer.status != 403:
                taken.append((method, pattern, forged, answer.status))
    assert taken == []
    assert (await alice.get("/api/v1/accounts/verify_credentials"))["username"] == "alice"


async def test_web_02_03_06_every_page_says_what_may_run_on_it(server: Server, alice: Person) -> None:
    session = await server.db.write(sessions.begin, alice.account_id)
    cookie = {"cookie": f"{auth.cookie_name(server.config.origin)}={session.secret}", "accept": "text/html"}
    pages = 0
    for headers in ({"accept": "text/html"}, cookie):
        for method, pattern, path in [*routes(api=False), ("GET", "", "/no/such/page")]:
            if method != "GET":
                continue
            answer = await Person(alice.client).raw("GET", path, headers=headers)
            await answer.read()
            assert answer.headers["X-Content-Type-Options"] == "nosniff", pattern
            assert "Access-Control-Allow-Credentials" not in answer.headers, pattern
            assert not re.search(r"\d", answer.headers["Server"]), pattern
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
                assert "base-uri 'none'; frame-ancestors 'none'" in csp, pattern
                assert "unsafe" not in csp, pattern
                assert answer.headers["X-Frame-Options"] == "DENY", pattern
                assert answer.headers["Referrer-Policy"] == "same-origin", pattern
    assert pages > 30


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "@evil.example",
    ],
)
async def test_web_04_no_address_leads_away(nobody: Person, target: str) -> None:
    for path in ("/login", "/", "/logout", "/join"):
        for name in ("next", "return_to", "redirect", "continue"):
            answer = await nobody.raw("GET", path, params={name: target})
            text = await answer.text()
            assert "evil.example" not in answer.headers.get("location", "")
            assert f'value="{target}"' not in text
