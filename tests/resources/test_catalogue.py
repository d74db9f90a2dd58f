"""Finding resources: who finds which, by what, in which order; and that nobody finds what they may not see."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fedserver.context import Server
from fedserver.live import Bus
from fedserver.resources import catalogue
from fedserver.resources.catalogue import Wanted
from fedserver.resources.facets import Index
from storage import accounts, users
from storage.database import open_database
from storage.types import now_ms
from tests.counting import fewest_statements
from tests.described import described
from tests.members import Person
from tests.resources.test_publishing import LESSON, RESOURCES, refused
from tests.waiting import until

FACETS = f"{RESOURCES}/facets"


async def publish(who: Person, title: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await who.post(RESOURCES, {**LESSON, "title": title, **more})
    return made


async def titles(who: Person, **query: Any) -> list[str]:
    return [one["title"] for one in await who.get(RESOURCES, **query)]


async def counts(who: Person, facet: str, **query: Any) -> dict[str, int]:
    found = await who.get(FACETS, **query)
    return {one["value"]: one["count"] for one in found["facets"][facet]}


async def test_resources_are_listed_the_newest_first(alice: Person, bob: Person, nobody: Person) -> None:
    await publish(alice, "First")
    await publish(bob, "Second", level="advanced", topics=[])
    found = await nobody.get(RESOURCES)
    described(RESOURCES).validate(found)
    assert [one["title"] for one in found] == ["Second", "First"]
    assert "versions" not in found[0]
    assert await titles(nobody, level="advanced") == ["Second"]
    counted = await nobody.get(FACETS)
    described(FACETS).validate(counted)
    assert counted["total"] == 2
    assert [(one["value"], one["count"]) for one in counted["facets"]["level"]] == [
        ("advanced", 1), ("beginner", 1),
    ]  # fmt: skip


async def test_values_of_a_facet_are_either_and_facets_are_both(alice: Person) -> None:
    await publish(alice, "Slides", types=["slides"], language="de-AT")
    await publish(alice, "Lesson", types=["lesson"], language="de")
    await publish(alice, "Video", types=["video"], language="en", authors=[{"name": "Bo Ek"}])
    assert await titles(alice, language="de-CH") == ["Lesson", "Slides"]
    either = await alice.raw("GET", f"{RESOURCES}?type=slides&type=video&type[]=lesson")
    assert len(await either.json()) == 3
    both = await alice.raw("GET", f"{RESOURCES}?type=slides&type=video&language=en")
    assert [one["title"] for one in await both.json()] == ["Video"]
    # A facet counts as if nothing of it had been chosen, the others as they are.
    assert await counts(alice, "type", type="slides", language="de") == {"slides": 1, "lesson": 1}
    assert await counts(alice, "language", type="slides") == {"de": 1}
    assert await titles(alice, author="https://orcid.org/0000-0002-1825-0097") == ["Lesson", "Slides"]
    assert await titles(alice, author="bo ek") == ["Video"]
    assert await titles(alice, licence="cc by 4.0", instance="elsewhere.example") == []
    assert {one["label"] for one in (await alice.get(FACETS))["facets"]["language"]} == {"Deutsch", "English"}


async def test_words_find_all_that_is_said_of_a_resource(alice: Person, nobody: Person) -> None:
    await publish(
        alice, "Nothing of it", doi="10.5281/zenodo.1234567", teaches=["Juggling"], skills=[{"label": "Patience"}],
        keywords=["circus"], audience=["Acrobats"], contributors=[{"name": "Zoë Zhang", "affiliation": "Big Top"}],
        identifiers=[{"value": "urn:isbn:9783161484100", "scheme": "isbn"}],
    )  # fmt: skip
    await publish(alice, "Another")
    for q in ("juggl", "juggling", "patience", "circus", "acrobats", "zoe zhang", "Big Top", "10.5281/zenodo.1234567",
              "9783161484100", '"nothing of" -another', "0000-0002-1825-0097 circus"):  # fmt: skip
        expected = [] if q == "juggl" else ["Nothing of it"]
        assert await titles(nobody, q=q) == expected, q
    assert await counts(nobody, "level", q="circus") == {"beginner": 1}
    assert await titles(nobody, q="!!!") == []


async def test_pages_lead_both_ways_in_every_order(alice: Person, bob: Person) -> None:
    made = [await publish(alice, f"R{number}") for number in range(5)]
    await alice.patch(f"{RESOURCES}/{made[0]['id']}", {"level": "advanced"})
    for number in (2, 2, 4):
        await bob.post(f"{RESOURCES}/{made[number]['id']}/use", {"used_in": "A course"})
    orders = {"new": "R4 R3 R2 R1 R0", "updated": "R0 R4 R3 R2 R1", "used": "R2 R4 R3 R1 R0"}
    for sort, order in orders.items():
        pages, url = [], f"{RESOURCES}?limit=2&sort={sort}"
        while url:
            answer = await alice.raw("GET", url)
            assert answer.headers["X-Total-Count"] == "5"
            pages.append([one["title"] for one in await answer.json()])
            links = {
                rel: link
                for link, rel in re.findall(r'<https?://[^/]+([^>]+)>; rel="(\w+)"', answer.headers["Link"])
            }
            back, url = links["prev"], links.get("next", "")
        assert " ".join(one for page in pages for one in page) == order, sort
        before = await alice.raw("GET", back)
        assert [one["title"] for one in await before.json()] == pages[-2]
    assert await titles(alice, updated_since="2100-01-01") == []
    assert len(await titles(alice, updated_since=made[3]["changed_at"])) == 3


async def test_what_cannot_be_asked_is_told(alice: Person) -> None:
    for query, said in (
        ("sort=best", "must be new, updated, used or reviewed"),
        ("updated_since=yesterday", "must be a date or an instant"),
        ("max_id=x", "max_id must be an id"),
        ("type=" + "&type=".join(map(str, range(51))), "50 values"),
    ):
        code, text = await refused(alice, f"{RESOURCES}?{query}", None, "GET")
        assert code in (400, 422), query
        assert said in text
    assert (await refused(alice, f"{FACETS}?facets[]=colour", None, "GET"))[0] == 422
    assert (await refused(alice, f"{RESOURCES}?shelf=12345", None, "GET"))[0] == 404


async def test_only_members_find_what_is_for_members(alice: Person, bob: Person, nobody: Person) -> None:
    secret = {
        "topics": [{"label": "Secret topic"}],
        "authors": [{"name": "Secret author"}],
        "types": ["game"],
    }
    await publish(alice, "Inside", visibility="members", keywords=["hush"], **secret)
    await publish(alice, "Hidden", visibility="unlisted", **secret)
    await publish(alice, "Outside")
    assert await titles(bob) == ["Outside", "Inside"]
    assert await titles(bob, q="hush") == ["Inside"]
    assert await titles(alice) == ["Outside", "Hidden", "Inside"]
    assert await titles(nobody) == ["Outside"]
    assert await titles(nobody, q="hush") == []
    counted = await (await nobody.raw("GET", f"{FACETS}?q=fair")).text()
    whole = await (await nobody.raw("GET", FACETS)).text()
    searched = await (await nobody.raw("GET", "/api/v2/search?q=hush")).text()
    chosen = await (await nobody.raw("GET", f"{FACETS}?topic=secret+topic&author=secret+author")).text()
    assert "Secret" not in counted + whole + searched + chosen
    assert '"game"' not in counted + whole
    assert await counts(nobody, "topic", topic="secret topic") == {
        "http://edamontology.org/topic_3571": 1,
        "secret topic": 0,
    }


async def test_what_is_in_a_group_is_found_by_its_members(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    group = await alice.post("/api/v1/groups", {"name": "inner", "title": "Inner", "access": "private"})
    await publish(alice, "For the group", group_id=group["id"])
    assert await titles(alice) == ["For the group"]
    for other in (bob, nobody):
        assert await titles(other) == []
        assert await titles(other, q="group") == []
        assert (await other.get(FACETS))["total"] == 0
    await alice.post(f"/api/v1/groups/{group['id']}/invitations/{bob.id}")
    await bob.post(f"/api/v1/groups/{group['id']}/join")
    assert await titles(bob) == ["For the group"]


async def test_nobody_finds_what_is_gone(
    server: Server, alice: Person, bob: Person, moderator: Person, nobody: Person
) -> None:
    first, second, third = [await publish(alice, title) for title in ("One", "Two", "Three")]
    assert await titles(nobody) == ["Three", "Two", "One"]
    await alice.post(f"{RESOURCES}/{first['id']}/withdraw", {"reason": "Wrong."})
    assert await titles(alice) == ["Three", "Two"]
    assert (await nobody.get(f"{RESOURCES}/{first['id']}"))["withdrawal_reason"] == "Wrong."
    await alice.delete(f"{RESOURCES}/{second['id']}")
    assert await titles(nobody) == ["Three"]
    assert (await nobody.get(FACETS))["total"] == 1
    await alice.patch(f"{RESOURCES}/{third['id']}", {"level": "advanced"})
    assert await counts(nobody, "level") == {"advanced": 1}
    await server.db.write(lambda conn: accounts.change(conn, alice.account_id, suspended_at=now_ms()))
    await until(lambda: _total_is(nobody, 0), "that it is heard of")
    assert await titles(nobody) == []
    await server.db.write(lambda conn: accounts.change(conn, alice.account_id, suspended_at=None))
    await until(lambda: _total_is(nobody, 1), "that it is heard of")


async def _total_is(who: Person, number: int) -> bool:
    return bool((await who.get(FACETS))["total"] == number)


async def test_lists_are_without_whom_one_has_muted_and_say_what_one_filters(
    alice: Person, bob: Person
) -> None:
    await publish(alice, "Of spiders")
    found = await bob.post(
        "/api/v2/filters",
        {"title": "Spiders", "context": ["public"], "keywords_attributes": [{"keyword": "spiders"}]},
    )
    listed = await bob.get(RESOURCES)
    described(RESOURCES).validate(listed)
    assert listed[0]["filtered"][0]["filter"]["id"] == found["id"]
    assert "filtered" not in (await alice.get(RESOURCES))[0]
    await bob.post(f"/api/v1/accounts/{alice.id}/mute")
    assert await titles(bob) == []
    assert (await bob.get(FACETS))["total"] == 0
    await bob.post(f"/api/v1/accounts/{alice.id}/unmute")
    await alice.post(f"/api/v1/accounts/{bob.id}/block")
    assert await titles(bob) == []


async def test_a_search_for_everything_has_resources_beside_the_rest(alice: Person, nobody: Person) -> None:
    made = [await publish(alice, f"Fair {number}") for number in range(3)]
    found = await nobody.get("/api/v2/search", q="fair")
    assert [one["title"] for one in found["resources"]] == ["Fair 2", "Fair 1", "Fair 0"]
    assert set(found) == {
        "accounts",
        "statuses",
        "hashtags",
        "collections",
        "resources",
        "events",
        "opportunities",
    }
    only = await alice.get("/api/v2/search", q="fair", type="resources", limit=1, offset=1)
    assert [one["id"] for one in only["resources"]] == [made[1]["id"]]
    assert only["statuses"] == only["accounts"] == only["hashtags"] == []
    assert (await alice.get("/api/v2/search", q="fair", type="accounts"))["resources"] == []


@pytest.mark.parametrize("path", [RESOURCES, FACETS])
async def test_however_many_there_are_a_page_takes_as_many_statements(
    server: Server, alice: Person, bob: Person, path: str
) -> None:
    async def statements() -> int:
        return await fewest_statements(server, lambda: bob.get(path, limit=40, q="fair"))

    await publish(alice, "One")
    await statements()
    few = [await statements()]
    for number in range(15):
        await publish(alice if number % 2 else bob, f"Number {number}")
    await bob.get(path, level="advanced")
    few.append(await statements())
    few.append(await statements())
    assert few[1] <= 5
    assert few[2] <= 3


async def test_another_process_hears_of_every_change(server: Server, alice: Person, nobody: Person) -> None:
    """Of a second process on the same PostgreSQL; SQLite has but one."""
    if server.db.dialect == "sqlite":
        pytest.skip("skipped: SQLite is served by one process")
    other = await open_database(server.config.database_url)
    try:
        bus, index = Bus(), Index()
        index.listen(bus)
        other.listen(bus.tell)
        await other.listening()  # type: ignore[attr-defined]

        async def total(level: str = "") -> int:
            wanted = Wanted(facets={"level": [level]} if level else {})
            await index.fresh(other)
            return (await other.read(catalogue.count_unit, index, None, wanted)).total

        assert await total() == 0
        made = await publish(alice, "One")
        await until(lambda: _is(total(), 1), "that it is heard of")
        await alice.patch(f"{RESOURCES}/{made['id']}", {"level": "advanced"})
        await until(lambda: _is(total("advanced"), 1), "that it is heard of")
        await server.db.write(lambda conn: accounts.change(conn, alice.account_id, suspended_at=1))
        await until(lambda: _is(total(), 0), "that it is heard of")
        await server.db.write(lambda conn: accounts.change(conn, alice.account_id, suspended_at=None))
        await until(lambda: _is(total(), 1), "that it is heard of")
        await alice.delete(f"{RESOURCES}/{made['id']}")
        await until(lambda: _is(total(), 0), "that it is heard of")
    finally:
        await other.close()


async def _is(found: Any, number: int) -> bool:
    return bool(await found == number)
