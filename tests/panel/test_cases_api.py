"""Cases in the admin API: what the pages do, apps can do."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver import reports as member_reports
from fedserver.context import Server
from fedserver.groups import members
from fedserver.reports import Complaint
from storage import accounts, groups, reports
from storage.paging import Window
from tests.counting import fewest_statements
from tests.groups.conftest import MakeGroup, StartThread
from tests.members import Person
from tests.pages.visitor import path_of
from tests.panel.conftest import Complain, KnownAs, MakeReader
from tests.people import add_post, add_stranger

CASES = "/api/v1/admin/cases"


async def test_a_case_from_its_report_to_its_end(
    server: Server, alice: Person, bob: Person, moderator: Person, admin: Person, complain: Complain
) -> None:
    report_id, post_id = await complain(bob, alice, comment="Look")
    await complain(admin, alice, "More")
    (case,) = await moderator.get(CASES)
    assert (case["id"], case["reports_count"], case["reporters_count"]) == (alice.id, 2, 2)
    here = f"{CASES}/{alice.id}"
    found = await moderator.post(f"{here}/assign_to_self")
    assert found["assigned_account_id"] == moderator.id
    assert (await admin.raw("POST", f"{here}/assign_to_self")).status == 409
    found = await moderator.post(f"{here}/hand_over", {"account_id": admin.id})
    assert found["assigned_account_id"] == admin.id
    assert (await moderator.raw("POST", f"{here}/hand_over", json={"account_id": bob.id})).status == 422
    assert await moderator.get(CASES, assigned="me") == []
    note = await moderator.post(
        f"{here}/notes", {"text": "Hm", "subject_type": "report", "subject": str(report_id)}
    )
    assert [one["text"] for one in (await moderator.get(here))["notes"]] == ["Hm"]
    await moderator.delete(f"/api/v1/admin/notes/{note['id']}")

    ruling = {
        "account_ids": [alice.id], "measures": ["mark_posts", "disable"], "report_ids": [str(report_id)],
        "status_ids": [str(post_id)], "text": "Enough.", "expires_in": 3600,
    }  # fmt: skip
    (plan,) = await moderator.post(f"{CASES}/preview", ruling)
    assert plan["measures"] == ["mark_posts", "disable"]
    assert plan["subject"] == f"Your account at {server.config.title} is frozen"
    assert plan["reporters_told"] == 1
    assert await moderator.post(f"{CASES}/decide", ruling) == [{"account_id": alice.id, "problem": None}]
    assert (await moderator.raw("POST", f"{CASES}/decide", json=ruling)).status == 409
    found = await moderator.get(here)
    assert [one["action"] for one in found["strikes"]] == ["disable", "mark_statuses_as_sensitive"]
    assert len({one["ruling_id"] for one in found["strikes"]}) == 1
    # The report that was not named still waits.
    assert [one["action_taken_at"] is None for one in found["reports"]] == [True, False]
    await moderator.post(f"/api/v1/admin/strikes/{found['strikes'][0]['id']}/undo")
    assert (
        await moderator.raw("POST", f"/api/v1/admin/strikes/{found['strikes'][0]['id']}/undo")
    ).status == 409
    assert (await moderator.get(here))["account"]["disabled"] is False


async def test_reports_about_oneself_are_not_there_and_those_about_ones_betters_are_not_settled(
    server: Server, bob: Person, moderator: Person, admin: Person, complain: Complain
) -> None:
    mine, _ = await complain(bob, moderator)
    theirs, _ = await complain(bob, admin)
    api = "/api/v1/admin/reports"
    assert [one["id"] for one in await moderator.get(api)] == [str(theirs)]
    assert [one["id"] for one in await moderator.get(CASES)] == [admin.id]
    about = await moderator.get(f"{CASES}/{moderator.id}")
    assert (about["reports"], about["evidence"], about["notes"]) == ([], [], [])
    note = {"text": "Hm", "subject_type": "report", "subject": str(mine)}
    for method, path, body, status in (
        ("GET", f"{api}/{mine}", None, 404),
        ("PUT", f"{api}/{mine}", {"category": "other"}, 404),
        ("POST", f"{api}/{mine}/assign_to_self", None, 404),
        ("POST", f"{api}/{mine}/resolve", None, 404),
        ("POST", f"{CASES}/{moderator.id}/assign_to_self", None, 404),
        ("POST", f"{CASES}/{moderator.id}/notes", note, 404),
        ("POST", f"{CASES}/{moderator.id}/notes", {"text": "Hm"}, 404),
        ("POST", f"{api}/{theirs}/resolve", None, 403),
        ("POST", f"{api}/{theirs}/reopen", None, 403),
        ("POST", f"{api}/{theirs}/assign_to_self", None, 200),
    ):
        answer = await moderator.raw(method, path, json=body or {})
        assert answer.status == status, (method, path)
    found = await moderator.get("/api/v1/notifications", **{"types[]": "admin.report"})
    assert [one["report"]["target_account"]["id"] for one in found] == [admin.id]
    assert [one["id"] for one in await admin.get(api)] == [str(mine)]
    await admin.post(f"{api}/{mine}/resolve")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_wrong_with_a_ruling_is_said_by_field(
    server: Server, alice: Person, moderator: Person
) -> None:
    stranger = str(await server.db.write(add_stranger, "sam"))
    wrong: list[dict[str, Any]] = [
        {"account_ids": []},
        {"account_ids": [alice.id], "measures": ["burn"]},
        {"account_ids": [alice.id], "measures": []},
        {"account_ids": [alice.id], "measures": ["delete_posts"]},
        {"account_ids": [alice.id], "measures": ["ban"]},
        {"account_ids": [alice.id], "measures": ["warn"], "expires_in": -1},
        {"account_ids": [alice.id], "measures": ["warn"], "text": "x" * 10_001},
        {"account_ids": [stranger], "measures": ["disable"]},
        {"account_ids": [alice.id] + [str(n) for n in range(1, 60)], "measures": ["warn"]},
    ]
    for ruling in wrong:
        for way in ("preview", "decide"):
            assert (await moderator.raw("POST", f"{CASES}/{way}", json=ruling)).status == 422, ruling


async def test_a_list_of_cases_costs_the_same_however_long_it_is(
    server: Server, bob: Person, moderator: Person, complain: Complain
) -> None:
    async def ask() -> None:
        await moderator.get(CASES)

    async def add(name: str) -> None:
        stranger = await server.db.write(add_stranger, name)
        post_id = await server.db.write(lambda conn: add_post(conn, stranger, local=False))
        await member_reports.report(server, bob.member, Complaint(stranger, (post_id,)))

    await add("one")
    few = await fewest_statements(server, ask)
    for name in ("two", "three", "four"):
        await add(name)
    assert await fewest_statements(server, ask) == few
    first, second = await moderator.get(CASES, limit="2")
    rest = await moderator.get(CASES, limit="2", max_id=second["last_report_id"])
    assert [one["account"]["username"] for one in (first, second, *rest)] == ["four", "three", "two", "one"]


@pytest.mark.jobs
async def test_a_groups_moderators_hand_a_case_up_and_the_server_bans_from_the_group(
    server: Server, signed_in: MakeReader, known: KnownAs, make_group: MakeGroup, start: StartThread,
) -> None:  # fmt: skip
    owner_reads, ada = await signed_in("olga"), await signed_in("ada", role="admin")
    for name in ("alice", "bob"):
        await signed_in(name)
    owner, alice, bob = await known("olga"), await known("alice"), await known("bob")
    group_id = await make_group(owner, "python")
    for one in (alice, bob):
        await members.join(server, one.member, group_id)
    thread_id = await start(alice, group_id, "Buy", "this")
    row, _ = await member_reports.report(server, bob.member, Complaint(alice.account_id, (thread_id,)))
    here = "/groups/python/reports"
    before = await owner_reads.open(here)
    page = await owner_reads.submit(before, f"{here}/{row.id}/hand-up", {"note": "Elsewhere, too"})
    assert "it is theirs to settle" in page.words()
    # From now on it is the server's; a page that was open before settles it no more.
    assert page.all("form", action=f"{here}/{row.id}/resolve") == []
    assert (await owner_reads.submit(before, f"{here}/{row.id}/resolve")).status == 409
    assert "Elsewhere, too" in (await ada.open(f"/mod/reports/{row.id}")).words()
    (box,) = (await ada.open("/mod/reports")).all("input", type="checkbox", name="up")
    assert "@alice" in (await ada.open(f"/mod/reports?up={box.get('value')}")).words()
    page = await ada.submit(
        await ada.open(f"/mod/accounts/{alice.id}"),
        "/mod/decide/confirm",
        {"measures[]": ["ban", "delete_posts"]},
    )
    assert "kept out of python" in page.words()
    page = await ada.submit(page, "/mod/decide")
    assert path_of(page).endswith("?done=decided"), page.words()
    page = await owner_reads.open("/groups/python/log")
    assert "banned" in page.words()
    assert "ada" not in page.words()
    bans = await server.db.read(groups.bans, group_id, Window(limit=5))
    assert [one.account_id for one in bans] == [alice.account_id]
    strike = [
        one
        for one in (await ada.open(f"/mod/accounts/{alice.id}")).all("form")
        if "/undo" in one.get("action")
    ]
    await ada.submit(await ada.open(f"/mod/accounts/{alice.id}"), strike[0].get("action"))
    assert await server.db.read(groups.bans, group_id, Window(limit=5)) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_report_is_told_to_another_server_once_and_by_this_one(
    server: Server, signed_in: MakeReader, known: KnownAs
) -> None:
    mo = await signed_in("mo", role="moderator")
    await signed_in("bob")
    bob = await known("bob")
    stranger = await server.db.write(add_stranger, "sam")
    row, _ = await member_reports.report(server, bob.member, Complaint(stranger, comment="Rude"))
    page = await mo.submit(await mo.open(f"/mod/accounts/{stranger}"), f"/mod/reports/{row.id}/forward")
    assert "Their server is told" in page.words()
    kept: Any = await server.db.read(reports.by_id, row.id)
    assert kept.forwarded
    account: Any = await server.db.read(accounts.by_id, stranger)
    assert account.suspended_at is None
