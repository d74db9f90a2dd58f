"""Becoming partners and parting: who may say so, what counts, and that nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import Connection, select

from activitypub.names import PARTNER
from fedserver import partners
from fedserver.errors import Conflict, Invalid
from fedserver.federation import fetch
from storage import accounts, instances, tables
from storage import posts as stored_posts
from tests.federation.network import befriended, network, offer, offers, partner_of
from tests.federation.stub import Door, Stub
from tests.members import Person
from tests.planned import planned
from tests.test_publish import sent
from tests.waiting import until

PARTNERS = "/api/v1/partners"


async def state_of(door: Door, stub: Stub) -> str | None:
    row = await partner_of(door, stub)
    return None if row is None else str(row.state)


async def said(door: Door) -> list[str]:
    """The types of what this server's actor has to say, in order; what is inside follows a stroke."""
    found = []
    for one in await sent(door.server):
        inner = one.activity["object"]
        found.append(f"{one.activity['type']}/{inner['type'] if isinstance(inner, dict) else ''}")
    return found


# -- they offer


async def test_an_offer_waits_for_an_admin_who_accepts_it(
    door: Door, there: Stub, admin: Person, nobody: Any
) -> None:
    them = network(there)
    made = await offers(door, them, content="<p>We teach <b>FAIR</b>.</p>")
    [waiting] = await admin.get(PARTNERS, state="asked")
    assert (waiting["host"], waiting["state"], waiting["note"]) == (there.host, "asked", "We teach FAIR.")
    assert waiting["offered_here"] is False
    assert await nobody.get(PARTNERS) == []
    accepted = await admin.post(f"{PARTNERS}/{waiting['id']}/accept")
    assert accepted["state"] == "active"
    [answer] = await sent(door.server)
    assert answer.activity["type"] == "Accept"
    assert answer.activity["actor"] == door.server.uris.instance_actor()
    assert answer.activity["object"]["id"] == made["id"]
    assert answer.activity["object"]["object"]["relationship"] == PARTNER
    assert answer.inboxes == [f"{them.uri}/inbox"]
    [shown] = await nobody.get(PARTNERS)
    assert shown == {
        "id": waiting["id"], "host": there.host, "title": there.host, "url": them.uri, "uri": them.uri,
        "state": "active",
    }  # fmt: skip


async def test_admins_hear_of_an_offer_by_mail(door: Door, there: Stub, admin: Person, alice: Person) -> None:
    await offers(door, network(there), content="We teach FAIR.")
    planned = await door.server.db.read(_mails)
    assert [(one["account_id"], one["template"]) for one in planned] == [(admin.account_id, "partner_offer")]
    assert planned[0]["context"] == {"host": there.host, "note": "> We teach FAIR."}


@pytest.mark.jobs
async def test_the_mails_say_who_offers_and_what_became_of_it(
    door: Door, there: Stub, admin: Person, mailbox: Callable[[], list[EmailMessage]]
) -> None:
    them = network(there)
    made = offer(them, door, content="We teach FAIR.")
    await door.takes(them, made)
    await until(lambda: mailbox(), "that there is a mail")
    [mail] = mailbox()
    assert there.host in mail["subject"]
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "> We teach FAIR." in text
    assert f"fedserver partner accept {there.host}" in text
    row = await partner_of(door, there)
    await partners.accept(door.server, None, row.id)
    await door.takes(them, them.says("Undo", made))
    await until(lambda: len(mailbox()) == 2, "that there is another")
    assert sorted(one["subject"].partition(" ")[2] for one in mailbox()) == [
        "is a partner no longer", "would like to be a partner of fedserver",
    ]  # fmt: skip


async def test_an_offer_can_be_declined_and_is_then_declined_for_a_while(
    door: Door, there: Stub, admin: Person
) -> None:
    them = network(there)
    await offers(door, them)
    row = await partner_of(door, there)
    declined = await admin.post(f"{PARTNERS}/{row.id}/decline")
    assert declined["state"] == "declined"
    for _ in range(3):
        await door.takes(them, offer(them, door))
    assert await state_of(door, there) == "declined"
    assert await said(door) == ["Reject/Offer"] * 4
    assert len(await door.server.db.read(_mails)) == 1


