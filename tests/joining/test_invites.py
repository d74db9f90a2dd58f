"""Links by which people are invited: what they give, that they end, and who makes them (MOD-13)."""

from __future__ import annotations

import asyncio

import pytest

from fedserver import invites, sessions, settings, signup
from fedserver.context import Server
from fedserver.errors import FedError, Forbidden, Invalid, NotFound
from fedserver.invites import InvitationEnded, NewInvite, Window
from fedserver.signup import SignedUp
from storage import audit, groups, users
from storage.tables import invite as table
from tests.groups.conftest import MakeGroup
from tests.joining.conftest import GOOD, Come, Invite
from tests.mailing import Mailbox, link_in, mails
from tests.members import Person


@pytest.mark.jobs
async def test_whoever_comes_by_a_link_is_in_without_approval_with_what_it_gives(
    server: Server, admin: Person, make_group: MakeGroup, come: Come, invite: Invite, mailbox: Mailbox
) -> None:
    group_id = await make_group(admin, "newcomers", join_mode="invite")
    link = await invite(admin, note="Workshop in May", role="moderator", group_ids=[group_id])
    assert link.url == f"{server.config.origin}/join/{link.row.code}"
    assert [one.account_id for one in link.groups] == [group_id]
    signed_up = await come("nora", invite_code=link.row.code, reason="")
    assert not signed_up.needs_approval
    # Nothing is given before the address is confirmed.
    with pytest.raises(Forbidden, match="confirmed e-mail"):
        await sessions.log_in(server, "nora", GOOD)
    assert (await server.db.read(users.by_id, signed_up.account_id)).role == "member"  # type: ignore[union-attr]
    await signup.confirm(server, link_in((await mails(mailbox, 1))[0], "/confirm/"))
    nora = await server.db.read(users.by_id, signed_up.account_id)
    assert nora is not None
    assert (nora.is_let_in, nora.role, nora.trust) == (True, "moderator", "member")
    assert await server.db.read(groups.membership_of, group_id, nora.account_id) is not None
    (listed,) = await invites.everybodys(server, admin.member, Window(limit=5))
    assert [one.username for one in listed.people] == ["nora"]
    assert listed.row.uses == 1
    assert (await admin.get("/api/v1/admin/accounts", invited_by=admin.id))[0]["username"] == "nora"
    shown = await admin.get(f"/api/v1/admin/accounts/{nora.account_id}")
    assert shown["invited_by_account_id"] == admin.id
    actions = [one.action for one in await server.db.read(lambda conn: audit.page(conn, Window(limit=9)))]
    assert actions[:2] == ["change_role", "create"]


async def test_mod_13_an_invitation_for_one_lets_one_in_however_many_come_at_once(
    server: Server, moderator: Person, come: Come, invite: Invite
) -> None:
    link = await invite(moderator, uses_max=1)
    answers = await asyncio.gather(
        *(come(f"nora{number}", invite_code=link.row.code) for number in range(5)), return_exceptions=True
    )
    assert [type(one) for one in answers if not isinstance(one, SignedUp)] == [InvitationEnded] * 4
    assert len([one for one in answers if isinstance(one, SignedUp)]) == 1
    with pytest.raises(InvitationEnded):
        await come("again", invite_code=link.row.code)
    # A known address uses it up as well: what is left of a link tells nobody who is here.
    other = await invite(moderator, uses_max=1)
    await come("other", email="mo@members.example", invite_code=other.row.code)
    with pytest.raises(InvitationEnded):
        await come("another", invite_code=other.row.code)


async def test_mod_13_a_link_that_has_ended_lets_nobody_in(
    server: Server, moderator: Person, admin: Person, alice: Person, come: Come, invite: Invite
) -> None:
    wrong = []

    async def refused(name: str, code: str, error: type[FedError] = InvitationEnded) -> None:
        try:
            await come("nora", invite_code=code)
            wrong.append(name)
        except error:
            pass
        with pytest.raises(Forbidden):
            await invites.look_at(server, code)

    await refused("unknown", "abcdefghijkm")
    expired = await invite(moderator, expires_in_s=300)
    await server.db.write(
        lambda conn: conn.execute(table.update().where(table.c.id == expired.row.id).values(expires_at=1))
    )
    await refused("expired", expired.row.code)
    revoked = await invite(moderator)
    with pytest.raises(NotFound):
        await invites.revoke(server, alice.member, revoked.row.id)
    await invites.revoke(server, admin.member, revoked.row.id)
    await refused("revoked", revoked.row.code)
    link = await invite(moderator)
    for values in ({"registrations": "closed"}, {"registrations": "invite", "invites_by": "admins"}):
        await settings.change(server, admin.member, values)
        await refused(str(values), link.row.code, Forbidden)
    await settings.change(server, admin.member, {"invites_by": "moderators"})
    # Whom its inviter brings in while they may not do so themselves, nobody has invited.
    await server.db.write(users.change, moderator.account_id, disabled_at=1)
    await refused("by who is frozen", link.row.code)
    assert wrong == []
    await server.db.write(users.change, moderator.account_id, disabled_at=None)
    assert not (await come("nora", invite_code=link.row.code)).needs_approval


