"""Nobody changes what is somebody else's: every forgery is sent, and afterwards every row is what it was.

What is believed is tested in tests/federation/test_inbox.py; here it is only made sure that these prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from activitypub.names import PUBLIC
from storage import tables
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person

LATER: dict[str, Any] = {"updated": "2099-01-01T00:00:00Z"}
# Rows that a forgery would have to change. Of accounts only what their owners say.
OWNED = (
    tables.post, tables.post_source, tables.revision, tables.mention, tables.post_tag, tables.media, tables.follow,
    tables.like, tables.pin, tables.block, tables.poll_option, tables.poll_vote, tables.report,
    tables.notification,
)  # fmt: skip
OF_ACCOUNTS = (
    "uri",
    "display_name",
    "inbox_uri",
    "shared_inbox_uri",
    "moved_to_id",
    "also_known_as",
    "deleted_at",
)


class Scene:
    """ann is followed, has posted, pinned and liked; alice has posted, too, and asked shy to follow her."""

    def __init__(
        self,
        ann: StubActor,
        eve: StubActor,
        mallory: StubActor,
        note: Any,
        like: Any,
        alice_uri: str,
        post: Any,
    ) -> None:
        self.ann, self.eve, self.mallory = ann, eve, mallory
        self.note, self.like, self.alice_uri, self.post_uri = note, like, alice_uri, post["uri"]

    def forgeries(self, liar: StubActor) -> Iterator[tuple[str, Any]]:
        ann, note, like, ours = self.ann, self.note, self.like, self.post_uri
        bent = note | LATER | {"content": "<p>Bent</p>"}
        actor = ann.stub.documents[f"/users/{ann.name}"]
        stolen = actor | {
            "name": "Stolen",
            "inbox": f"{liar.uri}/inbox",
            "publicKey": actor["publicKey"] | {"publicKeyPem": liar.key.public_key.to_pem()},
        }
        yield "edits another's post", liar.says("Update", bent)
        yield "edits it in the author's name", ann.says("Update", bent)
        yield "takes it over", liar.says("Update", bent | {"attributedTo": liar.uri})
        yield "deletes another's post", liar.says("Delete", note["id"])
        yield "deletes it in the author's name", ann.says("Delete", {"id": note["id"], "type": "Tombstone"})
        yield "deletes the author", liar.says("Delete", ann.uri)
        yield "deletes the author in their name", ann.says("Delete", ann.uri)
        yield "posts as another", liar.says("Create", liar.note("As ann", attributedTo=ann.uri))
        yield "posts in another's name", ann.says("Create", ann.note("As ann"))
        yield "posts under another's address", liar.says("Create", liar.note("x", id=ann.uri_of("notes")))
        yield "overwrites ours", liar.says("Create", liar.note("x", id=ours))
        yield "edits ours", liar.says("Update", liar.note("x", id=ours) | LATER)
        yield "deletes ours", liar.says("Delete", ours)
        yield "invents one of ours", liar.says("Create", liar.note("x", id=f"{ours}1"))
        yield (
            "boosts a forged copy",
            liar.says("Announce", ann.note("Forged") | {"id": f"{ann.stub.origin}/notes/forged"}),
        )
        yield "brings another's profile", liar.says("Update", stolen)
        yield "brings it in their name", ann.says("Update", stolen)
        yield "brings it as the actor", ann.says("Create", ann.note("x")) | {"actor": stolen}
        yield "takes back another's like", liar.says("Undo", like)
        yield "by its address", liar.says("Undo", like["id"])
        yield "and says it is theirs", liar.says("Undo", like | {"actor": liar.uri})
        yield "follows for another", ann.says("Follow", self.alice_uri)
        yield "likes for another", ann.says("Like", ours)
        yield (
            "accepts for another",
            liar.says("Accept", {"type": "Follow", "actor": self.alice_uri, "object": ann.uri}),
        )
        yield (
            "rejects for another",
            liar.says("Reject", {"type": "Follow", "actor": self.alice_uri, "object": ann.uri}),
        )
        yield "pins for another", liar.says("Add", note["id"], target=f"{ann.uri}/featured")
        yield "moves another", liar.says("Move", ann.uri, target=liar.uri)
        yield "moves them in their name", ann.says("Move", ann.uri, target=liar.uri)
        yield "blocks for another", ann.says("Block", self.alice_uri)
        yield "reports as another", ann.says("Flag", [self.alice_uri, ours])
        yield "says two things in one", liar.says("Update", bent) | {"@type": "Delete"}
        yield "names the actor in full", liar.says("Update", bent) | {"as:actor": ann.uri}
        yield (
            "signs as JSON-LD",
            ann.says("Update", bent)
            | {
                "signature": {"type": "RsaSignature2017", "creator": ann.key.key_id, "signatureValue": "AAAA"}
            },
        )


async def test_no_forgery_changes_anything(
    door: Door, ann: StubActor, mallory: StubActor, there: Stub, alice: Person
) -> None:
    eve = there.actor("eve")
    for stranger in (eve, mallory):  # known here, so that what they send is looked at
        await door.takes(stranger, stranger.says("Follow", door.server.uris.actor("alice")))
    post = await alice.post("/api/v1/statuses", {"status": "Ours"})
    note, like = ann.note("Ann's own"), ann.says("Like", post["uri"])
    await door.takes(ann, ann.says("Create", note), like)
    scene = Scene(ann, eve, mallory, note, like, door.server.uris.actor("alice"), post)
    # Its own server is asked when a stranger hands something on, and knows nothing of these.
    before = await door.server.db.read(everything)
    changed = []
    for liar in (mallory, eve):
        for name, activity in scene.forgeries(liar):
            answer = await door.post(liar, activity)
            assert answer < 500, name
            await door.worker.idle()
            after = await door.server.db.read(everything)
            if after != before:
                changed.append((liar.name, name, [t for t in before if before[t] != after[t]]))
                before = after
    assert changed == []


async def test_what_was_taken_back_stays_taken_back(door: Door, ann: StubActor, alice: Person) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "Ours"})
    note, like = ann.note("Soon gone"), ann.says("Like", post["uri"])
    create = ann.says("Create", note)
    await door.takes(ann, create, like, ann.says("Undo", like), ann.says("Delete", note["id"]))
    before = await door.server.db.read(everything)
    again = [
        create,
        like,
        ann.says("Create", note),
        ann.says("Update", note | LATER),
        ann.says("Announce", note["id"]),
    ]
    await door.takes(ann, *again, *again)
    assert await door.server.db.read(everything) == before


async def test_those_addressed_in_secret_are_shown_to_nobody(
    door: Door, ann: StubActor, mallory: StubActor, alice: Person
) -> None:
    hidden: dict[str, Any] = {"bto": [mallory.uri], "bcc": [mallory.uri]}
    note = ann.note("To all", to=[PUBLIC], **hidden)
    await door.takes(ann, ann.says("Create", note, **hidden))
    (status,) = await alice.get("/api/v1/timelines/home")
    assert status["uri"] == note["id"]
    assert mallory.uri not in str(status)


def everything(conn: Connection) -> dict[str, list[Any]]:
    found = {table.name: sorted(map(repr, conn.execute(select(table)))) for table in OWNED}
    keys = tables.account_key.c
    found["account_key"] = sorted(map(repr, conn.execute(select(keys.account_id, keys.uri, keys.public_key))))
    account = tables.account.c
    found["account"] = sorted(map(repr, conn.execute(select(*(account[name] for name in OF_ACCOUNTS)))))
    return found
