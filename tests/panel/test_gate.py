"""Who may open what: every route of the panel and of the admin API, as nobody, as a member and in each role."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

import pytest

from fedserver import oauth, sessions
from fedserver.context import Server
from fedserver.moderation.permissions import GRANTED, Permission, allows
from fedserver.viewer import ROLES, Role
from storage import accounts, users
from tests import databases
from tests.conftest import MakeMember
from tests.members import Person
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
        Permission.MANAGE_ROLES, Permission.MANAGE_USER_ACCESS, Permission.ADMINISTRATOR,
    ):  # fmt: skip
        assert not allows("moderator", taken)
        assert allows("admin", taken)


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
