"""Whether the links of resources still lead somewhere: asked politely, broken only after two failures, told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import func, select, update

from fedserver.context import Server
from fedserver.resources import links
from storage.tables import job, resource_link
from tests.described import described
from tests.members import Person
from tests.resources.test_publishing import LESSON, RESOURCES, refused

DAY_MS = links.DAY_MS


class Elsewhere:
    """A server whose answers the test decides, and which counts what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.base = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked[request.method, request.path] += 1
        status, headers = self.answers.get(f"{request.method} {request.path}") or self.answers.get(
            request.path, (200, {})
        )
        return web.Response(status=status, headers=headers)


@pytest.fixture
async def there() -> AsyncIterator[Elsewhere]:
    made, app = Elsewhere(), web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    async with TestServer(app, host="127.0.0.1") as running:
        made.base = str(running.make_url("")).rstrip("/")
        yield made


async def published(who: Person, there: Elsewhere, path: str = "/lesson", **more: Any) -> str:
    return f"{RESOURCES}/{(await who.post(RESOURCES, {**LESSON, 'url': there.base + path, **more}))['id']}"


async def ask(server: Server, there: Elsewhere, *, later_ms: int = 0) -> None:
    """As if so much time had passed since the last look, have what is due asked."""

    def pass_time(conn: Any) -> None:
        for column in (resource_link.c.due_at, resource_link.c.failing_since, resource_link.c.checked_at):
            conn.execute(update(resource_link).values({column: column - later_ms - 1}))

    await server.db.write(pass_time)
    await links.ask_links(server, {"host": there.base.removeprefix("http://")})


async def mails(server: Server) -> int:
    def count(conn: Any) -> int:
        query = (
            select(func.count())
            .select_from(job)
            .where(job.c.kind == "mail", job.c.payload.contains("link_broken"))
        )
        return int(conn.scalar(query))

    return await server.db.read(count)


async def test_what_is_there_is_asked_once_a_week(server: Server, there: Elsewhere, alice: Person) -> None:
    at = await published(alice, there)
    assert (await alice.get(at))["links_state"] == ""
    await ask(server, there, later_ms=DAY_MS)
    found = await alice.get(at)
    assert (found["links_state"], found["links_problem"]) == ("ok", "")
    (link,) = await alice.get(f"{at}/links")
    described(f"{RESOURCES}/{{id}}/links").validate([link])
    assert (link["url"], link["state"], bool(link["checked_at"])) == (f"{there.base}/lesson", "ok", True)
    assert there.asked == {("HEAD", "/lesson"): 1}
    await ask(server, there, later_ms=6 * DAY_MS)
    assert there.asked.total() == 1
    await ask(server, there, later_ms=DAY_MS)
    assert there.asked.total() == 2


async def test_who_answers_no_head_is_asked_again(server: Server, there: Elsewhere, alice: Person) -> None:
    there.answers = {"HEAD /lesson": (404, {})}
    at = await published(alice, there)
    await ask(server, there, later_ms=DAY_MS)
    assert (await alice.get(at))["links_state"] == "ok"
    assert there.asked == {("HEAD", "/lesson"): 1, ("GET", "/lesson"): 1}


@pytest.mark.parametrize("status", [403, 429])
async def test_who_keeps_programs_out_is_there(
    server: Server, there: Elsewhere, alice: Person, status: int
) -> None:
    there.answers["/lesson"] = (status, {})
    at = await published(alice, there)
    await ask(server, there, later_ms=DAY_MS)
    assert (await alice.get(at))["links_state"] == "ok"


async def test_what_has_moved_for_good_says_where(server: Server, there: Elsewhere, alice: Person) -> None:
    there.answers = {"/lesson": (301, {"Location": "/new"}), "/for-now": (302, {"Location": "/new"})}
    moved, other = await published(alice, there), await published(alice, there, "/for-now")
    await ask(server, there, later_ms=DAY_MS)
    found = await alice.get(moved)
    assert found["links_state"] == "moved"
    assert found["links_problem"] == f"{there.base}/lesson has moved to {there.base}/new"
    assert (await alice.get(other))["links_state"] == "ok"
    await alice.patch(moved, {"url": f"{there.base}/new"})
    assert (await alice.get(moved))["links_state"] == ""


