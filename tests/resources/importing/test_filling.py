"""What was found elsewhere comes into the library once, quietly, and is known again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.resources.importing import filling, jsonld, ols, zenodo
from fedserver.resources.importing.receipts import Read, joined
from storage import relationships
from storage.tables.base import metadata
from tests.members import Person
from tests.people import add_stranger
from tests.resources.importing.samples import LIBRARY, PEOPLE, brought_in, everything, lesson

RESOURCES = "/api/v1/resources"


def states(report: filling.Report) -> list[str]:
    return [one.state for one in report.outcomes]


def lessons(*texts: str) -> Read:
    return joined([jsonld.read(one) for one in texts])


async def test_it_is_there_as_if_its_author_had_published_it_then(
    server: Server, alice: Person, bob: Person
) -> None:
    report = await brought_in(server, lessons(lesson()))
    assert states(report) == ["added"]
    found = await bob.get(f"{RESOURCES}/{report.outcomes[0].id}")
    assert (found["title"], found["version"], found["issued"]) == (
        "FAIR data in 90 minutes",
        "1.2",
        "2024-05-06",
    )
    assert found["account"]["username"] == "alice"
    assert found["created_at"].startswith("2024-05-06")
    status = await bob.get(f"/api/v1/statuses/{found['id']}")
    assert (status["card"]["title"], status["visibility"]) == (found["title"], "public")
    assert (await bob.get("/api/v2/search?q=FAIR&type=statuses"))["statuses"]


async def test_a_second_import_changes_nothing(server: Server, alice: Person) -> None:
    def read() -> Read:
        return joined(
            [
                lessons(lesson(), lesson(**{"@id": None, "url": None, "identifier": None, "name": "Other"})),
                ols.read(LIBRARY, PEOPLE),
            ]
        )

    assert set(states(await brought_in(server, read()))) == {"added"}
    before = await server.db.read(everything)
    again = await brought_in(server, read())
    assert set(states(again)) == {"unchanged", "there"}
    assert states(again).count("there") == 1  # what names no source is known by its title
    assert await server.db.read(everything) == before


async def test_what_changes_at_its_source_becomes_a_revision(server: Server, alice: Person) -> None:
    first = await brought_in(server, lessons(lesson()))
    post_id = first.outcomes[0].id
    changed = lesson(
        name="FAIR data in 80 minutes",
        timeRequired="PT80M",
        version="2.0",
        encoding={"contentUrl": "https://files.example/a.pdf"},
    )
    assert states(await brought_in(server, lessons(changed))) == ["changed"]
    found = await alice.get(f"{RESOURCES}/{post_id}")
    assert (found["title"], found["time_required_minutes"]) == ("FAIR data in 80 minutes", 80)
    assert [one["number"] for one in found["versions"]] == ["2.0", "1.2"]
    assert found["versions"][0]["files"][0]["url"] == "https://files.example/a.pdf"
    assert len(await alice.get(f"/api/v1/statuses/{post_id}/history")) == 2
    before = await server.db.read(everything)
    assert states(await brought_in(server, lessons(changed))) == ["unchanged"]
    assert await server.db.read(everything) == before


async def test_what_was_changed_here_stays_as_it_is(server: Server, alice: Person) -> None:
    report = await brought_in(server, lessons(lesson()))
    at = f"{RESOURCES}/{report.outcomes[0].id}"
    await alice.patch(at, {"level": "advanced"})
    before = await server.db.read(everything)
    assert states(await brought_in(server, lessons(lesson(name="Another name")))) == ["changed_here"]
    assert await server.db.read(everything) == before


async def test_a_version_brought_out_here_is_a_change_here(server: Server, alice: Person) -> None:
    report = await brought_in(server, lessons(lesson()))
    await alice.post(f"{RESOURCES}/{report.outcomes[0].id}/versions", {"number": "3"})
    assert states(await brought_in(server, lessons(lesson(name="Another name")))) == ["changed_here"]


async def test_others_resources_are_left_alone(server: Server, alice: Person, bob: Person) -> None:
    await brought_in(server, lessons(lesson()))
    before = await server.db.read(everything)
    assert states(await brought_in(server, lessons(lesson(name="Another name")), "bob")) == ["there"]
    assert await server.db.read(everything) == before


@pytest.mark.parametrize(
    ("changes", "state", "by"),
    [
        ({"@id": "https://copies.example/1", "url": "https://copies.example/1"}, "there", "doi"),
        ({"@id": "https://copies.example/1", "identifier": None}, "there", "url"),
        ({"@id": None, "url": None, "identifier": None}, "there", "title"),
        ({"@id": None, "url": None, "identifier": None, "name": "FAIR data in ninety minutes"}, "added", None),
        ({"@id": None, "url": None, "identifier": None, "name": "The FAIR data in 90 minutes"}, "there", "title"),
        ({"@id": None, "url": None, "identifier": None, "author": "Eve Moe"}, "added", None),
        ({"@id": "https://copies.example/1", "url": "https://copies.example/1", "identifier": "10.1234/5"}, "added", "title"),
        ({"@id": None, "url": None, "identifier": None, "datePublished": "2025-05-06"}, "added", "title"),
    ],
    ids=str,
)  # fmt: skip
async def test_the_same_work_is_recognised(
    server: Server, alice: Person, changes: dict[str, Any], state: str, by: str | None
) -> None:
    first = await brought_in(server, lessons(lesson()))
    report = await brought_in(server, lessons(lesson(**changes)))
    assert states(report) == [state]
    named = report.outcomes[0].receipt.doubles
    if by is not None:
        assert [(one.by, one.id) for one in named] == [(by, first.outcomes[0].id)]


async def test_what_stands_twice_in_one_source_comes_in_once(server: Server, alice: Person) -> None:
    copy = lesson(**{"@id": "https://copies.example/1", "url": None})
    assert states(await brought_in(server, lessons(lesson(), lesson(name="Otherwise"), copy))) == [
        "added",
        "twice",
        "there",
    ]


async def test_nobody_is_told_and_nothing_is_sent(server: Server, alice: Person, bob: Person) -> None:
    await bob.post(f"/api/v1/accounts/{alice.account_id}/follow", {"notify": True})

    def follow_from_afar(conn: Any) -> None:
        stranger_id = add_stranger(conn, "carol")
        uri = "https://there.example/follows/1"
        relationships.add_follow(conn, stranger_id, alice.account_id, uri, accepted=True)

    await server.db.write(follow_from_afar)
    based_on = (await bob.post(RESOURCES, {"title": "The first", "abstract": "Words."}))["uri"]
    watched = [
        table
        for table in metadata.sorted_tables
        if table.name in ("notification", "home_entry", "list_entry", "delivery", "message", "job", "mention")
    ]

    def waiting(conn: Any) -> dict[str, int]:
        return {one.name: conn.scalar(select(func.count()).select_from(one)) for one in watched}

    before = await server.db.read(waiting)
    text = "Ask @bob or @carol@there.example #tagged"
    report = await brought_in(server, lessons(lesson(description=text, isBasedOn=based_on)))
    renewed = await brought_in(server, lessons(lesson(description=f"{text} again", isBasedOn=based_on)))
    assert (states(report), states(renewed)) == (["added"], ["changed"])
    assert await server.db.read(waiting) == before
    assert await bob.get("/api/v1/notifications") == []
    assert report.outcomes[0].id not in [one["id"] for one in await bob.get("/api/v1/timelines/home")]
    status = await bob.get(f"/api/v1/statuses/{report.outcomes[0].id}")
    assert status["mentions"] == []
    # What is published by hand says so to all of them: this would be seen here.
    await alice.post(RESOURCES, {"title": "By hand", "abstract": text, "text": text})
    after = await server.db.read(waiting)
    assert {name for name, number in after.items() if number > before[name]} >= {
        "notification", "home_entry", "delivery", "mention",
    }  # fmt: skip


async def test_a_dry_run_says_what_would_happen_and_keeps_nothing(server: Server, alice: Person) -> None:
    before = await server.db.read(everything)
    read = lessons(lesson(), lesson(**{"@id": "https://copies.example/1", "url": None}))
    report = await brought_in(server, read, dry_run=True)
    assert states(report) == ["added", "there"]
    assert await server.db.read(everything) == before


async def test_sources_in_a_circle_are_cut(server: Server, alice: Person) -> None:
    def work(number: int, of: int) -> str:
        url = f"https://lessons.example/{number}"
        return lesson(
            **{"@id": url, "url": url, "identifier": None},
            name=f"Lesson {number}",
            isBasedOn=f"https://lessons.example/{of}",
        )

    report = await brought_in(server, lessons(work(1, 2), work(2, 3), work(3, 1)))
    assert states(report) == ["added"] * 3
    kept = [(await alice.get(f"{RESOURCES}/{one.id}"))["based_on"] for one in report.outcomes]
    assert [len(one) for one in kept] == [1, 1, 0]
    assert "in a circle" in str(report.outcomes[2].receipt.left_out)


async def test_one_that_cannot_be_kept_spoils_no_other(server: Server, alice: Person) -> None:
    nameless = jsonld.read_value({"@type": "Course", "description": "No name"})
    report = await brought_in(server, joined([nameless, lessons(lesson())]))
    assert states(report) == ["refused", "added"]
    assert "title" in report.outcomes[0].why


async def test_it_comes_in_for_whom_it_is_meant(server: Server, alice: Person, nobody: Person) -> None:
    report = await brought_in(server, lessons(lesson()), visibility="members")
    assert (await nobody.raw("GET", f"{RESOURCES}/{report.outcomes[0].id}")).status == 404
    with pytest.raises(Invalid, match="visibility"):
        await brought_in(server, lessons(lesson()), visibility="direct")
    with pytest.raises(NotFound, match="mallory"):
        await brought_in(server, lessons(lesson()), "mallory")


async def test_a_long_list_is_brought_in_in_chunks(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = filling.CHUNK * 2 + 1
    texts = [
        lesson(
            **{"@id": f"https://lessons.example/{at}", "url": None, "identifier": None}, name=f"Lesson {at}"
        )
        for at in range(number)
    ]
    told: list[tuple[int, int]] = []
    report = await brought_in(server, lessons(*texts), told=lambda done, total: told.append((done, total)))
    assert report.count("added") == number
    assert told == [(filling.CHUNK, number), (filling.CHUNK * 2, number), (number, number)]


async def test_an_older_record_of_the_same_work_changes_nothing(server: Server, alice: Person) -> None:
    def record(number: int, issued: str) -> Read:
        text = {
            "doi": f"10.5281/zenodo.{number}",
            "conceptdoi": "10.5281/zenodo.1",
            "metadata": {"title": "FAIR data", "publication_date": issued, "version": str(number)},
        }
        return zenodo.read(json.dumps(text))

    assert states(await brought_in(server, record(3, "2024-03-01"))) == ["added"]
    before = await server.db.read(everything)
    assert states(await brought_in(server, record(2, "2023-03-01"))) == ["older"]
    assert await server.db.read(everything) == before
    newer = await brought_in(server, record(4, "2025-03-01"))
    assert states(newer) == ["changed"]
    found = await alice.get(f"{RESOURCES}/{newer.outcomes[0].id}")
    assert (found["doi"], [one["number"] for one in found["versions"]]) == ("10.5281/zenodo.4", ["4", "3"])
