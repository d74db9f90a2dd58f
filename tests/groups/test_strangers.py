"""People of other servers in groups of ours: they post, vote and moderate by its rules, and the group hands it on as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Connection, select

from activitypub.names import PUBLIC
from fedserver import posts
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid
from fedserver.federation import group_posts
from fedserver.groups import members, moderation, reports
from fedserver.posts import Draft, PollDraft
from storage import accounts, group_threads, groups, tables
from storage import posts as stored_posts
from storage import reports as stored_reports
from storage.paging import Window
from storage.types import now_ms
from tests.conftest import MakeMember
from tests.federation.stub import Door, Stub, StubActor
from tests.groups.conftest import MakeGroup, StartThread
from tests.members import Person


class Ours:
    """A group here, `ann` of another server who belongs to it, and what it has sent."""

    def __init__(self, door: Door, group_id: int, name: str) -> None:
        self.door = door
        self.server: Server = door.server
        self.id = group_id
        self.uri = door.server.uris.group(name)

    def note(self, author: StubActor, text: str = "Hello", **more: Any) -> dict[str, Any]:
        """A post that names the group, as Mastodon writes it."""
        tag = [{"type": "Mention", "href": self.uri, "name": "@python"}]
        more = {"cc": [f"{author.uri}/followers", self.uri], "tag": tag, **more}
        return author.note(f"@python {text}", **more)

    async def post(self, uri: str) -> Any:
        return await self.server.db.read(stored_posts.by_uri, uri)

    async def thread(self, uri: str) -> Any:
        row = await self.post(uri)
        return None if row is None else await self.server.db.read(group_threads.by_id, row.id)

    async def sent(self, kind: str = "") -> list[dict[str, Any]]:
        """What this server has to send by the group, oldest first; of an Announce, those with an activity of this kind."""

        def unit(conn: Connection) -> list[dict[str, Any]]:
            table = tables.message
            query = select(table.c.body).where(table.c.account_id == self.id).order_by(table.c.id)
            return [json.loads(bytes(body)) for body in conn.scalars(query)]

        found = await self.server.db.read(unit)
        if not kind:
            return found
        return [
            one["object"] for one in found
            if one["type"] == "Announce" and isinstance(one["object"], dict) and one["object"]["type"] == kind
        ]  # fmt: skip

    async def becomes(self, who: StubActor, role: str) -> None:
        def unit(conn: Connection) -> None:
            row = accounts.by_uri(conn, who.uri)
            assert row is not None
            groups.change_member(conn, self.id, row.id, role=role)

        await self.server.db.write(unit)

    async def account_id(self, who: StubActor) -> int:
        row = await self.server.db.read(accounts.by_uri, who.uri)
        assert row is not None
        return int(row.id)


@pytest.fixture
def ann(there: Stub) -> StubActor:
    return there.actor("ann")


@pytest.fixture
async def ours(door: Door, ann: StubActor, alice: Person, make_group: MakeGroup) -> Ours:
    group = Ours(door, await make_group(alice, allows_downvotes=True), "python")
    await door.takes(ann, ann.says("Follow", group.uri))
    return group


async def test_naming_the_group_begins_a_thread_that_it_hands_on(ours: Ours, ann: StubActor) -> None:
    create = ann.says("Create", ours.note(ann, "Which editor?"))
    await ours.door.takes(ann, create)
    thread = await ours.thread(create["object"]["id"])
    assert (thread.group_id, thread.title) == (ours.id, "Which editor?")
    # Value for value, and for those who know only boosts once more.
    assert await ours.sent("Create") == [create]
    assert [one["object"] for one in await ours.sent() if one["object"] == create["object"]["id"]]


async def test_naming_it_in_an_answer_to_something_else_does_not(ours: Ours, ann: StubActor) -> None:
    other = ann.note("Unrelated", served=True)
    await ours.door.takes(ann, ann.says("Create", ours.note(ann, "see", inReplyTo=other["id"])))
    assert await ours.sent("Create") == []


async def test_answers_edits_votes_and_deletes_are_handed_on(
    ours: Ours, ann: StubActor, alice: Person, start: StartThread
) -> None:
    thread_id = await start(alice, ours.id, "Which editor?")
    root = ours.server.uris.post(thread_id)
    answer = ann.note("Mine", inReplyTo=root, cc=[ours.uri])
    edit = ann.says("Update", answer | {"content": "<p>Yours</p>", "updated": "2099-01-01T00:00:00Z"})
    dislike, like = ann.says("Dislike", root), ann.says("Like", root)
    unlike, delete = ann.says("Undo", like), ann.says("Delete", answer["id"])
    create = ann.says("Create", answer)
    await ours.door.takes(ann, create, edit)
    assert ((await ours.post(answer["id"])).content_html, (await ours.thread(root)).replies_count) == (
        "<p>Yours</p>", 1,
    )  # fmt: skip
    assert await alice.get("/api/v1/notifications", **{"types[]": "mention"})
    await ours.door.takes(ann, dislike, like, unlike, delete)
    assert (await ours.post(answer["id"]), (await ours.thread(root)).replies_count) == (None, 0)
    for kind, said in (
        ("Update", edit), ("Dislike", dislike), ("Like", like), ("Undo", unlike), ("Delete", delete),
    ):  # fmt: skip
        assert await ours.sent(kind) == [said], kind
    assert create in await ours.sent("Create")


async def test_who_is_refused_is_told_why_once(
    ours: Ours, ann: StubActor, alice: Person, start: StartThread
) -> None:
    await members.ban(ours.server, alice.member, ours.id, await ours.account_id(ann), reason="Rude")
    before = len(await ours.sent())
    for text in ("One", "Two"):
        await ours.door.takes(ann, ann.says("Create", ours.note(ann, text)))
    told = (await ours.sent())[before:]
    assert len(told) == 1
    note = told[0]["object"]
    assert (told[0]["to"], note["type"], note["attributedTo"]) == ([ann.uri], "Note", ours.uri)
    assert "You are banned from Python." in note["content"]
    assert note["inReplyTo"]
    # Whoever is told can fetch it, and answering the group leads to nothing.
    status, fetched = await ours.door.get(note["id"].removeprefix(ours.server.config.origin), ann)
    assert (status, fetched["content"]) == (200, note["content"])
    await ours.door.takes(
        ann, ann.says("Create", ann.note("Why?", inReplyTo=note["id"], to=[ours.uri], cc=[]))
    )
    assert len(await ours.sent()) == before + 1


@pytest.mark.parametrize("how", ["locked", "moderators only"])
async def test_what_the_group_does_not_take_is_not_in_it(
    ours: Ours, ann: StubActor, alice: Person, start: StartThread, how: str
) -> None:
    thread_id = await start(alice, ours.id, "Which editor?")
    root = ours.server.uris.post(thread_id)
    if how == "locked":
        await moderation.lock(ours.server, alice.member, thread_id)
        note = ann.note("Late", inReplyTo=root, cc=[ours.uri])
    else:
        await ours.server.db.write(groups.change, ours.id, posting="moderators")
        note = ours.note(ann, "Me too")
    await ours.door.takes(ann, ann.says("Create", note))
    assert await ours.post(note["id"]) is None
    assert (await ours.thread(root)).replies_count == 0
    assert (await ours.sent())[-1]["object"]["type"] == "Note"


async def test_moderators_elsewhere_act_in_their_group_alone(
    ours: Ours, ann: StubActor, alice: Person, bob: Person, elsewhere: Stub, make_group: MakeGroup, start: StartThread
) -> None:  # fmt: skip
    eve, other_id = elsewhere.actor("eve"), await make_group(alice, "other")
    root = ours.server.uris.post(await start(bob, ours.id, "Which?"))
    other = ours.server.uris.post(await start(bob, other_id, "Which?"))
    await ours.door.takes(eve, eve.says("Follow", ours.uri))
    lock, ban = ann.says("Lock", root, summary="Done"), ann.says("Block", eve.uri, target=ours.uri)
    pin = ann.says("Add", root, target=f"{ours.uri}/collections/featured")
    await ours.door.takes(ann, lock, ban, pin)
    assert (await ours.thread(root)).locked_at is None
    await ours.becomes(ann, "moderator")
    lock, ban, pin = (one | {"id": ann.uri_of("activities")} for one in (lock, ban, pin))
    appoint = ann.says("Add", eve.uri, target=f"{ours.uri}/moderators")
    await ours.door.takes(
        ann, lock, pin, appoint, ann.says("Lock", other), ann.says("Delete", other, summary="x")
    )
    assert (await ours.thread(root)).locked_at is not None
    assert (await ours.thread(other)).locked_at is None
    assert await ours.server.db.read(group_threads.pinned_ids, ours.id) == [(await ours.post(root)).id]
    # Only owners appoint.
    role = await ours.server.db.read(groups.membership_of, ours.id, await ours.account_id(eve))
    assert role.role == "member"
    await ours.door.takes(ann, ban, ann.says("Undo", lock))
    assert await ours.server.db.read(groups.is_banned, ours.id, await ours.account_id(eve))
    assert (await ours.thread(root)).locked_at is None
    removal = ann.says("Delete", root, summary="Spam")
    await ours.door.takes(ann, removal)
    assert await ours.post(root) is None
    for kind, said in (("Lock", lock), ("Add", pin), ("Block", ban)):
        assert await ours.sent(kind) == [said], kind
    assert removal in await ours.sent("Delete")


async def test_a_group_for_members_hands_on_to_them_alone(
    door: Door, ann: StubActor, alice: Person, elsewhere: Stub, make_group: MakeGroup, start: StartThread
) -> None:
    ours = Ours(door, await make_group(alice, access="members", join_mode="open"), "python")
    await door.takes(ann, ann.says("Follow", ours.uri))
    thread_id = await start(alice, ours.id, "Among us")
    eve = elsewhere.actor("eve")
    followers = f"{ours.uri}/followers"
    said = [one for one in await ours.sent() if one["type"] == "Announce"]
    assert [(one["to"], one["cc"]) for one in said] == [([followers], [])]
    assert said[0]["object"]["proof"]
    assert PUBLIC not in json.dumps(said)
    path = f"/posts/{thread_id}"
    assert (await door.get(path, ann))[0] == 200
    assert (await door.get(path, eve))[0] == 404
    assert (await door.get(path))[0] in (401, 404)
    status, listed = await door.get("/groups/python/followers", ann)
    assert (status, "first" in listed) == (200, False)
    answer = ann.note("Hush", inReplyTo=ours.server.uris.post(thread_id), to=[ours.uri, followers], cc=[])
    await door.takes(ann, ann.says("Create", answer, to=[ours.uri, followers]))
    row = await ours.post(answer["id"])
    assert (row.visibility, row.group_id) == ("group", ours.id)
    outside = eve.note("Hush", inReplyTo=ours.server.uris.post(thread_id), cc=[ours.uri])
    await door.takes(eve, eve.says("Create", outside))
    assert await ours.post(outside["id"]) is None


async def test_a_private_group_is_not_there_for_other_servers(
    door: Door, ann: StubActor, alice: Person, make_group: MakeGroup, start: StartThread
) -> None:
    ours = Ours(door, await make_group(alice, access="private"), "python")
    await start(alice, ours.id, "Secret")
    for part in ("", "/outbox", "/followers", "/moderators", "/collections/featured"):
        assert (await door.get(f"/groups/python{part}", ann))[0] == 404, part
    assert await door.post(ann, ann.says("Follow", ours.uri), path="/groups/python/inbox") == 404
    await door.takes(ann, ann.says("Follow", ours.uri), ann.says("Create", ours.note(ann, "Hello?")))
    assert await ours.sent() == []


async def test_a_report_about_the_group_is_for_its_moderators(
    ours: Ours, ann: StubActor, alice: Person, bob: Person, elsewhere: Stub, start: StartThread
) -> None:
    eve = elsewhere.actor("eve")
    await ours.door.takes(eve, eve.says("Follow", ours.uri))
    spam = ours.note(eve, "Spam")
    flag = ann.says("Flag", spam["id"], to=[ours.uri], content="Look at this", audience=ours.uri)
    await ours.door.takes(eve, eve.says("Create", spam))
    await ours.door.takes(ann, flag)
    (report,) = await reports.waiting(ours.server, alice.member, ours.id, Window(limit=20))
    assert (report.comment, report.post_uris) == ("Look at this", json.dumps([spam["id"]]))
    with pytest.raises(Forbidden):
        await reports.waiting(ours.server, bob.member, ours.id, Window(limit=20))
    await ours.door.takes(ann, ann.says("Resolve", flag))
    assert await reports.waiting(ours.server, alice.member, ours.id, Window(limit=20))
    await ours.becomes(ann, "moderator")
    await reports.hand_up(ours.server, alice.member, ours.id, report.id, "Elsewhere, too")
    await ours.door.takes(ann, ann.says("Resolve", flag))
    assert await reports.waiting(ours.server, alice.member, ours.id, Window(limit=20)), "it is the server's"
    await ours.server.db.write(lambda conn: stored_reports.change(conn, report.id, handed_up_at=None))
    await ours.door.takes(ann, ann.says("Resolve", flag))
    assert not await reports.waiting(ours.server, alice.member, ours.id, Window(limit=20))


async def test_what_is_not_for_the_members_is_not_handed_on_to_them(
    door: Door, ann: StubActor, alice: Person, make_group: MakeGroup, start: StartThread
) -> None:
    ours = Ours(door, await make_group(alice, access="members", join_mode="open"), "python")
    await door.takes(ann, ann.says("Follow", ours.uri))
    root, me = ours.server.uris.post(await start(alice, ours.id, "Among us")), ours.server.uris.actor("alice")
    tag = [{"type": "Mention", "href": ours.uri, "name": "@python"}]
    answer = ann.note("Between us", inReplyTo=root, to=[me], cc=[], tag=tag)
    await door.takes(ann, ann.says("Create", answer, to=[me]))
    row = await ours.post(answer["id"])
    assert (row.visibility, row.group_id) == ("direct", None)
    shared = ann.note("To all", inReplyTo=root, to=[f"{ours.uri}/followers"], cc=[])
    await door.takes(ann, ann.says("Create", shared, to=shared["to"]))
    said = shared | {"content": "<p>For one</p>", "to": [me], "updated": "2099-01-01T00:00:00Z"}
    await door.takes(ann, ann.says("Update", said, to=[me]))
    assert (await ours.post(shared["id"])).content_html == "<p>To all</p>"
    assert [one["object"]["id"] for one in await ours.sent("Create") if one["actor"] == ann.uri] == [
        shared["id"]
    ]
    assert await ours.sent("Update") == []


@pytest.mark.parametrize("server_settings", [{"rate_limit_factor": "1"}])
async def test_what_is_too_much_of_one_account_goes_no_further(
    ours: Ours,
    ann: StubActor,
    there: Stub,
    alice: Person,
    start: StartThread,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_posts, "HANDED_ON_AN_HOUR_MAX", 4)
    bea = there.actor("bea")
    root = ours.server.uris.post(await start(alice, ours.id, "Which editor?"))
    answer = ann.note("Mine", inReplyTo=root, cc=[ours.uri])
    await ours.door.takes(ann, ann.says("Create", answer))
    for text in ("One", "Two", "Three", "Four"):
        edited = {"content": f"<p>{text}</p>", "updated": "2099-01-01T00:00:00Z"}
        await ours.door.takes(ann, ann.says("Update", answer | edited))
    # Ann's answer and three edits were as many as there may be. The fourth counts here, and here alone.
    assert (await ours.post(answer["id"])).content_html == "<p>Four</p>"
    assert [one["object"]["content"] for one in await ours.sent("Update")] == [
        "<p>One</p>", "<p>Two</p>", "<p>Three</p>",
    ]  # fmt: skip
    await ours.door.takes(ann, ann.says("Like", root))
    assert ((await ours.post(root)).likes_count, await ours.sent("Like")) == (1, [])
    # Of posts, which are seen by everybody, none is taken; its author is told why, once.
    more = [ann.note(text, inReplyTo=root, cc=[ours.uri]) for text in ("Another", "And another")]
    thread = ours.note(ann, "A thread")
    await ours.door.takes(ann, *(ann.says("Create", one) for one in (*more, thread)))
    assert [await ours.post(one["id"]) for one in more] == [None, None]
    assert await ours.thread(thread["id"]) is None
    (told,) = [one["object"] for one in await ours.sent() if one["type"] == "Create"]
    assert "Try again later." in told["content"]
    # What takes something back goes where it was handed on; others, and who moderates, are not concerned.
    deletion, like = ann.says("Delete", answer["id"]), bea.says("Like", root)
    await ours.door.takes(ann, deletion)
    await ours.door.takes(bea, like)
    assert (await ours.sent("Delete"), await ours.sent("Like")) == ([deletion], [like])
    await ours.becomes(ann, "moderator")
    lock = ann.says("Lock", root, cc=[ours.uri])
    await ours.door.takes(ann, lock)
    assert await ours.sent("Lock") == [lock]


async def test_what_changes_nothing_is_not_handed_on(
    ours: Ours, ann: StubActor, alice: Person, start: StartThread
) -> None:
    root = ours.server.uris.post(await start(alice, ours.id, "Which editor?"))
    note = ours.note(ann)
    await ours.door.takes(ann, ann.says("Create", note))
    for kind, what in (
        ("Like", root),
        ("Like", root),
        ("Dislike", root),
        ("Dislike", root),
        ("Update", note),
    ):
        await ours.door.takes(ann, ann.says(kind, what))
    assert [len(await ours.sent(kind)) for kind in ("Like", "Dislike", "Update")] == [1, 1, 0]


async def test_a_post_of_another_audience_is_not_the_groups(ours: Ours, ann: StubActor) -> None:
    await ours.door.takes(ann, ann.says("Create", ours.note(ann, audience="https://other.example/c/cats")))
    assert await ours.sent("Create") == []


async def test_nothing_is_edited_or_voted_on_in_an_archive(ours: Ours, ann: StubActor, alice: Person) -> None:
    poll = PollDraft(["Yes", "No"], 3_600)
    post_id = await posts.create(ours.server, alice.member, Draft("Well?", poll=poll, group_id=ours.id))
    note = ours.note(ann)
    await ours.door.takes(ann, ann.says("Create", note))
    before = (await ours.post(note["id"])).content_html
    await ours.server.db.write(groups.change, ours.id, archived_at=now_ms())
    edit = note | {"content": "<p>Late</p>", "updated": "2099-01-01T00:00:00Z"}
    vote = ann.note("", name="Yes", inReplyTo=ours.server.uris.post(post_id))
    await ours.door.takes(ann, ann.says("Update", edit), ann.says("Create", vote))
    assert (await ours.post(note["id"])).content_html == before
    options = await ours.server.db.read(stored_posts.poll_options_of, [post_id])
    assert [one.votes_count for one in options[post_id]] == [0, 0]


async def test_a_delete_that_only_its_origin_confirms_is_handed_on(
    ours: Ours, ann: StubActor, elsewhere: Stub
) -> None:
    note = ours.note(ann)
    await ours.door.takes(ann, ann.says("Create", note))
    ann.stub.documents[note["id"].removeprefix(ann.stub.origin)] = 410
    await ours.door.takes(elsewhere.actor("relay"), ann.says("Delete", note["id"]))
    assert await ours.post(note["id"]) is None
    assert [one["object"] for one in await ours.sent("Delete")] == [note["id"]]


async def test_an_edited_answer_to_one_member_names_no_others(
    door: Door, alice: Person, bob: Person, member: MakeMember, make_group: MakeGroup, start: StartThread
) -> None:
    await member("carol")
    group_id = await make_group(alice, access="members", join_mode="open")
    await members.join(door.server, bob.member, group_id)
    root = await start(alice, group_id, "Among us")
    answer = await posts.create(
        door.server, bob.member, Draft("@alice well", in_reply_to_id=root, visibility="direct")
    )
    with pytest.raises(Invalid, match="not in the group"):
        await posts.edit(door.server, bob.member, answer, Draft("@alice @carol well"))
