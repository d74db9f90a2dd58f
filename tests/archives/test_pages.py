"""Archives of a group on its pages, without JavaScript: owners bring in and take along, members claim their names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from fedserver.context import Server
from fedserver.groups import catalogue
from fedserver.groups.catalogue import GroupFields
from fedserver.viewer import PAGE_SCOPES, Member
from storage import users
from tests.archives.conftest import when
from tests.archives.samples import mbox
from tests.archives.test_importing import CONVERSATION
from tests.mailing import Mailbox, link_in, mails
from tests.pages.conftest import MakeReader, browser, signed_in
from tests.pages.visitor import Page, Visitor, path_of

__all__ = ["browser", "signed_in"]

HERE = "/groups/trainers/archives"


async def group_of(server: Server, owner: str) -> None:
    row = await server.db.read(users.by_name, owner)
    assert row is not None
    await server.db.write(users.change, row.account_id, may_create_groups=True)
    member = Member(row.account_id, owner, "member", PAGE_SCOPES)
    await catalogue.create(server, member, "trainers", GroupFields(title="Trainers"))


def well_formed(page: Page) -> Page:
    assert page.status == 200, page.words()
    assert not page.problems
    return page


@pytest.mark.jobs
async def test_an_owner_brings_in_an_archive_and_members_find_themselves_in_it(
    server: Server, signed_in: MakeReader, browser: Callable[[], Visitor], mailbox: Mailbox, tmp_path: Path
) -> None:
    ada, dave = await signed_in("ada"), await signed_in("dave")
    await group_of(server, "ada")
    page = well_formed(await ada.open(HERE))
    assert "no names" in page.words()
    page = await ada.submit(page, HERE, choose={"source": "mbox"})
    assert page.status == 422
    assert "choose the archive" in page.words()
    content = await asyncio.to_thread(mbox(tmp_path / "list.mbox", *CONVERSATION).read_bytes)
    file = ("list.mbox", content, "application/mbox")
    (field,) = page.all("input", name="file")
    assert field.get("type") == "file"
    page = await ada.submit(page, HERE, {"file": file}, choose={"source": "mbox"})
    assert path_of(page) == f"{HERE}?done=import-begun"
    page = await when(lambda: ada.open(HERE), "the end of the import", lambda one: "Done" in one.words())
    assert "3 of 3 read, 3 added" in well_formed(page).words()
    letters = await ada.open(f"{HERE}/export/mbox")
    assert letters.text.startswith("From MAILER-DAEMON")

    # A visitor sees the names, and neither the forms of owners nor the way to claim one.
    page = well_formed(await browser().open(HERE))
    assert "Carol" in page.words()
    assert not page.all("main")[0].findall(".//{*}form")

    # Dave proves by his mailbox that he is Dave.
    page = well_formed(await dave.open(HERE))
    (link,) = [a.get("href") for a in page.all("a") if ": Dave" in " ".join(a.itertext())]
    page = well_formed(await dave.open(link))
    page = await dave.submit(page, link, {"email": "dave@members.example"})
    assert path_of(page) == f"{HERE}?done=name-mailed"
    secret = link_in((await mails(mailbox, 1))[0], "/claim/")
    page = well_formed(await dave.open(f"/claim/{secret}"))
    page = well_formed(await dave.submit(page, f"/claim/{secret}"))
    assert path_of(page) == "/claimed"
    await when(
        lambda: dave.open("/@dave/replies"), "that Dave has his post", lambda one: "Slowly." in one.words()
    )

    # For Carol he has no proof, and the owner says no.
    page = well_formed(await dave.open(HERE))
    (link,) = [a.get("href") for a in page.all("a") if ": Carol" in " ".join(a.itertext())]
    page = await dave.submit(await dave.open(link), link)
    assert path_of(page) == f"{HERE}?done=name-waiting"
    page = well_formed(await ada.open(HERE))
    (action,) = [
        form.get("action") for form in page.all("form") if (form.get("action") or "").endswith("/reject")
    ]
    page = await ada.submit(page, action)
    assert path_of(page) == f"{HERE}?done=claim-decided"
    assert "says to be" not in page.words()
