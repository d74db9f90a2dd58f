"""Finding resources: who finds which, by what, in which order; and that memory never says more than the database."""

from __future__ import annotations

from typing import Any

from tests.members import Person
from tests.resources.test_publishing import LESSON, RESOURCES, described


async def publish(who: Person, title: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await who.post(RESOURCES, {**LESSON, "title": title, **more})
    return made


async def titles(who: Person, **query: Any) -> list[str]:
    return [one["title"] for one in await who.get(RESOURCES, **query)]


async def test_resources_are_listed_the_newest_first(alice: Person, bob: Person, nobody: Person) -> None:
    await publish(alice, "First")
    await publish(bob, "Second", level="advanced", topics=[])
    found = await nobody.get(RESOURCES)
    described(RESOURCES).validate(found)
    assert [one["title"] for one in found] == ["Second", "First"]
    assert "versions" not in found[0]
    assert await titles(nobody, level="advanced") == ["Second"]
    assert await titles(nobody, q="fair") == ["Second", "First"]
    counted = await nobody.get(f"{RESOURCES}/facets")
    described(f"{RESOURCES}/facets").validate(counted)
    assert counted["total"] == 2
    assert [(one["value"], one["count"]) for one in counted["facets"]["level"]] == [
        ("advanced", 1),
        ("beginner", 1),
    ]
