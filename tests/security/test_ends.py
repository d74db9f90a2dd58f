"""What one member may not make too large or too much of: texts, things, follows, files that wait (LIM-04, LIM-06)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData

from fedserver import relationships
from fedserver.archives import received
from fedserver.context import Server
from storage import users
from tests.conftest import MakeMember
from tests.events.test_events import call as event
from tests.groups.conftest import MakeGroup, make_group
from tests.members import Person
from tests.opportunities.made import OPPORTUNITIES
from tests.opportunities.made import call as opportunity
from tests.panel.test_gate import browser_of
from tests.resources.test_publishing import LESSON, RESOURCES

__all__ = ["make_group"]

PROFILE = "/api/v1/accounts/update_credentials"
Form = dict[str, Any]


def texts(text: str, bob: Person) -> Iterator[tuple[str, str, Form]]:
    """Everything that a member may name, or say of something, being this text."""
    home = {"context": ["home"]}
    yield "POST", "/api/v1/lists", {"title": text}
    yield "POST", "/api/v2/filters", {"title": text, **home}
    yield "POST", "/api/v2/filters", {"title": "x", **home, "keywords_attributes": [{"keyword": text}]}
    yield "POST", "/api/v1/filters", {"phrase": text, **home}
    yield "POST", "/api/v1/statuses", {"status": text}
    yield "POST", "/api/v1/statuses", {"status": "x", "spoiler_text": text}
    yield "POST", "/api/v1/statuses", {"status": "x", "poll": {"options": [text, "b"], "expires_in": 3600}}
    for name in ("note", "display_name"):
        yield "PATCH", PROFILE, {name: text}
    for field in ({"name": text, "value": "x"}, {"name": "x", "value": text}):
        yield "PATCH", PROFILE, {"fields_attributes": [field]}
    yield "POST", "/api/v1/featured_tags", {"name": text}
    yield "POST", f"/api/v1/accounts/{bob.id}/note", {"comment": text}
    yield "POST", f"/api/v1/accounts/{bob.id}/follow", {"languages": [text]}
    yield "POST", "/api/v1/reports", {"account_id": bob.id, "comment": text}
    yield "POST", "/api/v1/domain_blocks", {"domain": f"{text}.example"}
    for name in ("title", "description"):
        yield "POST", "/api/v1/shelves", {"title": "x", "visibility": "public", name: text}
    for name in ("name", "description"):
        yield "POST", "/api/v1/collections", {"name": "x", name: text}
    for name in ("title", "text"):
        yield "PUT", "/api/v1/drafts/group:1", {"text": "x", name: text}
        yield "POST", "/api/v1/resources/drafts", {name: text}
    yield "PUT", "/api/v1/drafts/group:1", {"text": "x", "topics": [text]}
    for number, name in enumerate(("title", "charter", "join_question")):
        yield "POST", "/api/v1/groups", {"name": f"g{len(text)}_{number}", "title": "x", name: text}
    for number, name in enumerate(("rules", "topics")):
        yield "POST", "/api/v1/groups", {"name": f"h{len(text)}_{number}", "title": "x", name: [text]}
    for name in ("title", "abstract", "text"):
        yield "POST", "/api/v1/resources", {**LESSON, name: text}
        yield "POST", "/api/v1/events", {**event(), name: text}
        yield "POST", "/api/v1/opportunities", {**opportunity(), name: text}
    yield "POST", "/api/v1/resources", {**LESSON, "keywords": [text]}
    yield "POST", "/api/v1/apps", {"client_name": text, "redirect_uris": "https://app.example/"}


async def test_lim_04_a_text_of_a_megabyte_is_taken_nowhere(
    server: Server, alice: Person, bob: Person
) -> None:
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    taken = []
    for short, long in zip(texts("en", bob), texts("e" * 1_000_000, bob), strict=True):
        statuses = []
        for method, path, form in (short, long):
            answer = await alice.raw(method, path, json=form)
            await answer.read()
            statuses.append(answer.status)
        # It is for its length alone that it is refused.
        if statuses[0] not in (200, 201) or statuses[1] not in (400, 404, 413, 422):
            taken.append((short, statuses))
    assert taken == []


ENDS = {  # by what there may be so many of: where that is said, how one more is made, where they are listed
    "lists": ("fedserver.lists.LISTS_MAX", "POST /api/v1/lists", {"title": "{}"}, "/api/v1/lists"),
    "filters": (
        "fedserver.filters.FILTERS_MAX", "POST /api/v2/filters", {"title": "{}", "context": ["home"]}, "/api/v2/filters",
    ),
    "followed hashtags": ("fedserver.tags.FOLLOWED_MAX", "POST /api/v1/tags/tag{}/follow", {}, "/api/v1/followed_tags"),
    "featured hashtags": ("fedserver.tags.FEATURED_MAX", "POST /api/v1/featured_tags", {"name": "tag{}"}, "/api/v1/featured_tags"),
    "collections": ("fedserver.collections.COLLECTIONS_MAX", "POST /api/v1/collections", {"name": "{}"}, ""),
    "shelves": ("fedserver.resources.shelves.SHELVES_MAX", "POST /api/v1/shelves", {"title": "{}", "visibility": "public"}, ""),
    "drafts of resources": (
        "fedserver.resources.publishing.DRAFTS_MAX", "POST /api/v1/resources/drafts", {"title": "{}"}, "/api/v1/resources/drafts",
    ),
    "drafts of posts": ("fedserver.groups.drafts.DRAFTS_MAX", "PUT /api/v1/drafts/group:1{}", {"text": "{}"}, "/api/v1/drafts"),
    "addresses of a calendar": (
        "fedserver.events.calendars.TOKENS_MAX", "POST /api/v1/calendar/tokens", {"label": "{}"}, "/api/v1/calendar/tokens",
    ),
    "pins": ("fedserver.interactions.PINS_MAX", "POST /api/v1/statuses/{status}/pin", {}, "/api/v1/accounts/{me}/statuses?pinned=true"),
    "keywords of a filter": (
        "fedserver.filters.KEYWORDS_MAX", "POST /api/v2/filters/{filter}/keywords", {"keyword": "word {}"},
        "/api/v2/filters/{filter}/keywords",
    ),
    "posts of a filter": (
        "fedserver.filters.POSTS_MAX", "POST /api/v2/filters/{filter}/statuses", {"status_id": "{status}"},
        "/api/v2/filters/{filter}/statuses",
    ),
    "people of a list": (
        "fedserver.lists.ACCOUNTS_MAX", "POST /api/v1/lists/{list}/accounts", {"account_ids": ["{friend}"]},
        "/api/v1/lists/{list}/accounts",
    ),
    "resources on a shelf": (
        "fedserver.resources.shelves.ITEMS_MAX", "PUT /api/v1/shelves/{shelf}/items/{resource}", {}, "/api/v1/shelves/{shelf}/items",
    ),
    "opportunities": ("fedserver.opportunities.publishing.OPEN_MAX", f"POST {OPPORTUNITIES}", opportunity(), OPPORTUNITIES),
    "applications begun": (
        "fedserver.opportunities.applying.DRAFTS_MAX", f"POST {OPPORTUNITIES}/{{call}}/apply", {"answers": {}}, f"{OPPORTUNITIES}/applications",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ENDS)
async def test_lim_04_of_each_thing_there_is_an_end(
    alice: Person, bob: Person, member: MakeMember, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    most, call, form, listed = ENDS[what]
    monkeypatch.setattr(most, 2)
    method, _, path = call.partition(" ")
    known = {"me": alice.id}

    async def friend() -> Any:
        made = await member(f"friend{len(seen)}")
        await alice.post(f"/api/v1/accounts/{made.id}/follow")
        return {"id": made.id}

    once = {
        "filter": lambda: alice.post("/api/v2/filters", {"title": "x", "context": ["home"]}),
        "list": lambda: alice.post("/api/v1/lists", {"title": "x"}),
        "shelf": lambda: alice.post("/api/v1/shelves", {"title": "x", "visibility": "public"}),
    }
    each = {
        "status": lambda: alice.post("/api/v1/statuses", {"status": f"Number {len(seen)}"}),
        "resource": lambda: alice.post(RESOURCES, LESSON),
        "call": lambda: bob.post(OPPORTUNITIES, opportunity()),
        "friend": friend,
    }
    seen: list[int] = []
    for number in range(3):
        for name, make in {**(once if number == 0 else {}), **each}.items():
            if f"{{{name}}}" in f"{call} {form}":
                known[name] = (await make())["id"]
        answer = await alice.raw(method, named(path, known, number), json=named(form, known, number))
        await answer.read()
        seen.append(answer.status)
    assert seen[:2] == [200, 200]
    assert seen[2] in (409, 422)
    if listed:
        assert len(await alice.get(named(listed, known, 0))) == 2, "and what is too much is not kept"


def named(what: Any, known: dict[str, str], number: int) -> Any:
    """The same with what it names, and its number."""
    if isinstance(what, dict):
        return {name: named(value, known, number) for name, value in what.items()}
    if isinstance(what, list):
        return [named(value, known, number) for value in what]
    if not isinstance(what, str):
        return what
    for name, value in known.items():
        what = what.replace(f"{{{name}}}", value)
    return what.replace("{}", str(number))


async def test_lim_06_archives_that_wait_to_be_brought_in_are_counted(
    server: Server, alice: Person, make_group: MakeGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received, "OPEN_MAX", 2)
    group_id = await make_group(alice)
    seen = []
    for number in range(3):
        form = FormData({"source": "mbox"})
        form.add_field("file", b"From x\n" * (number + 1), filename="list.mbox")
        answer = await alice.raw("POST", f"/api/v1/groups/{group_id}/imports", data=form)
        await answer.read()
        seen.append(answer.status)
    assert seen == [202, 202, 409]
    assert len(list((server.config.data_dir / "imports").iterdir())) == 2


async def test_lim_04_of_a_poll_or_a_profile_there_is_an_end(alice: Person) -> None:
    for number, status in ((8, 200), (9, 422), (900, 422)):
        options = [f"option {one}" for one in range(number)]
        form: Form = {"status": "x", "poll": {"options": options, "expires_in": 3600}}
        assert (await alice.raw("POST", "/api/v1/statuses", json=form)).status == status, number
    for number, status in ((6, 200), (7, 422), (900, 413)):
        fields = [{"name": f"{one}", "value": "x"} for one in range(number)]
        answer = await alice.raw("PATCH", PROFILE, json={"fields_attributes": fields})
        assert answer.status == status, number
    assert len((await alice.get("/api/v1/accounts/verify_credentials"))["fields"]) == 6


async def test_lim_04_nobody_follows_everybody_at_once(
    server: Server, alice: Person, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is counted is new follows, through apps and pages together."""
    monkeypatch.setattr(relationships, "FOLLOWS_A_DAY", 2 / server.config.rate_limit_factor)
    people = [await member(f"person{number}") for number in range(3)]
    for one in people[:2]:
        await alice.post(f"/api/v1/accounts/{one.id}/follow")
    assert (await alice.post(f"/api/v1/accounts/{people[0].id}/follow", {"notify": True}))["notifying"]
    cookie = await browser_of(server, alice)
    for path in (f"/api/v1/accounts/{people[2].id}/follow", "/@person2/follow"):
        answer = await alice.raw("POST", path, headers=cookie if path.startswith("/@") else {})
        assert answer.status == 429, path
        assert int(answer.headers["Retry-After"]) > 3600, path
    assert (await alice.get("/api/v1/accounts/verify_credentials"))["following_count"] == 2


async def test_lim_04_nobody_follows_without_end(
    alice: Person, bob: Person, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relationships, "FOLLOWS_MAX", 1)
    other = await member("carol")
    for one in (bob, bob, other):
        answer = await alice.raw("POST", f"/api/v1/accounts/{one.id}/follow")
        assert answer.status == (422 if one is other else 200)
    await alice.post(f"/api/v1/accounts/{bob.id}/unfollow")
    await alice.post(f"/api/v1/accounts/{other.id}/follow")
