"""What other servers send: who is believed, what changes, and that nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from activitypub.names import PUBLIC
from activitypub.signatures import PrivateKey, with_proof
from fedserver import interactions, posts, relationships
from fedserver.context import Server
from fedserver.federation import fetch
from fedserver.federation.inbox_worker import InboxWorker
from storage import accounts, inbox, instances, tables
from storage import posts as stored_posts
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person


@pytest.fixture
async def ann(door: Door, there: Stub, alice: Person) -> StubActor:
    """Somebody whom alice follows."""
    made = there.actor("ann")
    ann_id = await fetch.account(door.server, made.uri)
    assert ann_id is not None
    await relationships.follow(door.server, alice.member, ann_id)
    row = await door.server.db.read(follow_of, alice.account_id)
    await door.takes(made, made.says("Accept", row.uri))
    return made


@pytest.fixture
async def mallory(elsewhere: Stub) -> StubActor:
    return elsewhere.actor("mallory")


def follow_of(conn: Connection, account_id: int) -> Any:
    return conn.execute(select(tables.follow).where(tables.follow.c.account_id == account_id)).one()


async def post_of(door: Door, uri: str) -> Any:
    return await door.server.db.read(stored_posts.by_uri, uri)


async def account_of(door: Door, uri: str) -> Any:
    return await door.server.db.read(accounts.by_uri, uri)


async def arrived(door: Door) -> list[tuple[str, str]]:
    def states(conn: Connection) -> list[tuple[str, str]]:
        item = tables.inbox_item.c
        return [
            (row.state, row.note) for row in conn.execute(select(item.state, item.note).order_by(item.id))
        ]

    return await door.server.db.read(states)


async def test_a_note_of_somebody_followed_is_stored_and_shown(
    door: Door, ann: StubActor, alice: Person
) -> None:
    note = ann.note("Hello <script>x</script>", tag=[{"type": "Hashtag", "name": "#FAIR"}])
    await door.takes(ann, ann.says("Create", note))
    row = await post_of(door, note["id"])
    assert (row.content_html, row.visibility, row.kind) == ("<p>Hello </p>", "public", "note")
    home = await alice.get("/api/v1/timelines/home")
    assert [one["uri"] for one in home] == [note["id"]]


async def test_the_same_activity_changes_things_once(door: Door, ann: StubActor) -> None:
    create = ann.says("Create", ann.note("Once"))
    await door.takes(ann, create, create, create)
    assert len(await arrived(door)) == 2  # the Accept, and this
    again = create | {"id": ann.uri_of("activities"), "object": create["object"] | {"content": "Twice"}}
    await door.takes(ann, again)
    assert (await post_of(door, create["object"]["id"])).content_html == "<p>Once</p>"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"type":"Create","type":"Delete"}',
        b'{"a":NaN}',
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
)
async def test_what_is_no_activity_is_refused(door: Door, mallory: StubActor, body: bytes) -> None:
    assert await door.post(mallory, body) == 400


async def test_a_document_beyond_a_mebibyte_is_refused(door: Door, mallory: StubActor) -> None:
    assert await door.post(mallory, b'{"a":"' + b"x" * (1 << 20) + b'"}') == 413


async def test_a_form_is_no_activity(door: Door, ann: StubActor) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert await door.post(ann, ann.says("Create", ann.note("Form")), **form) == 415


async def test_an_unsigned_activity_is_refused(door: Door, ann: StubActor) -> None:
    async with door.client.post(
        "/inbox",
        json=ann.says("Create", ann.note("x")),
        headers={"Content-Type": "application/activity+json"},
    ) as answer:
        assert answer.status == 401


async def test_a_key_proves_nobody_but_its_owner(door: Door, ann: StubActor, mallory: StubActor) -> None:
    note = ann.note("Forged")
    assert await door.post(mallory, ann.says("Create", note), key_id=ann.key.key_id) == 401
    mallory.stub.documents["/keys/1"] = {
        "id": f"{mallory.stub.origin}/keys/1",
        "owner": ann.uri,
        "publicKeyPem": mallory.key.public_key.to_pem(),
    }
    assert await door.post(mallory, ann.says("Create", note), key_id=f"{mallory.stub.origin}/keys/1") == 401
    assert await post_of(door, note["id"]) is None


async def test_what_somebody_else_hands_on_needs_the_origin_or_a_proof(
    door: Door, ann: StubActor, mallory: StubActor, there: Stub
) -> None:
    forged, real = ann.note("Forged"), ann.note("Real", served=True)
    await door.takes(
        mallory, ann.says("Create", forged), ann.says("Create", real | {"content": "<p>Bent</p>"})
    )
    assert await post_of(door, forged["id"]) is None
    assert (await post_of(door, real["id"])).content_html == "<p>Real</p>"
    key = PrivateKey.generate_ed25519(key_id=f"{ann.uri}#ed25519-key", owner_uri=ann.uri)
    there.documents["/users/ann"]["assertionMethod"] = [
        {
            "id": key.key_id,
            "type": "Multikey",
            "controller": ann.uri,
            "publicKeyMultibase": key.public_key.to_multibase(),
        }
    ]
    proven = ann.note("Proven")
    document = with_proof(ann.says("Create", proven), key, now=1_700_000_000)
    await door.takes(mallory, document)
    assert (await post_of(door, proven["id"])).content_html == "<p>Proven</p>"
    bent = with_proof(ann.says("Create", ann.note("Bent")), key, now=1_700_000_000)
    bent["object"]["content"] = "<p>After</p>"
    await door.takes(mallory, bent)
    assert await post_of(door, bent["object"]["id"]) is None


async def test_nobody_acts_for_a_neighbour(door: Door, ann: StubActor, there: Stub) -> None:
    eve = there.actor("eve")
    note = ann.note("Mine")
    await door.takes(ann, ann.says("Create", note))
    changed = note | {"content": "<p>Eve's</p>", "updated": "2099-01-01T00:00:00Z"}
    await door.takes(
        eve,
        eve.says("Update", changed),
        eve.says("Update", changed | {"attributedTo": eve.uri}),
        eve.says("Delete", note["id"]),
        eve.says("Create", there_note := eve.note("For ann", attributedTo=ann.uri)),
        eve.says("Undo", {"id": "x", "type": "Announce", "actor": ann.uri, "object": note["id"]}),
    )
    assert (await post_of(door, note["id"])).content_html == "<p>Mine</p>"
    assert await post_of(door, there_note["id"]) is None


async def test_deletes_of_strangers_cost_nothing(door: Door, elsewhere: Stub) -> None:
    ghost = elsewhere.actor("ghost")
    assert await door.post(ghost, ghost.says("Delete", ghost.uri)) == 202
    assert elsewhere.asked == []
    assert await arrived(door) == []


async def test_a_key_that_is_not_there_is_asked_for_once(door: Door, elsewhere: Stub) -> None:
    ghost = elsewhere.actor("ghost")
    elsewhere.documents.clear()
    for _ in range(5):
        assert await door.post(ghost, ghost.says("Like", door.server.uris.post(1))) == 401
    assert elsewhere.asked.count("/users/ghost") <= 2  # once in each format of signatures at the most


async def test_a_new_key_is_believed_when_its_owner_lists_it(
    door: Door, ann: StubActor, there: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedserver.federation.authenticate.KEY_YOUNG_MS", 0)
    old, ann.key = ann.key, there.actor("other").key
    ann.key = PrivateKey.from_own_pem(ann.key.to_pem(), key_id=old.key_id, owner_uri=ann.uri)
    assert await door.post(ann, ann.says("Create", ann.note("Too early"))) == 401
    there.documents["/users/ann"]["publicKey"]["publicKeyPem"] = ann.key.public_key.to_pem()
    assert await door.post(ann, ann.says("Create", ann.note("Now"))) == 202


async def test_a_blocked_server_is_refused_before_anything_is_asked(door: Door, mallory: StubActor) -> None:
    await door.server.db.write(instances.set_rules, mallory.stub.host, policy="reject")
    assert await door.post(mallory, mallory.says("Create", mallory.note("x"))) == 403
    assert mallory.stub.asked == []


async def test_following_is_answered(door: Door, mallory: StubActor, alice: Person) -> None:
    uri = door.server.uris.actor("alice")
    follow = mallory.says("Follow", uri)
    await door.takes(mallory, follow)
    row = await account_of(door, uri)
    assert row.followers_count == 1
    await door.takes(mallory, mallory.says("Undo", follow))
    row = await account_of(door, uri)
    assert row.followers_count == 0
    await door.takes(mallory, follow)
    row = await account_of(door, uri)
    assert row.followers_count == 0


async def test_only_the_followed_can_accept(
    door: Door, there: Stub, mallory: StubActor, alice: Person
) -> None:
    shy = there.actor("shy")
    shy_id = await fetch.account(door.server, shy.uri)
    assert shy_id is not None
    await relationships.follow(door.server, alice.member, shy_id)
    uri = (await door.server.db.read(follow_of, alice.account_id)).uri
    await door.takes(mallory, mallory.says("Accept", uri))
    assert not (await door.server.db.read(follow_of, alice.account_id)).accepted
    await door.takes(
        shy, shy.says("Accept", {"id": "x", "type": "Follow", "actor": door.server.uris.actor("alice")})
    )
    assert (await door.server.db.read(follow_of, alice.account_id)).accepted


async def test_likes_and_boosts_come_and_go_for_good(door: Door, mallory: StubActor, alice: Person) -> None:
    post_id = await posts.create(door.server, alice.member, posts.Draft("Like me"))
    uri = door.server.uris.post(post_id)
    like, boost = mallory.says("Like", uri), mallory.says("Announce", uri)
    await door.takes(mallory, like, boost)
    row = await post_of(door, uri)
    assert (row.likes_count, row.boosts_count) == (1, 1)
    await door.takes(mallory, mallory.says("Undo", like), mallory.says("Undo", boost))
    row = await post_of(door, uri)
    assert (row.likes_count, row.boosts_count) == (0, 0)
    # Sent again in a wrapper of another id, they stay undone.
    late = like | {"content": "❤"}
    await door.takes(mallory, late)
    assert (await post_of(door, uri)).likes_count == 0


async def test_a_neighbours_delete_before_a_create_is_nothing(
    door: Door, there: Stub, ann: StubActor
) -> None:
    neighbour, note = there.actor("neighbour"), ann.note("Not theirs")
    undone = ann.note("Nor theirs to take back")
    await door.takes(ann, ann.says("Delete", undone["id"]))
    await door.takes(neighbour, neighbour.says("Delete", note["id"]))
    await door.takes(neighbour, neighbour.says("Undo", neighbour.says("Delete", undone["id"])))
    await door.takes(ann, ann.says("Create", note), ann.says("Create", undone))
    assert await post_of(door, note["id"]) is not None
    assert await post_of(door, undone["id"]) is None


async def test_a_delete_before_its_create_holds(door: Door, ann: StubActor) -> None:
    note = ann.note("Gone before it came")
    await door.takes(
        ann, ann.says("Delete", {"id": note["id"], "type": "Tombstone"}), ann.says("Create", note)
    )
    assert await post_of(door, note["id"]) is None


async def test_an_edit_keeps_what_was_said_before(door: Door, ann: StubActor) -> None:
    note = ann.note("First")
    await door.takes(ann, ann.says("Create", note))
    edited = note | {"content": "<p>Second</p>", "updated": "2020-01-01T00:00:00Z"}
    await door.takes(ann, ann.says("Update", edited))
    row = await post_of(door, note["id"])
    assert row.content_html == "<p>Second</p>"
    before = await door.server.db.read(stored_posts.revisions, row.id)
    assert [one.content_html for one in before] == ["<p>First</p>"]


async def test_counts_of_a_poll_are_no_edit(door: Door, ann: StubActor) -> None:
    options = [{"type": "Note", "name": name, "replies": {"totalItems": 0}} for name in ("Yes", "No")]
    question = ann.note("Well?") | {"type": "Question", "oneOf": options, "endTime": "2099-01-01T00:00:00Z"}
    await door.takes(ann, ann.says("Create", question))
    counted = [options[0] | {"replies": {"totalItems": 7}}, options[1]]
    await door.takes(ann, ann.says("Update", question | {"oneOf": counted, "votersCount": 7}))
    row = await post_of(door, question["id"])
    now = (await door.server.db.read(stored_posts.poll_options_of, [row.id]))[row.id]
    assert [one.votes_count for one in now] == [7, 0]
    assert await door.server.db.read(stored_posts.revisions, row.id) == []


async def test_votes_count_once_and_are_no_posts(door: Door, mallory: StubActor, alice: Person) -> None:
    draft = posts.Draft("Tea?", poll=posts.PollDraft(("Yes", "No"), 3600))
    post_id = await posts.create(door.server, alice.member, draft)
    uri, me = door.server.uris.post(post_id), door.server.uris.actor("alice")
    for name in ("Yes", "No", "Maybe"):
        vote = mallory.note("<br>", name=name, inReplyTo=uri, to=[me], cc=[])
        await door.takes(mallory, mallory.says("Create", vote, to=[me]))
    now = (await door.server.db.read(stored_posts.poll_options_of, [post_id]))[post_id]
    assert [one.votes_count for one in now] == [1, 0]


async def test_a_boost_shows_what_its_author_says_not_its_booster(
    door: Door, ann: StubActor, mallory: StubActor
) -> None:
    real = mallory.note("Real", served=True)
    await door.takes(ann, ann.says("Announce", real | {"content": "<p>Bent</p>"}))
    assert (await post_of(door, real["id"])).content_html == "<p>Real</p>"


async def test_an_answer_brings_what_it_answers(door: Door, ann: StubActor, mallory: StubActor) -> None:
    first = mallory.note("First", served=True)
    answer = ann.note("Answer", inReplyTo=first["id"])
    await door.takes(ann, ann.says("Create", answer))
    above = await post_of(door, first["id"])
    assert (await post_of(door, answer["id"])).in_reply_to_id == above.id


async def test_what_concerns_nobody_here_is_dropped(door: Door, mallory: StubActor, alice: Person) -> None:
    note = mallory.note("To the void")
    await door.takes(mallory, mallory.says("Create", note), mallory.says("Dance", note["id"]))
    assert await post_of(door, note["id"]) is None
    assert [state for state, _ in await arrived(door)] == ["dropped", "dropped"]


async def test_a_mention_needs_the_tag_and_the_address(door: Door, mallory: StubActor, alice: Person) -> None:
    me = door.server.uris.actor("alice")
    tag = [{"type": "Mention", "href": me, "name": "@alice"}]
    named = mallory.note("Named", to=[PUBLIC, me], tag=tag)
    silent = mallory.note("Silent", to=[PUBLIC, me])
    await door.takes(mallory, mallory.says("Create", named), mallory.says("Create", silent))
    told = await alice.get("/api/v1/notifications")
    assert [one["status"]["uri"] for one in told if one["type"] == "mention"] == [named["id"]]


async def test_a_move_needs_the_new_account_to_name_the_old(
    door: Door, ann: StubActor, elsewhere: Stub
) -> None:
    new = elsewhere.actor("ann2")
    await door.takes(ann, ann.says("Move", ann.uri, target=new.uri))
    assert (await account_of(door, ann.uri)).moved_to_id is None
    elsewhere.documents["/users/ann2"]["alsoKnownAs"] = [ann.uri]
    await door.takes(ann, ann.says("Move", ann.uri, target=new.uri))
    assert (await account_of(door, ann.uri)).moved_to_id is not None


async def test_an_actor_that_deletes_itself_is_gone(door: Door, ann: StubActor) -> None:
    note = ann.note("Still here")
    await door.takes(ann, ann.says("Create", note), ann.says("Delete", ann.uri))
    row = await account_of(door, ann.uri)
    assert row.deleted_at is not None
    ann.stub.documents["/users/ann"] = 410
    assert await door.post(ann, ann.says("Create", ann.note("Undead"))) == 401


async def test_a_report_is_kept_and_never_published(door: Door, mallory: StubActor, alice: Person) -> None:
    post_id = await posts.create(door.server, alice.member, posts.Draft("Report me"))
    flag = mallory.says(
        "Flag", [door.server.uris.actor("alice"), door.server.uris.post(post_id)], content="Rude"
    )
    await door.takes(mallory, flag)

    def reports(conn: Connection) -> list[Any]:
        return list(conn.execute(select(tables.report)))

    (kept,) = await door.server.db.read(reports)
    assert (kept.target_id, kept.comment, kept.post_ids) == (alice.account_id, "Rude", f'["{post_id}"]')


async def test_a_pin_is_its_owners(door: Door, ann: StubActor, mallory: StubActor) -> None:
    note = ann.note("Pin me")
    await door.takes(ann, ann.says("Create", note))
    await door.takes(mallory, mallory.says("Add", note["id"], target=f"{ann.uri}/featured"))
    await door.takes(ann, ann.says("Add", note["id"], target=f"{ann.uri}/featured"))

    def pins(conn: Connection) -> int:
        return int(conn.scalar(select(func.count()).select_from(tables.pin)) or 0)

    assert await door.server.db.read(pins) == 1


async def test_one_that_fails_takes_nobody_with_it(
    door: Door, ann: StubActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("poison")

    monkeypatch.setattr(interactions, "receive_like", burst)
    note = ann.note("Fine")
    await door.takes(ann, ann.says("Create", note))
    assert await door.post(ann, ann.says("Like", note["id"])) == 202
    await door.takes(ann, ann.says("Create", after := ann.note("After")))
    assert await post_of(door, after["id"]) is not None
    states = dict(await arrived(door))
    assert "poison" in states["waiting"]


async def test_what_was_accepted_survives_the_worker(door: Door, ann: StubActor, server: Server) -> None:
    await door.worker.stop()
    note = ann.note("Kept")
    assert await door.post(ann, ann.says("Create", note)) == 202
    now = 10**14
    assert len(await server.db.write(inbox.claim, now=now, until=now + 10**6, limit=9)) == 1
    # That process has ended; the next one begins.
    if server.db.dialect == "postgresql":
        items = await server.db.write(inbox.claim, now=now + 10**7, until=0, limit=9)
        assert len(items) == 1
    worker = InboxWorker(server)
    await worker.start()
    await worker.idle()
    await worker.stop()
    assert await post_of(door, note["id"]) is not None


async def test_pictures_of_a_server_whose_media_we_refuse_are_left_out(door: Door, ann: StubActor) -> None:
    picture = {"type": "Image", "mediaType": "image/png", "url": f"{ann.stub.origin}/cat.png"}
    await door.server.db.write(refuse_media, ann.stub.host)
    new = ann.note(
        "New :cat:", attachment=[picture], tag=[{"type": "Emoji", "name": ":cat:", "icon": picture}]
    )
    edited = {**new, "attachment": [picture, {**picture, "url": f"{ann.stub.origin}/dog.png"}]}
    fetched = ann.note("Fetched", served=True, attachment=[picture])
    await door.takes(ann, ann.says("Create", new), ann.says("Update", edited))
    await fetch.post(door.server, fetched["id"])
    ann.stub.documents["/users/ann"]["icon"] = picture
    await fetch.account(door.server, ann.uri, refresh=True)
    rows = [await post_of(door, one["id"]) for one in (new, fetched)]
    assert await door.server.db.read(stored_posts.media_of, [row.id for row in rows]) == {}
    assert [row.emojis for row in rows] == ["[]", "[]"]
    assert (await account_of(door, ann.uri)).avatar_url == ""
    await door.server.db.write(instances.set_rules, ann.stub.host, policy="")
    await door.takes(ann, ann.says("Update", edited))
    await fetch.account(door.server, ann.uri, refresh=True)
    assert len((await door.server.db.read(stored_posts.media_of, [rows[0].id]))[rows[0].id]) == 2
    assert (await account_of(door, ann.uri)).avatar_url == picture["url"]


def refuse_media(conn: Connection, host: str) -> None:
    instances.set_rules(conn, host, policy="", rejects_media=True)
