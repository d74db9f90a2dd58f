"""Quotes between servers (FEP-044f): asked for, answered by the policy, believed by the stamp alone, and taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Connection, select

from activitypub.names import AS2, PUBLIC
from fedserver import relationships
from fedserver.federation import fetch, stamps
from storage import posts, quotes, tables
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person

Document = dict[str, Any]


@pytest.fixture
async def ann(door: Door, there: Stub, alice: Person) -> StubActor:
    """Somebody on another server whom alice follows."""
    made = there.actor("ann")
    ann_id = await fetch.account(door.server, made.uri)
    assert ann_id is not None
    await relationships.follow(door.server, alice.member, ann_id)
    uri = await door.server.db.read(lambda conn: conn.scalar(select(tables.follow.c.uri)))
    await door.takes(made, made.says("Accept", uri))
    return made


async def sent(door: Door, kind: str) -> list[Document]:
    """Activities of this type that wait to be delivered, oldest first."""

    def read(conn: Connection) -> list[Document]:
        bodies = conn.scalars(select(tables.message.c.body).order_by(tables.message.c.id))
        return [one for one in map(json.loads, bodies) if one["type"] == kind]

    return await door.server.db.read(read)


async def quote_of(door: Door, uri: str) -> Any:
    def read(conn: Connection) -> Any:
        row = posts.by_uri(conn, uri)
        return None if row is None else quotes.of_post(conn, row.id)

    return await door.server.db.read(read)


async def shown(person: Person, status_id: Any) -> Any:
    quote = (await person.get(f"/api/v1/statuses/{status_id}"))["quote"]
    return quote and (quote["state"], (quote["quoted_status"] or {}).get("uri"))


def asks(actor: StubActor, quoted: str, note: Document | str) -> Document:
    return actor.says("QuoteRequest", quoted, instrument=note)


def stamp_of(author: StubActor, quoting: str, quoted: str, **more: Any) -> Document:
    """A stamp that the author's server serves."""
    made = {
        "@context": [AS2, {"QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization"}],
        "id": author.uri_of("stamps"),
        "type": "QuoteAuthorization",
        "attributedTo": author.uri,
        "interactingObject": quoting,
        "interactionTarget": quoted,
        **more,
    }
    author.stub.documents[made["id"].removeprefix(author.stub.origin)] = made
    return made


async def looked_into(door: Door, uri: str) -> Any:
    """The quote of this post, once its stamp has been asked for as the job would."""
    quote = await quote_of(door, uri)
    await stamps.verify_quote(door.server, {"quote_id": quote.id})
    return await quote_of(door, uri)


async def test_who_asks_gets_a_stamp_until_it_is_taken_back(
    door: Door, ann: StubActor, alice: Person, bob: Person
) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Quote me"})
    note = ann.note("As she says", quote=status["uri"])
    request = asks(ann, status["uri"], note)
    await door.takes(ann, request, ann.says("Create", note))
    (accept,) = await sent(door, "Accept")
    assert accept["object"] == {
        "id": request["id"],
        "type": "QuoteRequest",
        "actor": ann.uri,
        "object": status["uri"],
        "instrument": note["id"],
    }
    path = accept["result"].removeprefix(door.server.config.origin)
    assert (await door.get(path))[0] == 401, "in secure mode"
    code, stamp = await door.get(path, ann)
    assert code == 200
    assert {
        name: stamp[name] for name in ("id", "type", "attributedTo", "interactingObject", "interactionTarget")
    } == {
        "id": accept["result"],
        "type": "QuoteAuthorization",
        "attributedTo": f"{door.server.config.origin}/users/alice",
        "interactingObject": note["id"],
        "interactionTarget": status["uri"],
    }
    (heard,) = await alice.get("/api/v1/notifications", **{"types[]": "quote"})
    assert heard["status"]["quote"]["quoted_status"]["uri"] == status["uri"]
    assert (await alice.get(f"/api/v1/statuses/{status['id']}"))["quotes_count"] == 1
    # Asked again, the answer is the same; taken back, it is no.
    quoting_id = heard["status"]["id"]
    await door.takes(ann, asks(ann, status["uri"], note["id"]))
    assert {one["result"] for one in await sent(door, "Accept")} == {accept["result"]}
    await alice.post(f"/api/v1/statuses/{status['id']}/quotes/{quoting_id}/revoke")
    assert (await door.get(path, ann))[0] == 410
    (gone,) = await sent(door, "Delete")
    assert (gone["object"]["id"], gone["object"]["type"]) == (accept["result"], "QuoteAuthorization")
    assert await shown(bob, quoting_id) == ("revoked", None)
    await door.takes(ann, asks(ann, status["uri"], note["id"]))
    (reject,) = await sent(door, "Reject")
    assert reject["object"]["instrument"] == note["id"]


