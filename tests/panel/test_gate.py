"""Who may open what: every route of the panel and of the admin API, as nobody, as a member and in each role."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

import pytest

from fedserver import announcements, house_rules, oauth, sessions
from fedserver.context import Server
from fedserver.moderation import domains
from fedserver.moderation.domains import Rule
from fedserver.moderation.permissions import GRANTED, Permission, allows
from fedserver.viewer import ROLES, Role
from storage import accounts, users
from tests import databases
from tests.conftest import MakeMember
from tests.members import Person
from tests.rows import changed, every_row
from web import auth, fresh, gate
from web.app import ROUTES

PARAMETER = re.compile(r"\{([a-z_]+)(?::((?:[^{}]|\{[^{}]*\})*))?\}")
CASES = sorted(gate.WANTED.items(), key=lambda case: (case[0][1], case[0][0]))


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    """Who may do what does not depend on the kind of database."""
    return databases.sqlite_database(tmp_path / "database")


def test_no_route_of_the_panel_goes_round_the_gate() -> None:
    assert gate.forgotten(ROUTES) == []
    assert len(CASES) > 60
    assert all(wanted for _, wanted in CASES)


def test_adm_08_all_of_administration_and_what_else_is_listed_wants_a_fresh_sign_in() -> None:
    found = {(route.method, route.path): fresh.wanted_for(route.method, route.path) for route in ROUTES}
    assert set(fresh.WANTED) <= set(found.values())  # each line of the table is about a route that is there
    forms = [key for key in found if key[0] == "POST" and key[1].startswith("/admin/")]
    assert len(forms) > 10
    assert [key for key in forms if found[key] is None] == []


def test_adm_02_each_role_has_the_permissions_it_should() -> None:
    alone = {
        "member": Permission(0), "greeter": Permission.MANAGE_JOINS, "curator": Permission.MANAGE_LIBRARY,
        "organiser": Permission.MANAGE_EVENTS, "admin": Permission.ADMINISTRATOR, "owner": Permission.ADMINISTRATOR,
    }  # fmt: skip
    assert {role: GRANTED[role] for role in alone} == alone
    assert set(GRANTED) == set(ROLES) == {*alone, "moderator"}
    for taken in (
        Permission.MANAGE_FEDERATION, Permission.MANAGE_SETTINGS, Permission.MANAGE_BLOCKS, Permission.DELETE_USER_DATA,
        Permission.MANAGE_ROLES, Permission.MANAGE_USER_ACCESS, Permission.ADMINISTRATOR, Permission.MANAGE_RULES,
        Permission.MANAGE_ANNOUNCEMENTS, Permission.MANAGE_CUSTOM_EMOJIS,
    ):  # fmt: skip
        assert not allows("moderator", taken)
        assert allows("admin", taken)


# What docs/roles.md leaves to admins, by a word of its address.
FOR_ADMINS = re.compile(
    r".*/(roles|access|branding|site|limits|operations|emoji|announcements|rules|terms|policies|mails|partners|mode"
    r"|domain_blocks|domain_allows|domain_lists|lists|ip_blocks|email_domain_blocks|canonical_email_blocks"
    r"|second-factors/remove|erase|group_creation)(/.*)?"
)


def test_adm_02_what_is_left_to_admins_opens_for_them_alone() -> None:
    found = {
        (method, pattern): [role for role in ROLES if any(allows(role, one) for one in wanted)]
        for (method, pattern), wanted in CASES
        if FOR_ADMINS.fullmatch(pattern) or (method, pattern) == ("DELETE", "/api/v1/admin/accounts/{id}")
    }
    assert len(found) > 60
    assert {case: roles for case, roles in found.items() if roles != ["admin", "owner"]} == {}


async def browser_of(server: Server, person: Person) -> dict[str, str]:
    """What a browser in which somebody has signed in sends with a form of ours."""
    session = await server.db.write(sessions.begin, person.account_id)
    token = hmac.new(session.secret.encode(), b"forms of this session", hashlib.sha256).hexdigest()
    return {
        "cookie": f"{auth.cookie_name(server.config.origin)}={session.secret}",
        "origin": server.config.origin,
        "sec-fetch-site": "same-origin",
        "x-csrf-token": token,
    }


async def status(person: Person, method: str, path: str, **more: Any) -> int:
    answer = await person.raw(method, path, **more)
    await answer.read()
    found: int = answer.status
    return found


async def test_adm_01_each_route_opens_for_those_with_the_permission_alone(
    server: Server, nobody: Person, member: MakeMember
) -> None:
    people: dict[Role, Person] = {role: await member(f"walker_{role}", role=role) for role in ROLES}
    wide = await server.db.write(
        oauth.issue, people["member"].account_id, "read write admin:read admin:write"
    )
    people["member"].token = wide.access_token
    narrow = await server.db.write(oauth.issue, people["admin"].account_id, "read write")
    without_scope = Person(nobody.client, token=narrow.access_token)
    browsers = {role: await browser_of(server, person) for role, person in people.items()}
    wrong = []
    for (method, pattern), wanted in CASES:
        path = PARAMETER.sub("1", pattern)
        api = path.startswith("/api/")
        refused = await status(nobody, method, path)
        if refused not in ((401,) if api else (303, 401)):
            wrong.append((method, pattern, "nobody", refused))
        if api and (refused := await status(without_scope, method, path)) != 403:
            wrong.append((method, pattern, "admin out of scope", refused))
        for role, person in people.items():
            asking = person if api else nobody
            more: dict[str, Any] = {} if api else {"headers": browsers[role]}
            answered = await status(asking, method, path, **more)
            may = any(allows(role, one) for one in wanted)
            # Past the gate nothing is found under the id 1, or it is not what the handler wants.
            if (
                answered not in (303, 401, 403) or (answered == 303 and method != "GET")
            ) != may or answered >= 500:
                wrong.append((method, pattern, role, answered))
    assert wrong == []


async def test_adm_01_whoever_is_refused_learns_and_changes_nothing(
    server: Server, nobody: Person, admin: Person, alice: Person, bob: Person
) -> None:
    """With ids that there are, and forms that would do something; nor is anything done by looking where a form belongs (ADM-08)."""
    word = "quokkaword"
    report = await bob.post("/api/v1/reports", {"account_id": alice.id, "comment": word})
    await server.db.write(domains.decide, None, "bad.example", Rule("reject", note=word, public_comment=word))
    await house_rules.add(server, admin.member, word, word)
    await announcements.write(server, admin.member, announcements.Draft(word))
    for scopes, person in (("read write admin:read admin:write", alice), ("read write", admin)):
        issued = await server.db.write(oauth.issue, person.account_id, scopes)
        person.token = issued.access_token
    browsers = [await browser_of(server, one) for one in (alice, admin)]
    form = {
        "type": "suspend", "role": "owner", "username": "alice", "domain": "evil.example", "text": "Taken", "title": "Taken", "value": "1",
        "severity": "suspend", "measures[]": "suspend", "account_ids[]": alice.id, "trust": "trusted", "code": "de", "name": "Taken",
    }  # fmt: skip
    with_form = {pattern for (method, pattern), _ in CASES if method != "GET"}
    looked_at = {pattern for (method, pattern), _ in CASES if method == "GET"}
    before = await server.db.read(every_row)
    wrong = []
    for (method, pattern), _ in CASES:
        for real in (alice.id, report["id"]):
            path = PARAMETER.sub(
                lambda found, one=real: one if re.fullmatch(found[2] or ".*", one) else "1", pattern
            )
            asking: list[tuple[Person, dict[str, Any]]] = [(nobody, {})]
            asking += (
                [(alice, {}), (admin, {})]
                if path.startswith("/api/")
                else [(nobody, {"headers": browsers[0]})]
            )
            for person, more in asking:
                body = {} if method == "GET" else {"data": form}
                async with await person.raw(method, path, **more, **body) as answer:
                    if answer.status not in (303, 401, 403) or word in await answer.text():
                        wrong.append((method, path, person.username, answer.status))
        if pattern in with_form - looked_at and not pattern.startswith("/api/"):
            for looking in ("GET", "HEAD"):
                async with await nobody.raw(looking, path, params=form, headers=browsers[1]) as answer:
                    if answer.status not in (404, 405):
                        wrong.append((looking, path, "admin", answer.status))
    assert wrong == []
    assert changed(before, await server.db.read(every_row)) == {}


async def test_adm_02_nobody_decides_about_those_of_their_rank_or_above(
    server: Server, nobody: Person, member: MakeMember
) -> None:
    deciding: dict[Role, Person] = {
        role: await member(f"by_{role}", role=role) for role in ("moderator", "admin", "owner")
    }
    others: dict[Role, Person] = {role: await member(f"other_{role}", role=role) for role in ROLES}
    browsers = {role: await browser_of(server, person) for role, person in deciding.items()}
    wrong = []
    for by, person in deciding.items():
        for role, other in others.items():
            over = role not in deciding or by == "owner" or ROLES.index(by) > ROLES.index(role)
            here = f"/api/v1/admin/accounts/{other.id}"
            ways = [
                (f"{here}/action", {"type": one})
                for one in ("none", "disable", "sensitive", "silence", "suspend")
            ]
            ways += [
                (f"{here}/{one}", {})
                for one in ("unsensitive", "unsilence", "unsuspend", "enable", "approve", "reject")
            ]
            for path, form in ways:
                answered = await status(person, "POST", path, json=form)
                # Nobody waits to be let in, and what is not in force is not taken back.
                if (answered == 200 and not over) or (form and answered != (200 if over else 403)):
                    wrong.append((by, role, path, form, answered))
            form = {"username": other.username, "role": "curator"}
            answered = await status(nobody, "POST", "/admin/roles", data=form, headers=browsers[by])
            if answered != (303 if over and by != "moderator" else 403):
                wrong.append((by, role, "/admin/roles", form, answered))
            user: Any = await server.db.read(users.by_id, other.account_id)
            row: Any = await server.db.read(accounts.by_id, other.account_id)
            if not over and (user.role, user.disabled_at, row.suspended_at, row.limited_at) != (
                role,
                None,
                None,
                None,
            ):
                wrong.append((by, role, "is changed", user.role, row.suspended_at))
            await server.db.write(
                lambda conn, one=other, as_=role: users.change(conn, one.account_id, role=as_)
            )
    assert wrong == []
