"""What every request goes through, whatever it is for: identity, forms, limits, errors, headers."""

# Long because every request goes through this house, and its rules are tried together.

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from fedserver import sessions
from fedserver.assembly import OutdatedSchema, build_server
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound, RateLimited, Unreachable
from tests import databases
from tests.api.uploads import upload
from tests.conftest import MakeConfig
from tests.members import Person
from web import auth, forms, keys, replies
from web.app import build_app
from web.guard import allow_form_to
from web.params import Params, Unreadable, put
from web.proxies import Proxies, subject
from web.templating import StaticFiles

Client = TestClient[Any, Any]
ERRORS: dict[str, Exception] = {
    "missing": NotFound(),
    "invalid": Invalid({"name": "can't be blank"}),
    "conflict": Conflict(),
    "often": RateLimited(7),
    "far": Unreachable(),
    "bug": KeyError("a secret of ours"),
}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Nothing here depends on the kind of database."""
    return databases.sqlite_database(tmp_path / "database")


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"rate_limit_factor": "1", "contact_email": "office@a.example", "trusted_proxies": "127.0.0.0/8"}


async def _echo(request: web.Request) -> web.Response:
    """What was understood of the input; files by their length."""
    tree = (await forms.params(request)).tree
    return replies.json(json.dumps(tree, default=lambda upload: upload.path.stat().st_size).encode())


async def _who(request: web.Request) -> web.Response:
    asking = auth.viewer(request, "read:accounts")
    return replies.json({"account_id": asking.account_id})


async def _members_only(request: web.Request) -> web.Response:
    return replies.json({"account_id": auth.member(request, "write:statuses").account_id})


async def _fails(request: web.Request) -> web.Response:
    raise ERRORS[request.match_info["kind"]]


async def _consent(request: web.Request) -> web.Response:
    allow_form_to(request, request.query["to"])
    return web.Response(text="consent")


async def _form(request: web.Request) -> web.Response:
    return web.Response(text=forms.csrf_token(request))


@pytest.fixture
async def app_client(server: Server) -> AsyncIterator[Client]:
    app = build_app(server)
    app.router.add_post("/api/v1/echo", _echo)
    app.router.add_get("/api/v1/who", _who)
    app.router.add_post("/api/v1/members", _members_only)
    app.router.add_get("/api/v1/fails/{kind}", _fails)
    app.router.add_get("/fails/{kind}", _fails)
    app.router.add_get("/consent", _consent)
    app.router.add_get("/form", _form)
    app.router.add_post("/form", _members_only)
    port = server.config.listen_on.port
    async with TestClient(TestServer(app, host="127.0.0.1", port=port)) as client:
        yield client


@pytest.fixture
async def cookie(server: Server, alice: Person) -> dict[str, str]:
    """Alice's browser, signed in."""
    session = await server.db.write(sessions.begin, alice.account_id)
    return {"Cookie": f"{auth.cookie_name(server.config.origin)}={session.secret}"}


# --- forms


@pytest.mark.parametrize(
    "sent",
    [
        {"params": [("status", "hi"), ("media_ids[]", "1"), ("media_ids[]", "2"), ("poll[multiple]", "on")]},
        {"data": [("status", "hi"), ("media_ids[]", "1"), ("media_ids[]", "2"), ("poll[multiple]", "1")]},
        {"json": {"status": "hi", "media_ids": ["1", "2"], "poll": {"multiple": True}}},
        {"json": {"status": "hi", "media_ids[]": ["1", "2"], "poll[multiple]": "true"}},
    ],
    ids=["query", "form", "json", "json with form keys"],
)
async def test_every_encoding_means_the_same(app_client: Client, sent: dict[str, Any]) -> None:
    understood = Params(await (await app_client.post("/api/v1/echo", **sent)).json())
    assert understood.text("status") == "hi"
    assert understood.ids("media_ids") == [1, 2]
    assert understood.nested("poll").flag("multiple") is True