async def test_asking_does_not_bring_back_what_was_deleted(
    door: Door, ann: StubActor, elsewhere: Stub, alice: Person
) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Quote me"})
    note = ann.note("As she says", quote=status["uri"])
    await door.takes(ann, asks(ann, status["uri"], note), ann.says("Delete", note["id"]))
    assert await quote_of(door, note["id"]) is None
    await door.takes(ann, asks(ann, status["uri"], note))
    assert await quote_of(door, note["id"]) is None
    # Nor does it make a post of somebody else's.
    forged = ann.note("I am not Ann", quote=status["uri"], attributedTo=elsewhere.actor("mallory").uri)
    await door.takes(ann, asks(ann, status["uri"], forged))
    assert await quote_of(door, forged["id"]) is None
    assert (await alice.get(f"/api/v1/statuses/{status['id']}"))["quotes_count"] == 0


async def test_who_may_not_quote_is_refused_and_what_nobody_may_see_is_not_answered(
    door: Door, ann: StubActor, elsewhere: Stub, alice: Person
) -> None:
    mallory = elsewhere.actor("mallory")
    closed, private = [
        await alice.post("/api/v1/statuses", {"status": "No", **form})
        for form in ({"quote_approval_policy": "nobody"}, {"visibility": "private"})
    ]
    note = ann.note("I quote", quote=closed["uri"])
    await door.takes(ann, asks(ann, closed["uri"], note), asks(ann, private["uri"], note))
    (reject,) = await sent(door, "Reject")
    assert reject["object"]["object"] == closed["uri"]
    assert await quote_of(door, note["id"]) is None
    # Nobody asks with somebody else's post.
    opened = await alice.post("/api/v1/statuses", {"status": "Yes"})
    await door.takes(mallory, asks(mallory, opened["uri"], ann.note("Not mine", quote=opened["uri"])))
    assert await sent(door, "Accept") == []


async def test_a_member_asks_and_the_answer_of_the_author_alone_counts(
    door: Door, ann: StubActor, elsewhere: Stub, alice: Person
) -> None:
    mallory = elsewhere.actor("mallory")
    note = ann.note("Open", interactionPolicy={"canQuote": {"automaticApproval": [PUBLIC]}})
    await door.takes(ann, ann.says("Create", note))
    (quoted,) = await alice.get("/api/v1/timelines/home")
    assert quoted["quote_approval"]["current_user"] == "automatic"
    status = await alice.post("/api/v1/statuses", {"status": "Look", "quoted_status_id": quoted["id"]})
    assert status["quote"] == {"state": "pending", "quoted_status": None}
    (request,) = await sent(door, "QuoteRequest")
    assert (request["object"], request["instrument"]["id"]) == (note["id"], status["uri"])
    assert request["instrument"]["quote"] == note["id"]
    assert ann.uri in request["instrument"]["cc"]
    await door.takes(mallory, mallory.says("Accept", request["id"], result=mallory.uri_of("stamps")))
    await door.takes(ann, ann.says("Accept", request["id"], result=mallory.uri_of("stamps")))
    assert await shown(alice, status["id"]) == ("pending", None)
    stamp = stamp_of(ann, status["uri"], note["id"])
    await door.takes(ann, ann.says("Accept", request, result=stamp["id"]))
    assert await shown(alice, status["id"]) == ("accepted", note["id"])
    (update,) = await sent(door, "Update")
    assert update["object"]["quoteAuthorization"] == stamp["id"]
    assert "updated" not in update["object"], "it is no edit"
    assert (await door.get(f"/posts/{status['id']}", ann))[1]["quoteAuthorization"] == stamp["id"]
    await door.takes(mallory, mallory.says("Delete", stamp["id"]))
    assert await shown(alice, status["id"]) == ("accepted", note["id"])
    await door.takes(ann, ann.says("Delete", stamp))
    assert await shown(alice, status["id"]) == ("revoked", None)
    assert "quoteAuthorization" not in (await sent(door, "Update"))[-1]["object"]
    again = await alice.post("/api/v1/statuses", {"status": "And this", "quoted_status_id": quoted["id"]})
    await door.takes(ann, ann.says("Reject", (await sent(door, "QuoteRequest"))[-1]))
    assert await shown(alice, again["id"]) == ("rejected", None)


