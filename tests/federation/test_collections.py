"""Collections between servers (FEP-7aa9): asked for, agreed to, shown, taken back."""

from __future__ import annotations

from typing import Any

import pytest

from activitypub.builders import featured as build
from fedserver.federation import featured
from storage import accounts, collections
from tests.client import ApiError
from tests.federation.stub import Door, Stub, StubActor
from tests.federation.walk import Friends, enrol
from tests.members import Person
from tests.waiting import eventually

FEP = "https://w3id.org/fep/7aa9#"


@pytest.mark.xdist_group("two-servers")
def test_members_of_two_servers_recommend_each_other(new_friends: Friends) -> None:
    here, there = new_friends.here, new_friends.there
    (carol,) = enrol(new_friends.here_server, "carol")
    form = {
        "name": "Trainers",
        "description": "Who teach",
        "account_ids": [new_friends.there_id, carol.me["id"]],
    }
    made = here.post("/api/v1/collections", form)["collection"]
    at = f"/api/v1/collections/{made['id']}"
    assert [one["state"] for one in made["items"]] == ["pending", "accepted"]

    def states() -> Any:
        found = {one["account_id"]: one["state"] for one in here.get(at)["collection"]["items"]}
        return found == {new_friends.there_id: "accepted", carol.me["id"]: "accepted"}

    eventually(states, "consent from the other server")

    def told() -> Any:
        return next(
            (one for one in there.get("/api/v1/notifications") if one["type"] == "added_to_collection"), None
        )

    copy = eventually(told, "that one is featured elsewhere")["collection"]
    assert (copy["name"], copy["uri"], copy["local"]) == ("Trainers", made["uri"], False)
    copied = f"/api/v1/collections/{copy['id']}"
    eventually(
        lambda: len(there.get(copied)["accounts"]) == 3, "carol, whose consent was read at her own server"
    )
    within = there.get(f"/api/v1/accounts/{there.me['id']}/in_collections")["collections"]
    assert [one["id"] for one in within] == [copy["id"]]
    here.patch(at, {"name": "Teachers"})
    eventually(lambda: there.get(copied)["collection"]["name"] == "Teachers", "the new name")
    mine = next(
        one for one in there.get(copied)["collection"]["items"] if one["account_id"] == there.me["id"]
    )
    there.post(f"{copied}/items/{mine['id']}/revoke")
    eventually(
        lambda: [one["account_id"] for one in here.get(at)["collection"]["items"]] == [carol.me["id"]],
        "that one has left",
    )
    here.delete(at)

    def gone() -> bool:
        try:
            return not there.get(copied)
        except ApiError as refused:
            return refused.status == 404

    eventually(gone, "the end of the collection")


async def test_mastodons_request_names_no_actor_and_is_answered(
    door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    ann = there.actor("ann", featuredCollections=f"{there.origin}/users/ann/lists")
    uri = f"{there.origin}/lists/1"
    document = shelf(ann, uri)
    there.documents["/lists/1"] = document
    me = await uri_of(door, alice.account_id)
    request = {"@context": [{"FeatureRequest": f"{FEP}FeatureRequest"}], "id": ann.uri_of("requests"),
               "type": "FeatureRequest", "object": me, "instrument": uri}  # fmt: skip
    await door.takes(ann, request)
    ann_id = await id_of(door, ann.uri)
    payload = {
        "collection_uri": uri,
        "owner_id": ann_id,
        "member_id": alice.account_id,
        "request_uri": request["id"],
    }
    await featured.answer_feature_request(door.server, payload)
    within = (await alice.get(f"/api/v1/accounts/{alice.id}/in_collections"))["collections"][0]
    item: Any = await door.server.db.read(collections.item, int(within["items"][0]["id"]))
    status, stamp = await door.get(item.approval_uri.removeprefix(door.server.config.origin), ann)
    assert (status, stamp["interactingObject"], stamp["interactionTarget"]) == (200, uri, me)
    # Somebody whose consent cannot be read is not shown; nor can others add to a collection.
    eve = elsewhere.actor("eve")
    claim = {"id": f"{uri}/items/2", "type": "FeaturedItem", "featuredObject": eve.uri,
             "featureAuthorization": f"{elsewhere.origin}/stamps/1"}  # fmt: skip
    add = {"@context": document["@context"], "type": "Add", "actor": ann.uri, "target": uri, "object": claim}
    await door.takes(ann, add)
    added: Any = await door.server.db.read(lambda conn: collections.item_with(conn, uri=claim["id"]))
    await featured.verify_featured_item(door.server, {"item_id": added.id})
    assert await shown(alice, within["id"]) == [alice.id]
    elsewhere.documents["/stamps/2"] = build.authorization(
        f"{elsewhere.origin}/stamps/2", featured=eve.uri, collection=uri
    )
    claim = claim | {"id": f"{uri}/items/3", "featureAuthorization": f"{elsewhere.origin}/stamps/2"}
    await door.takes(eve, add | {"actor": eve.uri, "object": claim})
    assert await door.server.db.read(lambda conn: collections.item_with(conn, uri=claim["id"])) is None
    await door.takes(ann, add | {"object": claim})
    added = await door.server.db.read(lambda conn: collections.item_with(conn, uri=claim["id"]))
    await featured.verify_featured_item(door.server, {"item_id": added.id})
    eve_id = str(await id_of(door, eve.uri))
    assert await shown(alice, within["id"]) == [alice.id, eve_id]
    await door.takes(eve, eve.says("Delete", f"{elsewhere.origin}/stamps/2"))
    assert await shown(alice, within["id"]) == [alice.id]


async def uri_of(door: Door, account_id: int) -> str:
    row = await door.server.db.read(accounts.by_id, account_id)
    assert row is not None
    return str(row.uri)


async def id_of(door: Door, uri: str) -> int:
    row = await door.server.db.read(accounts.by_uri, uri)
    assert row is not None
    return int(row.id)


def shelf(owner: StubActor, uri: str) -> dict[str, Any]:
    return {
        "@context": [
            "https://www.w3.org/ns/activitystreams",
            {"FeaturedCollection": f"{FEP}FeaturedCollection"},
        ],
        "id": uri,
        "type": "FeaturedCollection",
        "attributedTo": owner.uri,
        "name": "People",
        "summaryMap": {"de": "<p>Leute</p>"},
        "sensitive": False,
        "discoverable": True,
        "totalItems": 0,
        "orderedItems": [],
    }


async def shown(person: Person, collection_id: str) -> list[str]:
    found = await person.get(f"/api/v1/collections/{collection_id}")
    assert (found["collection"]["description"], found["collection"]["language"]) == ("<p>Leute</p>", "de")
    return [one["account_id"] for one in found["collection"]["items"]]
