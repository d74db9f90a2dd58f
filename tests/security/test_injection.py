"""Texts that are commands to whoever reads a file, a header, a log, a mail or a query carelessly: SECURITY INJ."""

# Long because every case needs what the community has most of: members, groups, mails, tables, logs.

from __future__ import annotations

import asyncio
import csv
import io
import json
import logging
import re
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import SMTP
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from yarl import URL

from activitypub.signatures import sign_request
from fedserver import csv_tables, export, policies, signup
from fedserver.cli.main import cli
from fedserver.context import Server
from fedserver.mail_compose import Envelope, compose
from fedserver.moderation import domains, presets
from fedserver.moderation.domains import Rule
from fedserver.observe import JsonLines, PlainLines
from storage import policies as stored_policies
from tests.events.test_events import EVENTS
from tests.events.test_events import call as event_form
from tests.federation.stub import Door, Stub
from tests.groups.conftest import make_group, start
from tests.members import Person
from tests.moving_in.test_carrying import bring, whole
from tests.opportunities.made import OPPORTUNITIES
from tests.opportunities.made import call as call_form
from tests.pages.conftest import browser, signed_in
from tests.panel.test_gate import browser_of
from tests.resources.test_publishing import LESSON
from tests.security.test_odd_values import PARAMETER
from tests.test_oauth import CALLBACK, CHALLENGE, PASSWORD, VERIFIER, asked, code_for, exchange
from web.app import ROUTES

__all__ = ["browser", "make_group", "signed_in", "start"]

ROOT = Path(__file__).parents[2]
FORMULA = '=HYPERLINK("http://e.example","x")'
FORMULAS = (
    "=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", FORMULA, 'a"b,c\nd',
)  # fmt: skip
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def rows_of(written: bytes) -> list[list[str]]:
    """The rows of a table that is one by RFC 4180, and has no cell that a spreadsheet would compute."""
    assert written.endswith(b"\r\n")
    rows = list(csv.reader(io.StringIO(written.decode(), newline=""), strict=True))
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if cell.startswith(STARTS)]
    return rows


def test_inj_01_no_cell_of_a_table_is_a_formula() -> None:
    rows = rows_of(csv_tables.table(FORMULAS, [FORMULAS, FORMULAS]))
    assert len(rows) == 3
    for row in rows:
        assert [cell.removeprefix("'") for cell in row] == list(FORMULAS), "what was written is still there"


def test_inj_01_tables_are_written_in_one_place() -> None:
    writers = [
        str(path.relative_to(ROOT))
        for package in ("activitypub", "storage", "fedserver", "web")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"csv\.(writer|DictWriter)\b", path.read_text())
    ]
    assert writers == ["fedserver/csv_tables.py"]


