"""Our resources before readers of other kinds: what Mastodon shows, what Lemmy takes, what JSON-LD and proofs keep."""

from __future__ import annotations

import re
import time
from typing import Any

from activitypub.jsonld import expand
from activitypub.names import AS2, NAMESPACE
from activitypub.signatures import PublicKey, read_proof
from fedserver import partners
from fedserver.content.html import to_text
from fedserver.federation import fetch
from fedserver.groups import catalogue
from fedserver.groups.catalogue import GroupFields
from storage import accounts, users
from tests.federation.network import befriended, network, partner_of
from tests.federation.stub import Door, Stub
from tests.members import Person
from tests.peers import piefed_like
from tests.peers.lemmy_like import parse, verify
from tests.resources.test_publishing import LESSON, RESOURCES
from tests.test_publish import sent


def as_mastodon_shows(document: dict[str, Any]) -> str:
    """The text that Mastodon 4.6 makes of a converted type: the name as a heading, `summary`, and a link. `content` is not
    shown. Raises AssertionError for what it would drop."""
    assert isinstance(document["type"], str)
    assert document["type"] in ("Image", "Audio", "Video", "Article", "Page", "Event")
    context = document["@context"]
    assert AS2 in (context if isinstance(context, list) else [context])
    author, uri, url = document["attributedTo"], document["id"], document["url"]
    assert isinstance(author, str)
    assert isinstance(url, str)
    host = re.compile(r"^https?://[^/]+/")
    assert host.match(uri)[0] == host.match(url)[0] == host.match(author)[0]  # type: ignore[index]
    name, summary = document["name"], document["summary"]
    assert "<" not in name
    return f'<h2>{name}</h2>{summary}<p><a href="{url}">{url}</a></p>'


async def documents(door: Door, there: Stub, alice: Person, **more: Any) -> dict[str, Any]:
    """The activities that a partner gets while a resource is published and a use told of one of theirs, by type."""
    await befriended(door, there)
    made = await alice.post(RESOURCES, {**LESSON, **more})
    bob = there.actor("bob")
    theirs = bob.note(
        "x", name="Theirs", type="Page", learningResource={"schema:name": "Theirs"}, summary="x"
    )
    await door.takes(bob, bob.says("Create", theirs))
    listed = {one["uri"]: one["id"] for one in await alice.get(RESOURCES)}
    await alice.post(f"{RESOURCES}/{listed[theirs['id']]}/use", {"used_in": "Basel", "worked": "All of it"})
    await alice.post(f"{RESOURCES}/{listed[theirs['id']]}/reviews", {"rating": 4, "text": "Clear."})
    found: dict[str, Any] = {}
    for one in await sent(door.server):
        inner = one.activity["object"]
        key = next((name for name in ("net:use", "net:review") if name in inner), str(inner.get("type")))
        found[key] = one.activity
    assert found["Page"]["object"]["id"] == made["uri"]
    return found


async def test_mastodon_shows_title_abstract_licence_and_link(door: Door, there: Stub, alice: Person) -> None:
    found = await documents(door, there, alice)
    page = {**found["Page"]["object"], "@context": found["Page"]["@context"]}
    html = as_mastodon_shows(page)
    text = to_text(html)
    assert f"<h2>{LESSON['title']}</h2>" in html
    assert LESSON["abstract"] in text
    assert "CC-BY-4.0" in text
    assert page["url"] in text
    links = [one for one in page["attachment"] if one["type"] == "Link"]
    assert links[0]["href"].startswith("http")  # the card


async def test_processors_of_json_ld_lose_nothing_and_proofs_hold(
    door: Door, there: Stub, alice: Person
) -> None:
    found = await documents(door, there, alice)
    rows = await door.server.db.read(lambda conn: accounts.by_handle(conn, "alice", ""))
    assert rows is not None
    keys = await door.server.db.read(accounts.keys_of, rows.id)
    key = next(one for one in keys if one.algorithm == "ed25519")
    for name in ("Page", "net:use", "net:review"):
        document = found[name]
        [expanded] = expand(document)
        names = keys_of(expanded)
        assert not [
            one for one in names if one.startswith("_:") or (":" not in one and not one.startswith("@"))
        ]
        wanted = "learningResource" if name == "Page" else name.removeprefix("net:")
        assert f"{NAMESPACE}{wanted}" in names
        claim = read_proof(document)
        loaded = PublicKey.from_multibase(
            key.public_key, key_id=claim.verification_method, owner_uri=rows.uri
        )
        claim.verify(loaded, now=time.time())
    network(there)
    [offer] = await _offers(door, there)
    [expanded] = expand(offer)
    names = keys_of(expanded)
    for term in ("subject", "relationship", "object", "actor"):
        assert f"https://www.w3.org/ns/activitystreams#{term}" in names
    [between] = expanded["https://www.w3.org/ns/activitystreams#object"]
    assert between["https://www.w3.org/ns/activitystreams#relationship"] == [{"@id": f"{NAMESPACE}partner"}]


async def _offers(door: Door, there: Stub) -> list[dict[str, Any]]:
    row = await partner_of(door, there)
    await partners.end(door.server, None, row.id)
    await partners.offer(door.server, None, there.host, "Hello")
    return [one.activity for one in await sent(door.server) if one.activity["type"] == "Offer"]


async def test_lemmy_and_piefed_take_a_resource_in_a_group(door: Door, there: Stub, alice: Person) -> None:
    await door.server.db.write(users.change, alice.account_id, may_create_groups=True)
    fields = GroupFields(title="Python", language="en")
    group_id = await catalogue.create(door.server, alice.member, "python", fields)
    uri = door.server.uris.group("python")
    ann = there.actor("ann")
    assert await fetch.account(door.server, ann.uri) is not None
    await door.takes(ann, ann.says("Follow", uri))
    made = await alice.post(RESOURCES, {**LESSON, "group_id": str(group_id)})
    announced = [
        one.activity["object"]
        for one in await sent(door.server)
        if one.activity["type"] == "Announce" and isinstance(one.activity["object"], dict)
    ]
    create = next(one for one in announced if one["type"] == "Create")
    assert create["object"]["id"] == made["uri"]
    assert parse(create["object"]) == "Page"
    assert parse(create) == "Create"
    verify(create, uri)
    assert piefed_like.parse(create) == "Create"
    # PieFed and NodeBB show what the first attachment links to.
    assert create["object"]["attachment"][0]["href"]


def keys_of(value: Any) -> set[str]:
    """The keys of a JSON value, however deep."""
    if isinstance(value, dict):
        return {*value, *(key for one in value.values() for key in keys_of(one))}
    return {key for one in value for key in keys_of(one)} if isinstance(value, list) else set()
