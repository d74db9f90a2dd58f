"""Accounts in the panel: found by what is at hand, and what admins let a member do."""

from __future__ import annotations

import pytest

from fedserver import farewell, signup
from fedserver.context import Server
from fedserver.moderation import audit
from storage import users
from tests.pages.visitor import path_of
from tests.panel.conftest import KnownAs, MakeReader
from tests.people import add_stranger

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_a_whole_handle_finds_an_account(server: Server, signed_in: MakeReader) -> None:
    mo = await signed_in("mo", role="moderator")
    for host in ("near.example", "far.example"):
        await server.db.write(add_stranger, "ann", host)

    async def found(text: str, **more: str) -> list[str]:
        asked = "&".join(f"{name}={value}" for name, value in {"q": text, **more}.items())
        page = await mo.open(f"/mod/accounts?{asked}")
        return sorted(one.text_content().strip() for one in page.all("h2") if one.find("a") is not None)

    assert await found("@Ann@near.example") == ["@ann@near.example"]
    assert await found("ann") == ["@ann@far.example", "@ann@near.example"]
    assert await found(f"@mo@{server.config.domain}") == ["@mo"]
    page = await mo.open("/mod/accounts?ip=somewhere")
    assert "Must be an address or a network" in page.words()


async def test_an_admin_lets_a_member_make_groups_and_gives_them_a_role(
    server: Server, signed_in: MakeReader, known: KnownAs
) -> None:
    ada, mo = await signed_in("ada", role="admin"), await signed_in("mo", role="moderator")
    alice_reads = await signed_in("alice")
    alice = await known("alice")
    here = f"/mod/accounts/{alice.id}"
    assert (await alice_reads.open("/groups/new")).status == 403
    page = await ada.submit(await ada.open(here), f"{here}/group-creation")
    assert "From now on they may make groups." in page.words()
    assert (await alice_reads.open("/groups/new")).status == 200
    page = await ada.submit(page, f"{here}/group-creation")
    assert (await alice_reads.open("/groups/new")).status == 403
    shown = await mo.open(here)
    assert not [one for one in shown.all("form") if one.get("action") == f"{here}/group-creation"]
    (link,) = [
        one.get("href")
        for one in page.all("a")
        if "/admin/roles" in one.get("href", "") and "#" in one.get("href")
    ]
    page = await ada.open(link)
    assert page.all("input", id="username")[0].get("value") == "alice"


async def test_every_way_leads_somewhere(server: Server, signed_in: MakeReader, known: KnownAs) -> None:
    mo = await signed_in("mo", role="moderator")
    form = signup.SignUp("nora", "nora@mail.example", "seven quiet otters", reason="I teach.", agreed=True)
    nora = (await signup.sign_up(server, form)).account_id
    await server.db.write(lambda conn: users.change(conn, nora or 0, confirmed_at=1))
    page = await mo.open(f"/mod/accounts/{nora}")
    (link,) = [one.get("href") for one in page.all("a") if "request to join" in one.text_content()]
    page = await mo.open(link)
    assert path_of(page) == "/mod/joins"
    # The log leads nowhere in vain, neither to who was refused nor to who has left.
    await mo.submit(page, f"/mod/joins/{nora}/reject")
    await signed_in("alice")
    alice = await known("alice")
    here = f"/mod/accounts/{alice.id}"
    await mo.submit(await mo.open(here), f"{here}/notes", {"text": "Moves on"})
    await server.db.write(lambda conn: audit.note(conn, None, "suspend", ("account", alice.id, "alice")))
    await server.db.write(farewell.leave, server.publish, alice.account_id)
    links = {
        one.get("href") for one in (await mo.open("/mod/log")).all("a") if "/accounts/" in one.get("href")
    }
    assert links == {here}
    page = await mo.open(here)
    assert (page.status, "deleted" in page.words()) == (200, True)
