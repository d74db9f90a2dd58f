"""Archives in groups: in their threads, once, quietly, by names that are nobody's account."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from fedserver import posts
from fedserver.context import Server
from fedserver.errors import Conflict
from fedserver.groups import catalogue, members, threads
from fedserver.groups.threads import Wanted
from storage import tables
from tests.archives.conftest import BringIn, MakeGroup
from tests.archives.samples import large_mbox, large_slack, letter, mbox, said, slack, slack_user, ts
from tests.archives.test_mbox import PNG
from tests.client import ApiError
from tests.members import Person


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"secure_mode": "0"}  # other servers need not sign what they ask for


def mail(number: int, who: str, text: str = "Well.", *, answers: str = "", **more: str) -> bytes:
    head = [
        f"From: {who.capitalize()} <{who}@members.example>",
        f"Date: Mon, 4 Mar 2019 {9 + number:02}:00:00 +0000",
        f"Message-ID: <{number}@list>",
        *(
            [f"In-Reply-To: <{answers}>", f"References: <{answers}>"]
            if answers
            else ["Subject: How to teach git"]
        ),
        *(f"{name.replace('_', '-')}: {value}" for name, value in more.items()),
    ]
    return letter("\n".join(head), text)


CONVERSATION = (
    mail(1, "carol", "How?"),
    mail(2, "dave", "Slowly.", answers="1@list"),
    mail(3, "carol", "Thanks", answers="2@list"),
)


async def lines(server: Server, viewer: Person | None, group_id: int) -> list[Any]:
    viewer_id = None if viewer is None else viewer.account_id
    return (await threads.of_group(server, viewer_id, group_id, Wanted(limit=100))).lines


async def counted(server: Server, table: Any, *conditions: Any) -> int:
    return await server.db.read(
        lambda conn: conn.scalar(select(func.count()).select_from(table).where(*conditions)) or 0
    )


async def test_a_mailing_list_becomes_threads_with_their_dates_and_authors(
    server: Server, alice: Person, nobody: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    receipt = await bring_in(group_id, mbox(tmp_path / "list.mbox", *CONVERSATION))
    assert (receipt.state, receipt.total, receipt.read, receipt.added) == ("done", 3, 3, 3)
    (line,) = await lines(server, None, group_id)
    assert (line.title, line.replies_count, line.author_name) == ("How to teach git", 2, "Carol")
    assert line.last_activity_at == 1551700800000
    shown = await nobody.get(f"/api/v1/statuses/{line.post_id}")
    assert shown["created_at"] == "2019-03-04T10:00:00.000Z"
    assert (shown["account"]["acct"], shown["replies_count"]) == ("carol@archive.invalid", 1)
    context = await alice.get(f"/api/v1/statuses/{line.post_id}/context")
    assert [(one["content"], one["in_reply_to_id"]) for one in context["descendants"]] == [
        ("<p>Slowly.</p>", str(line.post_id)),
        ("<p>Thanks</p>", context["descendants"][0]["id"]),
    ]
    group = (await catalogue.show(server, None, group_id)).group
    assert (group.threads_count, group.last_activity_at) == (1, 1551700800000)


async def test_an_import_tells_nobody(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    await members.join(server, bob.member, group_id)
    jobs = await counted(server, tables.job)
    await bring_in(group_id, mbox(tmp_path / "list.mbox", *CONVERSATION), matches_members=True)
    for person in (alice, bob):
        assert await person.get("/api/v1/timelines/home") == []
        assert await person.get("/api/v1/notifications") == []
    assert await counted(server, tables.delivery) == 0
    assert await counted(server, tables.job) == jobs


async def test_what_was_said_is_found(
    alice: Person, bob: Person, server: Server, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    public, closed = await make_group(alice), await make_group(alice, "core", access="members")
    await bring_in(public, mbox(tmp_path / "list.mbox", *CONVERSATION))
    path = slack(
        tmp_path / "x.zip",
        {
            "users.json": [slack_user("U1", "Eve")],
            "channels.json": [{"id": "C1", "name": "general"}],
            "general/2019-03-04.json": [said("U1", "Secretly wonderful")],
        },
    )
    await bring_in(closed, path)

    async def found(person: Person, words: str) -> list[str]:
        answer = await person.get("/api/v2/search", q=words, type="statuses")
        return [one["content"] for one in answer["statuses"]]

    assert await found(bob, "slowly") == ["<p>Slowly.</p>"]
    assert await found(alice, "secretly wonderful") == ["<p>Secretly wonderful</p>"]
    assert await found(bob, "secretly wonderful") == []
    assert (await bob.get("/api/v2/search", q="Carol", type="accounts"))["accounts"] == []
    assert [line.title for line in await lines(server, alice, closed)] == ["Secretly wonderful"]


async def test_names_are_no_accounts_of_this_server_nor_of_any_other(
    server: Server, alice: Person, nobody: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    await bring_in(group_id, mbox(tmp_path / "list.mbox", *CONVERSATION))
    (line,) = await lines(server, None, group_id)
    domain = server.config.domain
    activity = {"accept": "application/activity+json"}
    for path in (
        f"/.well-known/webfinger?resource=acct:carol@{domain}",
        "/.well-known/webfinger?resource=acct:carol@archive.invalid",
        "/users/carol",
        f"/posts/{line.post_id}",
        f"/contexts/{line.post_id}",
    ):
        assert (await nobody.raw("GET", path, headers=activity)).status in (400, 404), path
    assert await nobody.get("/api/v1/instance/peers") == []
    assert (await nobody.get("/api/v2/instance"))["usage"]["users"]["active_month"] <= 1
    carol = (await nobody.get(f"/api/v1/statuses/{line.post_id}"))["account"]["id"]
    for path in (f"/api/v1/accounts/{carol}/follow", f"/api/v1/statuses/{line.post_id}/reblog"):
        with pytest.raises(ApiError, match="archive"):
            await alice.post(path)


async def test_names_in_the_archive_of_a_private_group_are_for_its_members(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice, "core", access="private")
    await bring_in(group_id, mbox(tmp_path / "list.mbox", mail(1, "zora", "Between us.")))
    (line,) = await lines(server, alice, group_id)
    path = f"/api/v1/accounts/{line.account_id}"
    assert (await alice.get(path))["display_name"] == "Zora"
    for stranger in (bob, Person(bob.client)):
        assert (await stranger.raw("GET", path)).status == 404


async def test_members_answer_what_was_written_elsewhere(
    server: Server, alice: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    await bring_in(group_id, mbox(tmp_path / "list.mbox", *CONVERSATION))
    (line,) = await lines(server, None, group_id)
    answered = await alice.post(
        "/api/v1/statuses", {"status": "@carol@archive.invalid So true", "in_reply_to_id": str(line.post_id)}
    )
    assert (await lines(server, alice, group_id))[0].replies_count == 3
    uri = answered["uri"].removeprefix(server.config.origin)
    document = await (await alice.raw("GET", uri, headers={"accept": "application/activity+json"})).json()
    assert document["inReplyTo"] == line.uri
    assert "archive.invalid/people" not in str(document)


@pytest.mark.parametrize("source", ["mbox", "slack"])
async def test_the_same_archive_again_and_a_longer_one_bring_only_what_is_new(
    server: Server, alice: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path, source: str
) -> None:
    group_id = await make_group(alice)
    if source == "mbox":
        first = large_mbox(tmp_path / "first.mbox", 600, people=40)
        longer = large_mbox(tmp_path / "longer.mbox", 650, people=40)
    else:
        first = large_slack(tmp_path / "first.zip", days=6)
        longer = large_slack(tmp_path / "longer.zip", days=7)
    receipts = [await bring_in(group_id, path) for path in (first, first, longer)]
    total, more = 600, 50 if source == "mbox" else 100
    assert [(one.added, one.known) for one in receipts] == [(total, 0), (0, total), (more, total)]
    assert await counted(server, tables.post, tables.post.c.group_id == group_id) == total + more
    group = (await catalogue.show(server, None, group_id)).group
    heads = await counted(
        server, tables.post, tables.post.c.group_id == group_id, tables.post.c.in_reply_to_id.is_(None)
    )
    assert group.threads_count == heads == await counted(server, tables.group_thread)
    replies = await server.db.read(
        lambda conn: conn.scalar(select(func.sum(tables.group_thread.c.replies_count)))
    )
    assert replies == total + more - heads


async def test_answers_to_what_is_missing_find_each_other_and_it_when_it_comes(
    server: Server, alice: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    lost = mail(1, "carol", "The beginning")
    orphans = (
        mail(2, "dave", "first answer", answers="1@list"),
        mail(3, "erin", "second answer", answers="1@list"),
    )
    await bring_in(group_id, mbox(tmp_path / "a.mbox", *orphans))
    (line,) = await lines(server, None, group_id)
    assert line.replies_count == 1
    await bring_in(group_id, mbox(tmp_path / "b.mbox", lost, mail(4, "fay", "late answer", answers="1@list")))
    found = {one.title: one.replies_count for one in await lines(server, None, group_id)}
    assert found == {"How to teach git": 1, "first answer": 1}


async def test_what_was_deleted_here_does_not_come_back(
    server: Server, alice: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    archive = mbox(tmp_path / "list.mbox", *CONVERSATION)
    await bring_in(group_id, archive)
    (line,) = await lines(server, None, group_id)
    context = await alice.get(f"/api/v1/statuses/{line.post_id}/context")

    def erase(conn: Any) -> None:
        posts.erase(conn, posts.posts.by_id(conn, int(context["descendants"][1]["id"])))

    await server.db.write(erase)
    assert (await bring_in(group_id, archive)).known == 3
    assert (await lines(server, None, group_id))[0].replies_count == 1


async def test_members_get_what_they_wrote_when_that_is_asked_for(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    public, closed = await make_group(alice), await make_group(alice, "core", access="members")
    archive = mbox(tmp_path / "list.mbox", mail(1, "alice", "Mine"), mail(2, "bob", "His", answers="1@list"))
    await bring_in(public, archive, matches_members=True)
    (line,) = await lines(server, None, public)
    assert (line.author_username, line.author_domain, line.local) == ("alice", "", True)
    statuses = await alice.get(f"/api/v1/accounts/{bob.id}/statuses")
    assert [one["content"] for one in statuses] == ["<p>His</p>"]
    # Bob is no member of this one, and may not learn from a match what is said in it.
    await bring_in(closed, archive, matches_members=True)
    (line,) = await lines(server, alice, closed)
    context = await alice.get(f"/api/v1/statuses/{line.post_id}/context")
    assert context["descendants"][0]["account"]["acct"].endswith("@archive.invalid")
    assert len(await bob.get(f"/api/v1/accounts/{bob.id}/statuses")) == 1


async def test_pictures_are_taken_over_and_other_files_are_named(
    server: Server, alice: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    parts = [
        ("image/png", "a.png", PNG),
        ("application/pdf", "b.pdf", b"%PDF-1.4 text"),
        ("image/png", "c.png", b"broken"),
    ]
    body = "--x\nContent-Type: text/plain\n\nSee\n" + "".join(
        f"--x\nContent-Type: {kind}; name={name}\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n"
        f"{base64.b64encode(content).decode()}\n"
        for kind, name, content in parts
    )
    archive = mbox(
        tmp_path / "list.mbox", mail(1, "carol", f"{body}--x--", Content_Type="multipart/mixed; boundary=x")
    )
    receipt = await bring_in(group_id, archive)
    assert receipt.files_added == 1
    assert [one["what"] for one in receipt.problems] == ["b.pdf", "c.png"]
    (line,) = await lines(server, None, group_id)
    shown = await alice.get(f"/api/v1/statuses/{line.post_id}")
    assert [one["type"] for one in shown["media_attachments"]] == ["image"]
    assert shown["content"].endswith("<p>See</p><p>[b.pdf]<br>[c.png]</p>")
    assert (
        await alice.raw("GET", shown["media_attachments"][0]["url"].removeprefix(server.config.origin))
    ).status == 200


async def test_channels_become_hashtags_and_slacks_markup_becomes_html(
    server: Server, alice: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice, topics=["general"])
    archive = slack(
        tmp_path / "x.zip",
        {
            "users.json": [slack_user("U1", "Ana Silva")],
            "channels.json": [{"id": "C1", "name": "general"}],
            "general/2019-03-04.json": [
                said("U1", "Hello *all*, <https://x.org|see> `here`", edited={"ts": ts(3)}),
                said("U1", "Hi <@U1> @alice", 1, thread_ts=ts()),
            ],
        },
    )
    await bring_in(group_id, archive)
    (line,) = (await threads.of_group(server, None, group_id, Wanted(topic="general"))).lines
    assert (line.title, line.replies_count) == ("Hello all, see here", 1)
    shown = await alice.get(f"/api/v1/statuses/{line.post_id}")
    assert shown["content"].startswith('<p>Hello <strong>all</strong>, <a href="https://x.org"')
    assert shown["edited_at"] == "2019-03-04T09:03:00.000Z"
    context = await alice.get(f"/api/v1/statuses/{line.post_id}/context")
    assert context["descendants"][0]["content"] == "<p>Hi <strong>Ana Silva</strong> @alice</p>"
    assert await alice.get("/api/v1/notifications") == []


async def test_a_group_that_is_archived_takes_nothing(
    server: Server, alice: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    await catalogue.archive(server, alice.member, group_id)
    with pytest.raises(Conflict, match="archived"):
        await bring_in(group_id, mbox(tmp_path / "list.mbox", *CONVERSATION))
    assert await counted(server, tables.archive_import, tables.archive_import.c.state == "failed") == 1


async def test_posts_of_an_archive_go_with_their_pictures(
    server: Server, alice: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    body = f"--x\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n{base64.b64encode(PNG).decode()}\n--x--"
    await bring_in(
        group_id,
        mbox(tmp_path / "a.mbox", mail(1, "carol", body, Content_Type="multipart/mixed; boundary=x")),
    )
    (line,) = await lines(server, None, group_id)
    await server.db.write(lambda conn: posts.erase(conn, posts.posts.by_id(conn, line.post_id)))
    # They are free like those of a member's deleted post, and go with the next cleaning.
    assert await counted(server, tables.media, tables.media.c.post_id.is_(None)) == 1