async def test_inj_01_no_table_that_can_be_had_has_a_formula(
    server: Server, admin: Person, bob: Person
) -> None:
    """Every one there is, with names, titles, questions, answers and comments that are formulas."""
    await bob.patch("/api/v1/accounts/update_credentials", {"display_name": FORMULA})
    event = await admin.post(EVENTS, event_form(questions=[FORMULA]))
    await bob.post(f"{EVENTS}/{event['id']}/rsvp", {"status": "going", "answers": {FORMULA: "@SUM(1)"}})
    form = {"questions": [{"label": FORMULA, "required": True}], "blind": False}
    call = await admin.post(OPPORTUNITIES, call_form(form=form))
    await bob.post(f"{OPPORTUNITIES}/{call['id']}/apply", {"answers": {FORMULA: "+1"}, "submit": True})
    await policies.write(server, admin.member, "terms", "Share.")
    await policies.publish(server, admin.member, "terms", "")
    version = (await server.db.read(stored_policies.newest))["terms"]
    await server.db.write(domains.decide, None, "bad.example", Rule("reject", public_comment=FORMULA))
    await server.db.write(domains.decide, None, "good.example", Rule("allow"))
    await presets.put(server, admin.member, presets.Wording(FORMULA, "Text"))
    left_out = await bring(
        server, bob, csv_tables.table((), [(FORMULA, f"nobody_here@{server.config.domain}")]), "lists"
    )
    await whole(server, bob, left_out)
    calls = {
        f"GET {EVENTS}/{event['id']}/attendance": True,
        f"GET /events/{event['id']}/people.csv": True,
        f"GET {OPPORTUNITIES}/{call['id']}/applications.csv": True,
        f"GET /opportunities/{call['id']}/applications.csv": True,
        f"POST /admin/terms/versions/{version.id}/not-agreed.csv": True,
        "GET /admin/federation/lists/blocked.csv": True,
        "GET /admin/federation/lists/allowed.csv": False,  # names of servers alone
        f"GET /settings/import/{left_out}/left-out.csv": True,
        "POST /mod/log.csv": True,
        "POST /admin/measures.csv": False,  # numbers alone
    }
    for call_, has_formula in calls.items():
        method, _, path = call_.partition(" ")
        data = {"year": str(datetime.now(UTC).year)} if "measures" in path else None
        who = bob if "/settings/" in path else admin
        answer = await who.raw(method, path, headers=await browser_of(server, who), data=data)
        assert (answer.status, answer.content_type) == (200, "text/csv"), call_
        assert answer.headers["Content-Disposition"].startswith("attachment"), call_
        rows = rows_of(await answer.read())
        assert len(rows) > 1, call_
        assert any(cell.startswith("'=") for row in rows for cell in row) == has_formula, call_
    known = {(route.method, re.sub(r"\{[^/]*\}", "*", route.path)) for route in ROUTES}
    walked = {(one.split()[0], re.sub(r"/\d+", "/*", one.split()[1])) for one in calls}
    assert {one for one in known if one[1].endswith((".csv", "/attendance"))} - walked == {
        ("POST", f"{EVENTS}/*/attendance"), ("POST", "/events/*/attendance"),
    }  # fmt: skip


async def test_inj_01_what_a_member_takes_along_has_no_formula(
    server: Server, bob: Person, alice: Person
) -> None:
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    kept = await bob.post("/api/v1/lists", {"title": FORMULA})
    await bob.post(f"/api/v1/lists/{kept['id']}/accounts", {"account_ids": [alice.id]})
    keyword = {"keywords_attributes": [{"keyword": "@SUM(1)"}]}
    await bob.post("/api/v2/filters", {"title": "+1", "context": ["home"], **keyword})
    await bob.post(f"/api/v1/accounts/{alice.id}/note", {"comment": "-1+1\n=1"})
    await export.make_archive(server, {"account_id": bob.account_id})
    path = await export.archive(server, bob.member)
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv")]
        cells = {
            cell
            for name in names
            if (content := archive.read(name))
            for row in rows_of(content)
            for cell in row
        }
    assert {f"'{FORMULA}", "'+1", "'@SUM(1)", "'-1+1\n=1"} <= cells


async def test_inj_02_names_and_titles_add_no_header_to_a_mail(server: Server) -> None:
    """Nor does the name of a group, the address of what another server has sent, or the Message-ID of somebody's mail. An encoded
    word may hold what a text cannot."""
    encoded = "=?utf-8?q?x=0D=0ABcc=3A_evil=40evil.example=0D=0A=0D=0AHello?="
    nasty = f"Ann\r\nBcc: evil@evil.example\r\n\r\nHello {encoded} \u2028 " + "ü" * 400
    envelope = Envelope(
        "bob@mail.example",
        "test.1",
        "test",
        from_name=nasty,
        unsubscribe_url="https://a.example/unsubscribe/x",
        list_id=("group.a", nasty),
        reply_to=Address(nasty.replace("\r\n", " "), addr_spec="reply@a.example"),
        archive_url=f"https://b.example/{encoded}",
        answers=f"<{encoded}@b.example>",
    )
    mail = compose(server.config, nasty, "test", envelope, {"username": nasty})
    wire = mail.as_bytes(policy=SMTP)
    read = message_from_bytes(wire, policy=SMTP)
    assert (read["Bcc"], read["Cc"], str(read["To"])) == (None, None, "bob@mail.example")
    assert max(Counter(name.lower() for name in read).values()) == 1
    assert str(read["Reply-To"]).endswith("<reply@a.example>")
    head = wire.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc" not in head
    assert all(len(line) < 999 for line in wire.split(b"\r\n"))
    with pytest.raises(ValueError, match=r"."):
        compose(
            server.config, "x", "test", Envelope("a@b.example\r\nBcc: x@y.z", "t", "test"), {"username": "x"}
        )


