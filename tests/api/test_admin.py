"""The admin API: what it answers is what Mastodon's documentation says, and what it does happens everywhere."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import select

from fedserver import oauth, sessions, settings, signup
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid
from fedserver.moderation import appeals, chores, domains, standing
from storage import accounts, audit, strikes, tables
from storage.paging import Window
from storage.types import now_ms
from tests.client import ApiError
from tests.conftest import MakeMember
from tests.members import Person
from tests.people import add_follow, add_post, add_stranger

ADMIN = "/api/v1/admin"
# For rules that no database knows of.
ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def refused(person: Person, method: str, path: str, form: Any = None) -> int:
    """The status with which something is refused."""
    with pytest.raises(ApiError) as refusal:
        await person.ask(method, path, json=form or {})
    return refusal.value.status


async def act(by: Person, on: Person | str, type_: str, **more: Any) -> None:
    account_id = on if isinstance(on, str) else on.id
    await by.post(f"{ADMIN}/accounts/{account_id}/action", {"type": type_, **more})


async def last_strike(server: Server, person: Person) -> strikes.Strike:
    found = await server.db.read(strikes.of_account, person.account_id)
    return found[0]


async def hidden_at(server: Server, account_id: int) -> int | None:
    """The instant since which a rule hides an account."""
    row: Any = await server.db.read(accounts.by_id, account_id)
    found: int | None = row.suspended_at or row.limited_at
    return found


async def test_numbers_of_the_dashboard(server: Server, admin: Person, alice: Person, bob: Person) -> None:
    stranger_id = await server.db.write(lambda conn: add_stranger(conn, "sam", "far.example"))
    await server.db.write(add_follow, alice.account_id, stranger_id)
    await server.db.write(lambda conn: add_post(conn, stranger_id, local=False, language="de"))
    post = await alice.post("/api/v1/statuses", {"status": "All of you #Topic"})
    await bob.post(f"/api/v1/statuses/{post['id']}/favourite")
    await bob.post(f"/api/v1/statuses/{post['id']}/reblog")
    await bob.post("/api/v1/statuses", {"status": "Well", "in_reply_to_id": post["id"]})
    await bob.post("/api/v1/reports", {"account_id": str(stranger_id)})
    tag_id = (await admin.get(f"{ADMIN}/tags"))[0]["id"]
    counted = {
        "active_users": 3,
        "new_users": 3,
        "interactions": 3,
        "opened_reports": 1,
        "resolved_reports": 0,
        "tag_accounts": 1,
        "tag_uses": 1,
        "tag_servers": 0,
        "instance_accounts": 1,
        "instance_reports": 1,
        "instance_media_attachments": 0,
        "instance_statuses": 1,
        "instance_follows": 1,
        "instance_followers": 0,
    }
    kinds = {
        "languages": ("en", "3"),
        "sources": ("web", "3"),
        "servers": ("far.example", "1"),
        "tag_servers": (server.config.domain, "1"),
        "tag_languages": ("und", "1"),
        "instance_accounts": ("sam", "1"),
        "instance_languages": ("de", "1"),
    }
    keys = [*counted, *kinds, "space_usage", "software_versions"]
    about = {key: {"id": tag_id} if key.startswith("tag") else {"domain": "far.example"} for key in keys}
    measures = await admin.post(f"{ADMIN}/measures", {"keys": keys, **about})
    assert {one["key"]: int(one["total"]) for one in measures} == counted
    assert {(one["key"], int(one["data"][-1]["value"])) for one in measures} == set(counted.items())
    dimensions = await admin.post(f"{ADMIN}/dimensions", {"keys": keys, **about})
    first = {one["key"]: (one["data"][0]["key"], one["data"][0]["value"]) for one in dimensions}
    assert {key: first[key] for key in kinds} == kinds
    assert first["space_usage"][0] in ("sqlite", "postgresql")
    assert int(first["space_usage"][1]) > 0
    today = measures[0]["data"][-1]["date"][:10]
    for frequency in ("day", "month"):
        span = {"start_at": today, "end_at": today, "frequency": frequency}
        cohort = (await admin.post(f"{ADMIN}/retention", span))[0]
        assert (cohort["data"][0]["value"], cohort["data"][0]["rate"]) == ("3", 1.0)
    assert await admin.post(f"{ADMIN}/retention") == []


async def test_accounts_are_found_by_state_origin_and_whatever_is_known(
    server: Server, admin: Person, moderator: Person, alice: Person, bob: Person
) -> None:
    stranger_id = str(await server.db.write(lambda conn: add_stranger(conn, "sam", "sub.far.example")))
    await server.db.write(sessions.begin, alice.account_id, ip="198.51.100.7")
    await act(admin, alice, "silence")
    await act(admin, bob, "disable")
    await act(admin, stranger_id, "suspend")

    async def names(version: str = "v1", **query: Any) -> set[str]:
        found = await moderator.get(f"/api/{version}/admin/accounts", **query)
        return {one["username"] for one in found}

    everybody = {"ada", "mo", "alice", "bob", "sam"}
    assert await names() == everybody
    assert await names(local="true") == everybody - {"sam"}
    assert await names(remote="true") == await names("v2", origin="remote") == {"sam"}
    assert await names(silenced="true") == await names("v2", status="silenced") == {"alice"}
    assert await names("v2", status="disabled") == {"bob"}
    assert await names(suspended="true") == {"sam"}
    assert await names("v2", status="active", origin="local") == {"ada", "mo", "alice"}
    assert await names(staff="true") == await names("v2", permissions="staff") == {"ada", "mo"}
    assert await names("v2", **{"role_ids[]": "2"}) == {"ada"}
    assert await names(by_domain="far.example") == {"sam"}
    assert await names(username="LIC") == await names(email="alice@") == {"alice"}
    assert await names(ip="198.51.100.0/24") == await names(ip="198.51.100.7") == {"alice"}
    assert (await moderator.get(f"{ADMIN}/accounts/{alice.id}"))["ips"][0]["ip"] == "198.51.100.7"
    first = await moderator.raw("GET", f"{ADMIN}/accounts", params={"limit": "2", "local": "true"})
    assert "max_id=" in first.headers["link"]
    assert "local=true" in first.headers["link"]


@ON_ONE_DATABASE
async def test_nobody_decides_about_themselves_and_only_admins_about_those_who_moderate(
    server: Server, admin: Person, moderator: Person, alice: Person, member: MakeMember
) -> None:
    other = await member("mia", role="moderator")
    for target in (moderator, other, admin):
        assert (
            await refused(moderator, "POST", f"{ADMIN}/accounts/{target.id}/action", {"type": "silence"})
            == 403
        )
        assert await refused(moderator, "POST", f"{ADMIN}/accounts/{target.id}/unsilence") == 403
    assert await refused(admin, "POST", f"{ADMIN}/accounts/{admin.id}/action", {"type": "none"}) == 403
    await act(admin, other, "disable")
    for path in (
        "domain_blocks",
        "email_domain_blocks",
        "ip_blocks",
        "canonical_email_blocks",
        "domain_allows",
    ):
        assert await refused(moderator, "POST", f"{ADMIN}/{path}", {"domain": "a.example"}) == 403
        assert await refused(moderator, "GET", f"{ADMIN}/{path}") == 403
    await act(moderator, alice, "suspend")
    assert await refused(moderator, "DELETE", f"{ADMIN}/accounts/{alice.id}") == 403
    narrow = await server.db.write(oauth.issue, moderator.account_id, "admin:read:reports")
    reader = Person(moderator.client, "mo", moderator.account_id, narrow.access_token)
    assert await reader.get(f"{ADMIN}/reports") == []
    assert await refused(reader, "GET", f"{ADMIN}/accounts") == 403
    assert await refused(admin, "POST", f"{ADMIN}/accounts/{alice.id}/action", {"type": "hug"}) == 422
    stranger_id = await server.db.write(lambda conn: add_stranger(conn, "sam"))
    assert await refused(admin, "POST", f"{ADMIN}/accounts/{stranger_id}/action", {"type": "disable"}) == 422


@ON_ONE_DATABASE
async def test_a_frozen_member_cannot_come_in_until_it_is_taken_back(
    server: Server, moderator: Person, alice: Person, nobody: Person
) -> None:
    session = await server.db.write(sessions.begin, alice.account_id)
    await act(moderator, alice, "disable", text="Take a break")
    assert await refused(alice, "GET", "/api/v1/accounts/verify_credentials") == 403
    assert await sessions.viewer_of_cookie(server, session.secret) is None
    assert (await nobody.get(f"/api/v1/accounts/{alice.id}"))["username"] == "alice"
    assert not (await moderator.post(f"{ADMIN}/accounts/{alice.id}/enable"))["disabled"]
    assert (await alice.get("/api/v1/notifications"))[0]["type"] == "moderation_warning"
    assert await sessions.viewer_of_cookie(server, session.secret) is not None
    assert (await last_strike(server, alice)).undone_at is not None


async def test_a_suspended_member_is_gone_and_comes_back_whole(
    server: Server, moderator: Person, alice: Person, bob: Person, nobody: Person
) -> None:
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    post = await alice.post("/api/v1/statuses", {"status": "here"})
    await act(moderator, alice, "suspend")
    assert await refused(alice, "GET", "/api/v1/timelines/home") == 403
    assert await refused(nobody, "GET", f"/api/v1/statuses/{post['id']}") == 404
    assert await bob.get("/api/v1/timelines/home") == []
    assert (await nobody.get(f"/api/v1/accounts/{alice.id}"))["suspended"]
    with pytest.raises(Invalid):
        await signup.sign_up(
            server, signup.SignUp("again", "al.ice+2@members.example", "seven green bicycles", "Please", True)
        )
    back = await moderator.post(f"{ADMIN}/accounts/{alice.id}/unsuspend")
    assert not back["suspended"]
    assert [one["id"] for one in await bob.get("/api/v1/timelines/home")] == [post["id"]]
    assert await refused(moderator, "POST", f"{ADMIN}/accounts/{alice.id}/unsuspend") == 403


async def test_a_limited_member_is_found_by_followers_alone(
    moderator: Person, alice: Person, bob: Person, nobody: Person
) -> None:
    async def found(query: str) -> tuple[int, int]:
        answer = await bob.get("/api/v2/search", q=query)
        return len(answer["accounts"]), len(answer["statuses"])

    await alice.post("/api/v1/statuses", {"status": "hello gazelles #Topic"})
    await act(moderator, alice, "silence")
    assert await nobody.get("/api/v1/timelines/public") == []
    assert await nobody.get("/api/v1/timelines/tag/topic") == []
    assert [await found(one) for one in ("ali", "alice", "gazelles")] == [(0, 0), (1, 0), (0, 0)]
    await alice.post("/api/v1/statuses", {"status": "hey @bob"})
    assert await bob.get("/api/v1/notifications") == []
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    assert [await found(one) for one in ("ali", "gazelles")] == [(1, 0), (0, 1)]
    await moderator.post(f"{ADMIN}/accounts/{alice.id}/unsilence")
    assert len(await nobody.get("/api/v1/timelines/tag/topic")) == 1


async def test_posts_of_a_sensitive_account_are_marked_and_unmarked(
    moderator: Person, alice: Person, nobody: Person
) -> None:
    ids = [
        (await alice.post("/api/v1/statuses", {"status": text, "sensitive": sensitive}))["id"]
        for text, sensitive in (("plain", False), ("own", True))
    ]

    async def marked() -> list[bool]:
        return [(await nobody.get(f"/api/v1/statuses/{one}"))["sensitive"] for one in ids]

    await act(moderator, alice, "sensitive")
    ids.append((await alice.post("/api/v1/statuses", {"status": "later"}))["id"])
    await alice.put(f"/api/v1/statuses/{ids[2]}", {"status": "edited"})
    assert await marked() == [True, True, True]
    await moderator.post(f"{ADMIN}/accounts/{alice.id}/unsensitive")
    assert await marked() == [False, True, False]


@ON_ONE_DATABASE
async def test_a_decision_for_a_time_ends_by_itself(server: Server, moderator: Person, alice: Person) -> None:
    await act(moderator, alice, "silence", expires_in=3600)
    strike = await last_strike(server, alice)
    end = next(one for one in chores.chores(server) if one.name.startswith("end ")).unit
    await server.db.write(end)
    assert (await moderator.get(f"{ADMIN}/accounts/{alice.id}"))["silenced"]
    ended = tables.strike.update().where(tables.strike.c.id == strike.id).values(expires_at=now_ms() - 1)
    await server.db.write(lambda conn: conn.execute(ended) and None)
    await server.db.write(end)
    assert not (await moderator.get(f"{ADMIN}/accounts/{alice.id}"))["silenced"]


@pytest.mark.jobs
async def test_a_suspended_account_is_erased_when_its_term_is_over(
    server: Server, admin: Person, alice: Person, nobody: Person
) -> None:
    await alice.post("/api/v1/statuses", {"status": "here"})
    assert await refused(admin, "DELETE", f"{ADMIN}/accounts/{alice.id}") == 403
    await act(admin, alice, "suspend")
    due = tables.erasure.update().values(due_at=now_ms() - 1)
    await server.db.write(lambda conn: conn.execute(due) and None)
    await server.db.write(standing.plan_due_erasures)
    row: Any = None
    while row is None or row.deleted_at is None or row.posts_count:
        row = await server.db.read(accounts.by_id, alice.account_id)
    assert await refused(nobody, "GET", f"/api/v1/accounts/{alice.id}") == 404
    while await server.db.read(strikes.erasure_due_at, alice.account_id) is not None:
        pass


async def test_reports_are_worked_on_and_settled(
    server: Server, moderator: Person, alice: Person, bob: Person
) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "Between us @bob", "visibility": "direct"})
    for comment in ("one", "two"):
        await bob.post(
            "/api/v1/reports", {"account_id": alice.id, "status_ids": [post["id"]], "comment": comment}
        )
    await alice.delete(f"/api/v1/statuses/{post['id']}")
    waiting = await moderator.get(f"{ADMIN}/reports", target_account_id=alice.id)
    assert [(one["comment"], one["account"]["username"]) for one in waiting] == [
        ("two", "bob"),
        ("one", "bob"),
    ]
    at = f"{ADMIN}/reports/{waiting[0]['id']}"
    assert (await moderator.post(f"{at}/assign_to_self"))["assigned_account"]["username"] == "mo"
    # A warning settles one report, anything stronger all of them.
    await act(moderator, alice, "none", report_id=waiting[0]["id"], text="Please do not")
    assert (await moderator.get(at))["action_taken_by_account"]["username"] == "mo"
    assert [one["comment"] for one in await moderator.get(f"{ADMIN}/reports")] == ["one"]
    await act(moderator, alice, "silence")
    assert await moderator.get(f"{ADMIN}/reports") == []
    assert not (await moderator.post(f"{at}/reopen"))["action_taken"]
    told = await alice.get("/api/v1/notifications", **{"types[]": "moderation_warning"})
    assert "bob" not in str(told)
    kept = await server.db.read(lambda conn: conn.scalar(select(tables.report.c.evidence)))
    assert "Between us" in str(kept)


async def test_opening_a_private_report_is_logged_once(
    server: Server, moderator: Person, alice: Person, bob: Person
) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "Between us @bob", "visibility": "direct"})
    await bob.post("/api/v1/reports", {"account_id": alice.id, "status_ids": [post["id"]]})
    for _ in range(2):
        assert (await moderator.get(f"{ADMIN}/reports"))[0]["statuses"][0]["content"] != ""
    entries = await server.db.read(audit.page, Window())
    assert [(one.action, one.actor_name) for one in entries] == [("open_private", "mo")]


@pytest.mark.jobs
async def test_an_appeal_is_decided_by_somebody_else_and_undoes(
    server: Server, admin: Person, moderator: Person, alice: Person, nobody: Person, mailbox: Any
) -> None:
    await act(moderator, alice, "suspend", text="Spam")
    link = ""
    while not link:
        await server.db.read(lambda _: None)  # lets the jobs run
        bodies = [
            mail.get_body(("plain",)).get_content()
            for mail in mailbox()
            if mail["To"] == "alice@members.example"
        ]
        link = next((part for body in bodies for part in body.split() if "/disputes/" in part), "")
    path = link.removeprefix(server.config.origin)
    page = await nobody.raw("GET", path)
    text = await page.text()
    assert page.status == 200
    assert "Spam" in text
    assert "mo" not in text.split("<main")[1].split()
    sent = await nobody.raw("POST", path, data={"text": "It was not me"})
    assert sent.status == 303, await sent.text()
    waiting = await appeals.page(server, admin.member, Window())
    assert [one.appeal_text for one in waiting] == ["It was not me"]
    appeal_id = waiting[0].appeal_id
    assert appeal_id is not None
    with pytest.raises(Forbidden):
        await appeals.decide(server, moderator.member, appeal_id, approved=True)
    await appeals.decide(server, admin.member, appeal_id, approved=True)
    assert (await alice.get("/api/v1/accounts/verify_credentials"))["username"] == "alice"
    assert (await last_strike(server, alice)).appeal_state == "approved"


async def test_a_blocked_server_is_cut_off_and_comes_back(
    server: Server, admin: Person, alice: Person, nobody: Person
) -> None:
    sam_id = await server.db.write(lambda conn: add_stranger(conn, "sam", "sub.bad.example"))
    post_id = await server.db.write(lambda conn: add_post(conn, sam_id, local=False))
    await server.db.write(add_follow, alice.account_id, sam_id)
    block = await admin.post(
        f"{ADMIN}/domain_blocks",
        {"domain": " BAD.example. ", "severity": "suspend", "public_comment": "Spam", "obfuscate": "true"},
    )
    assert block["domain"] == "bad.example"
    assert await refused(nobody, "GET", f"/api/v1/statuses/{post_id}") == 404
    await domains.carry_out(server, {"host": "bad.example", "lifted_at": None})
    assert (await alice.get("/api/v1/notifications"))[0]["event"]["target_name"] == "bad.example"
    assert await alice.get(f"/api/v1/accounts/{alice.id}/following") == []
    shown = (await nobody.get("/api/v1/instance/domain_blocks"))[0]
    assert shown == {
        "domain": "ba*.*****le",
        "digest": hashlib.sha256(b"bad.example").hexdigest(),
        "severity": "suspend",
        "comment": "Spam",
    }
    for domain in ("bad.example", "worse.bad.example"):
        answer = await admin.raw(
            "POST", f"{ADMIN}/domain_blocks", json={"domain": domain, "severity": "suspend"}
        )
        assert answer.status == 422
        assert (await answer.json())["existing_domain_block"]["id"] == block["id"]
    lifted_at = await hidden_at(server, sam_id)
    limited = await admin.put(f"{ADMIN}/domain_blocks/{block['id']}", {"severity": "silence"})
    assert limited["created_at"] == block["created_at"]
    await domains.carry_out(server, {"host": "bad.example", "lifted_at": lifted_at})
    sam = await nobody.get(f"/api/v1/accounts/{sam_id}")
    assert (sam.get("suspended"), sam.get("limited")) == (None, True)
    limited_at = await hidden_at(server, sam_id)
    await admin.delete(f"{ADMIN}/domain_blocks/{block['id']}")
    await domains.carry_out(server, {"host": "bad.example", "lifted_at": limited_at})
    assert "limited" not in await nobody.get(f"/api/v1/accounts/{sam_id}")
    assert await refused(admin, "POST", f"{ADMIN}/domain_blocks", {"domain": "example"}) == 422


@ON_ONE_DATABASE
async def test_approving_and_rejecting_who_waits(server: Server, moderator: Person, alice: Person) -> None:
    made = [
        await signup.sign_up(
            server, signup.SignUp(name, f"{name}@new.example", "seven green bicycles", "Please", True)
        )
        for name in ("nora", "noel")
    ]
    nora, noel = (str(one.account_id) for one in made)
    waiting = await moderator.get("/api/v2/admin/accounts", status="pending")
    assert [one["invite_request"] for one in waiting] == ["Please", "Please"]
    assert (await moderator.post(f"{ADMIN}/accounts/{nora}/approve"))["approved"]
    assert (await moderator.post(f"{ADMIN}/accounts/{noel}/reject"))["username"] == "noel"
    assert await refused(moderator, "GET", f"{ADMIN}/accounts/{noel}") == 404
    assert await refused(moderator, "POST", f"{ADMIN}/accounts/{alice.id}/approve") == 403


async def test_a_mail_domain_signs_up_with_approval_or_not_at_all(server: Server, admin: Person) -> None:
    rules = f"{ADMIN}/email_domain_blocks"
    doubtful = await admin.post(rules, {"domain": "Doubtful.example", "allow_with_approval": "true"})
    await admin.post(rules, {"domain": "spam.example"})
    assert await refused(admin, "POST", rules, {"domain": "spam.example"}) == 422

    async def sign_up(address: str) -> bool:
        name = f"n{now_ms()}"
        form = signup.SignUp(name, address, "seven green bicycles", "Please", True)
        return (await signup.sign_up(server, form, ip="203.0.113.9")).needs_approval

    await settings.change(server, admin.member, {"registrations": "open"})
    assert not await sign_up("a@good.example")
    assert await sign_up("a@doubtful.example")
    with pytest.raises(Invalid):
        await sign_up("a@mail.spam.example")
    assert (await admin.get(f"{rules}/{doubtful['id']}"))["history"][0]["uses"] == "1"
    hashed = (await admin.post(f"{ADMIN}/canonical_email_blocks", {"email": "e.ve+x@good.example"}))[
        "canonical_email_hash"
    ]
    assert hashed == hashlib.sha256(b"eve@good.example").hexdigest()
    with pytest.raises(Invalid):
        await sign_up("Eve@good.example")
    found = await admin.post(f"{ADMIN}/canonical_email_blocks/test", {"email": "EVE@good.example"})
    await admin.delete(f"{ADMIN}/canonical_email_blocks/{found[0]['id']}")
    await sign_up("Eve@good.example")


@ON_ONE_DATABASE
@pytest.mark.parametrize("server_settings", [{"trusted_proxies": "127.0.0.0/8"}])
async def test_networks_are_kept_out_behind_proxies_too(
    server: Server, admin: Person, nobody: Person
) -> None:
    async def status(address: str, path: str = "/api/v1/instance") -> int:
        answer = await nobody.raw("GET", path, headers={"X-Forwarded-For": f"{address}, 127.0.0.2"})
        return int(answer.status)

    rules = f"{ADMIN}/ip_blocks"
    made = await admin.post(rules, {"ip": "198.51.100.7/24", "severity": "no_access", "comment": "Spam"})
    assert made["ip"] == "198.51.100.0/24"
    assert [await status(one) for one in ("198.51.100.200", "::ffff:198.51.100.1", "198.51.101.1")] == [
        403,
        403,
        200,
    ]
    assert await status("198.51.100.1", "/about") == 403
    assert await status("198.51.100.1", "/livez") == 200
    form = signup.SignUp("nora", "nora@new.example", "seven green bicycles", "Please", True)
    await admin.put(f"{rules}/{made['id']}", {"severity": "sign_up_block", "expires_in": 3600})
    assert await status("198.51.100.1") == 200
    with pytest.raises(Forbidden):
        await signup.sign_up(server, form, ip="198.51.100.1")
    await admin.put(f"{rules}/{made['id']}", {"severity": "sign_up_requires_approval"})
    await settings.change(server, admin.member, {"registrations": "open"})
    assert (await signup.sign_up(server, form, ip="198.51.100.1")).needs_approval
    await admin.delete(f"{rules}/{made['id']}")
    for network in ("127.0.0.1", "0.0.0.0/0", "nowhere"):
        assert await refused(admin, "POST", rules, {"ip": network, "severity": "no_access"}) == 422


async def test_the_log_tells_when_it_was_tampered_with(
    server: Server, moderator: Person, admin: Person, alice: Person
) -> None:
    for type_ in ("none", "silence", "disable"):
        await act(moderator, alice, type_)
    assert await server.db.read(audit.first_broken) is None
    entries = await server.db.read(audit.page, Window())
    assert [(one.number, one.action, one.subject_name) for one in entries] == [
        (3, "disable", "alice"),
        (2, "silence", "alice"),
        (1, "warn", "alice"),
    ]
    entry = tables.audit_entry
    forged = entry.update().where(entry.c.number == 2).values(actor_name="ada")
    await server.db.write(lambda conn: conn.execute(forged) and None)
    assert await server.db.read(audit.first_broken) == 2
    gone = entry.delete().where(entry.c.number == 2)
    await server.db.write(lambda conn: conn.execute(gone) and None)
    assert await server.db.read(audit.first_broken) == 2