@pytest.mark.parametrize(
    ("status", "words"), [(404, "is not there any more"), (500, "answers with an error (500)")]
)
async def test_two_failures_a_day_apart_make_it_broken(
    server: Server, there: Elsewhere, alice: Person, status: int, words: str
) -> None:
    there.answers["/lesson"] = (status, {})
    at = await published(alice, there)
    await ask(server, there, later_ms=DAY_MS)
    (link,) = await alice.get(f"{at}/links")
    assert (link["state"], bool(link["failing_since"])) == ("", True)
    await ask(server, there, later_ms=DAY_MS // 2)
    assert (await alice.get(at))["links_state"] == ""
    assert there.asked["GET", "/lesson"] == 1
    await ask(server, there, later_ms=DAY_MS)
    found = await alice.get(at)
    assert (found["links_state"], words in found["links_problem"]) == ("broken", True)
    await ask(server, there, later_ms=7 * DAY_MS)
    assert (await alice.get(at))["links_state"] == "broken"
    if server.db.dialect == "sqlite":
        assert await mails(server) == 1
    there.answers.clear()
    await ask(server, there, later_ms=7 * DAY_MS)
    assert (await alice.get(at))["links_state"] == "ok"


async def test_who_cannot_be_reached_is_said_in_words(
    server: Server, there: Elsewhere, alice: Person
) -> None:
    at = await published(alice, there)
    await server.db.write(
        lambda conn: conn.execute(update(resource_link).values(url="http://127.0.0.1:1/x", due_at=0)) and None
    )
    await ask(server, there)
    await ask(server, there, later_ms=DAY_MS + 1)
    assert (await alice.get(at))["links_problem"] == "http://127.0.0.1:1/x cannot be reached"


async def test_what_we_may_not_ask_is_left_alone(server: Server, there: Elsewhere, alice: Person) -> None:
    at = await published(alice, there)
    await server.db.write(
        lambda conn: conn.execute(update(resource_link).values(url="http://10.0.0.1/x", due_at=0)) and None
    )
    await ask(server, there)
    (link,) = await alice.get(f"{at}/links")
    assert (link["state"], link["checked_at"]) == ("", None)


async def test_one_address_of_several_resources_is_asked_once(
    server: Server, there: Elsewhere, alice: Person
) -> None:
    both = [await published(alice, there) for _ in range(2)]
    await ask(server, there, later_ms=DAY_MS)
    assert there.asked.total() == 1
    assert [(await alice.get(one))["links_state"] for one in both] == ["ok", "ok"]


async def test_doi_and_files_elsewhere_are_followed(alice: Person, there: Elsewhere) -> None:
    version = {"links": [{"url": f"{there.base}/a.pdf"}]}
    at = await published(alice, there, doi="10.5281/zenodo.1234567", version=version)
    urls = {f"{there.base}/a.pdf", f"{there.base}/lesson", "https://doi.org/10.5281/zenodo.1234567"}
    assert {one["url"] for one in await alice.get(f"{at}/links")} == urls
    await alice.post(f"{at}/versions", {"number": "2", "links": [{"url": f"{there.base}/b.pdf"}]})
    urls = urls - {f"{there.base}/a.pdf"} | {f"{there.base}/b.pdf"}
    assert {one["url"] for one in await alice.get(f"{at}/links")} == urls


async def test_authors_have_them_asked_now_and_then(
    server: Server, there: Elsewhere, alice: Person, bob: Person, nobody: Person
) -> None:
    at = await published(alice, there, visibility="members")
    assert (await refused(bob, f"{at}/links/check", {}))[0] == 403
    assert (await refused(nobody, f"{at}/links/check", {}))[0] == 401
    assert (await nobody.raw("GET", f"{at}/links")).status == 404
    assert (await alice.raw("POST", f"{at}/links/check")).status == 202
    await ask(server, there)
    assert (await bob.get(at))["links_state"] == "ok"
    again = await alice.raw("POST", f"{at}/links/check")
    assert (again.status, "Retry-After" in again.headers) == (429, True)


@pytest.mark.jobs
async def test_the_chore_has_them_asked(server: Server, there: Elsewhere, alice: Person) -> None:
    from tests.waiting import until

    at = await published(alice, there)
    await server.db.write(lambda conn: conn.execute(update(resource_link).values(due_at=0)) and None)
    await server.db.write(links.plan_asking)

    async def asked() -> bool:
        return bool((await alice.get(at))["links_state"] == "ok")

    await until(asked, "that the link is asked")