async def test_offers_say_between_whom_they_are(door: Door, there: Stub, elsewhere: Stub) -> None:
    them, others = network(there), network(elsewhere)
    ours = door.server.uris.instance_actor()
    good = {"type": "Relationship", "subject": them.uri, "relationship": PARTNER, "object": ours}
    for wrong in (
        {**good, "subject": others.uri},
        {**good, "object": others.uri},
        {**good, "object": f"{door.server.config.origin}/users/nobody"},
        {**good, "relationship": "https://example.org/friend"},
        {**good, "type": "Note"},
        "http://127.0.0.1/relationship",
    ):
        made = them.says("Offer", wrong)
        await door.takes(them, made)
    assert await door.server.db.read(_looked_at) == []
    await door.takes(them, them.says("Offer", {**good, "relationship": "net:partner"}))
    assert len(await door.server.db.read(_looked_at)) == 1


async def test_only_the_actor_of_a_server_can_offer_for_it(door: Door, there: Stub, admin: Person) -> None:
    network(there)
    person, impostor = there.actor("pat"), there.actor("bot", "Application")
    await door.takes(person, offer(person, door))
    assert await door.server.db.read(_looked_at) == []
    await offers(door, impostor)
    assert await state_of(door, there) is None


async def test_an_offer_handed_on_by_somebody_else_counts_nothing(
    door: Door, there: Stub, elsewhere: Stub
) -> None:
    them, mallory = network(there), network(elsewhere)
    made = offer(them, door)
    there.documents[made["id"].removeprefix(there.origin)] = made
    await door.takes(mallory, made)
    assert await door.server.db.read(_looked_at) == []


async def test_an_offer_that_was_taken_back_does_not_wait(door: Door, there: Stub) -> None:
    them = network(there)
    made = await offers(door, them)
    await door.takes(them, them.says("Undo", made))
    assert await state_of(door, there) == "ended"
    early = offer(them, door)
    await door.takes(them, them.says("Undo", early), early)
    assert await state_of(door, there) == "ended"


async def test_replays_and_many_offers_leave_one_that_waits(door: Door, there: Stub, admin: Person) -> None:
    them = network(there)
    made = await offers(door, them)
    await door.takes(them, made, made, {**made, "id": them.uri_of("activities")})
    for _ in range(5):
        await door.takes(them, offer(them, door))
    rows = await door.server.db.read(lambda conn: conn.execute(select(tables.partner)).all())
    assert [row.state for row in rows] == ["asked"]
    assert len(await door.server.db.read(_mails)) == 1


async def test_offers_beyond_a_measure_are_not_kept(
    door: Door, there: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partners, "WAITING_MAX", 0)
    await offers(door, network(there))
    assert await state_of(door, there) is None


@pytest.mark.parametrize("policy", ["reject", "limit"])
async def test_a_server_that_is_kept_out_offers_nothing(door: Door, there: Stub, policy: Any) -> None:
    them = network(there)
    account_id = await fetch.account(door.server, them.uri)
    assert account_id is not None
    await door.server.db.write(lambda conn: instances.set_rules(conn, there.host, policy=policy))
    door.server.peers.forget_rules()
    status = await door.post(them, offer(them, door))
    assert status == (403 if policy == "reject" else 202)
    await door.worker.idle()
    problem = await door.server.db.write(
        lambda conn: partners.receive_offer(conn, door.server, accounts.by_id(conn, account_id), "http://x.example/1", "")
    )  # fmt: skip
    assert problem == "its server is kept out"
    assert await state_of(door, there) is None