async def test_multipart_carries_files_and_fields(app_client: Client, server: Server) -> None:
    form = aiohttp.FormData()
    form.add_field("fields_attributes[0][name]", "Site")
    form.add_field("file", b"x" * 300_000, filename="a.png", content_type="image/png")
    answer = await (await app_client.post("/api/v1/echo", data=form)).json()
    assert answer == {"fields_attributes": {"0": {"name": "Site"}}, "file": 300_000}
    assert list((server.config.data_dir / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"[1]", 400),
        ("application/json", b'{"a":"\\u0000"}', 400),
        ("application/json", b'{"a":"\\ud800"}', 400),
        ("application/json", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        ("application/json; charset=latin-1", b"{}", 400),
        ("application/x-www-form-urlencoded", b"a=%ff", 400),
        ("application/x-www-form-urlencoded", b"a=%00", 400),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(2000)), 413),
        ("application/json", b'{"a":"' + b"x" * (1 << 20) + b'"}', 413),
        ("text/plain", b'{"status":"hi"}', 415),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n", 400),
        ("multipart/form-data", b"--x", 400),
    ],
)
async def test_unusable_bodies_are_refused(app_client: Client, kind: str, body: bytes, status: int) -> None:
    answer = await app_client.post("/api/v1/echo", data=body, headers={"Content-Type": kind})
    assert answer.status == status
    assert isinstance((await answer.json())["error"], str)


def test_lists_of_parts_are_read_as_rails_reads_them() -> None:
    tree: dict[str, Any] = {}
    for key, value in [
        ("a[][x]", "1"),
        ("a[][y]", "2"),
        ("a[][x]", "3"),
        ("b[1]", "q"),
        ("b[0]", "p"),
        ("c", "z"),
    ]:
        put(tree, key, value)
    found = Params(tree)
    assert [part.tree for part in found.children("a")] == [{"x": "1", "y": "2"}, {"x": "3"}]
    assert found.texts("b") == ["p", "q"]
    assert found.texts("c") == ["z"]
    with pytest.raises(Unreadable):
        put(tree, "d" + "[e]" * 20, "deep")


@pytest.mark.parametrize("word", ["true", "1", "on", "t", True, 1, ["0", "1"]])
def test_yes_has_many_spellings(word: Any) -> None:
    assert Params({"flag": word}).flag("flag") is True


def test_wrong_values_name_their_field() -> None:
    with pytest.raises(Invalid) as caught:
        Params({"poll": {"expires_in": "soon"}}).nested("poll").integer("expires_in")
    assert caught.value.fields == {"poll[expires_in]": "must be a whole number"}


# --- identity


async def test_a_token_is_known_whatever_the_case_of_its_scheme(app_client: Client, alice: Person) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = await app_client.get("/api/v1/who", headers={"Authorization": f"{scheme} {alice.token}"})
        assert await answer.json() == {"account_id": alice.account_id}


async def test_a_wrong_token_is_refused_even_where_none_is_needed(app_client: Client) -> None:
    answer = await app_client.get("/api/v1/who", headers={"Authorization": "Bearer nonsense"})
    assert answer.status == 401
    assert await answer.json() == {"error": "The access token is invalid"}
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_api_takes_neither_cookies_nor_tokens_in_the_address(
    app_client: Client, alice: Person, cookie: dict[str, str]
) -> None:
    assert (await app_client.post("/api/v1/members", headers=cookie)).status == 401
    assert (await app_client.post(f"/api/v1/members?access_token={alice.token}")).status == 401


