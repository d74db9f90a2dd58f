"""Groups from within: joining, threads and answers, reading, moderating."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from fedserver import farewell, interactions
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, NotFound
from fedserver.groups import catalogue, drafts, members, moderation, reading, threads, voting
from fedserver.groups.drafts import KeptDraft
from fedserver.groups.threads import Wanted
from storage import group_threads, posts
from storage.paging import Window
from tests.conftest import MakeMember
from tests.groups.conftest import MakeGroup, StartThread
from tests.members import Person


async def listed(server: Server, viewer: Person | None, group_id: int, **wanted: object) -> list[int]:
    """The threads that a viewer finds in a group."""
    viewer_id = viewer.account_id if viewer is not None else None
    page = await threads.of_group(server, viewer_id, group_id, Wanted(**wanted))  # type: ignore[arg-type]
    return [line.post_id for line in page.lines]


async def test_nobody_makes_a_group_without_the_right_to(server: Server, alice: Person) -> None:
    with pytest.raises(Forbidden):
        await catalogue.create(server, alice.member, "python", catalogue.GroupFields(title="Python"))


async def test_a_member_joins_begins_a_thread_and_is_answered(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, answer: StartThread
) -> None:
    group_id = await make_group(alice, topics=["fair", "git"])
    assert await members.join(server, bob.member, group_id) == "member"
    thread_id = await start(bob, group_id, "How do you teach git?", "With *care*.", topics=["git"])
    await answer(alice, thread_id)
    page = await threads.of_group(server, bob.account_id, group_id, Wanted())
    (line,) = page.lines
    assert (line.title, line.replies_count, line.unread_count) == ("How do you teach git?", 1, 1)
    assert [one.name for one in page.topics[thread_id]] == ["git"]
    await reading.read_thread(server, bob.member, thread_id)
    (line,) = (await threads.of_group(server, bob.account_id, group_id, Wanted())).lines
    assert line.unread_count == 0
    assert await listed(server, None, group_id, topic="fair") == []
    assert await listed(server, None, group_id, topic="git") == [thread_id]
    home = await alice.get("/api/v1/timelines/home")
    assert home[-1]["reblog"]["id"] == str(thread_id)
    assert home[-1]["account"]["acct"] == "python"
    statuses = await alice.get(f"/api/v1/accounts/{group_id}/statuses")
    assert [one["reblog"]["id"] for one in statuses] == [str(thread_id)]
    notified = await bob.get("/api/v1/notifications")
    assert [(one["type"], one["account"]["acct"]) for one in notified] == [("mention", "alice")]


async def test_a_post_from_an_app_that_names_a_group_begins_a_thread_there(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup
) -> None:
    group_id = await make_group(alice)
    posted = await bob.post("/api/v1/statuses", {"status": "@python\nHow do you teach git?\n\nI wonder."})
    (line,) = (await threads.of_group(server, None, group_id, Wanted())).lines
    assert (line.post_id, line.title) == (int(posted["id"]), "How do you teach git?")


async def test_what_is_said_in_a_private_group_is_for_its_members(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice, "core", access="private")
    thread_id = await start(alice, group_id, "Between us")
    assert (await alice.get(f"/api/v1/statuses/{thread_id}"))["visibility"] == "private"
    for path in (f"/api/v1/statuses/{thread_id}", f"/api/v1/accounts/{group_id}/statuses"):
        answered = await bob.raw("GET", path)
        assert answered.status in (200, 404)
        assert str(thread_id) not in await answered.text()
    with pytest.raises(NotFound):
        await threads.of_group(server, bob.account_id, group_id, Wanted())
    with pytest.raises(NotFound):
        await members.join(server, bob.member, group_id)
    await members.invite(server, alice.member, group_id, bob.account_id)
    assert await members.join(server, bob.member, group_id) == "member"
    assert await listed(server, bob, group_id) == [thread_id]


async def test_a_group_that_asks_lets_in_who_is_admitted(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup
) -> None:
    group_id = await make_group(alice, join_mode="request", join_question="Why?")
    assert await members.join(server, bob.member, group_id, answer="I teach.") == "waiting"
    (asking,) = await members.requests(server, alice.member, group_id, Window(limit=20))
    assert (asking.id, asking.answer) == (bob.account_id, "I teach.")
    await members.admit(server, alice.member, group_id, bob.account_id)
    shown = await catalogue.show(server, bob.account_id, group_id)
    assert (shown.standing.role, shown.group.members_count) == ("member", 2)
    with pytest.raises(Conflict):
        await members.leave(server, alice.member, group_id)
    await members.leave(server, bob.member, group_id)
    assert (await catalogue.show(server, bob.account_id, group_id)).group.members_count == 1


async def test_moderators_lock_pin_split_merge_and_move(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, answer: StartThread
) -> None:
    group_id = await make_group(alice)
    first, second = await start(bob, group_id, "First"), await start(bob, group_id, "Second")
    reply = await answer(bob, first)
    await answer(bob, reply)
    with pytest.raises(Forbidden):
        await moderation.lock(server, bob.member, first)
    await moderation.lock(server, alice.member, first, reason="Enough.")
    with pytest.raises(Forbidden):
        await answer(bob, first)
    await moderation.pin(server, alice.member, second)
    assert await listed(server, bob, group_id, only_pinned=True) == [second]
    third = await moderation.split(server, alice.member, reply, "Third")
    lines = {one.post_id: one for one in (await threads.of_group(server, None, group_id, Wanted())).lines}
    assert (lines[third].replies_count, lines[first].replies_count) == (1, 0)
    await moderation.merge(server, alice.member, third, second)
    lines = {one.post_id: one for one in (await threads.of_group(server, None, group_id, Wanted())).lines}
    assert third not in lines
    assert lines[second].replies_count == 2
    other_id = await make_group(alice, "other")
    await moderation.move(server, alice.member, second, other_id)
    assert await listed(server, bob, group_id) == [first]
    assert await listed(server, bob, other_id) == [second]
    log = [one.action for one in await members.log(server, bob.account_id, group_id, Window(limit=20))]
    assert log == ["move", "merge", "split", "pin", "lock"]


async def test_who_asked_marks_the_answer(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, answer: StartThread
) -> None:
    group_id = await make_group(alice, kind="help")
    thread_id = await start(bob, group_id, "How?")
    reply = await answer(alice, thread_id)
    assert await listed(server, bob, group_id, sort="unanswered") == [thread_id]
    await moderation.mark_answer(server, bob.member, thread_id, reply)
    assert await listed(server, bob, group_id, sort="unanswered") == []


async def test_removing_a_post_counts_the_thread_anew(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, answer: StartThread
) -> None:
    group_id = await make_group(alice)
    thread_id = await start(bob, group_id, "How?")
    reply = await answer(bob, thread_id)
    await moderation.remove(server, alice.member, reply, reason="Rude.")
    kept = await server.db.read(group_threads.by_id, thread_id)
    assert kept is not None
    assert (kept.replies_count, kept.last_post_id) == (0, thread_id)


async def test_answers_outlive_the_post_that_asked(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, answer: StartThread
) -> None:
    group_id = await make_group(alice, topics=["git"])
    thread_id = await start(bob, group_id, "How?", topics=["git"])
    first = await answer(alice, thread_id, "Like this.")
    second = await answer(alice, thread_id, "Or like that.")
    await moderation.pin(server, alice.member, thread_id)
    await bob.delete(f"/api/v1/statuses/{thread_id}")
    page = await threads.of_group(server, bob.account_id, group_id, Wanted(topic="git", only_pinned=True))
    (line,) = page.lines
    assert (line.post_id, line.title, line.replies_count) == (first, "How?", 1)
    around = await alice.get(f"/api/v1/statuses/{first}/context")
    assert [one["id"] for one in around["descendants"]] == [str(second)]
    await moderation.remove(server, alice.member, first)
    assert (await threads.of_group(server, bob.account_id, group_id, Wanted())).lines == []
    assert (await catalogue.show(server, None, group_id)).group.threads_count == 0


async def test_lists_are_paged_in_every_order(
    server: Server, alice: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice)
    begun = [await start(alice, group_id, f"Thread {number}") for number in range(5)]
    for sort in threads.SORTS:
        found: list[int] = []
        before = ""
        while True:
            wanted = Wanted(sort=sort, before=before, limit=2)
            page = await threads.of_group(server, alice.account_id, group_id, wanted)
            found += [line.post_id for line in page.lines]
            before = page.after
            if not before:
                break
        assert found == begun[::-1], sort


async def test_a_group_whose_owner_leaves_the_server_goes_to_its_moderator(
    server: Server, alice: Person, bob: Person, member: MakeMember, make_group: MakeGroup
) -> None:
    group_id = await make_group(alice)
    carol = await member("carol")
    for one in (carol, bob):
        await members.join(server, one.member, group_id)
    await members.appoint(server, alice.member, group_id, bob.account_id, "moderator")
    await server.db.write(farewell.leave, server.publish, alice.account_id)
    shown = await catalogue.show(server, bob.account_id, group_id)
    assert shown.standing.role == "owner"


async def test_a_draft_is_kept_until_it_is_sent(
    server: Server, alice: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice)
    key = f"group:{group_id}"
    await drafts.keep(server, alice.member, KeptDraft(key, "Title", "Half a th"))
    kept = await drafts.kept(server, alice.member, key)
    assert kept is not None
    assert kept.text == "Half a th"
    await start(alice, group_id, "Title", "Half a thought.")
    assert await drafts.kept(server, alice.member, key) is None


async def test_a_vote_against_a_post_takes_the_vote_for_it_back(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    thread_id = await start(alice, await make_group(alice, allows_downvotes=True), "Which?")
    await interactions.like(server, bob.member, thread_id)
    await voting.downvote(server, bob.member, thread_id)
    assert await votes_of(server, thread_id) == (0, 1)
    await interactions.like(server, bob.member, thread_id)
    assert await votes_of(server, thread_id) == (1, 0)
    await voting.downvote(server, bob.member, thread_id)
    await voting.take_back(server, bob.member, thread_id)
    assert await votes_of(server, thread_id) == (0, 0)


async def test_a_group_may_count_no_votes_against_posts(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    thread_id = await start(alice, await make_group(alice), "Which?")
    with pytest.raises(Forbidden, match="counts no votes against"):
        await voting.downvote(server, bob.member, thread_id)


async def votes_of(server: Server, post_id: int) -> tuple[int, int]:
    """How many vote for a post, and how many against it."""

    def unit(conn: Connection) -> tuple[int, int]:
        row = posts.by_id(conn, post_id)
        assert row is not None
        return row.likes_count, group_threads.dislikes_of(conn, [post_id], None).get(post_id, (0, False))[0]

    return await server.db.read(unit)
