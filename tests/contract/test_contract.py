"""Every route that Mastodon documents is called by a member, by an app and by nobody, and answers as documented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from fedserver import scopes
from fedserver.context import Server
from tests.client import ApiError
from tests.contract import admin_calls, calls
from tests.contract.calls import Call
from tests.contract.entities import Entities
from tests.contract.openapi import Document, shape
from tests.contract.world import World
from tests.federation.hosts import listening
from tests.members import Person
from tests.test_docs import _is_named_as_missing as is_named_as_missing

CALLS = {call.key: call for call in [*calls.CALLS, *admin_calls.CALLS]}

CLIENTS = {
    "elk", "icecubes", "mastodon-android", "mastodon-ios", "mastodon.py", "megalodon", "pachli", "phanpy", "toot",
    "tuba", "tusky",
}  # fmt: skip
# In Mastodon's words, which clients look for.
REFUSALS = {
    401: ["The access token is invalid"],
    403: [
        "This action is outside the authorized scopes",
        "This action is not allowed",
        "This method requires an app token",
    ],
    422: ["This method requires an authenticated user"],
}
ORDER = ["POST", "PUT", "PATCH", "GET", "DELETE"]


@dataclass
class Documented:
    """What the documentation says of a route."""

    route: str
    method: str
    path: str
    auth: str
    scopes: list[str]
    priority: str
    clients: list[str]


@pytest.fixture
def documented(shared: Path) -> list[Documented]:
    file = shared / "data" / "mastodon" / "endpoints.json"
    return [
        Documented(
            f"{one['method']} {one['path']}",
            one["method"],
            one["path"],
            one["auth"],
            one["scopes"],
            one["priority"],
            one["clients"],
        )
        for one in json.loads(file.read_text(encoding="utf-8"))
    ]


async def elsewhere(request: web.Request) -> web.Response:
    """LibreTranslate, with two languages, and pages to link to."""
    if request.path.startswith("/page"):
        return web.Response(text="<title>News</title><p>All of it", content_type="text/html")
    both = ["de", "en"]
    if request.path == "/languages":
        return web.json_response([{"code": one, "name": one, "targets": both} for one in both])
    asked = (await request.json())["q"]
    detected = [{"confidence": 90, "language": "en"} for _ in asked]
    return web.json_response({"translatedText": asked, "detectedLanguage": detected})


@pytest.fixture
def server_settings() -> Iterator[dict[str, str]]:
    with listening(elsewhere) as port:
        yield {
            "registrations": "open",
            "email_subscriptions": "1",
            "translation_service": "libretranslate",
            "translation_url": f"http://127.0.0.1:{port}",
        }


@pytest.fixture
async def world(server: Server, app_client: TestClient[Any, Any]) -> World:
    made = World(server, app_client)
    await made.settle()
    return made


def test_each_documented_route_has_a_call(documented: list[Documented]) -> None:
    routes = {(one.method, shape(one.path)) for one in documented}
    assert sorted(routes - set(CALLS)) == []
    assert sorted(set(CALLS) - routes) == []
    assert len(CALLS) == len([*calls.CALLS, *admin_calls.CALLS]), "a route has two calls"


@pytest.mark.jobs
async def test_every_route_answers_as_documented(
    world: World, documented: list[Documented], shared: Path, tmp_path: Path, server_settings: dict[str, str]
) -> None:
    conformance = shared / "data" / "conformance" / "mastodon-openapi" / "schema.json"
    checker = Checker(world, Document(conformance), Entities(shared / "data" / "mastodon" / "entities.json"))
    world.things["elsewhere"] = server_settings["translation_url"]
    await world.arrange(tmp_path)
    by_key = {(one.method, shape(one.path)): one for one in documented}
    # What is written first can be read and then removed; `clear` empties a list.
    for call in sorted(
        CALLS.values(), key=lambda call: (call.path.endswith("clear"), ORDER.index(call.method))
    ):
        await checker.check(call, by_key[call.key])
    assert not checker.problems, "\n".join(
        f"{route}: {one}" for route, problems in checker.problems.items() for one in problems
    )
    # What each client reads at its start and in its tabs, as its authors wrote it.
    read = [one for one in documented if one.method == "GET" and one.priority in ("P0", "P1")]
    assert {name for one in read for name in one.clients} == CLIENTS
    refused = {
        f"{client}: {one.route}"
        for one in read
        for client in one.clients
        if checker.answered[one.route] >= 400
    }
    assert refused == set()


QUOTES = '\'";--\\%_ NEAR(a OR "b) ^a* $.a'


async def test_inj_04_whatever_is_written_in_a_call_is_text(world: World) -> None:
    """Each text of each call in turn is one that would end it in a query, while all else of the call is right."""
    failed, asked = [], 0
    for call in CALLS.values():
        for place in places(call.body) if not call.absent else ():
            asked += 1
            for name in call.needs:
                await world.thing(name)
            path, body = await world.fill_in(call.path), await world.fill_in(call.body)
            *above, last = place
            reduce(getitem, above, body)[last] = QUOTES
            asking = world.ada if "/admin/" in path else world.alice
            answer = await asking.raw(call.method, path, json=body)
            await answer.read()
            if answer.status >= 500:
                failed.append((call.route, place, answer.status))
    assert failed == []
    assert asked > 50


def places(body: Any) -> Iterator[tuple[Any, ...]]:
    """Where there are texts in it."""
    for key, value in body.items() if isinstance(body, dict) else enumerate(body or ()):
        if isinstance(value, str):
            yield (key,)
        elif isinstance(value, dict | list):
            yield from ((key, *rest) for rest in places(value))


def test_what_is_absent_is_what_the_documentation_says(documented: list[Documented]) -> None:
    absent = {
        route
        for route, one in ((one.route, CALLS[one.method, shape(one.path)]) for one in documented)
        if one.absent
    }
    named = {one.route for one in documented if is_named_as_missing(one.method, one.path)}
    assert named == absent


class Checker:
    """Makes the calls of one route and notes what is not as documented."""

    def __init__(self, world: World, document: Document, entities: Entities) -> None:
        self.world = world
        self.document = document
        self.entities = entities
        self.problems: dict[str, list[str]] = {}
        self.answered: dict[str, int] = {}
        self._app: Person | None = None

    async def check(self, call: Call, of: Documented) -> None:
        auth = call.auth or ("public" if of.auth.startswith("public") else of.auth or "user")
        asking = self.world.ada if auth == "user(admin)" else self.world.alice
        if self._app is None:
            self._app = await self.world.app()
        try:
            for name in call.needs:
                await self.world.thing(name)
            path = await self.world.fill_in(call.path)
            body = await self.world.fill_in(call.body)
        except (ApiError, LookupError, AttributeError, NotImplementedError) as error:
            self._note(of.route, f"what it needs cannot be made: {error!r}"[:400])
            return
        # Those who are refused ask first, so that what they ask for must still be there afterwards.
        refused: list[tuple[str, Person, int]] = []
        if auth != "public" and not call.absent:
            refused.append(("nobody", self.world.nobody(), 401))
        if auth.startswith("user") and not call.absent:
            refused.append(("an app", self._app, 422))
        wanted = list(call.scopes if call.scopes is not None else of.scopes)
        if wanted and not call.absent:
            rest = " ".join(_other_scopes(wanted))
            refused.append(("a token of another scope", await self.world.with_scopes(asking, rest), 403))
        if auth == "user(admin)":
            member = await self.world.with_scopes(self.world.alice, " ".join(scopes.ALL))
            refused.append(("a member", member, 403))
        for who, person, status in refused:
            if call.streams and status == 403:
                status = 401  # the streaming server of Mastodon knows no other
            answer = await self._ask(person, call, path, body)
            if answer.status != status:
                self._note(of.route, f"{who} gets {answer.status} and not {status}")
            elif not call.streams and await _json(answer) not in (
                {"error": text} for text in REFUSALS[status]
            ):
                self._note(of.route, f"{who} is told {await answer.text()}")
        least = wanted[0] if wanted else "read write admin:read admin:write"
        allowed = [("a member", await self.world.with_scopes(asking, least))]
        if auth in ("public", "app") and call.method == "GET":
            allowed.append(("an app", self._app))
        if auth == "public" and call.method == "GET":
            allowed.append(("nobody", self.world.nobody()))
        if auth == "app":
            allowed[0] = ("an app", self._app)
        for who, person in allowed:
            await self._check_answer(who, await self._ask(person, call, path, body), call, of)

    async def _ask(self, person: Person, call: Call, path: str, body: Any) -> Any:
        if call.upload:
            return await person.raw(call.method, path, data=await self.world.picture_form())
        return await person.raw(call.method, path, **({"json": body} if body is not None else {}))

    async def _check_answer(self, who: str, answer: Any, call: Call, of: Documented) -> None:
        self.answered.setdefault(of.route, answer.status)
        if call.streams and answer.status == 200:
            line = await answer.content.readline()
            answer.close()
            if line != b":)\n":
                self._note(of.route, f"{who} reads {line!r}")
            return
        if answer.status != call.status and not (call.upload and answer.status == 202):
            self._note(of.route, f"{who} gets {answer.status}: {(await answer.text())[:200]!r}")
            return
        if call.empty and call.empty != "{}":
            return
        value = await _json(answer)
        if call.empty:
            if value != {}:
                self._note(of.route, f"{who} gets {value!r} and not an empty object")
            return
        if value is None or value == []:
            self._note(of.route, f"{who} gets nothing")
            return
        named = call.gives.strip("[]")
        schema = call.schema or self.document.schema(of.method, of.path, answer.status)
        if named:
            component = self.document.component(named)
            schema = {"type": "array", "items": component} if component and call.gives != named else component
        if schema is not None:
            self._note(of.route, *self.document.problems(schema, value))
        entity = named or _entity_of(schema, self.entities)
        if entity:
            for one in value if isinstance(value, list) else [value]:
                self._note(of.route, *self.entities.problems(entity, one))
        if schema is None and not entity:
            self._note(of.route, "nothing says what the answer should be")

    def _note(self, route: str, *problems: str) -> None:
        for problem in problems:
            noted = self.problems.setdefault(route, [])
            if problem not in noted:
                noted.append(problem)


def _other_scopes(granted: list[str]) -> list[str]:
    """Every scope that gives nothing of these."""
    return [
        one
        for one in scopes.ALL
        if not any(scopes.within((name,), (one,)) or scopes.within((one,), (name,)) for name in granted)
    ]


def _entity_of(schema: dict[str, Any] | None, entities: Entities) -> str:
    """The entity whose schema this is, or of whose schemas this is a list; "" if it is none's."""
    schema = schema or {}
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref") or ""
    component = reference.rpartition("/")[2]
    return next((name for name in entities.names if name.replace("::", "") == component), "")


async def _json(answer: Any) -> Any:
    text = await answer.text()
    try:
        return json.loads(text)
    except ValueError:
        return None
