"""The library as pages: found by words and facets, told of, put on shelves, adapted, cited; by links and forms alone."""

from __future__ import annotations

import json

from msgspec.structs import replace

from fedserver.context import Server
from fedserver.resources import publishing
from fedserver.resources.records import Described, Topic
from storage import partners
from tests.groups.conftest import MakeGroup
from tests.pages.conftest import KnownAs, MakeReader
from tests.pages.test_resources import described, field
from tests.pages.visitor import Page, Visitor, path_of
from tests.people import add_stranger


async def test_the_library_is_searched_by_words_and_facets_that_come_off_again(
    server: Server, signed_in: MakeReader, visitor: Visitor, known: KnownAs
) -> None:
    assert "The library is empty" in (await visitor.open("/resources")).words()
    await signed_in("alice")
    member = (await known("alice")).member
    for number in range(23):
        topics = (Topic(label="Testing" if number % 2 else "Version control"), Topic(label=f"Topic {number}"))
        said = replace(
            described(), title=f"Course {number:02}", topics=topics, types=("course" if number else "slides",)
        )
        await publishing.publish(server, member, said)
    page = await visitor.open("/resources")
    assert not page.problems, page.problems
    assert "23 resources" in page.words()
    titles = [one.text for part in page.all("h3") for one in part.iter("{*}a")]
    assert titles == [f"Course {number:02}" for number in range(22, 2, -1)]
    (older,) = page.all("a", rel="next")
    page = await visitor.open(older.get("href"))
    assert [one.text for part in page.all("h3") for one in part.iter("{*}a")] == [
        "Course 02",
        "Course 01",
        "Course 00",
    ]
    assert not page.all("a", rel="next")
    (newer,) = page.all("a", rel="prev")
    page = await visitor.open(newer.get("href"))
    assert [one.text for part in page.all("h3") for one in part.iter("{*}a")] == titles
    assert not page.all("a", rel="prev")

    # A long list of topics is cut, and whole when it is asked for.
    assert len(page.all("input", name="topic")) < 20
    page = await visitor.open("/resources?more=topic")
    assert len(page.all("input", name="topic")) == 25

    page = await visitor.open("/resources?topic=testing&type=course&type=slides&sort=used")
    assert "11 resources" in page.words()
    checked = {
        one.get("value") for one in page.all("input", type="checkbox") if one.get("checked") is not None
    }
    assert checked == {"testing", "course", "slides"}
    off = [one.get("href") for one in page.all("a", class_="chosen")]
    assert sorted(off) == [
        "/resources?type=course&topic=testing&sort=used",
        "/resources?type=course&type=slides&sort=used",
        "/resources?type=slides&topic=testing&sort=used",
    ]
    page = await visitor.open("/resources?q=nothing+of+the+kind")
    assert "Nothing fits" in page.words()
    page = await visitor.open("/resources?sort=best")
    assert (page.status, "must be" in page.words()) == (422, True)


async def test_who_used_it_and_what_they_think_is_on_its_page(
    server: Server, signed_in: MakeReader, visitor: Visitor, known: KnownAs
) -> None:
    alice, bob = await signed_in("alice"), await signed_in("bob")
    post_id = await publishing.publish(server, (await known("alice")).member, described())
    path = f"/resources/{post_id}"
    page = await bob.open(path)
    page = await bob.submit(page, f"{path}/use", {"used_on": "2999-01-01", "changed": "Two exercises less"})
    assert (page.status, page.all("input", id="use-used_on")[0].get("aria-invalid")) == (422, "true")
    assert page.all("textarea", name="changed")[0].text.strip() == "Two exercises less"
    page = await bob.submit(page, f"{path}/use", {"used_on": "2026-01-31", "used_in": "Summer school"})
    assert "Thank you for telling" in page.words()
    page = await bob.submit(page, f"{path}/review", {"note": "Clear and kind."}, choose={"rating": "4"})
    page = await visitor.open(path)
    sections = {one.get("aria-labelledby"): "".join(one.itertext()) for one in page.all("section")}
    assert "Summer school" in sections["uses"]
    assert "Two exercises less" in sections["uses"]
    assert ("4.0 of 5" in sections["reviews"], "Clear and kind." in sections["reviews"]) == (True, True)
    assert "Clear and kind." not in sections["discussion"]
    assert "Clear and kind." in (await visitor.open(f"{path}/reviews")).words()
    assert "Summer school" in (await visitor.open(f"{path}/uses")).words()
    # Nobody reviews what is their own; the page does not offer it, and a form made by hand is refused.
    page = await alice.open(path)
    assert not [one for one in page.all("form") if one.get("action") == f"{path}/review"]
    assert [one for one in page.all("form") if one.get("action") == f"{path}/use"]
    assert not [one for one in (await visitor.open(path)).all("form") if one.get("method") == "post"]


