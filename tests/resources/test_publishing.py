"""Resources through the client API: published, changed, brought out anew, withdrawn; and what they are in apps."""

from __future__ import annotations

from typing import Any

from tests.described import described
from tests.members import Person

RESOURCES = "/api/v1/resources"
LESSON: dict[str, Any] = {
    "title": "FAIR data in 90 minutes",
    "abstract": "Slides and exercises for a first look at FAIR data.",
    "text": "What you need:\n\n* a laptop\n* *curiosity*",
    "language": "en",
    "types": ["slides", "exercise"],
    "authors": [{"name": "Alice Doe", "orcid": "https://orcid.org/0000-0002-1825-0097"}],
    "licence": "cc-by-4.0",
    "level": "beginner",
    "time_required_minutes": 90,
    "teaches": ["Explain the FAIR principles"],
    "topics": [{"label": "Data management", "uri": "http://edamontology.org/topic_3571"}],
    "keywords": ["FAIR", "data management"],
    "url": "https://lessons.example/fair",
}


async def refused(who: Person, path: str, form: Any, method: str = "POST") -> tuple[int, str]:
    answer = await who.raw(method, path, json=form)
    return answer.status, (await answer.json())["error"]


async def test_a_resource_is_published_and_is_a_status_in_apps(alice: Person, bob: Person) -> None:
    made = await alice.post(RESOURCES, LESSON)
    described(RESOURCES, "post").validate(made)
    assert (made["licence"], made["authors"][0]["orcid"]) == ("CC-BY-4.0", "0000-0002-1825-0097")
    assert (made["version"], made["open"], made["uses_count"]) == ("1.0.0", True, 0)
    status = await bob.get(f"/api/v1/statuses/{made['status_id']}")
    for shown in (
        "FAIR data in 90 minutes",
        "a first look",
        "CC-BY-4.0",
        "Alice Doe",
        "lessons.example/fair",
    ):
        assert shown in status["content"]
    assert (status["uri"], status["url"]) == (made["uri"], made["url"])
    assert status["card"]["url"] == made["url"]
    assert {one["name"] for one in status["tags"]} == {"FAIR", "DataManagement"}
    assert (await bob.get(f"{RESOURCES}/{made['id']}"))["title"] == made["title"]


async def test_what_is_wrong_is_told_by_field(alice: Person) -> None:
    wrong = {
        **LESSON,
        "title": " ",
        "licence": "do what you want",
        "authors": [{"name": "A", "orcid": "0000-0002-1825-0098"}],
        "doi": "nonsense",
        "language": "klingon!",
        "level": "easy",
        "review_by": "2026-13-01",
        "url": "javascript:alert(1)",
    }
    code, text = await refused(alice, RESOURCES, wrong)
    assert code == 422
    for field in ("title", "licence", "authors", "doi", "language", "level", "review_by", "url"):
        assert field in text
    checked = await alice.post(f"{RESOURCES}/check", wrong)
    assert set(checked["problems"]) >= {"title", "licence", "authors"}


async def test_it_is_changed_by_its_author_alone(alice: Person, bob: Person, nobody: Person) -> None:
    made = await alice.post(RESOURCES, LESSON)
    at = f"{RESOURCES}/{made['id']}"
    assert (await refused(bob, at, {"title": "Mine"}, "PATCH"))[0] == 403
    assert (await refused(nobody, RESOURCES, LESSON))[0] == 401
    changed = await alice.patch(at, {"title": "FAIR data in an hour", "time_required_minutes": 60})
    assert (changed["title"], changed["time_required_minutes"]) == ("FAIR data in an hour", 60)
    assert changed["authors"] == made["authors"]
    status = await bob.get(f"/api/v1/statuses/{made['id']}")
    assert "1 h" in status["content"]
    assert status["edited_at"]
    code, text = await refused(alice, f"/api/v1/statuses/{made['id']}", {"status": "no"}, "PUT")
    assert (code, made["url"] in text) == (409, True)


async def test_versions_follow_each_other(alice: Person) -> None:
    made = await alice.post(
        RESOURCES, {**LESSON, "version": {"number": "0.9", "links": [{"url": "https://files.example/a.pdf"}]}}
    )
    at = f"{RESOURCES}/{made['id']}"
    found = await alice.post(f"{at}/versions", {"number": "1.0", "notes": "Exercises with solutions."})
    assert [one["number"] for one in found["versions"]] == ["1.0", "0.9"]
    assert found["versions"][1]["files"][0]["url"] == "https://files.example/a.pdf"
    assert (await refused(alice, f"{at}/versions", {"number": "1.0"}))[0] == 422
    assert (await alice.get(f"{at}/versions/1.0"))["notes"] == "Exercises with solutions."


async def test_what_is_withdrawn_says_why_and_what_is_deleted_is_gone(alice: Person, bob: Person) -> None:
    made = await alice.post(RESOURCES, LESSON)
    at = f"{RESOURCES}/{made['id']}"
    assert (await refused(alice, f"{at}/withdraw", {"reason": " "}))[0] == 422
    gone = await alice.post(f"{at}/withdraw", {"reason": "The data were wrong."})
    assert gone["withdrawal_reason"] == "The data were wrong."
    assert "The data were wrong." in (await bob.get(f"/api/v1/statuses/{made['id']}"))["content"]
    assert (await refused(alice, f"{at}/versions", {"number": "2"}))[0] == 409
    await alice.delete(at)
    assert (await bob.raw("GET", at)).status == 404


async def test_a_draft_keeps_what_is_incomplete_until_it_is_published(alice: Person, bob: Person) -> None:
    draft = await alice.post(f"{RESOURCES}/drafts", {"title": "Half a lesson"})
    described(f"{RESOURCES}/drafts", "post").validate(draft)
    assert "abstract" in draft["problems"]
    at = f"{RESOURCES}/drafts/{draft['id']}"
    assert (await bob.raw("GET", at)).status == 404
    based = [{"uri": "https://o.example/1", "title": "Other", "licence": "CC-BY-SA-4.0"}]
    draft = await alice.patch(at, {"abstract": "Now whole.", "licence": "CC-BY-4.0", "based_on": based})
    assert (draft["problems"], len(draft["licence_warnings"])) == ({}, 1)
    made = await alice.post(RESOURCES, {**draft["described"], "draft_id": draft["id"]})
    assert made["title"] == "Half a lesson"
    assert await alice.get(f"{RESOURCES}/drafts") == []
