"""What strangers and members write is text on every page of the panel, whatever it looks like (SECURITY ADM-06)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from fedserver import announcements, house_rules, invites, policies, reports, signup
from fedserver.context import Server
from fedserver.invites import NewInvite
from fedserver.moderation import appeals, domains
from fedserver.moderation import reports as moderation_reports
from fedserver.moderation.domains import Rule
from fedserver.reports import Complaint
from fedserver.signup import SignUp
from storage import instances, strikes, tables, users
from storage.types import new_id, now_ms
from tests.members import Person
from tests.pages.conftest import MakeReader
from tests.panel.test_gate import PARAMETER
from tests.people import add_stranger
from tests.security.test_pages_of_strangers import TRAP
from tests.security.test_pages_of_strangers import Page as Trapdoor
from web import gate


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"registrations": "approval"}


async def test_adm_06_what_strangers_wrote_runs_nowhere_in_the_panel(
    server: Server, signed_in: MakeReader, admin: Person, alice: Person
) -> None:
    boss = await signed_in("boss", role="admin")

    def strangers(conn: Any) -> None:
        there = add_stranger(conn, "ann", "trap.example")
        conn.execute(
            tables.account.update()
            .where(tables.account.c.id == there)
            .values(display_name=TRAP, note_html="<p>x</p>", note_source=TRAP)
        )
        instances.see(conn, ["trap.example"])
        conn.execute(
            tables.instance.update()
            .where(tables.instance.c.host == "trap.example")
            .values(software=TRAP, software_version=TRAP, last_error=TRAP, failing_since_at=1)
        )
        conn.execute(tables.login_session.update().values(user_agent=TRAP, ip="::1"))
        reports_about = tables.account.select().where(tables.account.c.id == there)
        assert conn.execute(reports_about).first() is not None

    await server.db.write(strangers)
    await reports.report(server, admin.member, Complaint(alice.account_id, (), comment=TRAP))
    asks = SignUp("nora", "nora@mail.example", "seven quiet otters", reason=TRAP, agreed=True)
    nora = (await signup.sign_up(server, asks)).account_id
    assert nora is not None
    await server.db.write(users.change, nora, confirmed_at=now_ms())
    await server.db.write(domains.decide, None, "bad.example", Rule("reject", public_comment=TRAP, note=TRAP))
    await house_rules.add(server, admin.member, TRAP, TRAP)
    await policies.write(server, admin.member, "terms", TRAP)
    await announcements.write(server, admin.member, announcements.Draft(TRAP))
    for kind, subject in (("account", alice.id), ("instance", "trap.example")):
        await moderation_reports.add_note(server, admin.member, kind, subject, TRAP)
    await invites.create(server, admin.member, NewInvite(note=TRAP))
    network = {"ip": "203.0.113.0/24", "severity": "sign_up_block", "comment": TRAP}
    await admin.post("/api/v1/admin/ip_blocks", network)
    await admin.post(f"/api/v1/admin/accounts/{alice.id}/action", {"type": "none", "text": TRAP})
    strike = (await server.db.read(strikes.of_account, alice.account_id))[0]
    await appeals.appeal(server, alice.member, strike.id, TRAP)

    def waiting(conn: Any) -> list[int]:
        """What else has words: a held post, a text for warnings, a list of servers that is followed."""
        held, preset, followed = new_id(), new_id(), new_id()
        conn.execute(
            tables.scheduled_post.insert().values(
                id=held,
                account_id=alice.account_id,
                draft=json.dumps({"text": TRAP}),
                scheduled_at=now_ms(),
                held_for=TRAP,
            )
        )
        conn.execute(tables.warning_preset.insert().values(id=preset, title=TRAP, text=TRAP))
        conn.execute(
            tables.domain_list.insert().values(
                id=followed,
                url="https://lists.example/",
                title=TRAP,
                problem=TRAP,
                due_at=0,
                created_at=0,
            )
        )
        return [
            *conn.scalars(select(tables.appeal.c.id)),
            *conn.scalars(select(tables.report.c.id)),
            followed,
        ]

    ids = [alice.id, *map(str, await server.db.write(waiting))]
    paths = [
        "/admin/federation?which=ruled", "/admin/federation/server?host=bad.example", "/admin/federation/server?host=trap.example",
        "/admin/emoji?q=%3Cimg%20src=x%20onerror=trap()%3E", "/about/rules", "/home", "/settings/security",
        f"/mod/log?about={alice.id}",
    ]  # fmt: skip
    for method, pattern in gate.WANTED:
        if method == "GET" and not pattern.startswith("/api/"):
            paths += dict.fromkeys(PARAMETER.sub(one, pattern) for one in ids)
    dangers, shown = [], set()
    for path in paths:
        page = await boss.open(path)
        assert page.status in (200, 404, 422), path
        if "trap()" in page.text:
            shown.add(path)
        if page.headers["Content-Type"].startswith("text/html"):
            dangers += [(path, danger) for danger in Trapdoor(page.text).dangers]
    assert dangers == []
    seen = {
        "/mod/joins", f"/mod/appeals/{ids[1]}", "/mod/held", "/mod/presets", "/mod/log", f"/mod/accounts/{alice.id}",
        "/admin/invites", "/admin/rules", "/admin/terms", "/admin/announcements", "/admin/federation/server?host=bad.example",
        "/admin/federation/server?host=trap.example", "/admin/federation/lists", "/settings/security",
    }  # fmt: skip
    assert seen - shown == set(), "the traps are where they are looked for"