async def test_a_resource_is_put_on_shelves_and_they_are_kept_in_order(
    server: Server, signed_in: MakeReader, visitor: Visitor, known: KnownAs
) -> None:
    alice, bob = await signed_in("alice"), await signed_in("bob")
    member = (await known("alice")).member
    first = await publishing.publish(server, member, described())
    second = await publishing.publish(server, member, replace(described(), title="Second steps"))
    hidden = await publishing.publish(
        server, member, replace(described(), title="Ours"), visibility="members"
    )

    page = await alice.open(f"/shelves/new?resource={first}")
    page = await alice.submit(page, "/shelves/new", {"title": " "})
    assert (page.status, field(page, "title").get("aria-invalid")) == (422, "true")
    page = await alice.submit(
        page, "/shelves/new", {"title": "For newcomers", "description": "Read it in order."}
    )
    shelf = path_of(page).partition("?")[0]
    for post_id, note in ((hidden, ""), (second, "Then this.")):
        page = await alice.open(f"/resources/{post_id}")
        page = await alice.submit(page, f"/resources/{post_id}/shelve", {"shelf_note": note})
        assert "For newcomers" in page.words()

    def titles(page: Page) -> list[str]:
        return [one.text for part in page.all("h3") for one in part.iter("{*}a")]

    assert titles(await bob.open(shelf)) == ["Git for writers", "Ours", "Second steps"]
    page = await visitor.open(shelf)
    assert titles(page) == ["Git for writers", "Second steps"]
    assert ("Then this." in page.words(), page.problems) == (True, [])
    page = await alice.submit(await alice.open(f"{shelf}/edit"), f"{shelf}/items/{second}", {"do": "up"})
    assert not page.problems
    assert titles(await bob.open(shelf)) == ["Git for writers", "Second steps", "Ours"]
    await alice.submit(page, f"{shelf}/items/{hidden}/take-off")
    assert titles(await bob.open(shelf)) == ["Git for writers", "Second steps"]

    page = await bob.submit(await bob.open(shelf), f"{shelf}/follow")
    assert "You follow it" in page.words()
    assert "For newcomers" in (await bob.open("/shelves?which=followed")).words()
    assert (await bob.open(f"{shelf}/edit")).status == 403
    page = await alice.submit(await alice.open(f"{shelf}/edit"), f"{shelf}/curators", {"handle": "@nobody"})
    assert field(page, "handle").get("value") == "@nobody"
    page = await alice.submit(page, f"{shelf}/curators", {"handle": "@bob"})
    page = await bob.open(f"{shelf}/edit")
    assert (page.status, "Delete the shelf" in page.words()) == (200, False)
    assert "/login" in (await visitor.open("/shelves/new")).url
    assert "For newcomers" in (await visitor.open("/shelves")).words()

    page = await alice.open(f"{shelf}/edit")
    await alice.submit(page, f"{shelf}/edit", {"visibility": "private"})
    assert (await visitor.open(shelf)).status == 404
    page = await alice.submit(await alice.open(f"{shelf}/edit"), f"{shelf}/delete", choose={"sure": "1"})
    assert "No shelves yet" in page.words()
    assert "Git for writers" in (await visitor.open(f"/resources/{first}")).words()