async def test_a_page_form_needs_the_token_of_its_own_session(
    app_client: Client, server: Server, cookie: dict[str, str], alice: Person, bob: Person
) -> None:
    """WEB-01."""
    token = await (await app_client.get("/form", headers=cookie)).text()
    origin = {"Origin": server.config.origin}
    others = await server.db.write(sessions.begin, bob.account_id)
    theirs = {"Cookie": f"{auth.cookie_name(server.config.origin)}={others.secret}"}
    foreign = await (await app_client.get("/form", headers=theirs)).text()

    async def send(csrf: str, **headers: str) -> int:
        sent = await app_client.post(
            "/form", data={"csrf_token": csrf}, headers={**cookie, **headers}, allow_redirects=False
        )
        return sent.status

    assert await send(token, **origin) == 200
    # By another name of this machine, as the browser reached it.
    assert await send(token, Origin="http://here.example", Host="here.example") == 200
    assert await send(token, Origin="http://[", Host="here.example") == 403
    assert await send("", **origin) == 403
    assert await send(foreign, **origin) == 403
    assert await send(token, Origin="https://evil.example") == 403
    assert await send(token, Origin="null") == 403
    assert await send(token, **{"Sec-Fetch-Site": "cross-site"}) == 403


async def test_a_visitor_is_led_to_the_door_and_back(app_client: Client) -> None:
    answer = await app_client.post("/form", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=%2F")


@pytest.mark.parametrize(
    "target",
    [
        "//evil",
        "/\\evil",
        "https:evil",
        "javascript:alert(1)",
        "/\t/evil",
        "@evil",
        "/a\r\nb",
        "",
        "\\/evil",
        "/ /x",
    ],
)
def test_web_04_nobody_is_led_elsewhere(target: str) -> None:
    """WEB-04."""
    assert forms.safe_next(target, "/home") == "/home"


# --- errors


@pytest.mark.parametrize(
    ("kind", "status"),
    [("missing", 404), ("invalid", 422), ("conflict", 409), ("often", 429), ("far", 502), ("bug", 500)],
)
async def test_each_reader_is_told_in_its_own_form(app_client: Client, kind: str, status: int) -> None:
    api = await app_client.get(f"/api/v1/fails/{kind}")
    page = await app_client.get(f"/fails/{kind}", headers={"Accept": "text/html"})
    wire = await app_client.get(f"/fails/{kind}", headers={"Accept": "application/activity+json"})
    assert [api.status, page.status, wire.status] == [status] * 3
    assert set(await api.json()) <= {"error", "details"}
    assert page.content_type == "text/html"
    assert wire.content_type == "application/problem+json"
    assert (await wire.json(content_type=None))["status"] == status
    assert "secret" not in await api.text() + await page.text() + await wire.text()


async def test_web_10_unknown_addresses_and_verbs(app_client: Client) -> None:
    """WEB-10."""
    missing = await app_client.get("/api/v1/nothing")
    assert (missing.status, missing.content_type) == (404, "application/json")
    wrong = await app_client.delete("/api/v1/who")
    assert wrong.status == 405
    assert "GET" in wrong.headers["Allow"]
    nasty = "<img src=x onerror=alert(1)>"
    for method, path, status in (
        ("GET", f"/{nasty}", 404),
        ("GET", f"/@{nasty}", 404),
        ("DELETE", f"/fails/{nasty}", 405),
        ("GET", f"/fails/{nasty}", 500),
        ("GET", f"/api/v1/fails/{nasty}", 500),
    ):
        page = await app_client.request(method, path, headers={"Accept": "text/html"})
        assert page.status == status, path
        text = await page.text()
        assert "<img src=x" not in text, path
        assert not re.search(r"Traceback|KeyError|\.py\b", text), path


async def test_a_failure_nobody_foresaw_is_logged_once_with_its_request(
    app_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await app_client.get("/api/v1/fails/bug")
    assert [record.levelname for record in caplog.records if record.name == "fedserver.web"] == ["ERROR"]


async def test_inj_03_links_from_mails_leave_no_secret_in_the_log(
    app_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "fedserver")
    await app_client.get("/login/once/s3cr3t", headers={"Authorization": "Bearer s3cr3t"})
    await app_client.get("/password/s3cr3t?token=s3cr3t")
    assert len([record for record in caplog.records if record.name == "fedserver.request"]) == 2
    assert "s3cr3t" not in caplog.text


# --- headers


async def test_web_06_every_answer_is_guarded(app_client: Client, server: Server, alice: Person) -> None:
    """WEB-02, WEB-03, WEB-06."""
    picture = (await upload(alice))["url"].removeprefix(server.config.origin)
    static = app_client.app[keys.PAGES].static.url("site.css")
    for path, status in (
        ("/livez", 200),
        ("/about", 200),
        (static, 200),
        (picture, 200),
        ("/.well-known/nodeinfo", 200),
        ("/login?next=/", 200),
        ("/home", 303),
        ("/api/v1/who", 200),
        ("/nothing", 404),
        ("/static/nothing", 404),
        ("/media/nothing", 404),
        ("/api/v1/nothing", 404),
        ("/fails/bug", 500),
        ("/api/v1/fails/bug", 500),
    ):
        answer = await app_client.get(path, allow_redirects=False)
        headers = answer.headers
        assert answer.status == status, path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY", path
        assert headers["Referrer-Policy"] == "same-origin", path
        assert "camera=()" in headers["Permissions-Policy"], path
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert ("sandbox" in policy) == path.startswith("/media/"), path
        assert headers["Server"] == "fedserver", path
        assert "X-Powered-By" not in headers, path
        assert "Strict-Transport-Security" not in headers, path
        assert re.fullmatch("[0-9a-f]{16}", headers["X-Request-Id"])


class TestOverHttps:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"domain": "here.example", "url": "https://here.example"}

    async def test_web_06_browsers_are_told_to_stay_with_https(self, app_client: Client) -> None:
        """WEB-06."""
        for path in ("/livez", "/about", "/nothing", "/fails/bug", "/static/nothing", "/media/nothing"):
            told = (await app_client.get(path)).headers["Strict-Transport-Security"]
            assert int(told.partition("max-age=")[2]) >= 31_536_000, path


async def test_forms_may_end_where_the_page_says(app_client: Client) -> None:
    for to, source in (
        ("icecubesapp://oauth", "icecubesapp:"),
        ("https://app.example:8443/back", "https://app.example:8443"),
        ("javascript:alert(1)", ""),
        ("http://[", ""),
        ("https://a.example;script-src */x", ""),
    ):
        policy = (await app_client.get("/consent", params={"to": to})).headers["Content-Security-Policy"]
        assert policy.partition("form-action ")[2] == f"'self' {source}".strip()


@pytest.mark.parametrize("origin", ["https://app.example", "null"])
async def test_web_05_pages_of_other_sites_may_ask_the_api_but_nothing_with_cookies(
    app_client: Client, alice: Person, cookie: dict[str, str], origin: str
) -> None:
    """WEB-05."""
    token = {"Authorization": f"Bearer {alice.token}"}
    finger = "/.well-known/webfinger?resource=acct:alice"
    for method, path, headers, allowed in (
        ("GET", "/api/v1/who", {}, True),
        ("GET", "/api/v1/who", token, True),
        ("GET", "/api/v1/who", cookie, True),  # which counts for nothing there
        ("GET", "/api/v1/nothing", {}, True),
        ("POST", "/oauth/token", {}, True),
        ("GET", finger, {}, True),
        ("GET", "/@alice", {}, True),
        ("GET", "/form", {}, False),
        ("GET", "/login", {}, False),
        ("GET", "/oauth/authorize", cookie, False),
        ("GET", "/form", cookie, False),
        ("GET", "/@alice", cookie, False),
        ("GET", "/settings/profile", cookie, False),
        ("POST", "/form", cookie, False),
    ):
        asked = {"Origin": origin, "Access-Control-Request-Method": method}
        answer = await app_client.request(method, path, headers=asked | headers, allow_redirects=False)
        before = await app_client.options(path, headers=asked)
        assert before.status == (204 if allowed or path == "/@alice" else 405), path
        for one in (answer, before):
            assert "Access-Control-Allow-Credentials" not in one.headers, path
            assert one.headers.get("Access-Control-Allow-Origin", "*") == "*", path
        assert ("Access-Control-Allow-Origin" in answer.headers) is allowed, (path, headers)
        if before.status == 204:
            assert "Authorization" in before.headers["Access-Control-Allow-Headers"]
        else:
            assert "Access-Control-Allow-Origin" not in before.headers


# --- limits and proxies


async def test_limits_are_told_and_kept(app_client: Client, alice: Person) -> None:
    token = {"Authorization": f"Bearer {alice.token}"}
    first = await app_client.get("/api/v1/who", headers=token)
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("300", "299")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first.headers["X-RateLimit-Reset"])
    answers = [await app_client.post("/api/v1/apps", data={"client_name": ""}) for _ in range(6)]
    assert answers[4].status != 429
    assert answers[5].status == 429
    assert int(answers[5].headers["Retry-After"]) > 0
    assert await answers[5].json() == {"error": "Too many requests"}
    assert (await app_client.get("/livez")).status == 200