async def test_a_stamp_is_believed_for_its_origin_and_what_it_says(
    door: Door, ann: StubActor, elsewhere: Stub, alice: Person
) -> None:
    carol = elsewhere.actor("carol")
    target = carol.note("Original", served=True)

    async def quoted_with(stamp: Document | None, **more: Any) -> Any:
        note = ann.note("Quoting", quote=target["id"], quoteAuthorization=(stamp or {}).get("id"), **more)
        if stamp is not None and stamp["interactingObject"] == "":
            stamp["interactingObject"] = note["id"]
        await door.takes(ann, ann.says("Create", note))
        return await looked_into(door, note["id"])

    def stamp(by: StubActor, quoting: str = "", quoted: str = target["id"], **more: Any) -> Document:
        return stamp_of(by, quoting, quoted, **more)

    forged = {
        "none": None,
        "of the quoting server": stamp(ann, attributedTo=carol.uri),
        "of the quoting author": stamp(ann),
        "for another post": stamp(carol, quoting=ann.uri_of("notes")),
        "of another post": stamp(carol, quoted=carol.uri_of("notes")),
        "of another type": stamp(carol, type="Note"),
        "by a neighbour": stamp(carol, attributedTo=elsewhere.actor("eve").uri),
    }
    for how, one in forged.items():
        assert (await quoted_with(one)).state == "pending", how
    assert (
        await quoted_with({"id": carol.uri_of("stamps"), "interactingObject": "gone"})
    ).state == "rejected"
    accepted = await quoted_with(stamp(carol))
    assert accepted.state == "accepted"
    assert await shown(alice, accepted.post_id) == ("accepted", target["id"])
    # A stamp may come later, with an Update that is no edit; and go again.
    late = ann.note("Late", quote=target["id"])
    await door.takes(ann, ann.says("Create", late))
    assert await shown(alice, (await quote_of(door, late["id"])).post_id) == ("pending", None)
    late["quoteAuthorization"] = stamp(carol, quoting=late["id"])["id"]
    await door.takes(ann, ann.says("Update", late))
    assert (await looked_into(door, late["id"])).state == "accepted"
    await door.takes(carol, carol.says("Delete", late["quoteAuthorization"]))
    assert (await quote_of(door, late["id"])).state == "revoked"


async def test_software_that_asks_nobody_quotes_only_itself(
    door: Door, ann: StubActor, elsewhere: Stub, alice: Person
) -> None:
    carol = elsewhere.actor("carol")
    own, others = ann.note("My own", served=True), carol.note("Not mine", served=True)
    status = await alice.post("/api/v1/statuses", {"status": "Of a member"})
    for uri, expected in ((own["id"], ("accepted", own["id"])), (others["id"], None), (status["uri"], None)):
        note = ann.note("Quoting", _misskey_quote=uri, quoteUrl=uri)
        await door.takes(ann, ann.says("Create", note))
        quote = await looked_into(door, note["id"])
        assert await shown(alice, quote.post_id) == expected
    claimed = ann.note(
        "Claimed", quote=status["uri"], quoteAuthorization=f"{door.server.config.origin}/stamps/1"
    )
    await door.takes(ann, ann.says("Create", claimed))
    quote = await looked_into(door, claimed["id"])
    assert await shown(alice, quote.post_id) == ("pending", None)


async def test_a_chain_of_quotes_is_not_fetched_to_its_end(door: Door, ann: StubActor) -> None:
    uris = [ann.uri_of("notes") for _ in range(6)]
    for uri, following in zip(uris, [*uris[1:], None], strict=True):
        ann.stub.documents[uri.removeprefix(ann.stub.origin)] = ann.note("Chain", id=uri) | {
            "quote": following
        }
    first = ann.stub.documents[uris[0].removeprefix(ann.stub.origin)]
    await door.takes(ann, ann.says("Create", first))
    for uri in uris:
        if await quote_of(door, uri) is not None:
            await looked_into(door, uri)
    known = [await door.server.db.read(posts.by_uri, uri) is not None for uri in uris]
    assert known == [True, True, True, False, False, False]
