"""Everything about another server is on one page, for those who moderate: how it fares, reports, notes, what was decided."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import Connection, update

from fedserver.context import Server
from fedserver.moderation import domains, server_files
from fedserver.moderation.domains import Rule
from storage import accounts, domain_lists, instances, reports
from storage.tables import instance
from storage.types import new_id, now_ms
from tests.conftest import MakeMember
from tests.counting import fewest_statements
from tests.pages.conftest import MakeReader, browser, signed_in
from tests.pages.visitor import Page, Visitor
from tests.panel.test_running_it import follow, give_up

__all__ = ["browser", "signed_in"]

HERE = "/admin/federation"
CASES = "/api/v1/admin/cases"
BLOCKS = "/api/v1/admin/domain_blocks"
LOUD = f"{HERE}/server?host=loud.example"


@pytest.fixture
async def ada(signed_in: MakeReader) -> Visitor:
    """An admin with a browser."""
    return await signed_in("ada", role="admin")


def fill(conn: Connection) -> None:
    """One server that is reported and on a list, one below its domain that is out of reach, one for which something was given up."""
    follow(conn, "loud.example")
    give_up(conn, "slow.example")
    give_up(conn, "sub.loud.example")
    ann = accounts.by_handle(conn, "ann", "loud.example")
    assert ann is not None
    accounts.posted(conn, ann.id, now_ms())
    for resolved_at in (None, None, 1):
        report_id = new_id()
        reports.add(conn, report_id, uri=f"https://x.example/{report_id}", account_id=None, target_id=ann.id)
        reports.change(conn, report_id, resolved_at=resolved_at)
    instances.heard_from(conn, "loud.example")
    instances.failed(conn, [instances.Failure("sub.loud.example", now_ms(), "down <i>")], now_ms())
    domains.decide(conn, None, "loud.example", Rule("limit", public_comment="Adverts <b>"))
    domain_lists.hold(
        conn, "loud.example", domain_lists.add(conn, url="https://l.example/a.csv", title="Ours")
    )


def hosts(page: Page) -> list[str]:
    return [row.text_content() for row in page.all("th", scope="row")]


async def test_everything_about_a_server_is_on_one_page(
    server: Server, ada: Visitor, signed_in: MakeReader, member: MakeMember
) -> None:
    mo = await signed_in("mo", role="moderator")
    await server.db.write(fill)
    page = await ada.open(LOUD)
    assert "Ours" in [link.text_content() for link in page.all("a")]
    page = await ada.submit(page, f"{HERE}/server", {"note": "Mail of May"}, choose={"policy": "noop"})
    assert not page.problems
    page = await ada.open(f"{HERE}?sort=trouble")
    assert not page.problems
    assert hosts(page) == ["loud.example", "sub.loud.example", "slow.example"]
    assert hosts(await ada.open(f"{HERE}?sort=trouble&after=sub.loud.example")) == ["slow.example"]
    assert hosts(await ada.open(f"{HERE}?sort=size&after=loud.example")) == [
        "slow.example",
        "sub.loud.example",
    ]
    assert hosts(await ada.open(f"{HERE}?which=failing")) == ["sub.loud.example"]

    boss = (await member("boss", role="admin")).member
    for sort in ("name", "trouble", "size"):
        listed = partial(server_files.page, server, boss, sort=sort)  # type: ignore[arg-type]
        assert await fewest_statements(server, listed) <= 6, "none for each row"

    page = await mo.open("/mod/reports?domain=loud.example")
    assert "@ann@loud.example" in page.words()
    case = next(link.get("href") for link in page.all("a") if link.text_content() == "@ann@loud.example")
    assert LOUD in [link.get("href") for link in (await mo.open(case)).all("a")]
    assert "Nothing here" in (await mo.open("/mod/reports?domain=slow.example")).words()
    page = await mo.open(LOUD)
    assert not page.problems
    for said in (
        "Last heard from", "1 account, 1 post", "1 follows of people there", "2 reports about its people wait", "1 is settled",
        "A rule for loud.example: only flags", "It was made by hand", "changed the rule: limit → only flags",
        "made the rule: limit", "Mail of May", "Adverts <b>", "It is federated with",
    ):  # fmt: skip
        assert said in page.words(), said
    assert "Keep the rule" not in page.words()  # that is for admins
    page = await mo.submit(page, "/mod/notes", {"text": "They <i>answer</i> mails."})
    assert "Your note is kept." in page.words()
    assert "They <i>answer</i> mails." in (await ada.open(f"{HERE}/server?host=sub.loud.example")).words()


async def test_a_rule_for_a_time_ends_by_itself(server: Server, ada: Visitor, member: MakeMember) -> None:
    admin = await member("boss", role="admin")
    await server.db.write(fill)
    await server.db.write(domains.decide, None, "loud.example", Rule(""))
    page = await ada.submit(await ada.open(LOUD), f"{HERE}/server", {"days": "7"}, choose={"policy": "limit"})
    assert not page.problems
    assert "until" in page.words()
    assert hosts(await ada.open(f"{HERE}?which=expiring")) == ["loud.example"]
    # Changed otherwise, it ends when it would have; listed elsewhere, nobody is told of its end.
    page = await ada.submit(page, f"{HERE}/server", {"public_comment": "Adverts"})
    (block,) = await admin.get(BLOCKS)
    row = await server.db.read(instances.by_host, "loud.example")
    assert row is not None
    assert 6.9 < (row.rule_until_at - now_ms()) / 86_400_000 < 7
    assert (block["public_comment"], block["expires_at"] is not None) == ("Adverts", True)
    ann = await server.db.read(accounts.by_handle, "ann", "loud.example")
    assert ann is not None
    assert ann.limited_at is not None
    changed = await admin.put(f"{BLOCKS}/{block['id']}", {"expires_in": 0})
    assert changed["expires_at"] is None
    for wrong in ("-5", "700000000"):
        answer = await admin.raw("PUT", f"{BLOCKS}/{block['id']}", json={"expires_in": wrong})
        assert answer.status == 422
    await admin.put(f"{BLOCKS}/{block['id']}", {"expires_in": 60})

    await server.db.write(lambda conn: conn.execute(update(instance).values(rule_until_at=now_ms() - 1)))
    # That it is over, and not ended yet, is in nobody's way.
    await admin.put(f"{BLOCKS}/{block['id']}", {"public_comment": "Adverts, still"})
    await server.db.write(domains.end_expired)
    await domains.carry_out(server, {"host": "loud.example", "lifted_at": row.rule_at})
    assert await admin.get(BLOCKS) == []
    ann = await server.db.read(accounts.by_handle, "ann", "loud.example")
    assert ann is not None
    assert ann.limited_at is None
    found = await admin.get("/api/v1/admin/servers/loud.example")
    assert (found["accounts_count"], found["following_count"], found["reports_waiting"]) == (1, 1, 2)
    assert (found["federated"], found["rules"]) == (True, [])
    notes = "/api/v1/admin/servers/loud.example/notes"
    note = await admin.post(notes, {"text": "They answer."})
    assert [one["reports_count"] for one in await admin.get(CASES, by_target_domain="loud.example")] == [2]
    assert await admin.get(CASES, by_target_domain="slow.example") == []
    assert await admin.get(notes) == [note]
    assert (await admin.raw("POST", notes.replace("loud", "nowhere"), json={"text": "Hm"})).status == 404
    page = await ada.open(LOUD)
    for said in ("They answer.", "let the rule run out: limit", "No rule is about it."):
        assert said in page.words(), said
    page = await ada.submit(page, f"{HERE}/server", {"days": "7"}, choose={"policy": ""})
    assert "No rule stands for it any more." in page.words()
