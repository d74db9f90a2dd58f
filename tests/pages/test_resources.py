"""Pages of the library, by links and forms alone: a resource from its draft to its withdrawal, and who may see what."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest

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


async def test_files_are_sent_with_the_form_and_downloaded(
    signed_in: MakeReader, visitor: Visitor, make_group: MakeGroup
) -> None:
    alice = await signed_in("alice")
    notes, bad = (
        ("notes.md", b"# Notes\n", "text/markdown"),
        ("run.exe", b"MZ\x90\x00" * 40, "application/pdf"),
    )
    page = await alice.submit(
        await alice.open(NEW), NEW, {**LESSON, "title": "", "file-0": notes, "file-1": bad, "do": "publish"}
    )
    assert page.status == 422
    assert field(page, "file-1").get("aria-invalid") == "true"
    (box,) = page.all("input", name="file_ids[]")
    assert box.get("checked") is not None
    # Kept as a draft, and taken along into it.
    page = await alice.submit(page, NEW, {"title": LESSON["title"], "do": "keep"})
    draft = path_of(page).partition("?")[0]
    assert page.all("input", name="file_ids[]")[0].get("checked") is not None
    page = await alice.submit(page, draft, {"do": "publish"})
    path = path_of(page).partition("?")[0]
    page = await visitor.open(path)
    (link,) = [one for one in page.all("a", class_="file") if "notes.md" in "".join(one.itertext())]
    async with visitor.session.get(link.get("href")) as answer:
        assert (answer.status, await answer.read()) == (200, b"# Notes\n")
    assert "8 bytes" in page.words()
    # The next version begins without files; what was sent and not used is offered, and not taken by itself.
    page = await alice.open(f"{path}/versions/new")
    assert not page.all("input", name="file_ids[]")
    page = await alice.submit(page, f"{path}/versions/new", {"file-0": notes, "do": "publish"})
    assert "Version 1.1.0" in page.words(), page.words()
    assert len((await visitor.open(path)).all("a", class_="file")) == 3


BIBTEX = """@misc{roe2024, title = {Reading figures aloud}, author = {Roe, Bea and Doe, Al}, year = {2024},
abstract = {A short guide.}, url = {https://there.example/figures}}"""


async def test_what_is_pasted_becomes_a_draft_with_a_receipt(signed_in: MakeReader, visitor: Visitor) -> None:
    alice, at = await signed_in("alice"), "/resources/import"
    assert "/login" in (await visitor.open(at)).url
    page = await alice.submit(await alice.open(at), at, {"source": " "})
    assert (page.status, field(page, "source").get("aria-invalid")) == (422, "true")
    page = await alice.submit(page, at, {"source": "just words"})
    assert (page.status, field(page, "source").text.strip()) == (422, "just words")
    page = await alice.submit(page, at, {"source": BIBTEX})
    draft = path_of(page).partition("?")[0]
    assert re.fullmatch(r"/resources/drafts/[0-9]+", draft)
    assert not page.problems
    assert field(page, "title").get("value") == "Reading figures aloud"
    assert page.all("section", aria_labelledby="receipt")
    page = await alice.submit(page, draft, {"do": "publish"})
    assert "Reading figures aloud" in page.words()
    page = await alice.submit(await alice.open(at), at, {"source": BIBTEX})
    assert "This may be in the library already" in page.words()
    two = BIBTEX + BIBTEX.replace("roe2024", "roe2025").replace("figures", "tables")
    page = await alice.submit(await alice.open(at), at, {"source": two})
    assert ("2 drafts were made" in page.words(), page.problems) == (True, [])
