"""Who was refused at the door is known again without the address, for a time."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from fedserver import admission, refusals, settings
from fedserver.context import Server
from fedserver.errors import Forbidden
from storage import users
from storage.tables import join_refusal
from storage.types import now_ms
from tests.joining.conftest import Come, MakeReader
from tests.mailing import Mailbox, mails, text_of
from tests.members import Person


async def waits(server: Server, come: Come, name: str, email: str) -> int:
    """Somebody who has confirmed the address and waits."""
    account_id = (await come(name, email=email)).account_id
    await server.db.write(users.change, account_id, confirmed_at=now_ms())
    return account_id


async def kept(server: Server) -> list[tuple[str, int | None]]:
    query = select(join_refusal.c.reason, join_refusal.c.actor_id).order_by(join_refusal.c.id)
    return [tuple(row) for row in await server.db.read(lambda conn: conn.execute(query).all())]


@pytest.mark.jobs
async def test_who_asks_again_is_known_without_the_address_until_the_days_are_over(
    server: Server, admin: Person, moderator: Person, alice: Person, come: Come, mailbox: Mailbox
) -> None:
    first = await waits(server, come, "nora", "nora.otter@mail.example")
    await mails(mailbox, 1)
    await admission.reject(server, moderator.member, first, comment="Not now", reason="Sells pills")
    told = text_of((await mails(mailbox, 2))[-1])
    assert ("Not now" in told, "180 days" in " ".join(told.split()), "pills" in told) == (True, True, False)
    # An address that nobody confirmed may be somebody else's.
    unconfirmed = (await come("pat", email="pat@mail.example")).account_id
    await admission.reject(server, moderator.member, unconfirmed)
    assert await kept(server) == [("Sells pills", moderator.account_id)]
    digests = await server.db.read(
        lambda conn: conn.execute(select(join_refusal.c.email_digest)).scalars().all()
    )
    assert [len(one) for one in digests] == [32]

    # The same mailbox written in another way, and one of somebody else.
    again = await waits(server, come, "nora2", "NoraOtter+x@mail.example")
    await waits(server, come, "dan", "dan@mail.example")
    seen = {one.username: one.refusals for one in await admission.waiting(server, moderator.member)}
    assert {name: [(row.reason, row.actor) for row in rows] for name, rows in seen.items()} == {
        "nora2": [("Sells pills", "mo")], "dan": [],
    }  # fmt: skip
    shown = {
        one["account"]["username"]: one["refusals"] for one in await moderator.get("/api/v1/admin/joins")
    }
    assert [(one["reason"], one["by_account_id"]) for one in shown["nora2"]] == [
        ("Sells pills", str(moderator.account_id))
    ]
    # Told and not more: that is the reason.
    await admission.reject(server, moderator.member, again, comment="Still not")
    assert [reason for reason, _ in await kept(server)] == ["Sells pills", "Still not"]

    old = now_ms() - 181 * refusals.DAY_MS
    await server.db.write(
        lambda conn: conn.execute(
            update(join_refusal).where(join_refusal.c.reason == "Sells pills").values(created_at=old)
        )
    )
    await server.db.write(lambda conn: refusals.forget_old(server.config, conn))
    assert [reason for reason, _ in await kept(server)] == ["Still not"]
    # Who is let in after all is forgotten there.
    third = await waits(server, come, "nora3", "nora.otter@mail.example")
    await admission.approve(server, moderator.member, third)
    assert await kept(server) == []
    await settings.change(server, admin.member, {"refusals_days": 0})
    dan = (await server.db.read(users.by_name, "dan")) or pytest.fail("dan waits")
    await admission.reject(server, moderator.member, dan.account_id, reason="Nothing is kept")
    assert await kept(server) == []
    with pytest.raises(Forbidden):
        await refusals.remove(server, alice.member, 1)


async def test_refusing_on_the_page_keeps_the_reason_and_it_can_be_forgotten(
    server: Server, signed_in: MakeReader, come: Come
) -> None:
    greta = await signed_in("greta", role="greeter")
    account_id = await waits(server, come, "nora", "nora@mail.example")
    page = await greta.open("/mod/joins")
    page = await greta.submit(page, f"/mod/joins/{account_id}/reject", {"reason": "An advertiser"})
    assert page.url.endswith("done=refused")
    await waits(server, come, "nora2", "nora@mail.example")
    page = await greta.open("/mod/joins")
    assert page.problems == []
    assert "This address was refused before." in page.words()
    assert "by @greta: An advertiser" in " ".join(page.words().split())
    page = await greta.open("/mod/joins/refused")
    assert ("An advertiser" in page.words(), "mail.example" in page.words()) == (True, False)
    ((row_id,),) = await server.db.read(lambda conn: conn.execute(select(join_refusal.c.id)).all())
    page = await greta.submit(page, f"/mod/joins/refused/{row_id}/forget")
    assert "Nobody is remembered" in page.words()
    assert await kept(server) == []
