"""Setting up, serving, stopping, being killed: the server as whoever runs it knows it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import databases
from tests.client import Api
from tests.running import RunningServer, password_of

StartServer = Callable[..., RunningServer]
KINDS = ["sqlite", "postgresql"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_serves_until_it_is_asked_to_stop(start_server: StartServer, kind: str) -> None:
    server = start_server(kind)
    nobody = server.nobody()
    assert nobody.raw("GET", "/livez").status_code == 200
    assert "test mode" in nobody.raw("GET", "/readyz").text.lower()
    assert server.stop() == 0
    server.start(from_nothing=True)
    assert nobody.raw("GET", "/livez").status_code == 200
    assert server.stop() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_answered_outlives_a_power_cut(start_server: StartServer, kind: str) -> None:
    server = start_server(kind)
    alice = server.member("alice")
    status = alice.post("/api/v1/statuses", {"status": "Written just before"})
    server.kill()
    server.start()
    assert alice.get(f"/api/v1/statuses/{status['id']}")["uri"] == status["uri"]


def test_setting_up_twice_changes_nothing(running_server: RunningServer) -> None:
    before = running_server.nobody().get("/api/v2/instance")
    file = running_server.folder / "data" / "fedserver.toml"
    settings = file.read_text()
    running_server.command("init", "--domain", running_server.domain, "--url", running_server.origin)
    assert file.read_text() == settings
    assert running_server.nobody().get("/api/v2/instance")["domain"] == before["domain"]


def test_a_domain_is_for_good(running_server: RunningServer) -> None:
    with pytest.raises(AssertionError, match="cannot be changed"):
        running_server.command("init", "--domain", "other.example")


def test_the_first_admin_signs_in_with_a_link(running_server: RunningServer) -> None:
    made = running_server.command_json("init", "--admin", "first", "--email", "first@members.example")
    assert made["login_link"].startswith(running_server.origin)
    with running_server.nobody().http as browser:
        shown = browser.get(made["login_link"], follow_redirects=True)
    assert shown.status_code == 200
    assert "password" in shown.text


def test_serving_refuses_an_outdated_postgresql(tmp_path: Path) -> None:
    url = databases.postgresql_database()
    empty = databases.create_database(databases.postgresql_url())
    try:
        server = RunningServer(tmp_path, url)
        server.environment["FEDSERVER_DATABASE"] = empty
        with pytest.raises(AssertionError, match="fedserver migrate"):
            server.start()
        server.command("migrate")
        server.start()
        assert server.stop() == 0
    finally:
        databases.drop_database(url)
        databases.drop_database(empty)


def test_a_member_made_while_it_runs_can_use_it_at_once(running_server: RunningServer) -> None:
    made = ("carol", "--email", "carol@members.example", "--role", "moderator", "--password-stdin")
    carol = running_server.command_json("user", "create", *made, stdin=password_of("carol"))
    assert (carol["username"], carol["role"]) == ("carol", "moderator")
    token = running_server.command_json("token", "create", "carol", "--scopes", "read")["access_token"]
    api = Api(running_server.origin, token)
    assert api.me["id"] == carol["id"]
    assert api.raw("POST", "/api/v1/statuses", json={"status": "no"}).status_code == 403


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer s3cr3t\x01\r\n\r\n",
        b"GET /login/once/s3cr3t" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nCookie: session=s3cr3t" + b"x" * 9_000 + b"\r\n\r\n",
        b'G\x1b[2J{"event": "s3cr3t"} / HTTP/1.1\r\nHost: a\r\n\r\n',
        b"GET /\xe2\x80\xa8\x1b[2J\xff HTTP/1.1\r\nHost: a\r\nUser-Agent: x\t\x7f\xff\r\n\r\n",
    ],
    ids=["header", "address", "cookie", "verb", "path"],
)
def test_inj_03_of_what_is_no_request_the_log_tells_no_secret(
    running_server: RunningServer, sent: bytes
) -> None:
    before = len(running_server.log.read_text())
    with socket.create_connection(("127.0.0.1", running_server.port), timeout=10) as connection:
        connection.sendall(sent)
        assert b" 400 " in connection.recv(1000).partition(b"\r\n")[0]
    said = running_server.log.read_text()[before:]
    assert "s3cr3t" not in said
    for line in said.splitlines():
        assert set(json.loads(line)) >= {"time", "level", "logger", "event"}
        assert len(line) < 1_000


def test_it_ends_and_says_why_when_its_port_is_taken(running_server: RunningServer, tmp_path: Path) -> None:
    late = RunningServer(tmp_path, databases.sqlite_database(tmp_path), LISTEN=running_server.domain)
    with pytest.raises(AssertionError, match="Cannot listen on"):
        late.start()
