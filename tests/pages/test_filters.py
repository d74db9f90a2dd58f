"""Pages: what a member filters is covered, or not shown at all; and how they make filters with a browser alone."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from fedserver import filters, posts, profiles, relationships
from fedserver.context import Server
from fedserver.filters import FilterChange, KeywordChange
from fedserver.posts import Draft
from fedserver.resources import publishing
from fedserver.viewer import PAGE_SCOPES, Anonymous, Member
from storage import filters as stored
from storage.types import now_ms
from tests.groups.conftest import MakeGroup, StartThread
from tests.pages.conftest import KnownAs, MakeReader
from tests.pages.test_resources import described
from tests.pages.test_walk import a_picture
from tests.pages.visitor import Page, path_of

# What a page shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def member_of(server: Server, name: str) -> Member:
    profile = await profiles.by_handle(server, Anonymous(), name)
    return Member(profile.person.id, name, "member", PAGE_SCOPES)


async def test_filters_cover_and_hide_posts_where_they_apply(server: Server, signed_in: MakeReader) -> None:
    reader = await signed_in("alice")
    await signed_in("bob")
    alice, bob = await member_of(server, "alice"), await member_of(server, "bob")
    await relationships.follow(server, alice, bob.account_id)
    for words in ("About football", "About chess", "About bread"):
        await posts.create(server, bob, Draft(words))
    for word, action in (("football", "warn"), ("chess", "hide")):
        wanted = FilterChange(f"No {word}", ["home"], action, keywords=[KeywordChange(keyword=word)])
        await filters.create(server, alice, wanted)
    home = await reader.open("/home")
    assert home.problems == []
    covered = [one for one in home.all("details") if "Filtered: No football" in "".join(one.itertext())]
    assert len(covered) == 1
    assert ("chess" in home.text, "About bread" in home.words()) == (False, True)
    assert "football" in (await reader.open(link_of(home, "No football"))).words()
    profile = await reader.open("/@bob")
    assert ("Filtered" in profile.words(), "chess" in profile.text) == (False, True)


async def test_whoever_opens_a_post_reads_it_whatever_they_filter(
    server: Server, signed_in: MakeReader
) -> None:
    await signed_in("alice")
    reader = await signed_in("bob")
    alice, bob = await member_of(server, "alice"), await member_of(server, "bob")
    opened = await posts.create(server, alice, Draft("Who plays chess?"))
    for words in ("Chess is dull", "Bread is not"):
        await posts.create(server, alice, Draft(words, in_reply_to_id=opened))
    wanted = FilterChange("No chess", ["thread"], "hide", keywords=[KeywordChange(keyword="chess")])
    await filters.create(server, bob, wanted)
    shown = (await reader.open(f"/@alice/{opened}")).words()
    assert [words in shown for words in ("Who plays chess?", "Bread is not", "Chess is dull")] == [
        True,
        True,
        False,
    ]


def link_of(page: Page, title: str) -> str:
    """Where the one thing that this filter covers leads to it."""
    [covered] = [one for one in page.all("details") if f"Filtered: {title}" in "".join(one.itertext())]
    [link] = [one for one in covered.iter("a") if one.text == f"Change the filter “{title}”"]
    return str(link.get("href"))


async def test_what_is_covered_leads_to_the_filter_in_groups_in_the_library_and_before_pictures(
    server: Server, signed_in: MakeReader, known: KnownAs, make_group: MakeGroup, start: StartThread, answer: StartThread,
) -> None:  # fmt: skip
    writer, reader = await signed_in("bob"), await signed_in("alice")
    bob, alice = await known("bob"), await known("alice")
    group_id = await make_group(bob)
    thread = await start(bob, group_id, "What to play?")
    await answer(bob, thread, "Chess, of course.")
    await publishing.publish(server, bob.member, replace(described(), title="Chess for trainers"))
    board = {
        "text": "Look at #teal",
        "picture-0": ("a.png", a_picture(), "image/png"),
        "alt-0": "A board of chess",
    }
    await writer.submit(await writer.open("/compose"), "/compose", board)
    for title, contexts, action in (("Games", ["thread", "public"], "warn"), ("Boards", ["account"], "blur")):
        wanted = FilterChange(title, contexts, action, words=[("chess", True)])
        made = await filters.create(server, alice.member, wanted)
        for path in {"Games": (f"/groups/python/{thread}", "/resources", "/tags/teal"), "Boards": ("/@bob",)}[
            title
        ]:
            page = await reader.open(path)
            assert page.problems == []
            assert link_of(page, title) == f"{FORM}/{made.id}", path
    [covered] = [one for one in page.all("details") if list(one.iter("img"))]
    assert "Look at #teal" not in " ".join(covered.itertext()), "only the picture is covered"


FORM = "/settings/filters"
DAY_MS = 86_400_000


def told(page: Page) -> dict[str, str]:
    """By field the sentence that says what is wrong with it."""
    return {
        one.get("id").removesuffix("-problem"): "".join(one.itertext()).strip()
        for one in page.all("span", class_="problem")
    }


async def test_a_member_makes_changes_and_deletes_a_filter(server: Server, signed_in: MakeReader) -> None:
    reader = await signed_in("alice")
    await signed_in("bob")
    alice, bob = await member_of(server, "alice"), await member_of(server, "bob")
    await relationships.follow(server, alice, bob.account_id)
    await posts.create(server, bob, Draft("The exam of today"))
    sent = {
        "title": "School", "whole": "exam\r\n\r\n  end  of term \r\nexam", "parts": "homew", "contexts[]": ["home", "thread"],
        "expires": "604800",
    }  # fmt: skip
    listed = await reader.submit(await reader.open(f"{FORM}/new"), FORM, sent, choose={"action": "hide"})
    assert path_of(listed) == f"{FORM}?done=filter-made"
    assert [listed.words().count(word) for word in ("School", "Hides posts", "until", "“end of term”")] == [
        1
    ] * 4
    [made] = await filters.listed(server, alice)
    words = {one.keyword: one for one in made.keywords}
    assert [(one, found.whole_word) for one, found in words.items()] == [
        ("exam", True), ("end of term", True), ("homew", False),
    ]  # fmt: skip
    assert (made.contexts, made.action) == (("home", "thread"), "hide")
    assert 6 * DAY_MS < (made.expires_at or 0) - now_ms() <= 7 * DAY_MS
    assert "exam of today" not in (await reader.open("/home")).words()

    here = f"{FORM}/{made.id}"
    opened = await reader.open(here)
    assert f'<a href="{FORM}" aria-current="true">' in opened.text
    changed = await reader.submit(opened, here, {"whole": "exam\nholidays"}, choose={"action": "warn"})
    assert path_of(changed) == f"{FORM}?done=saved"
    [now] = await filters.listed(server, alice)
    assert [one.keyword for one in now.keywords] == ["exam", "homew", "holidays"]
    assert now.keywords[0] == words["exam"], "apps know a keyword by its id"
    assert (now.contexts, now.action, now.expires_at) == (made.contexts, "warn", made.expires_at)
    assert "Filtered: School" in (await reader.open("/home")).words()

    gone = await reader.submit(await reader.open(here), f"{here}/remove")
    assert (path_of(gone), "School" in gone.words()) == (f"{FORM}?done=filter-removed", False)
    assert await filters.listed(server, alice) == []


async def test_a_form_that_is_not_right_comes_back_as_it_was_filled_in(
    server: Server, signed_in: MakeReader
) -> None:
    reader = await signed_in("alice")
    form = await reader.open(f"{FORM}/new")
    sent: dict[str, Any] = {
        "title": " ", "whole": "", "parts": "x" * 513, "contexts[]": [], "expires": "3600", "day": "2001-01-01",
    }  # fmt: skip
    again = await reader.submit(form, FORM, sent, choose={"action": "blur"})
    assert (again.status, again.problems) == (422, [])
    assert told(again) == {
        "title": "Can't be blank.",
        "parts": f"Has a line of more than 512 characters, which begins with “{'x' * 40}”.",
        "contexts": "Needs a tick: choose where the filter applies.",
        "day": "Must be today or later, and within a hundred years.",
    }
    # Sent as it came back, with what was wrong mended: the rest was kept.
    mended = {"title": "Mine", "parts": "y", "contexts[]": ["public"], "day": ""}
    assert path_of(await reader.submit(again, FORM, mended)) == f"{FORM}?done=filter-made"
    [made] = await filters.listed(server, await member_of(server, "alice"))
    assert (made.action, round(((made.expires_at or 0) - now_ms()) / 3_600_000)) == ("blur", 1)


@pytest.mark.parametrize(
    ("sent", "problems"),
    [
        ({"whole": " \n"}, {"whole": "Has nothing to look for: write a word here or below."}),
        ({"whole": "\n".join(map(str, range(501)))}, {"whole": "Are too many: a filter can have 500."}),
        ({"title": "x" * 257}, {"title": "Is too long (maximum is 256 characters)."}),
        ({"day": "2999-12-31"}, {"day": "Must be today or later, and within a hundred years."}),
        ({"day": "soon"}, {"day": "Is not a day such as 2026-12-05."}),
    ],
)
async def test_what_a_filter_cannot_be_is_said_at_the_field(
    signed_in: MakeReader, sent: dict[str, str], problems: dict[str, str]
) -> None:
    reader = await signed_in("alice")
    right = {"title": "Mine", "whole": "x"}
    again = await reader.submit(await reader.open(f"{FORM}/new"), FORM, right | sent)
    assert (again.status, told(again)) == (422, problems)


async def test_a_filter_ends_with_a_chosen_day(server: Server, signed_in: MakeReader) -> None:
    reader = await signed_in("alice")
    sent = {"title": "Mine", "whole": "x", "day": "2100-02-28"}
    await reader.submit(await reader.open(f"{FORM}/new"), FORM, sent)
    [made] = await filters.listed(server, await member_of(server, "alice"))
    assert made.expires_at == 4_107_542_400_000  # 1 March 2100, in the community's time zone
    here = f"{FORM}/{made.id}"
    await reader.submit(await reader.open(here), here, {"expires": ""})
    [made] = await filters.listed(server, await member_of(server, "alice"))
    assert made.expires_at is None


async def test_a_keyword_that_an_app_wrote_on_two_lines_stays_one(
    server: Server, signed_in: MakeReader
) -> None:
    reader = await signed_in("alice")
    alice = await member_of(server, "alice")
    made = await filters.create(server, alice, FilterChange("Mine", ["home"], words=[("two\n words", False)]))
    here = f"{FORM}/{made.id}"
    await reader.submit(await reader.open(here), here)
    found = await filters.one(server, alice, made.id)
    assert [(one.keyword, one.whole_word) for one in found.keywords] == [("two words", False)]


async def test_posts_that_a_filter_names_are_taken_out_one_by_one(
    server: Server, signed_in: MakeReader
) -> None:
    await signed_in("bob")
    reader = await signed_in("alice")
    alice, bob = await member_of(server, "alice"), await member_of(server, "bob")
    await relationships.follow(server, alice, bob.account_id)
    for_all = await posts.create(server, bob, Draft("Over there"))
    for_followers = await posts.create(server, bob, Draft("Over here", visibility="followers"))
    made = await filters.create(server, alice, FilterChange("Two", ["home"]))
    rows = [await filters.add_post(server, alice, made.id, one) for one in (for_all, for_followers)]
    await relationships.unfollow(server, alice, bob.account_id)
    here = f"{FORM}/{made.id}"
    page = await reader.open(here)
    assert page.problems == []
    assert ("Over there" in page.words(), "Over here" in page.text) == (True, False)
    assert "A post that you cannot see any more" in page.words()
    # It may have no words as long as it names a post.
    page = await reader.submit(page, here, {"title": "One"})
    assert path_of(page) == f"{FORM}?done=saved"
    for row in rows:
        page = await reader.submit(await reader.open(here), f"{FORM}/posts/{row.id}/remove")
        assert path_of(page) == f"{here}?done=filter-lets-out"
    assert (await filters.one(server, alice, made.id)).posts == []
    assert told(await reader.submit(page, here)).keys() == {"whole"}


async def test_who_has_all_the_filters_or_words_that_one_can_have_is_told(
    server: Server, signed_in: MakeReader
) -> None:
    reader = await signed_in("alice")
    alice = await member_of(server, "alice")
    form = await reader.open(f"{FORM}/new")

    def fill(conn: Connection) -> None:
        for number in range(filters.FILTERS_MAX):
            one = stored.add(
                conn,
                alice.account_id,
                title=f"No {number}",
                contexts=["home"],
                action="warn",
                expires_at=None,
            )
            for word in range(filters.KEYWORDS_OF_MEMBER_MAX // filters.FILTERS_MAX):
                stored.add_keyword(conn, one, f"word {word}", whole_word=True)

    await server.db.write(fill)
    again = await reader.submit(form, FORM, {"title": "One more", "whole": "x"})
    assert (again.status, "You can have 200 filters" in again.words()) == (422, True)
    listed = await reader.open(FORM)
    assert "You have 200 filters, and cannot have more." in listed.words()
    assert listed.all("a", href=f"{FORM}/new") == []
    here = f"{FORM}/{(await filters.listed(server, alice))[0].id}"
    again = await reader.submit(await reader.open(here), here, {"parts": "one more"})
    assert told(again) == {"whole": "Are too many: all filters together can have 1000."}


async def test_somebody_elses_filter_is_not_found(server: Server, signed_in: MakeReader) -> None:
    await signed_in("alice")
    reader = await signed_in("bob")
    alice = await member_of(server, "alice")
    wanted = FilterChange("Mine", ["home"], words=[("x", True)])
    made = await filters.create(server, alice, wanted)
    post_id = await posts.create(server, alice, Draft("Mine"))
    named = await filters.add_post(server, alice, made.id, post_id)
    here = f"{FORM}/{made.id}"
    assert (await reader.open(here)).status == 404
    own = await reader.open(f"{FORM}/new")
    for action in (here, f"{here}/remove", f"{FORM}/posts/{named.id}/remove"):
        [form] = own.all("form", class_="form")
        form.set("action", action)
        answer = await reader.submit(own, action, {"title": "Taken", "whole": "y"})
        assert (answer.status, "Mine" in answer.text) == (404, False), action
    found = await filters.one(server, alice, made.id)
    assert (found.title, len(found.keywords), len(found.posts)) == ("Mine", 1, 1)
