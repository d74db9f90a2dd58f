"""Lists of servers elsewhere are followed: what they change is shown first, is known by its list, and goes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from jsonschema import Draft202012Validator
from sqlalchemy import Connection, insert

from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.moderation import domain_subscriptions as lists
from fedserver.moderation import domains, duty
from fedserver.moderation.domain_subscriptions import Wish
from fedserver.moderation.domains import Rule
from fedserver.viewer import Member
from storage import audit, duty_mail, instances, tables
from storage import domain_lists as stored
from storage.types import new_id
from tests.conftest import MakeMember
from tests.pages.conftest import MakeReader, browser, signed_in, visitor
from tests.pages.visitor import Visitor
from tests.people import add_member, add_stranger
from web import openapi

__all__ = ["browser", "signed_in", "visitor"]

HEAD = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n"
FIRST = (
    HEAD + "spam.example,suspend,False,False,Spam,False\nLOUD.Example.,silence,True,False,,False\n"
    "ex****e.org,suspend,,,,\nfriend.example,suspend,,,,\nhand.example,suspend,,,,\nbücher.example,noop,True,,,\n"
    "late.example,suspend,,,,\n"
)


@pytest.fixture
async def ada(signed_in: MakeReader) -> Visitor:
    """An admin with a browser."""
    return await signed_in("ada", role="admin")


@dataclass
class Elsewhere:
    """A server with a list, and what it was asked."""

    url: str = ""
    text: str = FIRST
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    there = Elsewhere()

    async def answer(request: web.Request) -> web.Response:
        tag = f'"{hash(there.text)}"'
        there.asked.append(request.headers.get("If-None-Match", ""))
        if there.status == 200 and there.asked[-1] == tag:
            return web.Response(status=304)
        return web.Response(text=there.text, status=there.status, headers={"ETag": tag})

    app = web.Application()
    app.router.add_get("/{name}.csv", answer)
    async with TestServer(app) as server:
        there.url = str(server.make_url("/one.csv"))
        yield there


async def read_again(server: Server, list_id: int) -> lists.Followed:
    """A day later."""
    await server.db.write(lambda conn: stored.change(conn, list_id, due_at=0))
    await lists.read_list(server, {"id": list_id})
    rows = await server.db.read(stored.listed)
    steps = await server.db.read(lists.waiting, ())
    numbers = await server.db.read(stored.numbers)
    row = next(one for one in rows if one.id == list_id)
    return lists.Followed(row, numbers.get(list_id, 0), [one for one in steps if one.list_id == list_id])


async def told(server: Server, member: Member) -> str:
    """The subject of the mail that tells of what waits, as if it was sent then; "" for none."""
    found = await server.db.read(duty.written, server.config, member.account_id)
    if found is None:
        return ""
    await server.db.write(duty_mail.change, member.account_id, told_until_at=found[1])
    return str(found[0]["Subject"])


async def policies(server: Server) -> dict[str, str]:
    rows = await server.db.read(instances.all_decided)
    return {row.host: row.policy for row in rows}


def fill(conn: Connection) -> None:
    """A member who follows somebody of a server that the list blocks; what is allowed, and what was decided by hand."""
    member, other = add_member(conn, "maren"), add_stranger(conn, "a", "w.spam.example")
    values = {"account_id": member, "target_id": other, "accepted": True}
    conn.execute(insert(tables.follow).values(id=new_id(), uri="https://x.example/1", **values))
    domains.decide(conn, None, "friend.example", Rule("allow"))
    domains.decide(conn, None, "hand.example", Rule("limit"))


async def test_a_list_is_followed_from_the_first_look_to_its_end(
    server: Server, member: MakeMember, elsewhere: Elsewhere
) -> None:
    ada: Member = (await member("ada", role="admin")).member
    await server.db.write(fill)
    list_id = await lists.subscribe(server, ada, elsewhere.url, Wish(mode="careful"))
    seen = await lists.show(server, ada, list_id)
    assert [(one.domain, one.verb, one.rule.policy, one.costs) for one in seen.steps] == [
        ("spam.example", "new", "reject", True),
        ("late.example", "new", "reject", False),
        ("loud.example", "new", "limit", False),
        ("xn--bcher-kva.example", "new", "noop", False),
    ]
    assert "ex****e.org: is hidden behind asterisks" in seen.row.left_out
    assert await policies(server) == {"hand.example": "limit"}  # nothing happens before an admin has agreed

    # What was chosen is done. From then on the list does by itself what costs nobody anything.
    chosen = [one.key for one in seen.steps if one.domain in ("loud.example", "late.example")]
    assert await lists.agree(server, ada, list_id, chosen) == 2
    again = await read_again(server, list_id)
    assert elsewhere.asked[-1] != ""  # and was answered with 304
    assert [one.domain for one in again.steps] == ["spam.example"]
    assert (await policies(server))["xn--bcher-kva.example"] == "noop"
    source = await lists.source(server, ada, "loud.example")
    assert source is not None
    assert source.list_id == list_id
    assert await lists.source(server, ada, "hand.example") is None
    entry = await server.db.read(audit.head)
    assert entry is not None
    assert (entry.actor_name, entry.subject_name) == ("fedserver", "xn--bcher-kva.example")
    assert elsewhere.url in str(entry.after)

    # Milder, and gone: the rule follows; but not one that somebody has made their own, or has taken back.
    await domains.set_rule(server, ada, "late.example", Rule("limit"))
    await domains.set_rule(server, ada, "xn--bcher-kva.example", Rule(""))
    elsewhere.text = (
        HEAD
        + "loud.example,noop,True,,,\nxn--bcher-kva.example,suspend,,,,\nd.example,suspend,,,,\nspam.example,suspend,,,,\n"
    )
    again = await read_again(server, list_id)
    assert [one.domain for one in again.steps] == ["spam.example"]
    assert await policies(server) == {
        "hand.example": "limit", "late.example": "limit", "loud.example": "noop", "d.example": "reject",
    }  # fmt: skip
    elsewhere.text = HEAD + "loud.example,noop,True,,,\nspam.example,suspend,,,,\n"
    await read_again(server, list_id)
    assert "d.example" not in await policies(server)
    await lists.keep_off(server, ada, list_id, ["new reject spam.example"])
    assert (await read_again(server, list_id)).steps == []

    await lists.end(server, ada, list_id, keep=False)
    await lists.end_list(server, {"id": list_id})
    assert await policies(server) == {"hand.example": "limit", "late.example": "limit"}
    with pytest.raises(NotFound):
        await lists.show(server, ada, list_id)


async def test_a_list_that_fails_or_shrinks_takes_nothing_back_by_itself(
    server: Server, member: MakeMember, elsewhere: Elsewhere
) -> None:
    ada: Member = (await member("ada", role="admin")).member
    elsewhere.text = "".join(f"s{number}.example\n" for number in range(5))
    list_id = await lists.subscribe(server, ada, elsewhere.url, Wish(mode="automatic"))
    steps = (await lists.show(server, ada, list_id)).steps
    assert await lists.agree(server, ada, list_id, [one.key for one in steps]) == 5
    for status, text, problem in (
        (500, "", "status 500"), (404, "", "status 404"), (200, "<!doctype html>", "names no domain"), (200, "", "names no domain"),
    ):  # fmt: skip
        elsewhere.status, elsewhere.text = status, text
        seen = await read_again(server, list_id)
        assert problem in seen.row.problem
        assert (len(await policies(server)), seen.rules) == (5, 5)
    assert seen.row.failures == 4
    assert "1 followed list of servers in trouble" in await told(server, ada)
    assert await told(server, ada) == ""
    elsewhere.status, elsewhere.text = 200, "s0.example\ns1.example\n"
    for _ in range(2):
        seen = await read_again(server, list_id)
        assert (seen.row.problem, bool(seen.row.shrunk), seen.rules, seen.steps) == ("", True, 5, [])
    await lists.believe(server, ada, list_id)
    assert sorted(await policies(server)) == ["s0.example", "s1.example"]
    assert not (await lists.show(server, ada, list_id)).row.shrunk
    await lists.change(server, ada, list_id, Wish(mode="ask"))
    elsewhere.text += "s9.example\n"
    assert (await read_again(server, list_id)).row.changes == 1
    assert "1 followed list of servers with changes to decide about" in await told(server, ada)
    # What is decided by hand meanwhile waits no longer.
    await domains.set_rule(server, ada, "s9.example", Rule("noop"))
    await lists.listed(server, ada)
    assert await server.db.read(stored.in_need) == []


async def test_of_two_lists_the_higher_counts_and_the_other_takes_over(
    server: Server, member: MakeMember, elsewhere: Elsewhere
) -> None:
    ada: Member = (await member("ada", role="admin")).member
    elsewhere.text = "#domain,#severity\na.example,silence\n"
    low = await lists.subscribe(server, ada, elsewhere.url, Wish(mode="automatic"))
    await lists.agree(server, ada, low, ["new limit a.example"])
    elsewhere.text = "#domain,#severity\na.example,suspend\nb.example,suspend\n"
    high = await lists.subscribe(
        server, ada, elsewhere.url.replace("one", "two"), Wish(mode="automatic", priority=9)
    )
    assert await policies(server) == {"a.example": "limit"}  # the new list waits
    await lists.agree(server, ada, high, ["changed reject a.example", "new reject b.example"])
    assert await policies(server) == {"a.example": "reject", "b.example": "reject"}
    await lists.end(server, ada, high, keep=False)
    await lists.end_list(server, {"id": high})
    assert await policies(server) == {"a.example": "limit"}
    await lists.end(server, ada, low, keep=True)
    assert await policies(server) == {"a.example": "limit"}
    assert await lists.source(server, ada, "a.example") is None

    bea: Member = (await member("bea", role="moderator")).member
    with pytest.raises(Forbidden):
        await lists.listed(server, bea)
    for url, wish in (
        ("ftp://x.example/a", Wish()),
        (elsewhere.url, Wish(priority=256)),
        (elsewhere.url, Wish(mode="x")),
    ):
        with pytest.raises(Invalid):
            await lists.subscribe(server, ada, url, wish)
    await lists.subscribe(server, ada, elsewhere.url, Wish())
    with pytest.raises(Conflict):
        await lists.subscribe(server, ada, elsewhere.url, Wish())


async def test_an_admin_follows_a_list_on_the_pages(
    server: Server, ada: Visitor, elsewhere: Elsewhere
) -> None:
    await server.db.write(fill)
    here = "/admin/federation/lists"
    page = await ada.open(here)
    assert not page.problems
    page = await ada.submit(page, f"{here}/subscribed", {"address": "nowhere"})
    assert (page.status, page.problems) == (422, [])
    page = await ada.submit(page, f"{here}/subscribed", {"address": elsewhere.url, "title": "Ours <b>"})
    assert not page.problems
    for said in (
        "Nothing has been done yet",
        "By 1 of them members would lose",
        "Line 4, ex****e.org",
        "Ours <b>",
    ):
        assert said in page.words()
    at = urlsplit(page.url).path
    for path in ("/mod", "/admin"):
        waits = await ada.open(path)
        assert not waits.problems
        assert "1 followed list waits for you" in waits.words()
        assert at in [link.get("href") for link in waits.all("a")]
    ticked = [
        box.get("value") for box in page.all("input", name="chosen[]") if box.get("checked") is not None
    ]
    page = await ada.submit(page, f"{at}/settle", {"chosen[]": ticked})
    assert "The rules of the list hold now." in page.words()
    assert sorted(await policies(server)) == [
        "hand.example",
        "late.example",
        "loud.example",
        "xn--bcher-kva.example",
    ]
    assert "Ours <b>" in (await ada.open("/admin/federation/server?host=loud.example")).words()
    page = await ada.submit(page, f"{at}/leave", choose={"chosen[]": "new reject spam.example"})
    assert "Nothing at present." in page.words()
    page = await ada.submit(page, at, {"priority": "300"})
    assert (page.status, page.problems) == (422, [])
    page = await ada.submit(page, at, {"priority": "7"})
    assert not page.problems
    page = await ada.submit(page, f"{at}/pause")
    assert "paused" in (await ada.open(here)).words()
    page = await ada.submit(page, f"{at}/resume")
    page = await ada.submit(page, f"{at}/end", choose={"rules": "keep"})
    assert "The list is followed no more." in page.words()
    assert len(await policies(server)) == 4


async def test_an_app_follows_a_list(server: Server, member: MakeMember, elsewhere: Elsewhere) -> None:
    ada = await member("ada", role="admin")
    await server.db.write(fill)
    api = "/api/v1/admin/domain_lists"
    document = openapi.document()

    def fits(path: str, verb: str, answer: object) -> None:
        content = document["paths"][path][verb]["responses"]["200"]["content"]["application/json"]
        schema = {**content["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(answer)  # type: ignore[arg-type]

    entries = await ada.post(f"{api}/preview", {"text": FIRST})
    fits(f"{api}/preview", "post", entries)
    assert (entries[0]["domain"], entries[0]["change"], entries[0]["members_count"]) == (
        "spam.example",
        "new",
        1,
    )
    assert await ada.post(f"{api}/preview", {"url": elsewhere.url}) == entries
    assert await ada.get(api) == []
    found = await ada.post(
        api, {"url": elsewhere.url, "title": "Ours", "severest": "silence", "mode": "careful"}
    )
    fits(api, "post", found)
    one = f"{api}/{found['id']}"
    assert [change["severity"] for change in found["changes"]] == ["silence", "silence", "silence", "noop"]
    found = await ada.post(f"{one}/settle", {"changes": ["new limit late.example"]})
    assert (found["state"], found["rules_count"], found["changes_count"]) == ("active", 1, 3)
    found = await ada.post(f"{one}/leave", {"changes": ["new limit spam.example"]})
    assert found["changes_count"] == 2
    found = await ada.put(one, {"priority": 9})
    assert (found["priority"], found["title"], found["mode"]) == (9, "Ours", "careful")
    assert (await ada.post(f"{one}/pause"))["state"] == "paused"
    (listed,) = await ada.get(api)
    assert (listed["id"], "changes" in listed) == (found["id"], False)
    assert (await ada.post(f"{one}/resume"))["state"] == "new"
    for verb, path, body, status in (
        ("POST", api, {"url": elsewhere.url}, 409), ("PUT", one, {"mode": "x"}, 422), ("DELETE", one, {}, 422),
        ("POST", f"{one}/refresh", {}, 429), ("GET", f"{api}/1", {}, 404), ("POST", f"{api}/preview", {}, 422),
    ):  # fmt: skip
        assert (await ada.raw(verb, path, json=body)).status == status, path
    await ada.raw("DELETE", one, json={"rules": "keep"})
    assert await ada.get(api) == []
    assert (await policies(server))["late.example"] == "limit"
