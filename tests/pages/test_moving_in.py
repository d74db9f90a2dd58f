"""Bringing a file along without JavaScript: what would change is shown first, then it is done, and the rest can be had."""

from __future__ import annotations

import io
import zipfile

import pytest

from fedserver.context import Server
from tests.pages.conftest import MakeReader
from tests.pages.visitor import path_of
from tests.waiting import until

HERE = "/settings/import"


@pytest.mark.jobs
async def test_a_file_is_shown_first_and_then_brought_in(server: Server, signed_in: MakeReader) -> None:
    await signed_in("bob")
    alice = await signed_in("alice")
    page = await alice.open(HERE)
    assert [one.get("href") for one in page.all("a", href=HERE)], "it stands among the settings"
    page = await alice.submit(page, HERE, {"file": ("people.csv", b"bob\n", "text/csv")})
    assert page.status == 422
    assert "Cannot be told from the file" in page.words()
    text = f"@bob@{server.config.domain}\nnobody@{server.config.domain}\nbob\n<b>x\n"
    page = await alice.submit(
        page, HERE, {"file": ("muted_accounts.csv", text.encode(), "text/csv"), "kind": "following"}
    )
    words = page.words()
    assert "This looks like another file: Mutes. You chose Follows." in words
    assert "2 are new here." in words
    assert "2 rows cannot be read." in words
    assert "&lt;b&gt;x" in page.text
    assert not page.problems
    one = path_of(page)
    page = await alice.submit(page, f"{one}/begin")
    assert path_of(page) == f"{one}?done=bringing-in"

    async def is_done() -> bool:
        return "1 has come." in (await alice.open(one)).words()

    await until(is_done, "the file is brought in")
    page = await until(lambda: _done(alice.open(one)), "all of it")
    assert "1 could not be brought in." in page.words()
    assert not page.problems
    table = await alice.open(f"{one}/left-out.csv")
    assert table.headers["Content-Type"].startswith("text/csv")
    assert len(table.text.splitlines()) == 4
    page = await alice.submit(page, f"{one}/remove")
    assert path_of(page) == f"{HERE}?done=forgotten-import"
    assert (await alice.open(one)).status == 404


async def test_of_an_archive_each_kind_is_said_yes_to_by_itself(
    server: Server, signed_in: MakeReader
) -> None:
    alice = await signed_in("alice")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, text in (
            ("follows.csv", "a@a.example"),
            ("lists.csv", "Best,a@a.example"),
            ("blocks.csv", ""),
        ):
            file.writestr(name, text)
    sent = {"file": ("alice.zip", archive.getvalue(), "application/zip")}
    page = await alice.submit(await alice.open(HERE), HERE, sent)
    assert path_of(page) == f"{HERE}?done=archive-read"
    assert [one.text_content() for one in page.all("b")] == ["Lists", "Follows"]
    page = await alice.submit(page, HERE, {**sent, "kind": "lists"})
    assert "Best" not in page.words()
    assert "1 is new here." in page.words()
    page = await alice.submit(await alice.open(HERE), HERE, {**sent, "kind": "muting"})
    assert "Has nothing in it that can be brought in." in page.words()


async def _done(opening):  # type: ignore[no-untyped-def]
    page = await opening
    return page if page.all("form", action=f"{path_of(page)}/remove") else None
