"""What is made from resources: drafts that name their source, and the tree of what is known."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select, update

from fedserver.context import Server
from storage.tables import resource, resource_relation
from tests.counting import fewest_statements
from tests.described import described
from tests.members import Person
from tests.resources.test_publishing import LESSON, RESOURCES, refused


async def made_from(
    who: Person, *sources: dict[str, Any], title: str = "Mine", **more: Any
) -> dict[str, Any]:
    """A resource that is published as made from others."""
    based_on = [{"uri": one["uri"], "title": one["title"], "licence": one["licence"]} for one in sources]
    found: dict[str, Any] = await who.post(
        RESOURCES, {**LESSON, "title": title, "based_on": based_on, **more}
    )
    return found


async def tree(who: Person, of: dict[str, Any], **query: Any) -> dict[str, int]:
    """Titles with their depths."""
    found = await who.get(f"{RESOURCES}/{of['id']}/adaptations", **query)
    described(f"{RESOURCES}/{{id}}/adaptations").validate(found)
    return {one["title"]: one["depth"] for one in found["nodes"]}


async def test_a_draft_has_what_the_source_says_and_names_it(alice: Person, bob: Person) -> None:
    source = await alice.post(
        RESOURCES, {**LESSON, "doi": "10.5281/zenodo.1234567", "licence": "CC-BY-SA-4.0"}
    )
    draft = await bob.post(f"{RESOURCES}/{source['id']}/adapt", {"relation": "translation", "language": "de"})
    described(f"{RESOURCES}/{{id}}/adapt", "post").validate(draft)
    said = draft["described"]
    assert said["based_on"] == [
        {"uri": source["uri"], "relation": "translation", "title": source["title"], "licence": "CC-BY-SA-4.0"}
    ]
    assert (said["language"], said["title"], said["text"]) == ("de", source["title"], LESSON["text"])
    assert not {"doi", "url"} & said.keys()
    assert draft["licence_warnings"] == []
    at = f"{RESOURCES}/drafts/{draft['id']}"
    changed = await bob.patch(at, {"licence": "CC-BY-4.0", "title": "FAIR-Daten"})
    assert "CC-BY-SA-4.0" in changed["licence_warnings"][0]
    mine = await bob.post(RESOURCES, {**changed["described"], "draft_id": draft["id"]})
    found = await alice.get(f"{RESOURCES}/{source['id']}")
    assert found["adaptations_count"] == 1
    assert "mention" in [one["type"] for one in await alice.get("/api/v1/notifications")]
    assert await tree(alice, source) == {source["title"]: 0, "FAIR-Daten": 1}
    whole = await alice.get(f"{RESOURCES}/{mine['id']}/adaptations")
    (edge,) = whole["edges"]
    assert (edge["resource_id"], edge["source_id"], edge["relation"]) == (
        mine["id"],
        source["id"],
        "translation",
    )
    assert (edge["licence"], whole["complete"]) == ("CC-BY-SA-4.0", True)


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ({"relation": "part"}, "relation must be"),
        ({"relation": "translation"}, "language is needed"),
        ({"relation": "translation", "language": "en"}, "in already"),
        ({"language": "klingon!"}, "language is not"),
    ],
)
async def test_what_is_wrong_is_told_by_field(alice: Person, form: Any, names: str) -> None:
    source = await alice.post(RESOURCES, LESSON)
    code, text = await refused(alice, f"{RESOURCES}/{source['id']}/adapt", form)
    assert (code, names in text) == (422, True), text
    assert await alice.get(f"{RESOURCES}/drafts") == []


async def test_who_may_adapt(alice: Person, bob: Person, nobody: Person) -> None:
    source = await alice.post(RESOURCES, {**LESSON, "visibility": "members"})
    at = f"{RESOURCES}/{source['id']}"
    assert (await refused(nobody, f"{at}/adapt", {}))[0] == 401
    assert (await nobody.raw("GET", f"{at}/adaptations")).status == 404
    assert (await refused(bob, f"{RESOURCES}/1/adapt", {}))[0] == 404
    assert (await bob.post(f"{at}/adapt"))["described"]["based_on"][0]["uri"] == source["uri"]
    await alice.post(f"{at}/withdraw", {"reason": "Wrong."})
    assert (await refused(bob, f"{at}/adapt", {}))[0] == 409


async def test_the_tree_goes_both_ways_as_far_as_asked(alice: Person, bob: Person, nobody: Person) -> None:
    a = await alice.post(RESOURCES, {**LESSON, "title": "A"})
    b = await made_from(bob, a, title="B")
    c = await made_from(alice, b, title="C")
    await made_from(alice, c, a, title="D")
    await made_from(alice, a, title="Hidden", visibility="members")
    assert await tree(alice, b) == {"A": -1, "B": 0, "C": 1, "D": 2}
    assert await tree(alice, a) == {"A": 0, "B": 1, "D": 1, "Hidden": 1, "C": 2}
    assert await tree(nobody, a, depth=1) == {"A": 0, "B": 1, "D": 1}
    assert await tree(alice, c, depth=0) == {"C": 0}
    for depth in (-1, 11, "x"):
        assert (
            await alice.raw("GET", f"{RESOURCES}/{a['id']}/adaptations", params={"depth": depth})
        ).status == 422


async def test_what_lies_behind_something_hidden_is_left_out(alice: Person, nobody: Person) -> None:
    a = await alice.post(RESOURCES, {**LESSON, "title": "A"})
    b = await made_from(alice, a, title="B", visibility="members")
    await made_from(alice, b, title="C")
    assert await tree(nobody, a) == {"A": 0}
    assert await tree(alice, a) == {"A": 0, "B": 1, "C": 2}


async def test_a_circle_gets_a_sentence(alice: Person) -> None:
    a = await alice.post(RESOURCES, {**LESSON, "title": "A"})
    b = await made_from(alice, a, title="B")
    for source in (b, a):
        code, text = await refused(
            alice, f"{RESOURCES}/{a['id']}", {"based_on": [{"uri": source["uri"]}]}, "PATCH"
        )
        assert (code, "cannot lead back" in text) == (422, True)
    assert await tree(alice, a) == {"A": 0, "B": 1}


async def test_circles_of_others_are_walked_once(server: Server, alice: Person) -> None:
    a = await alice.post(RESOURCES, {**LESSON, "title": "A"})
    b = await made_from(alice, a, title="B")
    c = await made_from(alice, b, title="C")

    def close(conn: Any) -> None:
        for made, source in ((a, c), (a, a)):
            values = {
                "post_id": int(made["id"]),
                "target_id": int(source["id"]),
                "uri": source["uri"],
                "relation": "adaptation",
            }
            conn.execute(resource_relation.insert().values(**values))

    await server.db.write(close)
    assert await tree(alice, a, depth=10) == {"A": 0, "C": -1, "B": -2}
    answer = await alice.raw("PATCH", f"{RESOURCES}/{b['id']}", json={"title": "B2"})
    assert answer.status == 422
    assert (await alice.raw("DELETE", f"{RESOURCES}/{c['id']}")).status == 200
    assert await tree(alice, a) == {"A": 0, "B": 1}


async def test_counts_of_adaptations_are_those_of_rows(server: Server, alice: Person) -> None:
    a = await alice.post(RESOURCES, {**LESSON, "title": "A"})
    b = await alice.post(RESOURCES, {**LESSON, "title": "B"})
    c = await made_from(alice, a, b, title="C")
    d = await made_from(alice, a, title="D")
    await alice.patch(f"{RESOURCES}/{c['id']}", {"based_on": [{"uri": b["uri"]}]})
    await alice.delete(f"{RESOURCES}/{d['id']}")

    def counted(conn: Any) -> list[tuple[int, int]]:
        rows = select(func.count()).where(resource_relation.c.target_id == resource.c.post_id)
        return list(conn.execute(select(resource.c.adaptations_count, rows.scalar_subquery())).tuples())

    assert all(said == rows for said, rows in await server.db.read(counted))
    assert (await alice.get(f"{RESOURCES}/{b['id']}"))["adaptations_count"] == 1


async def test_a_large_tree_takes_as_many_statements(server: Server, alice: Person) -> None:
    a = await alice.post(RESOURCES, {**LESSON, "title": "A"})

    async def taken() -> int:
        await tree(alice, a)
        return await fewest_statements(server, lambda: tree(alice, a))

    await made_from(alice, a, title="B")
    few = await taken()
    for number in range(8):
        await made_from(alice, a, title=str(number))
    assert await taken() == few <= 10


async def test_what_is_made_from_something_unknown_names_it(server: Server, alice: Person) -> None:
    mine = await made_from(alice, {"uri": "https://a.example/r/1", "title": "Theirs", "licence": "CC-BY-4.0"})
    (edge,) = (await alice.get(f"{RESOURCES}/{mine['id']}/adaptations"))["edges"]
    assert (edge["source_id"], edge["uri"], edge["title"]) == (None, "https://a.example/r/1", "Theirs")
    await server.db.write(lambda conn: conn.execute(update(resource_relation).values(title="")) and None)
    assert await tree(alice, mine) == {"Mine": 0}
