"""Who may learn that a private group is there: the condition for lists and the function for one account agree."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, select

from activitypub.names import PUBLIC
from fedserver import visibility
from fedserver.context import Server
from fedserver.groups import members
from storage import accounts
from storage.group_ties import known_to
from storage.tables import account, archive_person, message
from tests.archives.conftest import BringIn, bring_in
from tests.archives.samples import letter, mbox
from tests.conftest import MakeMember
from tests.federation.stub import Door, Stub
from tests.groups.conftest import MakeGroup
from tests.members import Person

__all__ = ["bring_in"]


async def test_a_list_names_what_may_be_known_one_by_one(
    server: Server, alice: Person, bob: Person, member: MakeMember, make_group: MakeGroup
) -> None:
    carol = await member("carol")
    open_id, private_id = await make_group(alice, "plaza"), await make_group(alice, "core", access="private")
    await members.invite(server, alice.member, private_id, bob.account_id)
    for viewer, knows in ((alice, True), (bob, True), (carol, False), (None, False)):
        for group_id, expected in ((open_id, True), (private_id, knows)):
            assert await _known(server, group_id, viewer) == (expected, expected)


async def test_names_in_archives_are_known_to_whoever_reads_there(
    server: Server,
    alice: Person,
    bob: Person,
    member: MakeMember,
    make_group: MakeGroup,
    bring_in: BringIn,
    tmp_path: Path,
) -> None:
    carol = await member("carol")
    private_id = await make_group(alice, "core", access="private")
    members_id = await make_group(alice, "circle", access="members", join_mode="open")
    open_id = await make_group(alice, "plaza")
    await members.invite(server, alice.member, private_id, bob.account_id)
    await members.join(server, carol.member, members_id)
    archive = mbox(
        tmp_path / "a.mbox", letter("From: Old <old@other.example>\nMessage-ID: <1@list>\nSubject: Hello")
    )
    # In all alike: of a private group who is invited learns that it is there, and no more.
    for group_id, knowing in (
        (private_id, [alice]),
        (members_id, [alice, carol]),
        (open_id, [alice, bob, carol, None]),
    ):
        await bring_in(group_id, archive)
        name_id = await server.db.read(_name_in, group_id)
        for viewer in (alice, bob, carol, None):
            expected = viewer in knowing
            assert await _known(server, name_id, viewer) == (expected, expected), (group_id, viewer)


async def _known(server: Server, account_id: int, viewer: Person | None) -> tuple[bool, bool]:
    """Whether the viewer may know of an account: for lists, and for it alone."""
    viewer_id = viewer.account_id if viewer is not None else None
    row = await server.db.read(accounts.by_id, account_id)
    assert row is not None
    query = select(account.c.id).where(account.c.id == account_id, known_to(viewer_id))
    listed = await server.db.read(lambda conn: conn.execute(query).first())
    return listed is not None, await server.db.read(visibility.may_know, row, viewer_id)


def _name_in(conn: Connection, group_id: int) -> int:
    """The account that stands for the only name in the group's archive."""
    query = select(archive_person.c.account_id).where(archive_person.c.group_id == group_id)
    return int(conn.scalars(query).one() or 0)


async def test_a_private_group_is_named_nowhere_but_within(
    alice: Person, bob: Person, make_group: MakeGroup
) -> None:
    group_id = await make_group(alice, "core", access="private", title="Core team")
    plain = "<p>See @core</p>"
    assert (await alice.post("/api/v1/statuses", {"status": "See @core", "visibility": "private"}))[
        "content"
    ] == plain
    assert (await bob.post("/api/v1/statuses", {"status": "See @core"}))["content"] == plain
    begun = await alice.post("/api/v1/statuses", {"status": "@core See you here"})
    assert [one["id"] for one in begun["mentions"]] == [str(group_id)]
    assert begun["visibility"] == "private"
    for action in ("reblog", "pin"):
        assert (await alice.raw("POST", f"/api/v1/statuses/{begun['id']}/{action}", json={})).status == 403
    quote = {"status": "Look", "quoted_status_id": begun["id"]}
    assert (await alice.raw("POST", "/api/v1/statuses", json=quote)).status == 404
    aside = {"status": "@bob psst", "in_reply_to_id": begun["id"], "visibility": "direct"}
    assert (await alice.raw("POST", "/api/v1/statuses", json=aside)).status == 422
    following = (await alice.get("/api/v1/accounts/verify_credentials"))["following_count"]
    assert following == 0
    assert [one["id"] for one in await alice.get(f"/api/v1/accounts/{alice.id}/following")] == [str(group_id)]
    assert await bob.get(f"/api/v1/accounts/{alice.id}/following") == []


async def test_other_servers_find_no_private_group_by_guessing_its_address(
    server: Server, door: Door, there: Stub, alice: Person, bob: Person, make_group: MakeGroup
) -> None:
    group_id = await make_group(alice, "core", access="private")
    ann = there.actor("ann")
    await door.takes(ann, ann.says("Follow", bob_uri := server.uris.actor("bob")))
    told = []
    for name in ("core", "nothing"):
        uri = f"{server.config.origin}/groups/{name}"
        tag = [
            {"type": "Mention", "href": bob_uri, "name": "@bob"},
            {"type": "Mention", "href": uri, "name": "@it"},
        ]
        note = ann.note(f"Is {name} there?", to=[PUBLIC, bob_uri, uri], tag=tag, audience=uri)
        await door.takes(ann, ann.says("Follow", uri), ann.says("Create", note), ann.says("Block", uri))
        found = await bob.get("/api/v2/search", q=note["id"], resolve="true")
        told.append([[one["acct"] for one in status["mentions"]] for status in found["statuses"]])
        assert await door.post(ann, ann.says("Follow", uri), path=f"/groups/{name}/inbox") == 404
    assert told == [[["bob"]], [["bob"]]]
    assert (await alice.get(f"/api/v1/accounts/{group_id}/followers")) == [
        await alice.get(f"/api/v1/accounts/{alice.id}")
    ]
    # Nobody was written to but the one who follows a member.
    sent = await server.db.read(lambda conn: conn.execute(select(message.c.body)).scalars().all())
    assert not [one for one in sent if b"/groups/core" in bytes(one)]