async def test_what_catalogues_read_is_in_the_page_and_how_to_cite_it(
    server: Server, signed_in: MakeReader, visitor: Visitor, known: KnownAs
) -> None:
    alice = await signed_in("alice")
    member = (await known("alice")).member
    said = replace(described(), title="</script><b>Bold</b>")
    path = f"/resources/{await publishing.publish(server, member, said)}"
    page = await visitor.open(path)
    (script,) = page.all("script", type="application/ld+json")
    document = json.loads(script.text)
    assert (document["name"], document["@id"]) == ("</script><b>Bold</b>", f"{visitor.origin}{path}")
    answer = await visitor.open(path, Accept="application/ld+json")
    assert json.loads(answer.text) == document
    assert "Roe, B." in page.words()
    for link in [one.get("href") for one in page.all("a") if one.get("href", "").startswith(f"{path}.")]:
        assert (await visitor.open(link)).status == 200, link
    page = await visitor.open(f"{path}/catalogues")
    assert (page.problems, "It is listed" in page.words(), "Fill it in" in page.words()) == ([], True, False)
    bare = await publishing.publish(server, member, Described(title="Bare", abstract="Nothing more."))
    page = await alice.open(f"/resources/{bare}/catalogues")
    assert "It is not listed yet" in page.words()
    assert page.all("a", href=f"/resources/{bare}/edit#keywords")
    assert page.all("a", href=f"/resources/{bare}/edit#authors")
    ours = await publishing.publish(server, member, described(), visibility="members")
    bob = await signed_in("bob")
    page = await bob.open(f"/resources/{ours}")
    assert not page.all("script", type="application/ld+json")
    assert "Roe, B." in page.words()


async def test_what_is_made_from_it_begins_as_a_draft_and_both_pages_lead_to_each_other(
    server: Server, signed_in: MakeReader, visitor: Visitor, known: KnownAs
) -> None:
    await signed_in("alice")
    bob = await signed_in("bob")
    first = await publishing.publish(server, (await known("alice")).member, described())
    path = f"/resources/{first}"
    page = await bob.submit(
        await bob.open(path), f"{path}/adapt", {"language": "fr", "relation": "translation"}
    )
    draft = path_of(page).partition("?")[0]
    page = await bob.submit(page, draft, {"title": "Git pour qui écrit", "do": "publish"})
    made = path_of(page).partition("?")[0]
    page = await visitor.open(made)
    assert page.all("a", href=path)
    assert "Translated from" in page.words()
    page = await visitor.open(path)
    assert page.all("a", href=made)
    assert ("Translation:" in page.words(), "1 adaptation" in page.words()) == (True, True)


async def test_profiles_groups_and_the_front_page_lead_to_resources(
    server: Server, signed_in: MakeReader, visitor: Visitor, known: KnownAs, make_group: MakeGroup
) -> None:
    alice = await signed_in("alice")
    member = (await known("alice")).member
    group_id = await make_group(await known("alice"), "python", title="Python")
    ours = await publishing.publish(server, member, described(), visibility="members")
    there = await publishing.publish(server, member, replace(described(), title="In it"), group_id=group_id)
    for path in ("/@alice/resources", "/groups/python/resources", "/"):
        page = await visitor.open(path)
        assert not page.problems, path
        assert page.all("a", href=f"/resources/{there}"), path
        assert not page.all("a", href=f"/resources/{ours}"), path
    assert (await alice.open("/@alice/resources")).all("a", href=f"/resources/{ours}")
    assert not (await alice.open("/groups/python/resources")).all("a", href=f"/resources/{ours}")
    assert (await visitor.open("/search?q=git")).all("a", href="/resources?q=git")
    page = await visitor.open("/resources?q=git")
    assert page.all("a", href="/resources.atom?q=git")
    assert "/embed/resources?q=git" in page.all("textarea", id="snippet")[0].text


async def test_the_form_proposes_topics_and_partners_are_listed(
    server: Server, signed_in: MakeReader, visitor: Visitor, known: KnownAs
) -> None:
    alice = await signed_in("alice")
    await publishing.publish(server, (await known("alice")).member, described())
    page = await alice.open("/resources/new")
    assert page.all("option", value="Version control")
    page = await visitor.open("/partners")
    assert (page.status, page.problems, "No partners yet" in page.words()) == (200, [], True)
    stranger = await server.db.write(add_stranger, "there")
    await server.db.write(lambda conn: partners.put(conn, "there.example", stranger, state="active"))
    page = await visitor.open("/partners")
    assert page.all("a", href="/resources?instance=there.example")
