"""``POST /api/v1/resources/import``: drafts with their receipt; pages and DOIs are asked of a server of the tests."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fedserver.context import Server
from tests.described import described
from tests.members import Person
from tests.resources.importing.samples import everything, lesson
from tests.resources.importing.test_sources import CSL, DATACITE, PAGE, RECORD
from tests.running import free_port

IMPORT = "/api/v1/resources/import"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server_settings(port: int) -> dict[str, str]:
    return {"doi_resolver": f"http://127.0.0.1:{port}/doi", "zenodo_url": f"http://127.0.0.1:{port}"}


@pytest.fixture
async def elsewhere(port: int) -> AsyncIterator[str]:
    """A server with pages, DOIs and records; its origin."""

    async def answer_doi(request: web.Request) -> web.Response:
        if request.match_info["name"] == "10.1234/abc":
            raise web.HTTPFound("/about/abc")
        return web.Response(status=404)

    async def about(request: web.Request) -> web.Response:
        accepted = request.headers["Accept"]
        assert accepted.startswith("application/vnd.datacite.datacite+json")
        return web.Response(body=json.dumps(DATACITE), content_type="application/vnd.datacite.datacite+json")

    async def csl(request: web.Request) -> web.Response:
        return web.Response(body=json.dumps(CSL), content_type="application/vnd.citationstyles.csl+json")

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def broken(request: web.Request) -> web.Response:
        text = lesson().replace('"keywords"', '"keywords": "x" "keywords"', 1)
        html = f"<html><script type='application/ld+json'>{text}</script></html>"
        return web.Response(text=html, content_type="text/html")

    async def bomb(request: web.Request) -> web.Response:
        body = gzip.compress(b"<p>" + b"x" * 50_000_000)
        return web.Response(body=body, content_type="text/html", headers={"Content-Encoding": "gzip"})

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound("/page")

    async def inside(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://10.0.0.1/secret")

    async def record(request: web.Request) -> web.Response:
        return (
            web.json_response(RECORD) if request.match_info["id"] == "1234567" else web.Response(status=404)
        )

    async def picture(request: web.Request) -> web.Response:
        return web.Response(body=b"GIF89a", content_type="image/gif")

    app = web.Application()
    for path, handler in (
        ("/doi/10.1234/csl", csl), ("/doi/{name:.*}", answer_doi), ("/about/abc", about), ("/page", page), ("/broken", broken),
        ("/bomb", bomb), ("/moved", moved), ("/inside", inside), ("/api/records/{id}", record), ("/picture", picture),
    ):  # fmt: skip
        app.router.add_get(path, handler)
    async with TestServer(app, host="127.0.0.1", port=port):
        yield f"http://127.0.0.1:{port}"


async def drafted(who: Person, **sent: str) -> dict[str, Any]:
    done: dict[str, Any] = await who.post(IMPORT, sent)
    described(IMPORT, "post").validate(done)
    assert len(done["drafts"]) == 1, done
    draft: dict[str, Any] = done["drafts"][0]
    return draft


async def refusal(who: Person, **sent: str) -> str:
    answer = await who.raw("POST", IMPORT, json=sent)
    assert 400 <= answer.status < 504, answer.status
    return str((await answer.json())["error"])


async def test_what_is_pasted_becomes_a_draft_with_its_receipt(
    server: Server, alice: Person, bob: Person
) -> None:
    draft = await drafted(alice, jsonld=lesson().replace(', "identifier"', ' "identifier"'))
    assert [one["sentence"] for one in draft["receipt"]["repaired"]] == [
        "A comma was missing; it was put in."
    ]
    assert draft["described"]["title"] == "FAIR data in 90 minutes"
    assert draft["problems"] == {}
    assert draft["receipt"]["version"]["number"] == "1.2"
    assert (await alice.get(f"/api/v1/resources/drafts/{draft['id']}"))["receipt"] == draft["receipt"]
    assert await bob.get("/api/v1/resources/drafts") == []
    assert (await server.db.read(everything))["resource"] == 0
    made = await alice.post("/api/v1/resources", {**draft["described"], "draft_id": draft["id"]})
    again = await drafted(bob, jsonld=lesson())
    assert [(one["by"], one["id"], one["url"]) for one in again["receipt"]["doubles"]] == [
        ("source", made["id"], made["url"])
    ]


@pytest.mark.parametrize(
    ("way", "text", "title"),
    [
        ("bibtex", "@misc{a, title={One}, author={Doe, Ada}}", "One"),
        ("csv", "title,author\nOne,Ada", "One"),
        ("zenodo", json.dumps(RECORD), "FAIR data in 90 minutes"),
        ("jsonld", f"<script type='application/ld+json'>{lesson()}</script>", "FAIR data in 90 minutes"),
    ],
    ids=lambda text: text[:6],
)
async def test_every_way_makes_a_draft(alice: Person, way: str, text: str, title: str) -> None:
    assert (await drafted(alice, **{way: text}))["described"]["title"] == title


async def test_a_page_is_fetched_and_read(alice: Person, elsewhere: str) -> None:
    found = await drafted(alice, url=f"{elsewhere}/moved")
    assert found["described"]["title"] == "FAIR data & more"
    assert found["described"]["url"] == f"{elsewhere}/fair"
    broken = await drafted(alice, url=f"{elsewhere}/broken")
    assert {one["line"] for one in broken["receipt"]["repaired"]} == {1}


async def test_a_doi_is_looked_up(alice: Person, elsewhere: str) -> None:
    found = await drafted(alice, doi="https://doi.org/10.1234/ABC")
    assert found["described"]["authors"][0]["orcid"] == "0000-0002-1825-0097"
    assert found["described"]["doi"] == "10.1234/abc"
    assert (await drafted(alice, doi="doi:10.1234/csl"))["described"]["title"] == "FAIR data"
    assert "no such DOI" in await refusal(alice, doi="10.1234/nobody")


async def test_a_record_is_fetched(alice: Person, elsewhere: str) -> None:
    for text in ("1234567", "https://zenodo.org/records/1234567"):
        assert (await drafted(alice, zenodo=text))["described"]["doi"] == RECORD["doi"]
    assert "404" in await refusal(alice, zenodo="7654321")


async def test_what_cannot_be_brought_in_is_said_and_changes_nothing(
    server: Server, alice: Person, nobody: Person, elsewhere: str
) -> None:
    before = await server.db.read(everything)
    deep = '{"@type": "Course", "name": ' + "[" * 5_000 + "]" * 5_000 + "}"
    for sent, said in (
        ({}, "one of"),
        ({"url": "https://a.example", "doi": "10.1/a"}, "one of"),
        ({"doi": "nonsense"}, "not a DOI"),
        ({"zenodo": "nonsense"}, "number"),
        ({"jsonld": "nonsense"}, "not JSON"),
        ({"jsonld": deep}, "levels deep"),
        ({"jsonld": '{"@type": "CourseInstance", "name": "In May"}'}, "calendar"),
        ({"jsonld": '{"a": "' + "x" * 1_100_000 + '"}'}, "bytes"),
        ({"bibtex": "nothing"}, "no entry"),
        ({"csv": "a,b\n1,2"}, "title"),
        ({"csv": "title\n" + "One\n" * 60}, "at most 50"),
        ({"url": "file:///etc/passwd"}, "address"),
        ({"url": "http://10.0.0.1/"}, "public addresses"),
        ({"url": f"{elsewhere}/inside"}, "public addresses"),
        ({"url": f"{elsewhere}/bomb"}, ""),
        ({"url": f"{elsewhere}/picture"}, ""),
        ({"url": f"{elsewhere}/missing"}, "404"),
    ):
        words = await refusal(alice, **sent)
        assert words, sent
        assert said in words, (sent, words)
    assert (await nobody.raw("POST", IMPORT, json={"jsonld": lesson()})).status == 401
    assert await server.db.read(everything) == before