async def test_a_suspended_server_actor_is_not_heard(door: Door, there: Stub) -> None:
    them = network(there)
    account_id = await fetch.account(door.server, them.uri)
    assert account_id is not None
    await door.server.db.write(lambda conn: accounts.change(conn, account_id, suspended_at=1))
    await door.takes(them, offer(them, door))
    assert await door.server.db.read(_looked_at) == []


# -- we offer


async def test_what_this_server_offers_is_signed_by_its_actor_and_answered(
    door: Door, there: Stub, admin: Person, nobody: Any
) -> None:
    them = network(there)
    made = await admin.post(PARTNERS, {"host": f"http://{there.host}/about", "note": "Hello <there>"})
    assert (made["state"], made["offered_here"], made["host"]) == ("offered", True, there.host)
    [one] = await sent(door.server)
    assert one.activity["type"] == "Offer"
    assert one.activity["content"] == "<p>Hello &lt;there&gt;</p>"
    assert one.activity["to"] == [them.uri]
    between = {"type": "Relationship", "subject": door.server.uris.instance_actor(), "relationship": PARTNER}
    assert one.activity["object"] == {**between, "object": them.uri}
    assert one.inboxes == [f"{them.uri}/inbox"]
    await door.takes(them, them.says("Accept", one.activity))
    assert await state_of(door, there) == "active"
    assert [row["host"] for row in await nobody.get(PARTNERS)] == [there.host]


async def test_an_answer_may_name_the_offer_by_its_address_alone(door: Door, there: Stub) -> None:
    them = network(there)
    row = await partners.offer(door.server, None, there.host)
    await door.takes(them, them.says("Accept", row.offer_uri))
    assert await state_of(door, there) == "active"


async def test_who_is_offered_to_can_decline_also_later(door: Door, there: Stub) -> None:
    them = network(there)
    row = await partners.offer(door.server, None, there.host)
    inside = {"type": "Offer", "id": row.offer_uri}
    await door.takes(them, them.says("Reject", row.offer_uri))
    assert await state_of(door, there) == "declined"
    again = await partners.offer(door.server, None, there.host)
    await door.takes(them, them.says("Accept", again.offer_uri))
    await door.takes(them, them.says("Reject", inside))  # of the offer before
    assert await state_of(door, there) == "active"
    await door.takes(them, them.says("Reject", again.offer_uri))
    assert await state_of(door, there) == "ended"


async def test_nobody_else_answers(door: Door, there: Stub, elsewhere: Stub) -> None:
    them, mallory, neighbour = network(there), network(elsewhere), there.actor("bot", "Application")
    row = await partners.offer(door.server, None, there.host)
    made = (await sent(door.server))[0].activity
    for other in (mallory, neighbour):
        await door.takes(other, other.says("Accept", made), other.says("Accept", row.offer_uri))
    forged = {**them.says("Accept", made)}
    there.documents[forged["id"].removeprefix(there.origin)] = forged
    await door.takes(mallory, forged)
    assert await state_of(door, there) == "offered"
    assert await state_of(door, elsewhere) is None


async def test_an_answer_to_what_was_never_offered_changes_nothing(door: Door, there: Stub) -> None:
    them = network(there)
    never = {
        "id": door.server.uris.activity(1), "type": "Offer", "actor": door.server.uris.instance_actor(),
        "object": {"type": "Relationship", "subject": door.server.uris.instance_actor(),
                   "relationship": PARTNER, "object": them.uri},
    }  # fmt: skip
    await door.takes(them, them.says("Accept", never))
    assert await state_of(door, there) is None
    made = await offers(door, them)
    await door.takes(them, them.says("Accept", made), them.says("Accept", made["id"]))
    assert await state_of(door, there) == "asked"
    row = await partners.offer(door.server, None, there.host)
    assert row.state == "active"  # they had offered it already
    ended = await partners.end(door.server, None, row.id)
    taken = await partners.offer(door.server, None, there.host)
    await partners.end(door.server, None, taken.id)
    await door.takes(them, them.says("Accept", taken.offer_uri))
    assert await state_of(door, there) == ended.state == "ended"