async def test_a_limit_follows_the_address_the_proxy_names(app_client: Client) -> None:
    """LIM-02: of an IPv6 address its /64 counts."""

    async def left(**headers: str) -> int:
        answer = await app_client.get("/api/v1/who", headers=headers)
        return int(answer.headers["X-RateLimit-Remaining"])

    assert await left(**{"X-Forwarded-For": "203.0.113.5"}) == 299
    assert await left(**{"X-Forwarded-For": "6.6.6.6, 203.0.113.5"}) == 298
    assert await left(**{"X-Forwarded-For": "203.0.113.6"}) == 299
    assert await left(**{"X-Forwarded-For": "2001:db8::1"}) == 299
    assert await left(**{"X-Forwarded-For": "2001:db8::2"}) == 298
    assert await left(**{"X-Forwarded-For": "2001:db8:0:1::2"}) == 299


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "127.0.0.1", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 8.8.8.8", "8.8.8.8"),
        ("10.0.0.1", "8.8.8.8, 10.0.0.2", "8.8.8.8"),
        ("10.0.0.1", "8.8.8.8:1234", "8.8.8.8"),
        ("10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.0.0.1", "nonsense", "unknown"),
        ("::ffff:10.0.0.1", "8.8.8.8", "8.8.8.8"),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded: str, client: str) -> None:
    """AUT-02."""
    assert Proxies(["10.0.0.0/8"])._client(peer, forwarded) == client
    assert subject("2001:db8::1") == subject("2001:db8::ffff")


