"""Who hears of what, and in which words. Nothing is sent here: the planned deliveries are read."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, insert, select

from activitypub import jsonld
from activitypub.names import PUBLIC
from activitypub.signatures import verify_proof
from fedserver import interactions, posts, relationships
from fedserver.context import Server
from storage import accounts, instances, tables
from storage.database import STATEMENTS
from storage.relationships import add_follow, follow_between
from storage.tables import delivery, message
from storage.types import new_id, now_ms
from tests.members import Person


class Sent(NamedTuple):
    activity: dict[str, Any]
    inboxes: list[str]
    synchronises: bool


async def sent(server: Server) -> list[Sent]:
    """What waits to be delivered, oldest first."""

    def read(conn: Connection) -> list[Sent]:
        found = {
            row.id: Sent(json.loads(row.body), [], bool(row.synchronises_followers))
            for row in conn.execute(select(message).order_by(message.c.id))
        }
        for row in conn.execute(select(delivery)):
            found[row.message_id].inboxes.append(row.inbox_uri)
        return [one._replace(inboxes=sorted(one.inboxes)) for one in found.values()]

    return await server.db.read(read)


def stranger(conn: Connection, name: str, host: str, *, shared: bool = True) -> int:
    uri = f"http://{host}/users/{name}"
    return accounts.upsert_remote(
        conn,
        accounts.RemoteAccount(
            uri=uri, url=uri, username=name, domain=host, host=host, actor_type="Person", inbox_uri=f"{uri}/inbox",
            shared_inbox_uri=f"http://{host}/inbox" if shared else "", followers_uri=f"{uri}/followers",
        ),
    )  # fmt: skip


def follower(
    conn: Connection, target_id: int, name: str, host: str, *, shared: bool = True, accepted: bool = True
) -> int:
    account_id = stranger(conn, name, host, shared=shared)
    add_follow(conn, account_id, target_id, f"http://{host}/follows/{new_id()}", accepted=accepted)
    return account_id


def add_post(
    conn: Connection, person: Person, server: Server, visibility: str = "public", **columns: Any
) -> int:
    """A post of a member, put there without telling anybody."""
    post_id = new_id()
    uri = server.uris.post(post_id)
    values = {
        "id": post_id, "uri": uri, "url": uri, "account_id": person.account_id, "kind": "note", "visibility": visibility,
        "content_html": "<p>Hi</p>", "thread_id": post_id, "local": True, "created_at": now_ms(), **columns,
    }  # fmt: skip
    conn.execute(insert(tables.post).values(**values))
    return post_id


async def test_a_public_post_goes_once_to_each_server_of_followers_with_proof(
    server: Server, alice: Person
) -> None:
    def unit(conn: Connection) -> int:
        follower(conn, alice.account_id, "b1", "b.example")
        follower(conn, alice.account_id, "b2", "b.example")
        follower(conn, alice.account_id, "c1", "c.example", shared=False)
        follower(conn, alice.account_id, "d1", "d.example", accepted=False)
        post_id = add_post(conn, alice, server)
        server.publish.post_created(conn, post_id)
        return post_id

    post_id = await server.db.write(unit)
    [only] = await sent(server)
    assert only.inboxes == ["http://b.example/inbox", "http://c.example/users/c1/inbox"]
    assert only.synchronises
    assert only.activity["id"] == server.uris.create(post_id)
    assert only.activity["to"] == only.activity["object"]["to"] == [PUBLIC]
    key = (await server.db.read(server.keys.ed25519, alice.account_id)).public_key
    verify_proof(only.activity, key, now=time.time())
    expanded = jsonld.expand(only.activity)
    assert "_:" not in json.dumps(expanded)


@pytest.mark.parametrize("visibility", ["members", "group"])
async def test_what_is_for_people_here_never_leaves(server: Server, alice: Person, visibility: str) -> None:
    def unit(conn: Connection) -> None:
        them = follower(conn, alice.account_id, "b", "b.example")
        post_id = add_post(conn, alice, server, visibility)
        conn.execute(insert(tables.mention).values(post_id=post_id, account_id=them))
        server.publish.post_created(conn, post_id)
        server.publish.post_updated(conn, post_id)

    await server.db.write(unit)
    assert await sent(server) == []


async def test_a_direct_post_goes_to_those_addressed_in_person_and_without_proof(
    server: Server, alice: Person
) -> None:
    def unit(conn: Connection) -> None:
        follower(conn, alice.account_id, "b", "b.example")
        addressee = stranger(conn, "c", "c.example")
        post_id = add_post(conn, alice, server, "direct")
        conn.execute(insert(tables.mention).values(post_id=post_id, account_id=addressee))
        server.publish.post_created(conn, post_id)

    await server.db.write(unit)
    [only] = await sent(server)
    assert only.inboxes == ["http://c.example/users/c/inbox"]
    assert only.activity["to"] == ["http://c.example/users/c"]
    assert only.activity["cc"] == []
    assert "proof" not in only.activity
    assert not only.synchronises


async def test_a_followers_post_carries_no_proof(server: Server, alice: Person) -> None:
    def unit(conn: Connection) -> None:
        follower(conn, alice.account_id, "b", "b.example")
        server.publish.post_created(conn, add_post(conn, alice, server, "followers"))

    await server.db.write(unit)
    [only] = await sent(server)
    assert only.synchronises
    assert "proof" not in only.activity
    assert only.activity["to"] == [server.uris.actor_uris("alice").followers]


async def test_rejected_suspended_and_gone_are_passed_over(server: Server, alice: Person) -> None:
    def unit(conn: Connection) -> None:
        follower(conn, alice.account_id, "b", "b.example")
        follower(conn, alice.account_id, "s", "sub.bad.example")
        accounts.change(conn, follower(conn, alice.account_id, "c", "c.example"), suspended_at=1)
        accounts.change(conn, follower(conn, alice.account_id, "d", "d.example"), gone_since_at=1)
        instances.set_rules(conn, "bad.example", policy="reject")
        server.publish.post_created(conn, add_post(conn, alice, server))

    await server.db.write(unit)
    assert [one.inboxes for one in await sent(server)] == [["http://b.example/inbox"]]


class TestAllowList:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"federation_mode": "allowlist"}

    async def test_only_partners_hear(self, server: Server, alice: Person) -> None:
        def unit(conn: Connection) -> None:
            follower(conn, alice.account_id, "b", "b.example")
            follower(conn, alice.account_id, "c", "partner.example")
            instances.set_rules(conn, "partner.example", policy="allow")
            server.publish.post_created(conn, add_post(conn, alice, server))

        await server.db.write(unit)
        assert [one.inboxes for one in await sent(server)] == [["http://partner.example/inbox"]]


class TestClosed:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"federation_mode": "closed"}

    async def test_nobody_hears(self, server: Server, alice: Person) -> None:
        def unit(conn: Connection) -> None:
            follower(conn, alice.account_id, "b", "b.example")
            server.publish.post_created(conn, add_post(conn, alice, server))

        await server.db.write(unit)
        assert await sent(server) == []


async def test_a_deletion_reaches_all_who_may_have_the_post(server: Server, alice: Person) -> None:
    def unit(conn: Connection) -> int:
        follower(conn, alice.account_id, "b", "b.example")
        liker, booster, answerer = (
            stranger(conn, name, f"{name}.example") for name in ("liker", "booster", "answerer")
        )
        post_id = add_post(conn, alice, server)
        conn.execute(
            insert(tables.like).values(
                id=new_id(), uri="http://liker.example/1", account_id=liker, post_id=post_id
            )
        )
        for author, columns in (
            (booster, {"boost_of_id": post_id, "kind": "boost"}),
            (answerer, {"in_reply_to_id": post_id}),
        ):
            other = new_id()
            uri = f"http://elsewhere.example/{other}"
            values = {
                "id": other, "uri": uri, "url": uri, "account_id": author, "kind": "note", "visibility": "public",
                "thread_id": other, "created_at": now_ms(), **columns,
            }  # fmt: skip
            conn.execute(insert(tables.post).values(**values))
        return post_id

    post_id = await server.db.write(unit)
    await posts.delete_post(server, alice.member, post_id)
    [only] = await sent(server)
    assert only.inboxes == [f"http://{host}.example/inbox" for host in ("answerer", "b", "booster", "liker")]
    assert only.activity["type"] == "Delete"
    assert only.activity["object"]["id"] == server.uris.post(post_id)
    assert only.activity["object"]["type"] == "Tombstone"


async def test_a_deleted_poll_says_that_it_was_a_question_and_an_edit_says_when(
    server: Server, alice: Person
) -> None:
    def unit(conn: Connection) -> None:
        follower(conn, alice.account_id, "b", "b.example")
        post_id = add_post(conn, alice, server, kind="question", edited_at=1_700_000_000_000)
        conn.execute(insert(tables.poll).values(post_id=post_id, multiple=True, hide_totals=False))
        conn.execute(
            insert(tables.poll_option).values(post_id=post_id, position=0, title="Monday", votes_count=3)
        )
        server.publish.post_updated(conn, post_id)
        server.publish.poll_counted(conn, post_id)

    await server.db.write(unit)
    edit, counted = await sent(server)
    assert edit.activity["object"]["updated"] == "2023-11-14T22:13:20Z"
    assert edit.activity["object"]["anyOf"][0]["replies"]["totalItems"] == 3
    assert "updated" not in counted.activity["object"]
    assert edit.activity["id"] != counted.activity["id"]


async def test_a_follow_and_its_end_go_to_the_person_and_match(server: Server, alice: Person) -> None:
    bob_id = await server.db.write(stranger, "bob", "b.example")

    def row(conn: Connection) -> Any:
        return follow_between(conn, alice.account_id, bob_id)

    await relationships.follow(server, alice.member, bob_id)
    asked = await server.db.read(row)
    await relationships.unfollow(server, alice.member, bob_id)
    follow, undo = await sent(server)
    assert follow.inboxes == undo.inboxes == ["http://b.example/users/bob/inbox"]
    assert follow.activity["id"] == asked.uri
    assert undo.activity["object"] == {name: follow.activity[name] for name in undo.activity["object"]}
    assert undo.activity["type"] == "Undo"


async def test_an_accept_repeats_the_request_with_its_own_id(server: Server, alice: Person) -> None:
    def unit(conn: Connection) -> str:
        bob_id = follower(conn, alice.account_id, "bob", "b.example")
        row = follow_between(conn, bob_id, alice.account_id)
        server.publish.follow_accepted(conn, row)
        return str(row.uri)

    uri = await server.db.write(unit)
    [only] = await sent(server)
    assert only.activity["type"] == "Accept"
    assert only.activity["object"] == {
        "id": uri, "type": "Follow", "actor": "http://b.example/users/bob", "object": server.uris.actor("alice"),
    }  # fmt: skip


async def test_what_concerns_nobody_elsewhere_is_not_written_down(
    server: Server, alice: Person, bob: Person
) -> None:
    post_id = await server.db.write(add_post, alice, server)
    await interactions.like(server, bob.member, post_id)
    await interactions.boost(server, bob.member, post_id)
    await relationships.follow(server, bob.member, alice.account_id)
    await interactions.unlike(server, bob.member, post_id)
    await posts.delete_post(server, alice.member, post_id)
    assert await sent(server) == []


async def test_a_like_of_a_post_elsewhere_goes_to_its_author(server: Server, alice: Person) -> None:
    def unit(conn: Connection) -> int:
        bob_id = stranger(conn, "bob", "b.example")
        post_id = new_id()
        conn.execute(
            insert(tables.post).values(
                id=post_id,
                uri="http://b.example/1",
                url="http://b.example/1",
                account_id=bob_id,
                kind="note",
                visibility="public",
                thread_id=post_id,
                created_at=now_ms(),
            )
        )
        return post_id

    post_id = await server.db.write(unit)
    await interactions.like(server, alice.member, post_id)
    await interactions.unlike(server, alice.member, post_id)
    like, undo = await sent(server)
    assert (like.activity["type"], like.activity["object"]) == ("Like", "http://b.example/1")
    assert undo.activity["object"]["id"] == like.activity["id"]
    assert like.inboxes == undo.inboxes == ["http://b.example/users/bob/inbox"]


async def test_the_outbox_shows_what_is_public_and_its_pages_meet(server: Server, alice: Person) -> None:
    def unit(conn: Connection) -> list[str]:
        made = [add_post(conn, alice, server) for _ in range(45)]
        for visibility in ("followers", "direct", "members", "group"):
            add_post(conn, alice, server, visibility)
        return [server.uris.create(one) for one in sorted(made, reverse=True)]

    wanted = await server.db.write(unit)
    documents = server.publish.documents

    def read(conn: Connection) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        row = accounts.by_id(conn, alice.account_id)
        assert row is not None
        first = documents.outbox(conn, row, page=True)
        last_id = int(first["next"].rpartition("=")[2])
        return documents.outbox(conn, row), first, documents.outbox(conn, row, page=True, max_id=last_id)

    whole, first, second = await server.db.read(read)
    assert whole["totalItems"] == 45
    assert [one["id"] for one in first["orderedItems"] + second["orderedItems"]] == wanted
    assert "next" not in second


async def test_a_page_of_posts_takes_as_many_statements_as_one_post(server: Server, alice: Person) -> None:
    def unit(conn: Connection) -> tuple[int, int]:
        rows = [
            conn.execute(select(tables.post).where(tables.post.c.id == add_post(conn, alice, server))).one()
            for _ in range(20)
        ]
        before = conn.info[STATEMENTS]
        server.publish.documents.post_documents(conn, rows[:1])
        one = conn.info[STATEMENTS] - before
        server.publish.documents.post_documents(conn, rows)
        return one, conn.info[STATEMENTS] - before - one

    one, twenty = await server.db.write(unit)
    assert one == twenty > 0