async def test_offers_that_cross_make_partners(door: Door, there: Stub) -> None:
    them = network(there)
    row = await partners.offer(door.server, None, there.host)
    made = offer(them, door)
    await door.takes(them, made)
    assert await state_of(door, there) == "active"
    assert await said(door) == ["Offer/Relationship", "Accept/Offer"]
    assert (await sent(door.server))[1].activity["object"]["id"] == made["id"]
    await door.takes(them, them.says("Accept", row.offer_uri))
    assert await state_of(door, there) == "active"
    await door.takes(them, them.says("Undo", made))
    assert await state_of(door, there) == "ended"


async def test_either_side_can_end_it(door: Door, there: Stub, elsewhere: Stub) -> None:
    await befriended(door, there)
    row = await partner_of(door, there)
    await partners.end(door.server, None, row.id)
    accepted, undone = (one.activity for one in await sent(door.server))
    assert undone["type"] == "Undo"
    assert undone["object"]["id"] == accepted["id"]
    assert undone["object"]["object"]["id"] == accepted["object"]["id"]
    them = network(elsewhere)
    mine = await partners.offer(door.server, None, elsewhere.host)
    consent = them.says("Accept", {"type": "Offer", **await _offer_of(door, mine)})
    await door.takes(them, consent, them.says("Undo", consent))
    assert await state_of(door, elsewhere) == "ended"


async def test_a_third_server_ends_nothing(door: Door, there: Stub, elsewhere: Stub) -> None:
    them = await befriended(door, there)
    row = await partner_of(door, there)
    mallory, neighbour = network(elsewhere), there.actor("bot", "Application")
    made = {"id": row.offer_uri, "type": "Offer", "actor": them.uri, "object": offer(them, door)["object"]}
    for other in (mallory, neighbour):
        await door.takes(
            other,
            other.says("Undo", made),
            other.says("Undo", {**made, "actor": other.uri}),
            other.says("Undo", row.offer_uri),
            other.says("Reject", made),
        )
    assert await state_of(door, there) == "active"


async def test_a_partner_that_has_forgotten_it_is_answered_again(door: Door, there: Stub) -> None:
    them = await befriended(door, there)
    again = offer(them, door)
    await door.takes(them, again)
    assert await state_of(door, there) == "active"
    last = (await sent(door.server))[-1].activity
    assert (last["type"], last["object"]["id"]) == ("Accept", again["id"])


# -- admins


async def test_only_admins_decide(
    door: Door, there: Stub, alice: Person, moderator: Person, nobody: Any
) -> None:
    network(there)
    await offers(door, network(there))
    row = await partner_of(door, there)
    for person in (alice, moderator):
        for path in ("", f"/{row.id}/accept", f"/{row.id}/decline", f"/{row.id}/end"):
            status = (await person.raw("POST", f"{PARTNERS}{path}", json={"host": there.host})).status
            assert status == 403
        assert (await person.raw("GET", PARTNERS, params={"state": "asked"})).status == 403
    assert (await nobody.raw("GET", PARTNERS, params={"state": "all"})).status == 401
    assert await state_of(door, there) == "asked"


async def test_what_cannot_be_is_said_in_a_sentence(door: Door, there: Stub, admin: Person) -> None:
    async def problem(host: Any, **more: Any) -> Any:
        answer = await admin.raw("POST", PARTNERS, json={"host": host, **more})
        assert answer.status == 422, await answer.text()
        return (await answer.json())["error"]

    assert "must be the name of a server" in await problem("not a server")
    assert "must be the name of a server" in await problem("javascript:alert(1)")
    assert "is this server" in await problem(door.server.config.domain)
    assert "is longer than" in await problem(there.host, note="x" * 501)
    assert "has no actor of its own" in await problem(there.host)
    there.actor("pat")
    there.documents["/actor"] = there.documents["/users/pat"]
    assert "has no actor of its own" in await problem(there.host)
    assert await state_of(door, there) is None
    network(there)
    await partners.offer(door.server, None, there.host)
    with pytest.raises(Conflict, match="has not answered"):
        await partners.offer(door.server, None, there.host)
    await door.server.db.write(lambda conn: instances.set_rules(conn, there.host, policy="limit"))
    row = await partner_of(door, there)
    await partners.end(door.server, None, row.id)
    with pytest.raises(Invalid, match="keeps out"):
        await partners.offer(door.server, None, there.host)
    assert (await admin.raw("POST", f"{PARTNERS}/{row.id}/accept")).status == 409
    assert (await admin.raw("POST", f"{PARTNERS}/1/end")).status == 404


