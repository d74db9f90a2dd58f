"""The calendar: what fits what is asked for, what several announce is there once, pages of it."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver.context import Server
from fedserver.events import alike
from storage import accounts, partners, users
from tests.counting import fewest_statements
from tests.described import described
from tests.events.test_events import EVENTS, call, wall
from tests.events.test_hostile import gathering
from tests.federation.stub import Door, StubActor
from tests.members import Person

CALENDAR = "/api/v1/calendar"
START = f"{wall()}:00Z"


async def titles(who: Person, path: str = CALENDAR, **asked: Any) -> list[str]:
    return [one["event"]["title"] for one in await who.get(path, **asked)]


@pytest.fixture
async def planned(server: Server, alice: Person) -> dict[str, str]:
    """Four events that differ; the id of their group."""
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    group = await alice.post("/api/v1/groups", {"name": "trainers", "title": "Trainers"})
    place = {"name": "Room 3", "locality": "Umeå"}
    for more in (
        {"title": "Git for all", "kind": "workshop", "keywords": ["Version control"], "language": "en", "schedule": {"starts": wall(1)}},
        {"title": "Café", "kind": "call", "language": "pt-BR", "online": False, "tool": "", "place": place, "schedule": {"starts": wall(2)}},
        {"title": "Sprechstunde", "kind": "office-hours", "language": "de", "languages": ["fr", "sv"], "schedule": {"starts": wall(3)}},
        {"title": "In the group", "group_id": group["id"], "place": place, "keywords": ["Teaching"], "schedule": {"starts": wall(4)}},
    ):  # fmt: skip
        await alice.post(EVENTS, call(**{"keywords": [], **more}))
    return {"group": group["id"]}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "Git for all|Café|Sprechstunde|In the group"),
        ({"topic": "#VersionControl"}, "Git for all"),
        ({"topic[]": ["teaching", "versioncontrol"]}, "Git for all|In the group"),
        ({"kind": "workshop"}, "Git for all"),
        ({"kind": ["call", "office-hours"]}, "Café|Sprechstunde|In the group"),
        ({"language": "pt"}, "Café"),
        ({"language": "sv"}, "Sprechstunde"),
        ({"language": "s"}, ""),
        ({"online": "true"}, "Git for all|Sprechstunde|In the group"),
        ({"online": "false"}, "Café"),
        ({"how": "in-person"}, "Café|In the group"),
        ({"group": "trainers"}, "In the group"),
        ({"space": "<group>"}, "In the group"),
        ({"group": "no-such-group"}, ""),
        ({"q": "umea"}, "Café|In the group"),
        ({"q": "git -all"}, ""),
        ({"instance": "<here>"}, "Git for all|Café|Sprechstunde|In the group"),
        ({"instance": "elsewhere.example"}, ""),
        ({"network": "local", "kind": "workshop", "q": "git"}, "Git for all"),
    ],
    ids=lambda value: "-".join(str(value).split()) if isinstance(value, dict) else "",
)
async def test_what_fits_is_found(
    server: Server, nobody: Person, planned: dict[str, str], asked: dict[str, Any], found: str
) -> None:
    known = {"<here>": server.config.domain, "<group>": planned["group"]}
    query = [
        (name, known.get(one, one)) for name, several in asked.items() for one in ([several] if isinstance(several, str) else several)
    ]  # fmt: skip
    answer = await nobody.raw("GET", CALENDAR, params=query)
    entries = await answer.json()
    described(CALENDAR).validate(entries)
    wanted = [one for one in found.split("|") if one]
    assert [one["event"]["title"] for one in entries] == wanted
    feed = await (await nobody.raw("GET", "/calendar.ics", params=query)).text()
    assert sorted(line[8:] for line in feed.splitlines() if line.startswith("SUMMARY:")) == sorted(wanted)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"kind": "party"}, "kind"),
        ({"how": "by-train"}, "how"),
        ({"network": "all"}, "network"),
        ({"q": "x" * 201}, "q"),
        ({"topic": "x" * 201}, "topic"),
        ({"from": "tomorrow"}, "from"),
        ({"to": "1999-01-01"}, "to"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_asked_is_refused_by_field(nobody: Person, asked: Any, field: str) -> None:
    answer = await nobody.raw("GET", CALENDAR, params=asked)
    assert (answer.status, list((await answer.json())["details"])) == (422, [field])


async def test_pages_follow_each_other_without_gap_or_repetition(alice: Person, nobody: Person) -> None:
    for name in ("Apples", "Bread", "Cheese", "Dates", "Eggs"):
        await alice.post(EVENTS, call(title=name, schedule={"starts": wall(3)}))
    weekly = {"rule": {"frequency": "weekly", "count": 3}, "starts": wall(2)}
    await alice.post(EVENTS, call(title="Series", schedule=weekly))
    whole = await nobody.get(CALENDAR)
    assert len(whole) == 8
    path, seen = f"{CALENDAR}?limit=3", []
    while path:
        answer = await nobody.raw("GET", path)
        seen += await answer.json()
        assert len(seen) <= 8
        path = answer.links["next"]["url"].relative() if "next" in answer.links else ""
    assert [(one["event"]["id"], one["occurrence"]["key"]) for one in seen] == [
        (one["event"]["id"], one["occurrence"]["key"]) for one in whole
    ]


async def test_what_is_announced_in_two_groups_is_there_once(
    server: Server, alice: Person, nobody: Person
) -> None:
    """HumHub calendar #207: shown as often as there are places in which it was announced."""
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    ids = []
    for name in ("one", "two"):
        group = await alice.post("/api/v1/groups", {"name": name, "title": name})
        ids.append((await alice.post(EVENTS, call(title="All-hands", group_id=group["id"])))["id"])
    await alice.post(EVENTS, call(title="All-hands, part 2"))
    await alice.post(EVENTS, call(title="All-hands", schedule={"starts": wall(7, 16)}))
    entries = await nobody.get(CALENDAR)
    assert [one["event"]["title"] for one in entries] == ["All-hands", "All-hands, part 2", "All-hands"]
    assert [[other["id"] for other in one["also_announced_by"]] for one in entries] == [[ids[1]], [], []]
    feed = await (await nobody.raw("GET", "/events.ics")).text()
    assert feed.count("BEGIN:VEVENT") == 3
    # Of one group alone it is what that group announced.
    assert [one["event"]["id"] for one in await nobody.get(CALENDAR, group="two")] == [ids[1]]


