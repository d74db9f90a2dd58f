"""OAuth 2: apps, consent, codes, tokens, and what must not work."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestClient

from fedserver import oauth, scopes, signup
from fedserver.apps import OUT_OF_BAND
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, Unauthorized
from fedserver.viewer import Member
from storage import users
from storage.types import now_ms
from tests.members import Person

CALLBACK = "https://app.example/callback?keep=1"
CUSTOM = "icecubesapp://"
PASSWORD = "seven quiet otters"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()

Http = TestClient[Any, Any]


@pytest.fixture
async def app(nobody: Person) -> dict[str, Any]:
    uris = [CALLBACK, CUSTOM, OUT_OF_BAND]
    found: dict[str, Any] = await nobody.post(
        "/api/v1/apps", {"client_name": "Reader", "redirect_uris": uris, "scopes": "read write:statuses"}
    )
    return found


@pytest.fixture
async def nora(server: Server, app_client: Http) -> int:
    """Signed in with this browser."""
    return await signup.make_user(
        server.db, server.uris, server.keys, username="nora", email="nora@mail.example", password=PASSWORD
    )


def asked(app: dict[str, Any], **more: str) -> dict[str, str]:
    request = {
        "response_type": "code",
        "client_id": app["client_id"],
        "redirect_uri": CALLBACK,
        "scope": "read",
    }
    return {**request, **more}


def form(page: str, decision: str) -> dict[str, str]:
    """The fields of the form with this decision."""
    for one in re.findall(r"<form.*?</form>", page, re.DOTALL):
        fields = re.findall(r'<input[^>]* name="([^"]+)"(?: value="([^"]*)")?', one)
        found = {name: html.unescape(value) for name, value in fields}
        if found.get("decision") == decision:
            return found
    raise AssertionError(f"no form to {decision} in {page}")


async def sign_in(browser: Http, request: dict[str, str], password: str = PASSWORD) -> Any:
    page = await browser.get("/oauth/authorize", params=request)
    assert page.status == 200, await page.text()
    fields = form(await page.text(), "sign_in") | {"username": "nora", "password": password}
    return await browser.post("/oauth/authorize", data=fields, allow_redirects=False)


async def code_for(browser: Http, request: dict[str, str]) -> str:
    """Sign in, agree, and return the code."""
    answer = await sign_in(browser, request)
    assert answer.status == 303
    page = await browser.get(answer.headers["Location"])
    agreed = await browser.post(
        "/oauth/authorize", data=form(await page.text(), "allow"), allow_redirects=False
    )
    assert agreed.status == 303, await agreed.text()
    target = urlsplit(agreed.headers["Location"])
    assert agreed.headers["Location"].startswith(request["redirect_uri"])
    return parse_qs(target.query)["code"][0]


async def exchange(browser: Http, app: dict[str, Any], code: str, **more: str) -> Any:
    fields = {
        "grant_type": "authorization_code",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "redirect_uri": CALLBACK,
        "code": code,
        **more,
    }
    return await browser.post("/oauth/token", data=fields)


async def test_a_member_signs_in_agrees_and_the_app_gets_a_token(
    server: Server, app_client: Http, app: dict[str, Any], nora: int
) -> None:
    code = await code_for(
        app_client, asked(app, state="s&=?", code_challenge=CHALLENGE, code_challenge_method="S256")
    )
    answer = await exchange(app_client, app, code, code_verifier=VERIFIER)
    token = await answer.json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert (token["token_type"], token["scope"]) == ("Bearer", "read")
    assert isinstance(token["created_at"], int)
    viewer = await oauth.viewer_of_token(server, token["access_token"])
    assert isinstance(viewer, Member)
    assert (viewer.account_id, viewer.scopes) == (nora, {"read"})
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    about = await (await app_client.get("/oauth/userinfo", headers=bearer)).json()
    assert about["preferred_username"] == "nora"
    verified = await app_client.get("/api/v1/apps/verify_credentials", headers=bearer)
    assert (await verified.json())["name"] == "Reader"


async def test_the_state_comes_back_and_what_the_address_had_stays(
    app_client: Http, app: dict[str, Any], nora: int
) -> None:
    """WEB-02 of the consent page."""
    answer = await sign_in(app_client, asked(app, state="s&=?"))
    page = await app_client.get(answer.headers["Location"])
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    denied = await app_client.post(
        "/oauth/authorize", data=form(await page.text(), "deny"), allow_redirects=False
    )
    query = parse_qs(urlsplit(denied.headers["Location"]).query)
    assert (query["error"], query["state"], query["keep"]) == (["access_denied"], ["s&=?"], ["1"])


async def test_a_custom_scheme_is_reached_through_the_page_policy(
    app_client: Http, app: dict[str, Any], nora: int
) -> None:
    request = asked(app, redirect_uri=CUSTOM)
    page = await app_client.get("/oauth/authorize", params=request)
    assert "form-action 'self' icecubesapp:" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "Cross-Origin-Opener-Policy" not in page.headers
    assert len(await code_for(app_client, request)) >= 43


async def test_a_wrong_password_keeps_what_was_asked(
    app_client: Http, app: dict[str, Any], nora: int
) -> None:
    answer = await sign_in(app_client, asked(app, state="kept"), password="not the password")
    assert answer.status == 401
    assert form(await answer.text(), "sign_in")["state"] == "kept"
    assert "Set-Cookie" not in answer.headers


async def test_agreeing_needs_the_token_of_the_page(app_client: Http, app: dict[str, Any], nora: int) -> None:
    await sign_in(app_client, asked(app))
    forged = {**asked(app), "decision": "allow"}
    assert (await app_client.post("/oauth/authorize", data=forged)).status == 403
    elsewhere = {"Origin": "https://evil.example"}
    assert (await app_client.post("/oauth/authorize", data=forged, headers=elsewhere)).status == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "https://app.example.evil.example/callback?keep=1"},
        {"redirect_uri": CALLBACK + "&more=1"},
        {"redirect_uri": CALLBACK.upper()},
        {"redirect_uri": CALLBACK.replace("https:", "http:")},
        {"redirect_uri": ""},
        {"client_id": "unknown"},
        {"response_type": "token"},
        {"scope": "read write"},
        {"scope": "admin:read"},
        {"scope": "everything"},
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
        {"code_challenge": CHALLENGE},
    ],
)
async def test_a_wrong_request_is_told_on_a_page_and_leads_nowhere(
    app_client: Http, app: dict[str, Any], wrong: dict[str, str]
) -> None:
    answer = await app_client.get("/oauth/authorize", params={**asked(app), **wrong}, allow_redirects=False)
    assert answer.status == 400
    assert "Location" not in answer.headers


async def test_a_parameter_given_twice_is_refused(app_client: Http, app: dict[str, Any]) -> None:
    pairs = [*asked(app).items(), ("redirect_uri", CUSTOM)]
    assert (await app_client.get("/oauth/authorize", params=pairs)).status == 400


async def test_a_code_used_twice_ends_the_token_of_the_first_use(
    server: Server, app_client: Http, app: dict[str, Any], nora: int
) -> None:
    code = await code_for(app_client, asked(app))
    first = await (await exchange(app_client, app, code)).json()
    await oauth.viewer_of_token(server, first["access_token"])
    second = await exchange(app_client, app, code)
    assert (second.status, (await second.json())["error"]) == (400, "invalid_grant")
    with pytest.raises(Unauthorized):
        await oauth.viewer_of_token(server, first["access_token"])


@pytest.mark.parametrize(
    ("challenged", "verifier"), [(True, ""), (True, "w" * 43), (True, CHALLENGE), (False, VERIFIER)]
)
async def test_a_code_needs_the_proof_it_was_asked_with(
    app_client: Http, app: dict[str, Any], nora: int, challenged: bool, verifier: str
) -> None:
    more = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"} if challenged else {}
    code = await code_for(app_client, asked(app, **more))
    answer = await exchange(app_client, app, code, **({"code_verifier": verifier} if verifier else {}))
    assert (await answer.json())["error"] == "invalid_grant"
    assert answer.status == 400


async def test_a_code_is_good_for_its_app_and_address_alone(
    app_client: Http, nobody: Person, app: dict[str, Any], nora: int
) -> None:
    other = await nobody.post("/api/v1/apps", {"client_name": "Other", "redirect_uris": CALLBACK})
    code = await code_for(app_client, asked(app))
    assert (await exchange(app_client, other, code)).status == 400
    assert (await exchange(app_client, app, code, redirect_uri=CUSTOM)).status == 400
    wrong = await exchange(app_client, {**app, "client_secret": "wrong"}, code)
    assert (wrong.status, (await wrong.json())["error"]) == (401, "invalid_client")


async def test_a_code_is_worth_nothing_once_its_member_is_disabled(
    server: Server, app_client: Http, app: dict[str, Any], nora: int
) -> None:
    code = await code_for(app_client, asked(app))
    await server.db.write(lambda conn: users.change(conn, nora, disabled_at=now_ms()))
    assert (await exchange(app_client, app, code)).status == 400


@pytest.mark.parametrize("how", ["json", "basic", "query"])
async def test_an_app_gets_a_token_of_its_own(
    server: Server, app_client: Http, app: dict[str, Any], how: str
) -> None:
    secrets = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    grant = {"grant_type": "client_credentials"}
    if how == "json":
        answer = await app_client.post("/oauth/token", json={**grant, **secrets})
    elif how == "query":
        answer = await app_client.post("/oauth/token", params={**grant, **secrets})
    else:
        encoded = base64.b64encode(":".join(secrets.values()).encode()).decode()
        answer = await app_client.post(
            "/oauth/token", data=grant, headers={"Authorization": f"Basic {encoded}"}
        )
    viewer = await oauth.viewer_of_token(server, (await answer.json())["access_token"])
    assert viewer.account_id is None
    assert viewer.app_id == int(app["id"])


async def test_an_app_cannot_get_more_than_it_registered_for(app_client: Http, app: dict[str, Any]) -> None:
    asked_for = {
        "grant_type": "client_credentials",
        "scope": "write",
        **{k: app[k] for k in ("client_id", "client_secret")},
    }
    answer = await app_client.post("/oauth/token", data=asked_for)
    assert (answer.status, (await answer.json())["error"]) == (400, "invalid_scope")
    answer = await app_client.post("/oauth/token", data=asked_for | {"grant_type": "password", "scope": ""})
    assert (await answer.json())["error"] == "unsupported_grant_type"


async def test_revoking_ends_a_token_at_once_and_says_nothing_of_unknown_ones(
    server: Server, app_client: Http, nobody: Person, app: dict[str, Any], nora: int
) -> None:
    issued = await server.db.write(oauth.issue, nora, "read", app_id=int(app["id"]))
    await oauth.viewer_of_token(server, issued.access_token)
    other = await nobody.post("/api/v1/apps", {"client_name": "Other", "redirect_uris": CALLBACK})

    async def revoke(by: dict[str, Any], token: str) -> int:
        body = {"client_id": by["client_id"], "client_secret": by["client_secret"], "token": token}
        return int((await app_client.post("/oauth/revoke", json=body)).status)

    assert await revoke(app, "unknown") == 200
    assert await revoke(other, issued.access_token) == 400
    await oauth.viewer_of_token(server, issued.access_token)
    assert await revoke(app, issued.access_token) == 200
    with pytest.raises(Unauthorized):
        await oauth.viewer_of_token(server, issued.access_token)


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "/callback", "app.example",
        "https://app.example/#fragment", "https://", "https://user@app.example/", "", "x" * 3000, "https://a\u00a0b/",
    ],
)  # fmt: skip
async def test_dangerous_addresses_are_not_registered(nobody: Person, uri: str) -> None:
    answer = await nobody.raw("POST", "/api/v1/apps", json={"client_name": "App", "redirect_uris": uri})
    assert answer.status == 422
    assert (await answer.json())["error"]


async def test_an_app_registers_by_query_with_lines_of_addresses(app_client: Http) -> None:
    query = {"client_name": "<b>App</b>", "redirect_uris": f"{CUSTOM}\n{OUT_OF_BAND}"}
    made = await (await app_client.post("/api/v1/apps", params=query)).json()
    assert made["redirect_uris"] == [CUSTOM, OUT_OF_BAND]
    assert made["redirect_uri"] == f"{CUSTOM}\n{OUT_OF_BAND}"
    assert (made["scopes"], made["website"], made["client_secret_expires_at"]) == (["read"], None, 0)
    assert len(base64.urlsafe_b64decode(made["vapid_key"] + "=")) == 65
    page = await app_client.get("/oauth/authorize", params=asked(made, redirect_uri=CUSTOM))
    assert "&lt;b&gt;App" in await page.text()


async def test_standing_decides_what_a_token_opens(server: Server, nora: int) -> None:
    issued = await server.db.write(oauth.issue, nora, "read")
    for column, words in (("confirmed_at", "confirmed e-mail"), ("approved_at", "pending approval")):
        await server.db.write(lambda conn, column=column: users.change(conn, nora, **{column: None}))
        server.remembered.forget_member(nora)
        with pytest.raises(Forbidden, match=words):
            await oauth.viewer_of_token(server, issued.access_token)
        await server.db.write(lambda conn, column=column: users.change(conn, nora, **{column: now_ms()}))


async def test_metadata_names_endpoints_and_scopes(server: Server, app_client: Http) -> None:
    document = await (await app_client.get("/.well-known/oauth-authorization-server")).json()
    assert document["token_endpoint"] == f"{server.config.origin}/oauth/token"
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert {"profile", "read:statuses", "write:media", "admin:write:reports"} <= set(
        document["scopes_supported"]
    )


def test_scopes_contain_their_parts_and_follow_the_old_ones() -> None:
    assert scopes.within(scopes.parse("read:statuses write:follows"), ("read", "follow"))
    assert not scopes.within(("write:statuses",), ("write:media", "read", "follow"))
    assert scopes.within(("admin:read:accounts",), ("admin:read",))
    assert not scopes.within(("admin:read",), ("read",))
    with pytest.raises(Invalid):
        scopes.parse("read everything")
