"""Pages of groups, by links and forms alone: a visit from joining to moderating, refusals, and what strangers never see."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from fedserver import posts
from fedserver.context import Server
from fedserver.groups import members, pages
from fedserver.posts import Draft
from fedserver.viewer import Anonymous
from storage import group_threads, reports
from storage.paging import Window
from tests.counting import fewest_statements
from tests.groups.conftest import MakeGroup, StartThread
from tests.pages.conftest import TABLE, KnownAs, Lively, MakeReader
from tests.pages.test_walk import a_picture
from tests.pages.visitor import Page, Visitor, path_of
from tests.planned import planned

# What a page shows does not depend on the database; the statements behind it are tested in tests/groups.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ATOM = "{http://www.w3.org/2005/Atom}"


def titles(page: Page) -> list[str]:
    """What the list of discussions on a page has, from the top."""
    return ["".join(one.itertext()).strip() for one in page.all("h3") if one.find("{*}a") is not None]


async def test_a_question_is_asked_answered_moved_and_locked(
    server: Server, signed_in: MakeReader, known: KnownAs, make_group: MakeGroup
) -> None:
    mo, nora = await signed_in("mo"), await signed_in("nora")
    owner = await known("mo")
    await make_group(
        owner, "asking", kind="help", title="Help", topics=["git", "teaching"], join_mode="request",
        join_question="What do you teach?", rules=["Be kind."],
    )  # fmt: skip
    await make_group(owner, "talk", title="Forum")

    # Asking to join: the question has to be answered, then a moderator lets her in.
    page = await nora.submit(await nora.open("/groups/asking/join"), "/groups/asking/join", {"answer": " "})
    assert (page.status, page.all("textarea", id="answer")[0].get("aria-invalid")) == (422, "true")
    page = await nora.submit(page, "/groups/asking/join", {"answer": "Botany."})
    assert "You have asked to join" in page.words()
    page = await mo.open("/groups/asking/requests")
    assert "Botany." in page.words()
    asking = (await known("nora")).account_id
    page = await mo.submit(page, f"/groups/asking/requests/{asking}/admit")
    assert "Nobody is waiting" in page.words()

    # A question with a picture and a table: what is missing is said beside its field, and nothing is lost.
    new = "/groups/asking/new-thread"
    page = await nora.submit(
        await nora.open(new), new,
        {"text": TABLE, "picture-0": ("a.png", a_picture(), "image/png"), "alt-0": "A teal square"},
        choose={"topics[]": "git"},
    )  # fmt: skip
    assert (page.status, page.all("input", id="title")[0].get("aria-invalid")) == (422, "true")
    assert page.all("input", value="git")[0].get("checked") is not None
    page = await nora.submit(page, new, {"title": "Why fifteen minutes?", "do": "preview"})
    assert page.all("section", aria_labelledby="preview")[0].find(".//{*}table") is not None
    page = await nora.submit(page, new, {"do": ""})
    question = path_of(page)
    assert re.fullmatch(r"/groups/asking/[0-9]+", question)
    assert page.all("img", alt="A teal square")
    assert page.all("table")
    assert titles(await mo.open("/groups/asking?topic=git")) == ["Why fifteen minutes?"]
    assert titles(await mo.open("/groups/asking?topic=teaching")) == []

    # Answered, below the question and by the form of the post; who asked marks the answer.
    page = await mo.submit(
        await mo.open(question), f"{question}/reply?to={question.rpartition('/')[2]}", {"text": "Less."}
    )
    assert "Less." in page.words()
    reply = path_of(page).rpartition("=")[2]
    page = await nora.open(f"{question}/reply?to={reply}")
    assert "Less." in page.words()
    page = await nora.submit(page, f"{question}/reply?to={reply}", {"text": "Ten, then."})
    page = await nora.submit(page, f"{question}/answer", {"post_id": reply})
    assert "Marked as the answer" in page.words()
    assert "Answered" in (await mo.open("/groups/asking")).words()

    # The moderator moves it to the forum, whose address the old one leads to, and locks it there.
    target = (await pages.show(server, Anonymous(), "talk")).card.id
    page = await mo.submit(
        await mo.open(f"{question}/moderate"), f"{question}/move", {"group_id": str(target)}
    )
    moved = path_of(page).partition("?")[0]
    assert moved == question.replace("asking", "talk")
    assert path_of(await nora.open(question)) == moved
    page = await mo.submit(page, f"{moved}/lock", {"reason": "All is said."})
    assert "Locked" in page.words()
    page = await nora.open(moved)
    assert "no answers are taken" in page.words()
    assert not page.all("textarea")
    assert (await nora.open(f"{moved}/reply")).status == 403
    log = (await nora.open("/groups/talk/log")).words()
    assert "All is said." in log


async def test_every_page_answers_with_correct_html(lively: Lively, visitor: Visitor) -> None:
    wanted = [
        *((visitor, path) for path in lively.open_to_all),
        *((lively.mo, path) for path in lively.open_to_all + lively.for_staff),
    ]
    for reader, path in wanted:
        page = await reader.open(path)
        assert (page.status, path_of(page)) == (200, path), page.words()[:300]
        assert not page.problems, f"{path}: {page.problems[:3]}"


async def test_owners_and_moderators_look_after_a_group(
    server: Server, signed_in: MakeReader, known: KnownAs, browser: Callable[[], Visitor]
) -> None:
    mo = await signed_in("mo", role="moderator")
    await signed_in("bob")
    bob = await known("bob")
    page = await mo.submit(
        await mo.open("/groups/new"),
        "/groups/new",
        {"title": "Core", "name": "new", "topics": "git, two words"},
    )
    assert page.status == 422
    assert page.all("input", id="name")[0].get("aria-invalid") == "true"
    page = await mo.submit(
        page,
        "/groups/new",
        {"name": "core", "topics": "#git", "rules": "One\nTwo"},
        choose={"access": "private"},
    )
    assert path_of(page) == "/groups/core?done=group-made"
    page = await mo.submit(
        await mo.open("/groups/core/invitations"), "/groups/core/invitations", {"handle": "nobody"}
    )
    assert (page.status, page.all("input", id="handle")[0].get("aria-invalid")) == (422, "true")
    page = await mo.submit(page, "/groups/core/invitations", {"handle": "@bob"})
    assert "They are invited" in page.words()
    bobs = browser()
    await bobs.submit(
        await bobs.open("/login"), "/login", {"username": "bob", "password": "seven quiet otters"}
    )
    assert "You are invited" in (await bobs.open("/groups")).words()
    page = await bobs.submit(await bobs.open("/groups/core"), "/groups/core/join")
    assert "You are in" in page.words()
    somebody = f"/groups/core/members/{bob.account_id}"
    await mo.submit(await mo.open(somebody), f"{somebody}/role", choose={"role": "moderator"})
    assert "Moderator" in (await bobs.open("/groups/core/members")).words()
    await mo.submit(
        await mo.open("/groups/core/settings"),
        "/groups/core/settings",
        {"title": "The core", "charter": "We meet."},
    )
    assert "The core" in (await bobs.open("/groups/core")).words()
    page = await mo.submit(
        await mo.open(somebody), f"{somebody}/expel", {"reason": "Left the team."}, choose={"ban": "1"}
    )
    assert "Left the team." in (await mo.open("/groups/core/log")).words()
    assert (await bobs.open("/groups/core")).status == 404
    page = await mo.open("/groups/core/bans")
    page = await mo.submit(page, f"/groups/core/bans/{bob.account_id}/end")
    assert "Nobody is kept out" in page.words()
    page = await mo.submit(await mo.open("/groups/core/settings"), "/groups/core/archive")
    assert "Bring the group back" in page.words()
    assert (await mo.open("/groups/core/new-thread")).status == 403
    page = await mo.submit(page, "/groups/core/archive")
    assert "Archive the group" in page.words()


async def test_votes_lead_back_to_the_post(
    server: Server,
    signed_in: MakeReader,
    known: KnownAs,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
) -> None:
    await signed_in("mo")
    bob = await signed_in("bob")
    owner = await known("mo")
    group_id = await make_group(owner, allows_downvotes=True)
    thread_id = await start(owner, group_id, "Hello")
    reply = await answer(owner, thread_id)
    thread = f"/groups/python/{thread_id}"
    page = await bob.submit(await bob.open(thread), f"{thread}/posts/{reply}/downvote")
    assert path_of(page) == thread
    assert page.all("button", formaction=f"{thread}/posts/{reply}/undo-downvote", class_="on")
    # Who is for it is against it no longer.
    page = await bob.submit(page, f"/@mo/{reply}/like")
    assert path_of(page) == thread
    assert page.all("button", formaction=f"/@mo/{reply}/unlike", class_="on")
    assert page.all("button", formaction=f"{thread}/posts/{reply}/downvote")


async def test_moderators_see_and_settle_what_is_reported(
    server: Server, signed_in: MakeReader, known: KnownAs, make_group: MakeGroup, start: StartThread
) -> None:
    mo, bob, _ = [await signed_in(name) for name in ("mo", "bob", "alice")]
    owner, alice = await known("mo"), await known("alice")
    group_id = await make_group(owner)
    await members.join(server, alice.member, group_id)
    for author, title in ((alice, "Too loud"), (owner, "Of the owner")):
        thread_id = await start(author, group_id, title)
        form = f"/@{author.username}/{thread_id}/report"
        await bob.submit(await bob.open(form), form, {"comment": "It shouts."}, choose={"category": "other"})
    page = await mo.open("/groups/python/reports")
    assert not page.problems
    assert "It shouts." in page.words()
    assert "Too loud" in page.words()
    # What is reported of themselves is for those who moderate the server.
    assert "Of the owner" not in page.words()
    mine = (await server.db.read(reports.page, Window(limit=1)))[0]
    assert mine.target_id == owner.account_id
    (settle,) = [one.get("action") for one in page.all("form") if one.get("action").endswith("/resolve")]
    other = settle.replace(settle.split("/")[-2], str(mine.id))
    form = {"csrf_token": page.all("input", name="csrf_token")[0].get("value")}
    async with mo.session.post(mo.origin + other, data=form, headers={"Origin": mo.origin}) as answer:
        assert answer.status == 404
    page = await mo.submit(page, settle)
    assert "Nothing waits" in page.words()
    told = [one for one in await server.db.read(planned, "mail") if one["template"] == "report_settled"]
    assert [(one["context"]["about"], one["context"]["outcome"]) for one in told] == [("alice", "")]
    assert [one.id for one in await server.db.read(reports.page, Window(limit=9))] == [mine.id]


async def test_drafts_are_kept_until_they_are_sent(
    server: Server, signed_in: MakeReader, known: KnownAs, make_group: MakeGroup, start: StartThread
) -> None:
    bob = await signed_in("bob")
    person = await known("bob")
    group_id = await make_group(person)
    thread_id = await start(person, group_id, "Hello")
    new, reply = "/groups/python/new-thread", f"/groups/python/{thread_id}/reply?to={thread_id}"
    page = await bob.submit(await bob.open(new), new, {"title": "Half", "text": "a thought", "do": "keep"})
    assert "Your draft is kept" in page.words()
    await bob.submit(await bob.open(reply), reply, {"text": "half an answer", "do": "keep"})
    page = await bob.open("/drafts")
    assert {one.get("href") for one in page.all("a", class_="button")} >= {new, reply}
    page = await bob.open(new)
    assert page.all("textarea", id="text")[0].text.strip() == "a thought"
    await bob.submit(page, new, {"do": ""})
    page = await bob.open("/drafts")
    assert "Half" not in page.words()
    page = await bob.submit(page, "/drafts/discard")
    assert "No drafts" in page.words()


async def test_a_long_thread_comes_in_light_pages(
    server: Server,
    signed_in: MakeReader,
    visitor: Visitor,
    known: KnownAs,
    make_group: MakeGroup,
    start: StartThread,
) -> None:
    await signed_in("alice")
    reader = await signed_in("bob")
    alice, bob = await known("alice"), await known("bob")
    group_id = await make_group(alice, topics=["git"], allows_downvotes=True)
    await members.join(server, bob.member, group_id)
    thread_id = await start(alice, group_id, "Long", TABLE, topics=["git"])

    def fill(conn: Any) -> list[int]:
        made = [thread_id]
        for number in range(500):
            # Every third answers what was said just before, so that it grows deep in places.
            parent = made[-1] if number % 3 else thread_id
            draft = Draft(
                f"Reply number {number} " + "with some words " * 12, "text/markdown", in_reply_to_id=parent
            )
            made.append(posts.create_unit(conn, server, alice.account_id, draft))
        return made

    made = await server.db.write(fill)
    path = f"/groups/python/{thread_id}"

    def read(viewer_id: int | None, page: int) -> Any:
        return pages.thread_unit, server.config, viewer_id, thread_id

    for viewer_id in (None, bob.account_id):
        for number in (1, 6):
            unit, *arguments = read(viewer_id, number)
            view = await server.db.read(unit, *arguments, page=number)
            asked = partial(server.db.read, unit, *arguments, page=number)
            assert await fewest_statements(server, asked) <= 8
            assert (len(view.answers), view.pages) == (50, 10)
    page = await visitor.open(path)
    assert await fewest_statements(server, lambda: visitor.open(path)) <= 8
    assert len(gzip.compress(page.text.encode())) < 20_000
    (style,) = [one.get("href") for one in page.all("link", rel="stylesheet")]
    assert len(gzip.compress((await visitor.open(style)).text.encode())) < 15_000

    # What is new is marked and found, and counts as read once its page has been seen.
    page = await reader.open(path)
    assert f"{path}#post-{made[1]}" in {one.get("href") for one in page.all("a", class_="button")}
    page = await reader.open(path)
    (jump,) = [
        one.get("href") for one in page.all("a", class_="button") if "First new" in "".join(one.itertext())
    ]
    assert jump.startswith(f"{path}?page=2#post-")
    page = await reader.open(f"{path}?page=10")
    page = await reader.open(path)
    assert "First new" not in page.words()
    # A permanent address finds the page that a post is on.
    page = await reader.open(f"/@alice/{made[400]}")
    assert page.all("article", id=f"post-{made[400]}")


async def test_addresses_lead_to_where_a_thread_is(
    server: Server,
    signed_in: MakeReader,
    visitor: Visitor,
    known: KnownAs,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
) -> None:
    alice = await signed_in("alice")
    owner = await known("alice")
    group_id = await make_group(owner)
    first, second = await start(owner, group_id, "First"), await start(owner, group_id, "Second")
    page = await alice.submit(
        await alice.open(f"/groups/python/{second}/moderate"),
        f"/groups/python/{second}/merge",
        {"into_id": str(first)},
    )
    assert "cannot be undone" in page.words()
    page = await alice.submit(page, f"/groups/python/{second}/merge")
    assert path_of(page) == f"/groups/python/{first}?done=merged"
    for path in (f"/groups/python/{second}", f"/@alice/{second}"):
        page = await visitor.open(path)
        assert page.all("article", id=f"post-{second}"), path
        assert page.all("h1")[0].text.strip() == "First"
    third = f"/groups/python/{first}/posts/{second}"
    page = await alice.submit(await alice.open(third), f"{third}/split", {"title": "Third"})
    assert page.all("h1")[0].text.strip() == "Third"
    page = await alice.submit(
        await alice.open(f"/groups/python/{second}/posts/{second}"),
        f"/groups/python/{second}/posts/{second}/remove",
        {"reason": "Twice"},
    )
    assert titles(page) == ["First"]
    assert path_of(await visitor.open("/@python")) == "/groups/python"
    assert path_of(await visitor.open(f"/groups/Python@{server.config.domain}")) == "/groups/python"
    thread = await server.db.read(group_threads.by_id, first)
    assert thread is not None
    page = await alice.submit(await alice.open(f"/@alice/{first}/delete"), f"/@alice/{first}/delete")
    assert path_of(page) == "/groups/python?done=deleted"


class TestActor:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"secure_mode": "false"}

    async def test_a_group_is_a_page_and_an_actor_at_one_address(
        self, signed_in: MakeReader, visitor: Visitor, known: KnownAs, make_group: MakeGroup
    ) -> None:
        await signed_in("alice")
        await make_group(await known("alice"))
        page = await visitor.open("/groups/python", Accept="application/activity+json")
        assert (page.status, '"Group"' in page.text) == (200, True)
        page = await visitor.open("/groups/python", Accept="text/html")
        kinds = {one.get("type") for one in page.all("link", rel="alternate")}
        assert kinds == {"application/activity+json", "application/atom+xml"}


async def test_public_groups_have_feeds(
    server: Server,
    signed_in: MakeReader,
    visitor: Visitor,
    known: KnownAs,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
) -> None:
    await signed_in("alice")
    alice = await known("alice")
    group_id = await make_group(alice)
    thread_id = await start(alice, group_id, "Hello")
    await answer(alice, thread_id, "Welcome, all.")
    for path, said in (
        ("/groups/python", ["Hello"]),
        (f"/groups/python/{thread_id}", ["Welcome, all.", "Hello"]),
    ):
        page = await visitor.open(f"{path}/feed.atom")
        assert page.headers["Content-Type"].startswith("application/atom+xml")
        feed = ET.fromstring(page.text)
        assert [one.findtext(f"{ATOM}title") for one in feed.iter(f"{ATOM}entry")] == said
        assert {one.findtext(f"{ATOM}author/{ATOM}name") for one in feed.iter(f"{ATOM}entry")} == {"alice"}