# --- negotiation and paging


@pytest.mark.parametrize(
    ("accept", "activity"),
    [
        ("application/activity+json", True),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams"', True),
        ("APPLICATION/LD+JSON;profile=https://www.w3.org/ns/activitystreams", True),
        ("application/ld+json", True),
        ('application/ld+json; profile="https://example.org/other"', False),
        ("application/activity+json, text/html;q=0.5", True),
        ("application/activity+json;q=0.5, text/html", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/activity+json;q=0", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_who_wants_a_document_and_who_a_page(accept: str, activity: bool) -> None:
    assert replies._prefers_activity(accept) is activity


async def test_paging_links_keep_every_filter_and_name_our_origin(server: Server) -> None:
    async def listing(request: web.Request) -> web.Response:
        return replies.page(request, b"[]", newest=9, oldest=5)

    app = build_app(server)
    app.router.add_get("/api/v1/list", listing)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/api/v1/list?types[]=a&types[]=b&limit=2&max_id=10")
    base = f"{server.config.origin}/api/v1/list?types%5B%5D=a&types%5B%5D=b&limit=2"
    assert answer.headers["Link"] == f'<{base}&max_id=5>; rel="next", <{base}&min_id=9>; rel="prev"'


# --- being found, and being watched


async def test_webfinger_knows_members_and_the_server(
    app_client: Client, server: Server, alice: Person
) -> None:
    domain, origin = server.config.domain, server.config.origin
    for resource in (
        f"acct:alice@{domain}",
        f"ALICE@{domain}",
        f"@alice@{domain}",
        f"{origin}/users/alice",
        f"{origin}/@alice",
    ):
        answer = await app_client.get("/.well-known/webfinger", params={"resource": resource})
        assert answer.content_type == "application/jrd+json", resource
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        found = await answer.json(content_type=None)
        assert found["subject"] == f"acct:alice@{domain}"
        assert found["links"][0]["href"] == f"{origin}/users/alice"
    answer = await app_client.get("/.well-known/webfinger", params={"resource": f"{origin}/"})
    assert (await answer.json(content_type=None))["links"][0]["href"] == f"{origin}/actor"


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ("", 400),
        ("acct:", 400),
        ("acct:a@b@c d", 400),
        ("acct:nobody@DOMAIN", 404),
        ("acct:alice@evil.example", 404),
        ("https://evil.example/users/alice", 404),
        ("acct:" + "x" * 5000 + "@DOMAIN", 400),
    ],
)
async def test_webfinger_refuses_the_rest(
    app_client: Client, server: Server, resource: str, status: int
) -> None:
    asked = {"resource": resource.replace("DOMAIN", server.config.domain)}
    answer = await app_client.get("/.well-known/webfinger", params=asked)
    assert (answer.status, answer.content_type) == (status, "application/problem+json")


async def test_web_10_security_txt_names_a_contact(app_client: Client) -> None:
    """WEB-10."""
    answer = await app_client.get("/.well-known/security.txt")
    assert answer.content_type == "text/plain"
    told = dict(line.split(": ", 1) for line in (await answer.text()).splitlines())
    assert told["Contact"] == "mailto:office@a.example"
    # RFC 9116 §2.5.5: less than a year ahead.
    ahead = datetime.fromisoformat(told["Expires"]) - datetime.now(UTC)
    assert timedelta() < ahead < timedelta(days=365)


async def test_watchers_are_told_whether_all_is_well(app_client: Client) -> None:
    ready = await (await app_client.get("/readyz")).json()
    assert ready == {"ready": True, "notes": ["federation test mode is on"]}
    app_client.app[keys.READINESS].stopping = True
    assert (await app_client.get("/readyz")).status == 503
    assert (await app_client.head("/livez")).status == 200


async def test_metrics_are_for_this_machine_only(app_client: Client) -> None:
    await app_client.get("/api/v1/who")
    text = await (await app_client.get("/metrics")).text()
    assert 'fedserver_requests_total{route="/api/v1/who",status="200"} 1.0' in text
    assert 'fedserver_queue_depth{queue="deliveries",state="waiting"} 0.0' in text
    assert (await app_client.get("/metrics", headers={"X-Forwarded-For": "8.8.8.8"})).status == 404
    assert (await app_client.get("/metrics", headers={"Via": "1.1 front"})).status == 404


# --- static files and starting


async def test_inj_06_static_files_are_served_by_name_and_never_from_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "app.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    static = StaticFiles(folder)
    app = web.Application()
    app.router.add_get("/static/{path:.+}", static.serve)
    async with TestClient(TestServer(app)) as client:
        current = await client.get(static.url("app.js"))
        assert (current.content_type, "immutable" in current.headers["Cache-Control"]) == (
            "text/javascript",
            True,
        )
        old = await client.get("/static/000000000000/app.js")
        assert (old.status, "immutable" in old.headers["Cache-Control"]) == (200, False)
        for path in (
            "../secret.txt",
            "%2e%2e/secret.txt",
            "..%2fsecret.txt",
            f"{static.version}/..%2fsecret.txt",
        ):
            assert (await client.get(URL(f"/static/{path}", encoded=True))).status == 404
    with pytest.raises(KeyError):
        static.url("missing.js")


async def test_a_server_refuses_a_postgresql_it_was_not_written_for(config: MakeConfig) -> None:
    url = databases.create_database(databases.postgresql_url())
    try:
        with pytest.raises(OutdatedSchema, match="fedserver migrate"):
            async with build_server(config(database=url)):
                pass
    finally:
        databases.drop_database(url)