async def test_what_a_partner_announces_too_is_ours_first(
    server: Server, door: Door, ann: StubActor, alice: Person, nobody: Person
) -> None:
    for name, link in (
        ("Intro to Gits", None),
        ("Something else", "https://ols.example/git"),
        ("Unlike", "https://ols.example/"),
    ):
        event = gathering(ann, name=name, startTime=START, externalParticipationUrl=link)
        await door.takes(ann, ann.says("Create", event))
    ours = await alice.post(
        EVENTS,
        call(
            title="Intro to git",
            website="https://ols.example/git",
            schedule={"starts": wall(), "zone": "UTC"},
        ),
    )
    row = await server.db.read(accounts.by_uri, ann.uri)
    assert row is not None
    entries = await nobody.get(CALENDAR)
    assert [one["event"]["title"] for one in entries] == ["Unlike", "Intro to git"]
    alone, ours_too = entries
    assert ours_too["event"]["id"] == ours["id"]
    assert [one["instance"] for one in ours_too["also_announced_by"]] == [row.host] * 2
    assert alone["also_announced_by"] == []
    assert await titles(nobody, instance=row.host) == ["Intro to Gits", "Something else", "Unlike"]
    assert await titles(nobody, network="local") == ["Intro to git"]
    assert await titles(nobody, "/api/v1/partners/calendar") == ["Intro to git"]
    await server.db.write(lambda conn: partners.put(conn, row.host, row.id, state="active"))
    assert await titles(nobody, "/api/v1/partners/calendar") == ["Unlike", "Intro to git"]


@pytest.mark.parametrize(
    ("one", "other", "alike_"),
    [
        ("Intro to Git", "Intro to git!", True),
        ("Git & GitHub: an introduction", "GIT und GitHub – an introduction", True),
        ("Introduction to Python", "Introdution to Python", True),
        ("Cohort call week 3", "Cohort call week 4", False),
        ("Office hours", "Coworking hours", False),
        ("Café", "Cafe", True),
        ("研究データ管理入門", "研究データ管理入門", True),
        ("", "", False),
    ],
    ids=lambda value: "",
)
def test_titles_that_are_nearly_the_same(one: str, other: str, alike_: bool) -> None:
    def told(title: str, number: int) -> alike.Told:
        return alike.Told(
            row=None, post_id=number, key="", starts_at=0, title=title, source=(str(number), "", 0),
            names=frozenset(), links=frozenset(), rank=0,
        )  # fmt: skip

    assert alike.same(told(one, 1), told(other, 2)) is alike_


async def test_a_long_calendar_costs_no_more_statements_than_a_short_one(
    server: Server, alice: Person, nobody: Person
) -> None:
    async def cost() -> list[int]:
        return [
            await fewest_statements(server, lambda path=path: nobody.raw("GET", path))  # type: ignore[misc]
            for path in (f"{CALENDAR}?limit=100", "/calendar.ics")
        ]

    await alice.post(EVENTS, call(title="First"))
    few = await cost()
    for number in range(12):
        weekly = {"rule": {"frequency": "weekly", "count": 2}, "starts": wall(number + 1)}
        await alice.post(EVENTS, call(title=f"Call {number}", schedule=weekly))
    assert await cost() == few