async def test_mod_13_signing_up_through_an_app_obeys_the_same_door(
    server: Server, nobody: Person, moderator: Person, admin: Person, invite: Invite
) -> None:
    app = await nobody.post(
        "/api/v1/apps",
        {"client_name": "App", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read write"},
    )
    grant = {"grant_type": "client_credentials", "scope": "read write"}
    issued = await nobody.post(
        "/oauth/token", {**grant, "client_id": app["client_id"], "client_secret": app["client_secret"]}
    )
    asking = Person(nobody.client, token=issued["access_token"])
    link = await invite(moderator, uses_max=1)

    async def status(name: str, **more: str) -> int:
        form = {
            "username": name,
            "email": f"{name}@mail.example",
            "password": GOOD,
            "agreement": True,
            **more,
        }
        answer = await asking.raw("POST", "/api/v1/accounts", json=form)
        return int(answer.status)

    await settings.change(server, admin.member, {"registrations": "closed"})
    assert await status("nora", reason="Please") == 403
    assert await status("nora", invite_code=link.row.code) == 403
    at = f"/invite/{link.row.code}"
    assert (await nobody.raw("GET", at, headers={"accept": "application/json"})).status == 401
    await settings.change(server, admin.member, {"registrations": "invite"})
    assert await status("nora", reason="Please") == 403
    found = await nobody.ask("GET", at, headers={"accept": "application/json"})
    assert found == {
        "invite_code": link.row.code, "instance_api_url": f"{server.config.origin}/api/v2/instance",
    }  # fmt: skip
    assert (await nobody.raw("GET", at)).headers["location"] == f"/join/{link.row.code}"
    assert await status("nora", invite_code=link.row.code) == 200
    assert await status("dan", invite_code=link.row.code) == 403


@pytest.mark.jobs
async def test_mod_13_confirming_the_address_does_not_go_round_approval(
    server: Server, moderator: Person, come: Come, mailbox: Mailbox
) -> None:
    signed_up = await come("nora")
    await signup.confirm(server, link_in((await mails(mailbox, 1))[0], "/confirm/"))
    with pytest.raises(Forbidden, match="pending"):
        await sessions.log_in(server, "nora", GOOD)
    user = await server.db.read(users.by_id, signed_up.account_id)
    assert user is not None
    assert (user.is_let_in, user.trust) == (False, "new")


async def test_nobody_gives_what_they_may_not_and_who_invites_is_a_setting(
    server: Server, moderator: Person, admin: Person, alice: Person, make_group: MakeGroup, invite: Invite
) -> None:
    group_id = await make_group(alice, "python")
    for by, more in (
        (moderator, {"role": "admin"}),
        (moderator, {"group_ids": [group_id]}),
        (admin, {"uses_max": 0}),
    ):
        with pytest.raises(Invalid):
            await invite(by, **more)
    with pytest.raises(Forbidden):
        await invite(alice)
    await settings.change(server, admin.member, {"invites_by": "trusted"})
    with pytest.raises(Forbidden):
        await invite(alice)
    await server.db.write(users.change, alice.account_id, trust="trusted")
    mine = await invite(alice, group_ids=[group_id])
    with pytest.raises(Forbidden):
        await invites.everybodys(server, alice.member, Window(limit=5))
    assert [one.row.id for one in await invites.own(server, alice.member, Window(limit=5))] == [mine.row.id]
    await settings.change(server, admin.member, {"invites_by": "admins"})
    with pytest.raises(Forbidden):
        await invite(moderator)
    assert (await invites.own(server, alice.member, Window(limit=5)))[0].state == "idle"
    # A link gives no role that its maker has lost the right to give.
    link = await invites.create(server, admin.member, NewInvite(role="moderator"))
    api = "/api/v1/admin/invites"
    made = await admin.post(api, {"note": "By an app", "max_uses": 3, "expires_in": 3600})
    assert (made["max_uses"], made["uses"], made["state"]) == (3, 0, "open")
    assert [one["id"] for one in await admin.get(api)] == [made["id"], str(link.row.id), str(mine.row.id)]
    assert (await admin.delete(f"{api}/{made['id']}"))["state"] == "revoked"
    assert (await admin.get(f"{api}/{made['id']}"))["revoked_at"]
