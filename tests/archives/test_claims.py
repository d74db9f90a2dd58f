"""Names in archives become members': by the mailbox, by an owner's word, with everything that was written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from fedserver.context import Server
from fedserver.groups import threads
from fedserver.groups.threads import Wanted
from tests.archives.conftest import BringIn, MakeGroup, when
from tests.archives.samples import large_slack, mbox
from tests.archives.test_importing import CONVERSATION, lines, mail
from tests.client import ApiError
from tests.members import Person

pytestmark = pytest.mark.jobs
Mailbox = Callable[[], list[EmailMessage]]


async def name_of(person: Person, group_id: int, name: str) -> dict[str, Any]:
    found = await person.get(f"/api/v1/groups/{group_id}/names")
    return next(one for one in found if one["name"] == name)


async def posts_of(asking: Person, person: Person) -> list[str]:
    return [one["content"] for one in await asking.get(f"/api/v1/accounts/{person.id}/statuses")]


async def test_whose_confirmed_address_it_is_gets_the_name_at_once(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    archive = mbox(tmp_path / "a.mbox", mail(1, "alice", "Mine"), mail(2, "bob", "His", answers="1@list"))
    await bring_in(group_id, archive)
    his = await name_of(bob, group_id, "Bob")
    assert his["posts_count"] == 1
    assert await bob.post(f"/api/v1/groups/{group_id}/names/{his['id']}/claim") == {"state": "given"}
    await when(
        lambda: posts_of(alice, bob), "that Bob has what he wrote", lambda found: found == ["<p>His</p>"]
    )
    (line,) = await lines(server, None, group_id)
    context = await alice.get(f"/api/v1/statuses/{line.post_id}/context")
    (answer,) = context["descendants"]
    assert answer["account"]["acct"] == "bob"
    assert answer["url"] == f"{server.config.origin}/@bob/{answer['id']}"
    assert (await bob.get(f"/api/v1/accounts/{bob.id}"))["statuses_count"] == 1
    assert (await bob.raw("GET", f"/api/v1/accounts/{his['account_id']}")).status == 404
    found = await bob.get("/api/v2/search", q="from:bob his", type="statuses")
    assert [one["id"] for one in found["statuses"]] == [answer["id"]]
    # What comes later under the same name is his from the beginning.
    longer = mbox(tmp_path / "b.mbox", mail(3, "bob", "Later", answers="2@list"))
    await bring_in(group_id, longer)
    assert await posts_of(alice, bob) == ["<p>Later</p>", "<p>His</p>"]
    with pytest.raises(ApiError, match="before"):
        await alice.post(f"/api/v1/groups/{group_id}/names/{his['id']}/claim")


async def test_a_link_sent_to_the_mailbox_in_the_archive_gives_the_name(
    server: Server, alice: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path, mailbox: Mailbox
) -> None:
    group_id = await make_group(alice)
    await bring_in(group_id, mbox(tmp_path / "list.mbox", *CONVERSATION))
    carol = await name_of(alice, group_id, "Carol")
    path = f"/api/v1/groups/{group_id}/names/{carol['id']}/claim"
    # The same answer, whether or not it is the address.
    assert await alice.post(path, {"email": "wrong@members.example"}) == {"state": "mailed"}
    assert await alice.post(path, {"email": "Carol@members.example"}) == {"state": "mailed"}
    await when(lambda: asyncio.to_thread(mailbox), "the mail", bool)
    (sent,) = mailbox()
    assert sent["To"] == "carol@members.example"
    assert sent["Subject"] == "Is Carol you?"
    body = sent.get_body(("plain",))
    assert body is not None
    found = re.search(r"/claim/\S+", body.get_content())
    assert found is not None
    page = await alice.raw("GET", found[0])
    assert page.status == 200
    assert await posts_of(alice, alice) == []  # opening it does nothing
    assert "Are you Carol?" in await page.text()
    pressed = await alice.raw("POST", found[0], data={}, headers={"origin": server.config.origin})
    assert pressed.status == 303
    await when(
        lambda: posts_of(alice, alice),
        "what Carol wrote",
        lambda got: len(got) == 2,
    )
    assert (await alice.raw("GET", found[0])).status == 404


async def test_owners_decide_where_there_is_no_mailbox(
    server: Server,
    alice: Person,
    bob: Person,
    make_group: MakeGroup,
    bring_in: BringIn,
    tmp_path: Path,
    mailbox: Mailbox,
) -> None:
    group_id = await make_group(alice)
    await bring_in(group_id, large_slack(tmp_path / "x.zip", members=2, days=2, a_day=120))
    name = await name_of(bob, group_id, "Member 1")
    path = f"/api/v1/groups/{group_id}/names/{name['id']}/claim"
    assert await bob.post(path) == {"state": "waiting"}
    assert await bob.post(path) == {"state": "waiting"}
    await when(lambda: asyncio.to_thread(mailbox), "the mail to the owner", bool)
    (sent,) = mailbox()
    assert sent["To"] == "alice@members.example"
    with pytest.raises(ApiError):
        await bob.get(f"/api/v1/groups/{group_id}/claims")
    (claim,) = await alice.get(f"/api/v1/groups/{group_id}/claims")
    assert (claim["name"], claim["username"]) == ("Member 1", "bob")
    await alice.post(f"/api/v1/groups/{group_id}/claims/{claim['id']}/reject")
    assert await alice.get(f"/api/v1/groups/{group_id}/claims") == []
    await bob.post(path)
    (claim,) = await alice.get(f"/api/v1/groups/{group_id}/claims")
    with pytest.raises(ApiError):
        await bob.post(f"/api/v1/groups/{group_id}/claims/{claim['id']}/accept")
    await alice.post(f"/api/v1/groups/{group_id}/claims/{claim['id']}/accept")

    async def count() -> int:
        return int((await bob.get(f"/api/v1/accounts/{bob.id}"))["statuses_count"])

    await when(count, "that Bob has everything", lambda got: got == name["posts_count"])
    found = (await threads.of_group(server, None, group_id, Wanted(limit=100))).lines
    assert {one.author_username for one in found} <= {"bob", "member_0"}


async def test_nobody_learns_of_names_in_a_group_they_do_not_know(
    alice: Person, bob: Person, make_group: MakeGroup, bring_in: BringIn, tmp_path: Path
) -> None:
    group_id = await make_group(alice, "core", access="private")
    await bring_in(group_id, mbox(tmp_path / "a.mbox", mail(1, "bob", "Secret")))
    name = await name_of(alice, group_id, "Bob")
    for method, path in (
        ("GET", f"/api/v1/groups/{group_id}/names"),
        ("POST", f"/api/v1/groups/{group_id}/names/{name['id']}/claim"),
        ("GET", f"/api/v1/groups/{group_id}/claims"),
        ("GET", f"/api/v1/groups/{group_id}/imports"),
        ("GET", f"/api/v1/groups/{group_id}/export"),
    ):
        assert (await bob.raw(method, path)).status == 404, path
