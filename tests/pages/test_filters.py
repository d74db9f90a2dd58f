"""Pages: what a member filters is covered, or not shown at all."""

from __future__ import annotations

import pytest

from fedserver import filters, posts, profiles, relationships
from fedserver.context import Server
from fedserver.filters import FilterChange, KeywordChange
from fedserver.posts import Draft
from fedserver.viewer import PAGE_SCOPES, Anonymous, Member
from tests.pages.conftest import MakeReader

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