def test_inj_03_an_event_is_one_line_of_the_log_whatever_is_in_it() -> None:
    nasty = 'x\r\n{"event": "forged"}\x1b[2J\x00' + '"' * 10 + "y" * 1_000_000
    record = logging.LogRecord("fedserver.x", logging.INFO, "f", 1, "GET %s", (nasty,), None)
    record.agent = nasty
    for line in (JsonLines().format(record), PlainLines().format(record)):
        assert "\n" not in line
        assert "\r" not in line
        assert "\x1b" not in line
        assert "\0" not in line
        assert len(line) < 20_000
    assert json.loads(JsonLines().format(record))["event"].startswith("GET x")
    try:
        raise RuntimeError(nasty + "\n12:00 INFO forged" * 9000)
    except RuntimeError:
        failed = logging.LogRecord("fedserver.x", logging.ERROR, "f", 1, "Failed", (), sys.exc_info())
    (line,) = JsonLines().format(failed).splitlines()
    assert len(line) < 50_000
    first, *rest = PlainLines().format(failed).splitlines()
    assert first.endswith("Failed")
    assert len("".join(rest)) < 100_000
    assert [line for line in rest if "forged" in line]
    for line in rest:
        assert line.startswith("    "), "what belongs to a traceback is seen to"
        assert line.isprintable()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged, as a server logs it that is asked to say everything."""
    said, ours = io.StringIO(), logging.getLogger("fedserver")
    handler, level = logging.StreamHandler(said), ours.level
    handler.setFormatter(JsonLines())
    logging.getLogger().addHandler(handler)
    ours.setLevel("DEBUG")
    yield said
    ours.setLevel(level)
    logging.getLogger().removeHandler(handler)


async def test_inj_03_a_request_is_one_line_and_no_secret_is_in_any(
    door: Door, there: Stub, nobody: Person, alice: Person, log: io.StringIO
) -> None:
    """User agent, name, path and id of an activity in which there would be another line; and everything by which somebody is
    known: passwords, codes, tokens, cookies, signatures."""
    server, ann, nasty = door.server, there.actor("ann"), '\t\x1b[2J"{}\x7f'
    await signup.make_user(
        server.db, server.uris, server.keys, username="nora", email="nora@mail.example", password=PASSWORD
    )
    app = await nobody.post("/api/v1/apps", {"client_name": "Reader", "redirect_uris": [CALLBACK]})
    code = await code_for(nobody.client, asked(app, code_challenge=CHALLENGE, code_challenge_method="S256"))
    answers = [await exchange(nobody.client, app, code, code_verifier=VERIFIER) for _ in range(2)]
    token = (await answers[0].json())["access_token"]
    guess = "a guess that is right elsewhere"
    for agent in ("Mozilla/5.0 (" + "x" * 7000, 'x" {"event": "forged"}'):
        await nobody.raw("GET", "/nothing", headers={"user-agent": agent, "authorization": f"Bearer {token}"})
        await nobody.raw(
            "GET", "/api/v1/markers", headers={"user-agent": agent, "authorization": "Bearer s3cr3t-t"}
        )
        await nobody.raw("POST", "/login", data={"username": f"nora\r\n{nasty}", "password": guess})
    for path in (
        "/no%0d%0athing%1b[2J",
        "/@x%22%7d%0a/" + "y" * 7000,
        "/api/v1/%e2%80%a8?access_token=s3cr3t-q",
    ):
        await nobody.client.get(URL(path, encoded=True))
    for path in ("/password/s3cr3t-p", "/confirm/s3cr3t-c", "/login/once/s3cr3t-o", "/unsubscribe/s3cr3t-u"):
        await nobody.client.get(path)
        await nobody.client.post(path, data={"password": guess, "csrf_token": "s3cr3t-f"})
    cookie = await browser_of(server, alice)
    await alice.raw("POST", "/settings/security/password", headers=cookie, data={"old": guess, "new": guess})
    signed = sign_request("cavage", "POST", f"{server.config.origin}/inbox", b"{}", ann.key, time.time())
    await nobody.client.post(
        "/inbox", data=b"{}", headers={**signed, "content-type": "application/activity+json"}
    )
    strange = f"{there.origin}/n/\r\n{nasty}" + "z" * 3000
    for activity in (ann.says("Announce", strange), {**ann.says("Like", strange), "id": strange}):
        await door.post(ann, activity)
        await door.post(there.actor("eve"), activity)
    await door.worker.idle()

    lines = log.getvalue().splitlines()
    found = [json.loads(line) for line in lines]
    assert max(map(len, lines)) < 20_000
    assert all(line.isprintable() for line in lines)
    requests = [one for one in found if one["logger"] == "fedserver.request"]
    assert len(requests) == sum(
        sample.value
        for metric in server.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "fedserver_requests_total"
    )
    assert [one for one in found if "forged" in one] == []
    secrets = (
        "s3cr3t", PASSWORD, guess, code, token, alice.token, app["client_secret"], VERIFIER, cookie["cookie"].partition("=")[2],
        cookie["x-csrf-token"], signed["Signature"].rpartition('signature="')[2].strip('"'),
    )  # fmt: skip
    assert [secret for secret in secrets if secret in log.getvalue()] == []


async def test_inj_04_what_is_sought_is_text_and_no_query(server: Server, admin: Person) -> None:
    await admin.post("/api/v1/statuses", {"status": "A needle's 100% _ \\ haystack"})
    words = (
        "'", '"', "';DROP TABLE post;--", "%", "_", "\\", "NEAR(a b)", "a*", '"a', "^a", "a OR b", "(", "a:b",
        "-", "1' OR '1'='1", "x' AND pg_sleep(5)--", "{", "$.a", "\u2019",
    )  # fmt: skip
    places = (
        "/api/v2/search?q=", "/api/v1/accounts/search?q=", "/api/v1/groups?q=", "/api/v1/resources?q=", "/api/v1/events?q=",
        "/api/v1/opportunities?q=", "/search?q=", "/resources?q=", "/mod/accounts?name=", "/mod/log?actor=", "/admin/emoji?q=",
        "/api/v1/admin/accounts?username=", "/api/v2/admin/accounts?email=", "/api/v1/groups?sort=", "/api/v1/resources?sort=",
        "/api/v1/directory?order=",
    )  # fmt: skip
    wrong = []
    for place in places:
        for word in words:
            path, _, name = place.partition("?")
            url = URL(path).with_query({name.rstrip("="): word})
            async with asyncio.timeout(5):
                answer = await admin.raw("GET", str(url))
                await answer.read()
            if answer.status >= 500:
                wrong.append((place, word, answer.status))
    assert wrong == []
    found = await admin.get("/api/v2/search", q="needle", type="statuses")
    assert len(found["statuses"]) == 1, "the table is still there"
    # What stands for anything in a pattern is sought as it is, and nobody is called so.
    for word in ("%", "_", "%%", "*", "%da", "a_a", "x' OR '1'='1"):
        assert await admin.get("/api/v1/groups", q=word) == [], word
        assert await admin.get("/api/v1/admin/accounts", username=word) == [], word
        assert (await admin.get("/api/v2/search", q=word))["accounts"] == [], word
    assert [one["username"] for one in await admin.get("/api/v1/admin/accounts", username="ad")] == ["ada"]


async def test_inj_06_no_path_leads_to_other_files(nobody: Person, admin: Person) -> None:
    ways = (
        "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..%252f..%252fetc/passwd", "..%5c..%5cetc%5cpasswd",
        "%c0%ae%c0%ae/etc/passwd", "..%ef%bc%8f..%ef%bc%8fetc/passwd", "%00/etc/passwd", "/etc/passwd",
        "....//....//etc/passwd", "fedserver.toml", "..%2ffedserver.toml", "..%2ffedserver.db",
    )  # fmt: skip
    places = (
        "/media/", "/media/aa/", "/media/remote/", "/static/", "/avatars/1/", "/users/", "/@", "/api/v1/media/",
        "/api/v1/resources/1/files/", "/resources/1/files/", "/settings/export/", "/groups/x/archives/", "/colours.css/",
        "/terms/", "/admin/emoji/",
    )  # fmt: skip
    wrong = []
    for person in (nobody, admin):
        for place in places:
            for way in ways:
                headers = {"authorization": f"Bearer {person.token}"} if person.token else {}
                answer = await person.client.request(
                    "GET", URL(place + way, encoded=True), headers=headers, allow_redirects=False
                )
                body = await answer.read()
                if answer.status not in (301, 302, 303, 400, 401, 403, 404, 405, 410) or b"root:" in body:
                    wrong.append((place + way, answer.status))
                if b"secret" in body.lower() and b"domain =" in body:
                    wrong.append((place + way, answer.status))
    assert wrong == []


async def test_inj_06_no_part_of_any_address_leads_to_other_files(server: Server, admin: Person) -> None:
    (server.config.data_dir / "fedserver.toml").write_text("# root: here")
    ways = (
        "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "..%5c..%5cfedserver.toml",
        "..%2ffedserver.toml",
        "%2e%2e",
    )
    headers = {"authorization": f"Bearer {admin.token}", **await browser_of(server, admin)}
    wrong = []
    for route in ROUTES:
        if route.method != "GET" or "{" not in route.path:
            continue
        for way in ways:
            path = PARAMETER.sub(lambda _, way=way: way, route.path)  # type: ignore[misc]
            answer = await admin.client.get(URL(path, encoded=True), headers=headers, allow_redirects=False)
            if b"root:" in await answer.read() or answer.status >= 500:
                wrong.append((path, answer.status))
    assert wrong == []


async def test_inj_07_nothing_that_is_asked_splits_a_header(
    server: Server, nobody: Person, alice: Person, bob: Person
) -> None:
    nasty = (
        "x%0d%0aSet-Cookie:%20a=b",
        "x%0aX-Evil:%201",
        "%e2%80%a8x",
        "x%22;%20filename=%22evil.exe",
        "%C3%BC%E2%82%AC",
    )
    places = (
        "/login?next=/", "/interact?uri=", "/authorize_interaction?uri=https://a.example/", "/api/v1/timelines/public?local=true&max_id=9&x=",
        "/api/v1/accounts/search?q=", "/search?q=", "/tags/", "/colours.css?v=", "/.well-known/webfinger?resource=", "/terms?lang=",
    )  # fmt: skip
    for person in (nobody, alice):
        headers = {"authorization": f"Bearer {person.token}"} if person.token else {}
        for place in places:
            for one in nasty:
                answer = await person.client.request(
                    "GET", URL(place + one, encoded=True), headers=headers, allow_redirects=False
                )
                await answer.read()
                assert "X-Evil" not in answer.headers, place
                assert "a=b" not in answer.headers.get("Set-Cookie", ""), place
                location = answer.headers.get("Location", "")
                assert location.isascii(), place
                assert urlsplit(location).netloc in ("", urlsplit(str(answer.url)).netloc), place
                assert answer.status < 500, place
    for one in nasty:
        for number in range(2):
            await alice.post("/api/v1/statuses", {"status": f"{one} {number}"})
        path = f"/api/v1/timelines/public?limit=1&local=true&x={one}"
        answer = await nobody.client.get(URL(path, encoded=True))
        link = answer.headers["Link"]
        assert link.isascii()
        assert link.isprintable()
        assert re.fullmatch(r'(<[^<>" ]+>; rel="(next|prev)"(, )?){2}', link), link
    browser = await browser_of(server, alice)
    for wanted, leads_to in (
        ("/tags/ü?q=€&x=%2F", "/tags/%C3%BC?q=%E2%82%AC&x=%2F"),
        ("/\u2028\r\nX-Evil: 1", "/@bob"),
    ):
        answer = await alice.raw("POST", "/@bob/unmute", headers=browser, data={"next": wanted})
        assert (answer.status, answer.headers["Location"]) == (303, leads_to)
        assert "X-Evil" not in answer.headers


@pytest.mark.parametrize(
    "name",
    [
        b"filename*=UTF-8''a%0D%0ASet-Cookie%3A%20a%3Db%0D%0A%0D%0A.txt",
        b"filename*=UTF-8''a%22%3B%20filename%3D%22evil.exe%22%3B.txt",
        'filename="\u202eexe.ü€\u2028.txt"'.encode(),
        b'filename="%0d%0aX-Evil: 1.txt"',
    ],
)
async def test_inj_07_the_name_of_a_file_is_one_value_of_a_header(
    alice: Person, nobody: Person, name: bytes
) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; ' + name + b"\r\n\r\nHello\r\n--x--\r\n"
    sent = await alice.post(
        "/api/v1/resources/files", data=body, headers={"content-type": "multipart/form-data; boundary=x"}
    )
    made = await alice.post("/api/v1/resources", {**LESSON, "version": {"file_ids": [sent["id"]]}})
    (file,) = made["versions"][0]["files"]
    for path in (urlsplit(file["url"]).path, f"/resources/{made['id']}/files/{file['id']}/%0d%0aX-Evil:%201"):
        answer = await nobody.client.get(URL(path, encoded=True))
        assert (answer.status, await answer.read()) == (200, b"Hello")
        said = answer.headers["Content-Disposition"]
        assert re.fullmatch(
            r"attachment; filename=\"[\w .-]+\"; filename\*=UTF-8''[\w.~%-]+", said, re.ASCII
        ), said
        assert not {"X-Evil", "Set-Cookie"} & set(answer.headers)


def test_inj_11_names_on_the_command_line_are_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_secrets: None
) -> None:
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(cli, ["init", "--domain", "a.example"]).exit_code == 0
    victim = tmp_path / "pwned"
    assert runner.invoke(cli, ["user", "create", "ada", "--email", "ada@mail.example"]).exit_code == 0
    for name in (
        "--help",
        "-h",
        ";touch pwned",
        "$(touch pwned)",
        "`touch pwned`",
        "a\nb",
        "../../x",
        "--admin",
        "|touch pwned",
        "x\0y",
    ):
        for command in (
            ["user", "create", "--email", "x@mail.example", "--", name],
            ["user", "suspend", "--", name],
            ["user", "role", "--", name, "admin"],
            ["token", "create", "--", name],
            ["group", "create", "--title", name, "--owner", name, "--", name],
            ["instance", "rule", "--", name, "limit"],
            ["partner", "offer", "--", name],
            *(
                []
                if "\0" in name  # no system has a file that is called so
                else [
                    ["group", "export", "--", name, name],
                    ["emoji", "add", "--", name, name],
                    ["import", "csv", "--as", "ada", "--", name],
                    ["restore", "--check", "--", name],
                ]
            ),
        ):
            done = runner.invoke(cli, command)
            assert done.exit_code in (1, 2), (command, done.output)
            assert done.exception is None or isinstance(done.exception, SystemExit), (command, done.exception)
        # What may be called anything is called so.
        if "\0" not in name:
            done = runner.invoke(cli, ["announcement", "add", "--draft", "--json", "--", f"{name} x"])
            assert done.exit_code == 0, (name, done.output)
    told = json.loads(runner.invoke(cli, ["announcement", "list", "--json"]).stdout)["announcements"]
    assert {"--help x", ";touch pwned x", "$(touch pwned) x", "a\nb x"} <= {one["text"] for one in told}
    assert not victim.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
    listed = runner.invoke(cli, ["user", "list", "--json"])
    assert [one["username"] for one in json.loads(listed.stdout)["users"]] == ["ada"]