async def test_what_admins_decide_is_in_the_log(door: Door, there: Stub, admin: Person) -> None:
    await offers(door, network(there))
    row = await partner_of(door, there)
    await admin.post(f"{PARTNERS}/{row.id}/accept")
    await admin.post(f"{PARTNERS}/{row.id}/end")
    entries = await door.server.db.read(
        lambda conn: conn.execute(
            select(tables.audit_entry)
            .where(tables.audit_entry.c.subject_type == "partner")
            .order_by(tables.audit_entry.c.number)
        ).all()
    )
    assert [(one.actor_id, one.action, one.subject_name) for one in entries] == [
        (admin.account_id, "accept", there.host),
        (admin.account_id, "end", there.host),
    ]


# -- where only partners are federated with


class TestAllowList:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"federation_mode": "allowlist"}

    async def test_strangers_can_become_partners_and_are_then_allowed(
        self, door: Door, there: Stub, alice: Person
    ) -> None:
        them, ann = network(there), there.actor("ann")
        uri = door.server.uris.actor("alice")
        hello = ann.note("Hello", tag=[{"type": "Mention", "href": uri}])
        hello["to"].append(uri)
        assert await door.post(ann, ann.says("Create", hello)) == 403
        assert await door.post(ann, offer(ann, door)) == 403  # she is no server
        await offers(door, them)
        assert await state_of(door, there) == "asked"
        assert await door.post(them, them.says("Create", them.note("Hello"))) == 403
        row = await partner_of(door, there)
        await partners.accept(door.server, None, row.id)
        assert (await sent(door.server))[-1].inboxes == [f"{them.uri}/inbox"]
        door.server.peers.forget_rules()
        await door.takes(ann, ann.says("Create", hello))
        assert await door.server.db.read(stored_posts.by_uri, hello["id"]) is not None
        await partners.end(door.server, None, row.id)
        assert (await sent(door.server))[-1].activity["type"] == "Undo"
        door.server.peers.forget_rules()
        assert await door.post(ann, ann.says("Create", ann.note("Again"))) == 403

    async def test_what_is_offered_to_a_stranger_goes_out_and_its_answer_comes_in(
        self, door: Door, there: Stub
    ) -> None:
        them = network(there)
        row = await partners.offer(door.server, None, there.host)
        [one] = await sent(door.server)
        assert one.inboxes == [f"{them.uri}/inbox"]
        await door.takes(them, them.says("Accept", {"type": "Offer", **await _offer_of(door, row)}))
        assert await state_of(door, there) == "active"

    async def test_a_refused_server_offers_nothing(self, door: Door, there: Stub) -> None:
        them = network(there)
        await door.server.db.write(lambda conn: instances.set_rules(conn, there.host, policy="reject"))
        door.server.peers.forget_rules()
        assert await door.post(them, offer(them, door)) == 403
        assert there.asked == []


async def _offer_of(door: Door, row: Any) -> dict[str, Any]:
    """An offer of this server's, as an answer to it has it inside."""
    ours = door.server.uris.instance_actor()
    between = {"type": "Relationship", "subject": ours, "relationship": PARTNER, "object": row.uri}
    return {"id": row.offer_uri, "actor": ours, "object": between}


def _mails(conn: Connection) -> list[dict[str, Any]]:
    return planned(conn, "mail")


def _looked_at(conn: Connection) -> list[dict[str, Any]]:
    return planned(conn, "look_at_offer")
