"""What groups send, before a reader as strict as Lemmy's, which reads all that Lemmy sends and none of what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from fedserver import interactions, posts
from fedserver.groups import catalogue, members, moderation, voting
from fedserver.groups.catalogue import GroupFields
from fedserver.posts import Draft
from storage import accounts, tables
from tests.federation.stub import Door, Stub
from tests.groups.conftest import MakeGroup, StartThread
from tests.members import Person
from tests.peers.lemmy_like import Refused, Unknown, parse, verify

MUTATIONS: dict[str, dict[str, Any]] = {
    "attachment is no list": {"attachment": {"type": "Link", "href": "https://a.example/"}},
    "attachment of another type": {"attachment": [{"type": "PropertyValue", "name": "x", "value": "y"}]},
    "a thread that answers": {"inReplyTo": "https://a.example/posts/1"},
    "another media type": {"mediaType": "text/plain"},
    "language is a string": {"language": "en"},
    "context is an object": {"context": {"id": "https://a.example/contexts/1"}},
    "context is a list": {"context": ["https://a.example/contexts/1"]},
    "type is a list": {"type": ["Page"]},
}


def payloads(shared: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted((shared / "data" / "federation" / "lemmy").glob("*.json")):
        document = json.loads(file.read_bytes())
        yield file.stem, json.loads(document["body"]) if "body" in document else document


def test_it_reads_all_that_lemmy_sends(shared: Path) -> None:
    read = {name: parse(document) for name, document in payloads(shared)}
    assert len(read) > 25
    assert {"Announce", "Page", "Note", "Group", "Block", "Undo", "Lock", "Dislike"} <= set(read.values())


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_it_refuses_what_lemmy_refuses(shared: Path, mutation: str) -> None:
    pages = [one for _, one in payloads(shared) if one.get("type") == "Page"]
    assert pages
    for page in pages:
        with pytest.raises((Refused, Unknown)):
            parse(page | MUTATIONS[mutation])


def test_it_refuses_another_audience(shared: Path) -> None:
    page = next(one for name, one in payloads(shared) if name == "objects-page")
    verify(page, page["audience"])
    with pytest.raises(Refused):
        verify(page | {"audience": "https://other.example/c/cats"}, page["audience"])
    with pytest.raises(Refused):
        verify(page, "https://other.example/c/cats")


async def test_all_that_groups_send_is_read(
    door: Door, there: Stub, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    server, ann = door.server, there.actor("ann")
    group_id = await make_group(alice, allows_downvotes=True, language="en", charter="Be *kind*.")
    uri = server.uris.group("python")
    await door.takes(ann, ann.says("Follow", uri))
    await members.join(server, bob.member, group_id)
    thread_id = await start(bob, group_id, "A title", "Text with **words** and #tags.", language="en")
    note = await posts.create(server, bob.member, Draft("No title", group_id=group_id))
    answer = await posts.create(
        server, alice.member, Draft("Answer", in_reply_to_id=thread_id, language="en")
    )
    theirs = ann.note("Theirs", inReplyTo=server.uris.post(thread_id), cc=[uri])
    await door.takes(ann, ann.says("Create", theirs, cc=[uri]))
    await interactions.like(server, bob.member, answer)
    await interactions.unlike(server, bob.member, answer)
    await voting.downvote(server, bob.member, answer)
    await voting.take_back(server, bob.member, answer)
    await posts.edit(server, alice.member, answer, Draft("Edited", "text/markdown"))
    await moderation.lock(server, alice.member, thread_id, reason="Enough")
    await moderation.unlock(server, alice.member, thread_id)
    await moderation.pin(server, alice.member, thread_id)
    await members.appoint(server, alice.member, group_id, bob.account_id, "moderator")
    await members.appoint(server, alice.member, group_id, bob.account_id, "member")
    ann_row = await server.db.read(accounts.by_uri, ann.uri)
    assert ann_row is not None
    await catalogue.change(server, alice.member, group_id, GroupFields(charter="Be *very* kind."))
    await members.ban(server, alice.member, group_id, bob.account_id, reason="Rude", duration_s=3600)
    await members.unban(server, alice.member, group_id, bob.account_id)
    served = [
        (await door.get(f"/groups/python{part}", ann))[1]
        for part in ("", "/moderators", "/collections/featured")
    ]
    await moderation.remove(server, alice.member, note, reason="Spam")
    await moderation.unpin(server, alice.member, thread_id)
    await posts.delete_post(server, bob.member, thread_id)
    await members.ban(server, alice.member, group_id, ann_row.id)
    await door.takes(ann, ann.says("Create", ann.note("Hello?", cc=[uri])))
    sent = await server.db.read(_messages)
    kinds: dict[str, int] = {}
    for document in (*served, *sent):
        try:
            kinds[parse(document)] = kinds.get(parse(document), 0) + 1
        except Refused as error:
            raise AssertionError(f"{error}: {json.dumps(document, indent=1)}") from error
        if document["type"] == "Announce" and isinstance(document["object"], dict):
            verify(document["object"], uri)
            inner = document["object"]["type"]
            kinds[f"Announce/{inner}"] = kinds.get(f"Announce/{inner}", 0) + 1
            if inner == "Update" and parse(document["object"]["object"]) == "Group":
                kinds["Announce/Update/Group"] = 1
    assert {f"Announce/{kind}" for kind in (
        "Create", "Update", "Delete", "Undo", "Like", "Dislike", "Lock", "Add", "Remove", "Block",
    )} | {"Group", "OrderedCollection", "Create", "Update", "Announce/Update/Group"} <= set(kinds)  # fmt: skip


def _messages(conn: Connection) -> list[dict[str, Any]]:
    """All that this server has to send."""
    query = select(tables.message.c.body).order_by(tables.message.c.id)
    return [json.loads(bytes(body)) for body in conn.scalars(query)]
