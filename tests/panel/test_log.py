"""The audit log and what is told of it: filtered, taken along, checked; and numbers without names for everybody."""

from __future__ import annotations

import ast
import csv
import io
import re
from pathlib import Path
from typing import Any

from sqlalchemy import update

import fedserver
import web
from fedserver.context import Server
from fedserver.moderation import domains
from fedserver.moderation.actions import BANNED, LASTING
from fedserver.moderation.domains import Rule
from fedserver.moderation.rulings import MEASURES, STRIKE_ACTIONS
from storage import instances, strikes, tables
from storage.types import now_ms
from tests.members import Person
from tests.panel.conftest import KnownAs, MakeReader
from tests.people import add_member

DAY_MS = 86_400_000


async def test_the_log_is_filtered_checked_and_taken_along(
    server: Server, signed_in: MakeReader, known: KnownAs
) -> None:
    mo = await signed_in("mo", role="moderator")
    await signed_in("alice")
    alice = await known("alice")
    here = f"/mod/accounts/{alice.id}"
    await mo.submit(await mo.open(here), f"{here}/notes", {"text": "=cmd|x"})
    page = await mo.submit(await mo.open(here), "/mod/decide/confirm", {"measures[]": ["silence"]})
    await mo.submit(page, "/mod/decide")
    page = await mo.open("/mod/log?action=silence")
    assert not page.problems
    words = " ".join(page.words().split())
    assert "mo limited: account alice" in words
    assert "expires in" not in words, "nothing is said of what is not there"
    assert "create_note" not in words
    assert "No such entry" in (await mo.open("/mod/log?actor=nobody")).words()
    assert "No such entry" in (await mo.open("/mod/log?to=2000-01-01")).words()
    page = await mo.open("/mod/log?from=someday")
    assert "Must be a day" in page.words()

    page = await mo.open("/mod/log?type=account")
    (form,) = [one for one in page.all("form") if "/mod/log.csv" in (one.get("action") or "")]
    page = await mo.submit(page, form.get("action"))
    rows = list(csv.DictReader(io.StringIO(page.text)))
    assert [one["action"] for one in rows] == ["silence", "create_note"]
    assert "mo took along" in " ".join((await mo.open("/mod/log")).words().split())

    assert "entries are as they were written" in (await mo.open("/mod/log/check")).words()
    broken = update(tables.audit_entry).where(tables.audit_entry.c.number == 2).values(actor_name="ada")
    await server.db.write(lambda conn: conn.execute(broken))
    assert "Entry 2 is not as it was written" in (await mo.open("/mod/log/check")).words()


def said_in(node: ast.AST) -> set[Any]:
    """The texts of an expression, as far as they stand there whole."""
    if isinstance(node, ast.Constant):
        return {node.value}
    parts = [] if isinstance(node, ast.JoinedStr) else ast.iter_child_nodes(node)
    return {one for part in parts for one in said_in(part)}


def test_whatever_is_logged_has_words() -> None:
    logged: set[Any] = {f"{how}{one}" for one in LASTING for how in ("un", "end_")} | {
        "end_rule",
        f"end_{BANNED}",
    }
    logged |= {f"undo_{one}" for one in STRIKE_ACTIONS.values() if one not in LASTING} | {*MEASURES}
    for path in Path(fedserver.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and "audit.note" in map(ast.unparse, (call.func, *call.args)):
                logged |= said_in(call.args[2])
    assert len(logged) > 50
    words = (Path(web.__file__).parent / "templates/panel/parts.html").read_text()
    known = re.findall(r'"(\w+)": _\(', words.partition("set audit_words")[2].partition("%}")[0])
    assert logged - {*known} == set()


async def test_anybody_reads_numbers_that_point_at_nobody(server: Server, signed_in: MakeReader) -> None:
    def write(conn: Any) -> None:
        for number in range(7):
            account_id = add_member(conn, f"person{number}")
            strikes.add(conn, account_id, actor_id=None, action="silence")
            if number < 2:
                strikes.add(conn, account_id, actor_id=None, action="suspend")
        conn.execute(update(tables.strike).values(created_at=now_ms() - 2 * DAY_MS))

    await server.db.write(write)
    visitor = await signed_in("reader")
    page = await visitor.open("/about/moderation")
    rows = {
        row[0]: row[1:]
        for row in ([" ".join("".join(cell.itertext()).split()) for cell in tr] for tr in page.all("tr"))
    }
    assert rows["Accounts limited"] == ["7", "7"]
    assert rows["Accounts suspended"] == ["fewer than 5", "fewer than 5"]
    assert rows["Warnings"] == ["0", "0"]
    assert "person" not in page.words()


async def test_anybody_reads_which_servers_are_kept_out_and_why(
    server: Server, admin: Person, signed_in: MakeReader
) -> None:
    for host, rule in (
        ("spam.example", Rule("reject", note="Told by bob", public_comment="Only <b>adverts</b>")),
        ("shy.example", Rule("limit", obfuscates=True)),
        ("mute.example", Rule("noop", rejects_media=True, public_comment="Pictures")),
    ):
        await domains.set_rule(server, admin.member, host, rule)
    visitor = await signed_in("reader")
    page = await visitor.open("/about/moderation")
    assert not page.problems
    words = page.words()
    assert "spam.example" in words
    assert "Only <b>adverts</b>" in words
    assert not any(one in words for one in ("bob", "shy.example", "mute.example"))

    def many(conn: Any) -> None:
        for number in range(100):
            instances.set_rules(conn, f"s{number}.example", policy="reject", public_comment="Listed")

    await server.db.write(many)
    page = await visitor.open("/about/moderation")
    (more,) = [one.get("href") for one in page.all("a", rel="next")]
    page = await visitor.open(more)
    assert (page.words().count("Listed"), "spam.example" in page.words()) == (0, True)
