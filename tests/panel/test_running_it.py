"""Pages of those who run the server: what was given up is tried again or forgotten, rules are made one by one or by lists."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select

from fedserver import pruning
from fedserver.context import Server
from fedserver.moderation import domains
from fedserver.moderation.domains import Rule
from fedserver.partners import STATES
from storage import instances, partners, tables
from storage.types import new_id, now_ms
from tests.pages.conftest import MakeReader, browser, signed_in, visitor
from tests.pages.visitor import Visitor
from tests.people import add_stranger
from tests.planned import planned
from tests.test_pruning import add_old

__all__ = ["browser", "signed_in", "visitor"]

HOSTS = ("slow.example", "spam.example")


@pytest.fixture
async def ada(signed_in: MakeReader) -> Visitor:
    """An admin with a browser."""
    return await signed_in("ada", role="admin")


def give_up(conn: Connection, host: str) -> int:
    """A delivery to this host that was given up; its id."""
    instances.see(conn, [host])
    author = conn.scalar(select(tables.user.c.account_id))
    message_id, delivery_id = new_id(), new_id()
    uri = f"https://here.example/{message_id}"
    conn.execute(insert(tables.message).values(id=message_id, uri=uri, account_id=author, body=b"{}"))
    conn.execute(
        insert(tables.delivery).values(
            id=delivery_id,
            message_id=message_id,
            host=host,
            inbox_uri=f"https://{host}/inbox",
            state="failed",
            next_at=now_ms(),
            last_error="<b>410</b> Gone",
        )
    )
    return delivery_id


def deliveries(conn: Connection) -> dict[str, str]:
    return {
        row.host: row.state for row in conn.execute(select(tables.delivery.c.host, tables.delivery.c.state))
    }


async def test_what_was_given_up_is_tried_again_or_forgotten(server: Server, ada: Visitor) -> None:
    page = await ada.open("/admin/operations")
    assert not page.problems
    assert "There is no backup of this week." in page.words()
    for host in HOSTS:
        await server.db.write(give_up, host)
    page = await ada.open("/admin/operations")
    assert not page.problems
    assert "<b>410</b> Gone" in page.words()
    assert "2 things were given up" in (await ada.open("/admin")).words()
    page = await ada.submit(page, "/admin/operations/servers/retry", {"host": HOSTS[0]})
    assert "It is being tried again." in page.words()
    page = await ada.submit(page, "/admin/operations/servers/drop", {"host": HOSTS[1]})
    assert await server.db.read(deliveries) == {HOSTS[0]: "waiting"}
    given_up = await server.db.write(give_up, HOSTS[1])
    page = await ada.open("/admin/operations")
    page = await ada.submit(
        page, "/admin/operations/given-up/drop", {"kind": "delivery", "id": str(given_up)}
    )
    assert HOSTS[1] not in await server.db.read(deliveries)
    assert "Nothing." in page.words()
    page = await ada.open("/admin/operations/doctor")
    assert "packages" in page.words()
    assert not page.problems


async def test_partners_are_offered_accepted_declined_and_ended(
    server: Server, ada: Visitor, visitor: Visitor
) -> None:
    def asks(conn: Connection, name: str) -> int:
        them = add_stranger(conn, "server", f"{name}.example")
        return int(
            partners.put(
                conn,
                f"{name}.example",
                them,
                state="asked",
                note="<b>Hello</b>",
                offer_uri=f"https://{name}.example/1",
            ).id
        )

    near, far = [await server.db.write(asks, name) for name in ("near", "far")]
    page = await ada.open("/admin/partners")
    assert not page.problems
    assert "<b>Hello</b>" in page.words()
    page = await ada.submit(page, f"/admin/partners/{near}/accept")
    assert "You are partners now." in page.words()
    page = await ada.submit(page, f"/admin/partners/{far}/decline")
    assert "The offer is declined." in page.words()
    assert not page.problems
    assert "near.example" in (await visitor.open("/about/partners")).words()
    page = await ada.submit(page, f"/admin/partners/{near}/end")
    assert {row.host: row.state for row in await server.db.read(partners.listed, STATES)} == {
        "near.example": "ended", "far.example": "declined",
    }  # fmt: skip
    page = await ada.submit(page, "/admin/partners", {"host": "no host", "note": "Hi"})
    assert page.status == 422
    assert "near.example" not in (await visitor.open("/about/partners")).words()


async def test_what_could_go_is_shown_before_it_goes(server: Server, ada: Visitor) -> None:
    await server.db.write(lambda conn: add_old(conn, add_stranger(conn, "ann")))
    page = await ada.open("/admin/operations/prune")
    assert "1 posts of other servers" in page.words()
    assert "there.example" in page.words()
    assert not page.problems
    await ada.submit(page, "/admin/operations/prune")
    assert await server.db.read(planned, "prune") == [{}]
    await pruning.nightly(server, {})
    assert "1 old posts" in (await ada.open("/admin/operations")).words()


def follow(conn: Connection, host: str) -> None:
    member = conn.scalar(select(tables.user.c.account_id))
    other = add_stranger(conn, "ann", host)
    conn.execute(
        insert(tables.follow).values(
            id=new_id(), uri="https://x.example/1", account_id=member, target_id=other, accepted=True
        )
    )


async def test_a_rule_that_parts_members_from_people_asks_first(server: Server, ada: Visitor) -> None:
    await server.db.write(follow, "w1.spam.example")
    page = await ada.open("/admin/federation/server?host=Spam.Example.")
    assert "1 member has a part in it" in page.words()
    entered = {"host": "spam.example", "public_comment": "Spam <b>", "note": "See the mail"}
    page = await ada.submit(page, "/admin/federation/server", entered, choose={"policy": "reject"})
    assert page.status == 422
    assert "members lose people by this" in page.words()
    assert not page.problems
    page = await ada.submit(
        page, "/admin/federation/server", {}, choose={"policy": "reject", "understood": "1"}
    )
    assert "The rule holds." in page.words()
    row = await server.db.read(instances.by_host, "spam.example")
    assert (row.policy, row.public_comment, row.note) == ("reject", "Spam <b>", "See the mail")
    page = await ada.open("/admin/federation?which=ruled")
    assert "spam.example" in page.words()
    assert not page.problems
    page = await ada.open("/admin/federation/server?host=not%20a%20name")
    assert page.status == 422
    page = await ada.open("/admin/federation/server?host=127.0.0.1.nip.example")
    assert "Nothing was exchanged" in page.words()


async def test_a_list_is_shown_before_it_is_followed(server: Server, ada: Visitor) -> None:
    await server.db.write(follow, "loved.example")
    await server.db.write(domains.decide, None, "good.example", Rule("allow"))
    page = await ada.open("/admin/federation/lists")
    assert not page.problems
    text = "#domain,#severity,#public_comment\nloved.example,suspend,\ngood.example,suspend,\nbad.example,suspend,<i>\nx**.example,suspend,\n"
    page = await ada.submit(page, "/admin/federation/lists", {"text": text})
    assert not page.problems
    for said in (
        "2 rules of 3 domains",
        "By 1 of them members would lose",
        "left alone: allowed here",
        "asterisks",
        "<i>",
    ):
        assert said in page.words()
    page = await ada.submit(page, "/admin/federation/lists/follow")
    assert "The rules of the list hold now." in page.words()
    rules = {row.host: row.policy for row in await server.db.read(instances.all_decided)}
    assert rules == {"bad.example": "reject"}, "who costs members somebody was to be spared"
    listed = await ada.open("/admin/federation/lists/blocked.csv")
    assert listed.text.splitlines()[1].startswith("bad.example,suspend,")
    page = await ada.submit(
        await ada.open("/admin/federation/lists"), "/admin/federation/lists", {"text": " "}
    )
    assert page.status == 422
