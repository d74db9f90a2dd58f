"""Pages of the library, by links and forms alone: a resource from its draft to its withdrawal, and who may see what."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from fedserver.context import Server
from fedserver.resources import publishing
from fedserver.resources.publishing import Link, NewVersion
from fedserver.resources.records import Described, Person, Source, Topic
from tests.groups.conftest import MakeGroup
from tests.pages.conftest import KnownAs, MakeReader
from tests.pages.visitor import Page, Visitor, path_of
from web.templating import STATIC

NEW = "/resources/new"
LESSON: dict[str, Any] = {
    "title": "FAIR data in 90 minutes",
    "abstract": "Slides and exercises for a first look at FAIR data.",
    "text": "What you need:\n\n* a laptop\n* *curiosity*",
    "language": "en",
    "licence": "cc-by-4.0",
    "level": "beginner",
    "time_required_minutes": "90",
    "teaches": "Explain the FAIR principles\nName a repository",
    "authors[0][name]": "Alice Doe",
    "authors[0][orcid]": "0000-0002-1825-0097",
    "topics[0][label]": "Data management",
    "keywords": "FAIR, open science",
    "links[0][url]": "https://files.example/fair.pdf",
}
PAGE_BYTES_MAX = 60_000


def described(**more: Any) -> Described:
    return Described(
        title="Git for writers", abstract="A course in four parts.", types=("course",), licence="CC-BY-4.0", language="en",
        authors=(Person(name="Bea Roe", orcid="0000-0002-1825-0097"),), topics=(Topic(label="Version control"),), **more,
    )  # fmt: skip


def field(page: Page, name: str) -> Any:
    (found,) = [one for tag in ("input", "textarea", "select") for one in page.all(tag, name=name)]
    return found


async def test_a_resource_is_drafted_published_changed_brought_out_anew_and_withdrawn(
    signed_in: MakeReader, visitor: Visitor
) -> None:
    alice = await signed_in("alice")
    page = await alice.submit(await alice.open(NEW), NEW, {"title": "Half a lesson", "do": "keep"})
    draft = path_of(page).partition("?")[0]
    assert re.fullmatch(r"/resources/drafts/[0-9]+", draft)
    assert "Half a lesson" in (await alice.open("/resources/drafts")).words()

    page = await alice.submit(page, draft, {**LESSON, "do": "preview"}, choose={"types[]": "slides"})
    (preview,) = page.all("section", aria_labelledby="preview")
    assert preview.find(".//{*}em").text == "curiosity"
    page = await alice.submit(page, draft, {"do": "publish"})
    path = path_of(page).partition("?")[0]
    assert re.fullmatch(r"/resources/[0-9]+", path)
    assert "No drafts" in (await alice.open("/resources/drafts")).words()

    page = await visitor.open(path)
    for words in ("FAIR data in 90 minutes", "first look", "Alice Doe", "CC BY 4.0", "Slides", "Beginner", "1 h 30 min",
                  "Name a repository", "share what you made of it", "files.example"):  # fmt: skip
        assert words in page.words(), words
    assert page.all("a", href="https://orcid.org/0000-0002-1825-0097")
    assert page.all("a", href="https://creativecommons.org/licenses/by/4.0/", rel="license noopener")
    assert page.all("link", rel="alternate", type="application/activity+json")
    assert page.all("meta", property="og:title", content="FAIR data in 90 minutes")

    page = await alice.submit(
        await alice.open(f"{path}/edit"), f"{path}/edit", {"title": "FAIR in an hour", "do": "publish"}
    )
    assert "FAIR in an hour" in page.words()
    assert "Alice Doe" in page.words()
    page = await alice.open(f"{path}/versions/new")
    assert field(page, "number").get("value") == "1.1.0"
    page = await alice.submit(
        page, f"{path}/versions/new",
        {"notes": "With solutions.", "links[0][url]": "https://files.example/2.pdf", "do": "publish"},
    )  # fmt: skip
    assert ("Version 1.1.0" in page.words(), "With solutions." in page.words()) == (True, True)
    page = await alice.submit(await alice.open(f"{path}/withdraw"), f"{path}/withdraw", {"reason": " "})
    assert (page.status, field(page, "reason").get("aria-invalid")) == (422, "true")
    page = await alice.submit(page, f"{path}/withdraw", {"reason": "The data were wrong."})
    page = await visitor.open(path)
    assert "The data were wrong." in page.words()
    page = await alice.submit(await alice.open(f"{path}/delete"), f"{path}/delete")
    assert (await visitor.open(path)).status in (404, 410)


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(signed_in: MakeReader) -> None:
    alice = await signed_in("alice")
    wrong = {
        **LESSON,
        "title": " ",
        "licence": "do what you want",
        "authors[1][orcid]": "0000-0002-1825-0098",
        "time_required_minutes": "an hour",
        "url": "javascript:alert(1)",
        "do": "publish",
    }
    page = await alice.submit(await alice.open(NEW), NEW, wrong, choose={"types[]": "slides"})
    assert page.status == 422
    assert field(page, "time_required_minutes").get("aria-invalid") == "true"
    page = await alice.submit(page, NEW, {"time_required_minutes": "60", "do": "publish"})
    assert page.status == 422
    for name in ("title", "licence", "url", "authors[1][orcid]"):
        assert field(page, name).get("aria-invalid") == "true", name
        assert page.all("span", id=field(page, name).get("aria-describedby").split()[-1]), name
    assert field(page, "authors[0][orcid]").get("aria-invalid") is None
    assert field(page, "abstract").text.strip() == LESSON["abstract"]
    assert page.all("input", name="types[]", value="slides")[0].get("checked") is not None
    assert "an author" not in page.words()


async def test_rows_grow_without_a_script_and_keep_what_is_in_them(signed_in: MakeReader) -> None:
    alice = await signed_in("alice")
    page = await alice.submit(await alice.open(NEW), NEW, {**LESSON, "do": "more:authors"})
    assert page.status == 200
    assert field(page, "authors[0][name]").get("value") == "Alice Doe"
    assert field(page, "title").get("value") == LESSON["title"]
    page = await alice.submit(page, NEW, {"authors[4][name]": "Eve Last", "do": "publish"})
    assert "Eve Last" in page.words()


async def test_a_licence_that_does_not_fit_is_warned_of_first(signed_in: MakeReader) -> None:
    alice = await signed_in("alice")
    based = {
        "based_on[0][uri]": "https://there.example/1",
        "based_on[0][title]": "Theirs",
        "based_on[0][licence]": "CC-BY-SA-4.0",
    }
    page = await alice.submit(await alice.open(NEW), NEW, {**LESSON, **based, "do": "publish"})
    assert path_of(page) == NEW
    assert "has to be under the same licence" in page.words()
    page = await alice.submit(page, NEW, {"despite": "1", "do": "publish"})
    assert "Adapted from" in page.words()


async def test_nobody_sees_what_is_not_for_them(
    server: Server, signed_in: MakeReader, visitor: Visitor, known: KnownAs
) -> None:
    alice, bob = await signed_in("alice"), await signed_in("bob")
    page = await alice.submit(await alice.open(NEW), NEW, {**LESSON, "place": "members", "do": "publish"})
    path = path_of(page).partition("?")[0]
    assert (await visitor.open(path)).status == 404
    assert "FAIR data" in (await bob.open(path)).words()
    for part in ("edit", "versions/new", "withdraw", "delete"):
        assert (await bob.open(f"{path}/{part}")).status == 403
        assert "/login" in (await visitor.open(f"{path}/{part}")).url
    assert "/login" in (await visitor.open(NEW)).url
    draft_id = await publishing.keep_draft(server, (await known("alice")).member, described())
    assert (await bob.open(f"/resources/drafts/{draft_id}")).status == 404
    for wrong in ("/resources/999", f"/resources/{'9' * 19}/edit"):
        assert (await bob.open(wrong)).status == 404
    async with bob.session.post(f"{bob.origin}{NEW}", data={"title": "Forged", "do": "publish"}) as answer:
        assert answer.status == 403


async def test_the_timeline_shows_a_card_that_leads_to_the_library(
    signed_in: MakeReader, visitor: Visitor
) -> None:
    alice, bob = await signed_in("alice"), await signed_in("bob")
    page = await alice.submit(await alice.open(NEW), NEW, {**LESSON, "do": "publish"})
    path = path_of(page).partition("?")[0]
    page = await visitor.open("/local")
    assert page.all("a", href=path)
    assert "CC BY 4.0" in page.words()
    assert page.words().count("first look at FAIR") == 1
    post = f"/@alice/{path.rpartition('/')[2]}"
    assert path_of(await bob.open(post)) == path
    assert path_of(await alice.open(f"{post}/edit")) == f"{path}/edit"
    page = await bob.submit(
        await bob.open(f"{post}/reply"), f"{post}/reply", {"text": "Thank you for the slides"}
    )
    assert "Thank you for the slides" in (await visitor.open(path)).words()
    await bob.submit(await bob.open(path), f"{post}/like")
    assert "1 favourite" in (await visitor.open(path)).words()


async def test_a_resource_of_a_group_is_talked_about_there(
    signed_in: MakeReader, visitor: Visitor, known: KnownAs, make_group: MakeGroup
) -> None:
    mo = await signed_in("mo")
    group_id = await make_group(await known("mo"), "python", title="Python")
    page = await mo.open(f"{NEW}?group={group_id}")
    page = await mo.submit(page, NEW, {**LESSON, "do": "publish"})
    path = path_of(page).partition("?")[0]
    thread = f"/groups/python/{path.rpartition('/')[2]}"
    assert (await visitor.open(path)).all("a", href=thread)
    page = await visitor.open(thread)
    assert page.all("a", href=path)


@pytest.mark.parametrize("server_settings", [{"secure_mode": "false"}])
async def test_the_address_is_a_document_too(signed_in: MakeReader, visitor: Visitor) -> None:
    alice = await signed_in("alice")
    page = await alice.submit(await alice.open(NEW), NEW, {**LESSON, "do": "publish"})
    path = path_of(page).partition("?")[0]
    answer = await visitor.open(path, Accept="application/activity+json")
    document = json.loads(answer.text)
    assert (answer.status, document["type"]) == (200, "Page")
    assert document["id"] == f"{visitor.origin}{path}"


async def test_every_page_has_correct_html_and_little_weight(
    server: Server, signed_in: MakeReader, visitor: Visitor, known: KnownAs
) -> None:
    alice = await signed_in("alice")
    hostile = "<script>alert(1)</script>"
    said = described(
        text=f"# Big\n\n{hostile}\n\n| a | b |\n|---|---|\n| 1 | 2 |", keywords=(hostile,), teaches=(hostile, "More"),
        audience=("Trainers",), accessibility=hostile, doi="10.5281/zenodo.1", url="https://there.example/",
        based_on=(Source(uri="https://there.example/1", title=hostile, licence="CC-BY-4.0"),), issued="2024", review_by="2030-01-01",
    )  # fmt: skip
    links = [Link(f"https://files.example/{number}.pdf", f"File {number}") for number in range(20)]
    member = (await known("alice")).member
    post_id = await publishing.publish(server, member, said, version=NewVersion(links=links))
    await publishing.bring_out(server, member, post_id, NewVersion("2", "Notes", links=links))
    draft_id = await publishing.keep_draft(server, member, said)
    own = f"/resources/{post_id}"
    paths = [own, NEW, "/resources/drafts", f"/resources/drafts/{draft_id}", f"{own}/edit", f"{own}/versions/new",
             f"{own}/withdraw", f"{own}/delete"]  # fmt: skip
    shared = sum(
        len(gzip.compress((STATIC / name).read_bytes())) for name in ("site.css", "site.js", "icons.svg")
    )
    for reader, path in [(visitor, own), *((alice, path) for path in paths)]:
        page = await reader.open(path)
        assert (page.status, path_of(page)) == (200, path), page.words()[:300]
        assert not page.problems, f"{path}: {page.problems[:3]}"
        assert hostile not in page.text, path
        assert len(gzip.compress(page.text.encode())) + shared < PAGE_BYTES_MAX, path


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
