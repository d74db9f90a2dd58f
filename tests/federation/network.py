"""Another network, as a stub: a server whose own actor can be a partner, and what it and its people say."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from activitypub.names import AS2, PARTNER, PUBLIC
from fedserver import partners as own
from fedserver.federation import partners as incoming
from storage import partners
from tests.federation.stub import Door, Stub, StubActor
from tests.planned import planned

LESSON: dict[str, Any] = {
    "@type": "schema:LearningResource",
    "schema:name": "FAIR data in 90 minutes",
    "schema:description": "An introduction.",
    "schema:license": {"@id": "https://spdx.org/licenses/CC-BY-4.0"},
    "schema:learningResourceType": ["slides"],
    "schema:educationalLevel": "beginner",
    "schema:version": "1.0",
    "net:versions": [{"@type": "schema:CreativeWork", "schema:version": "1.0"}],
}


def network(stub: Stub, name: str = "server", **more: Any) -> StubActor:
    """The actor of the stub's server, named in the index of its NodeInfo documents (FEP-2677)."""
    made = stub.actor(name, "Application", **more)
    index = {"links": [{"rel": f"{AS2}#Application", "href": made.uri}]}
    stub.documents["/.well-known/nodeinfo"] = lambda: web.json_response(index)
    return made


def offer(them: StubActor, door: Door, **more: Any) -> dict[str, Any]:
    """What `them` would offer the server in this process."""
    ours = door.server.uris.instance_actor()
    between = {"type": "Relationship", "subject": them.uri, "relationship": PARTNER, "object": ours}
    return {**them.says("Offer", between, to=[ours]), **more}


async def offers(door: Door, them: StubActor, **more: Any) -> dict[str, Any]:
    """It offers that, and the server has looked whose actor it is."""
    said = offer(them, door, **more)
    await door.takes(them, said)
    await incoming.look_at_offer(door.server, (await door.server.db.read(planned, "look_at_offer"))[-1])
    return said


async def partner_of(door: Door, stub: Stub) -> Any:
    """How the server stands to the stub's; None for not at all."""
    return await door.server.db.read(partners.by_host, stub.host)


async def befriended(door: Door, stub: Stub) -> StubActor:
    """The actor of the stub's server, which is a partner."""
    them = network(stub)
    await offers(door, them)
    row = await partner_of(door, stub)
    await own.accept(door.server, None, row.id)
    return them


def page(author: StubActor, *, details: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A resource of somebody's, as another server says it."""
    said = author.note("All of it.", name="FAIR data in 90 minutes", summary="<p>An introduction.</p>")
    return {
        **said,
        "id": author.uri_of("resources"),
        "type": "Page",
        "to": [PUBLIC],
        "learningResource": {**LESSON, **(details or {})},
        **more,
    }
