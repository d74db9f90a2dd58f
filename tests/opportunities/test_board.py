"""Opportunities through the client API: posted, found, changed, closed; gone from every list when the deadline passes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import icalendar
import pytest

from fedserver.context import Server
from fedserver.opportunities import times
from fedserver.opportunities.records import Details
from storage import groups, users
from tests.counting import fewest_statements
from tests.described import described
from tests.members import Person
from tests.opportunities.made import OPPORTUNITIES, call, job, refused, set_clock, titles, wall

WANTED = {"Accept": "application/activity+json"}


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


async def test_a_job_is_posted_and_is_a_status_in_apps(alice: Person, bob: Person, nobody: Person) -> None:
    made = await alice.post(OPPORTUNITIES, job())
    described(OPPORTUNITIES, "post").validate(made)
    assert (made["state"], made["zone"], made["pay"]["most"]) == ("open", "Europe/Stockholm", 48000.5)
    status = await bob.get(f"/api/v1/statuses/{made['status_id']}")
    for shown in ("Job", "Institute of Practice", "Uppsala, Sweden, partly remote", "SEK 40,000–48,000.50 a month",
                  "apply until", "Run our courses", "institute.example/jobs/1"):  # fmt: skip
        assert shown in status["content"], shown
    assert status["card"]["url"] == made["url"] == status["url"]
    assert {one["name"].lower() for one in status["tags"]} == {"datamanagement", "teaching"}
    listed = await nobody.get(OPPORTUNITIES)
    described(OPPORTUNITIES).validate(listed)
    assert [one["id"] for one in listed] == [made["id"]]


async def test_what_is_wrong_is_told_by_field_and_changes_nothing(alice: Person) -> None:
    wrong = job(
        title=" ", kind="sinecure", organisation={"name": "", "url": "ftp://x", "ror": "https://ror.org/nothing"},
        pay={"least": 5, "most": 1, "currency": "XXX", "period": "eon"}, deadline="soon", zone="Mars/Olympus", opens="2027-13-01",
        slots=0, apply_url="javascript:alert(1)", language="klingon!", topics=[f"topic {number}" for number in range(21)],
    )  # fmt: skip
    code, text = await refused(alice, OPPORTUNITIES, wrong)
    assert code == 422
    for field in ("title", "kind", "organisation.name", "organisation.url", "organisation.ror", "pay.most", "pay.currency",
                  "pay.period", "deadline", "zone", "opens", "slots", "apply_url", "language", "topics"):  # fmt: skip
        assert field in text, field
    assert await titles(alice, state="all") == []


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (job(deadline="2020-01-01"), "deadline"),
        (job(deadline="9999-12-31T23:59"), "deadline"),
        (job(deadline="0001-01-01"), "deadline"),
        (job(opens=wall(20), deadline=wall(10)), "deadline"),
        (job(pay={"least": 1e13, "currency": "EUR"}), "pay.least"),
        (job(pay={"least": -1, "currency": "EUR"}), "pay.least"),
        (job(pay={"least": 1_000_000_000}), "pay.currency"),
        (job(visibility="followers"), "visibility"),
        (call(apply_url="https://x.example/apply"), "apply_url"),
        (call(form={"questions": []}), "form.questions"),
        (call(form={"questions": [{"label": "A", "kind": "choice", "choices": ["one"]}]}), "form.questions"),
        (call(form={"questions": [{"label": "A"}, {"label": "A", "kind": "long"}]}), "form.questions"),
        (call(form={"team_max": 10**9}), "form.team_max"),
        (call(form={"kept_days": 1}), "form.kept_days"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_nobody_can_mean_is_refused(alice: Person, form: dict[str, Any], field: str) -> None:
    code, text = await refused(alice, OPPORTUNITIES, form)
    assert (code, field in text) == (422, True), text
    assert await titles(alice, state="all") == []


async def test_a_billion_is_an_amount(alice: Person) -> None:
    made = await alice.post(
        OPPORTUNITIES, job(pay={"least": 1_000_000_000, "currency": "idr", "period": "year"})
    )
    assert (made["pay"]["least"], made["pay"]["currency"]) == (1_000_000_000, "IDR")


@pytest.mark.parametrize(
    ("deadline", "zone", "instant"),
    [
        ("2027-03-12", "AoE", "2027-03-13T12:00:00+00:00"),
        ("2027-03-12T23:59", "AoE", "2027-03-13T11:59:00+00:00"),
        ("2027-03-28", "Europe/Stockholm", "2027-03-28T22:00:00+00:00"),  # clocks went forward that day
        ("2027-10-31T02:30", "Europe/Stockholm", "2027-10-31T00:30:00+00:00"),  # the earlier of two
        ("2027-04-04T01:45", "Australia/Lord_Howe", "2027-04-03T14:45:00+00:00"),
        ("2027-03-12T17:00", "Asia/Kathmandu", "2027-03-12T11:15:00+00:00"),
        ("2027-03-12T17:00", "UTC", "2027-03-12T17:00:00+00:00"),
    ],
)
def test_a_deadline_is_an_instant(deadline: str, zone: str, instant: str) -> None:
    found = times.deadline_at(Details(deadline=deadline, zone=zone))
    assert found is not None
    assert datetime.fromtimestamp(found / 1000, UTC).isoformat() == instant


async def everywhere(who: Person, made: dict[str, Any]) -> dict[str, bool]:
    """In which of its faces an opportunity is listed."""
    found = {
        "api": made["title"] in await titles(who),
        "facets": bool((await who.get(f"{OPPORTUNITIES}/facets"))["kind"]),
    }
    for path in ("/opportunities", "/opportunities.atom", "/opportunities.ics"):
        found[path] = made["title"] in await (await who.raw("GET", path)).text()
    return found


async def test_it_is_gone_from_every_list_when_the_deadline_passes_and_stays_at_its_page(
    alice: Person, nobody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await alice.post(OPPORTUNITIES, job(deadline=wall(3, ""), zone="anywhere on earth"))
    assert made["zone"] == "AoE"
    deadline = ms(made["deadline_at"])
    set_clock(monkeypatch, deadline - 1)
    assert set((await everywhere(nobody, made)).values()) == {True}
    set_clock(monkeypatch, deadline)
    assert set((await everywhere(nobody, made)).values()) == {False}
    assert (await nobody.get(f"{OPPORTUNITIES}/{made['id']}"))["state"] == "closed"
    page = await nobody.raw("GET", f"/opportunities/{made['id']}")
    assert (page.status, "This is closed." in await page.text()) == (200, True)
    assert await titles(nobody, state="closed") == [made["title"]]
    assert "BEGIN:VEVENT" not in await (await nobody.raw("GET", f"/opportunities/{made['id']}.ics")).text()
    # Who sets another deadline opens it again.
    later = datetime.fromtimestamp(deadline / 1000, UTC).replace(tzinfo=None).isoformat()[:10]
    await alice.patch(f"{OPPORTUNITIES}/{made['id']}", {"deadline": f"{later}T23:00", "zone": "AoE"})
    assert set((await everywhere(nobody, made)).values()) == {True}


async def test_what_has_no_deadline_is_there_until_nobody_remembers_it(
    alice: Person, nobody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await alice.post(OPPORTUNITIES, job(deadline="", kind="volunteer"))
    assert made["deadline_at"] is None
    set_clock(monkeypatch, ms(made["expires_at"]) - 1)
    assert await titles(nobody) == [made["title"]]
    assert "BEGIN:VEVENT" not in await (await nobody.raw("GET", "/opportunities.ics")).text()
    set_clock(monkeypatch, ms(made["expires_at"]))
    assert await titles(nobody) == []


async def test_what_opens_later_is_on_the_board_and_says_so(alice: Person, nobody: Person) -> None:
    await alice.post(OPPORTUNITIES, job(title="Later", opens=wall(5)))
    await alice.post(OPPORTUNITIES, job(title="Now"))
    assert await titles(nobody, state="coming") == ["Later"]
    assert await titles(nobody, state="open") == ["Now"]
    assert {one["title"]: one["state"] for one in await nobody.get(OPPORTUNITIES)} == {
        "Later": "coming",
        "Now": "open",
    }


async def test_it_is_found_by_what_it_is(alice: Person, bob: Person, nobody: Person) -> None:
    await alice.post(OPPORTUNITIES, job(title="Far", deadline=wall(30)))
    await alice.post(
        OPPORTUNITIES,
        job(title="Soon", kind="grant", deadline=wall(2), remote="yes", place={}, topics=["Teaching"]),
    )
    await bob.post(
        OPPORTUNITIES,
        job(title="100% Ünique", kind="call", place={"country": "Kenya"}, remote="no", topics=["FAIR"], deadline=wall(9)),
    )  # fmt: skip
    assert await titles(nobody) == ["Soon", "100% Ünique", "Far"]
    assert await titles(nobody, sort="new") == ["100% Ünique", "Soon", "Far"]
    for query, expected in (
        ({"kind": "grant"}, ["Soon"]), ({"kind[]": "call"}, ["100% Ünique"]), ({"place": "kenya"}, ["100% Ünique"]),
        ({"place": "remote"}, ["Soon", "Far"]), ({"remote": "true"}, ["Soon", "Far"]), ({"topic": "teaching"}, ["Soon", "Far"]),
        ({"topic": "#fair"}, ["100% Ünique"]), ({"q": "unique kenya"}, ["100% Ünique"]), ({"q": "100%"}, ["100% Ünique"]),
        ({"q": "_"}, []), ({"closing": "soon"}, ["Soon"]), ({"closing_within_days": "10"}, ["Soon", "100% Ünique"]),
        ({"language": "en"}, ["Soon", "100% Ünique", "Far"]), ({"language": "de"}, []), ({"account": bob.id}, ["100% Ünique"]),
        ({"organisation": "institute of"}, ["Soon", "100% Ünique", "Far"]), ({"instance": "other.example"}, []),
    ):  # fmt: skip
        assert await titles(nobody, **query) == expected, query
    facets = await nobody.get(f"{OPPORTUNITIES}/facets", kind="grant")
    described(f"{OPPORTUNITIES}/facets").validate(facets)
    assert {one["value"]: one["count"] for one in facets["kind"]} == {"job": 1, "grant": 1, "call": 1}
    assert [(one["value"], one["count"]) for one in facets["place"]] == [("remote", 1)]
    assert [(one["label"], one["count"]) for one in facets["topic"]] == [("Teaching", 1)]
    for wrong in (
        {"kind": "sinecure"},
        {"state": "lost"},
        {"sort": "odd"},
        {"after": "²-1"},
        {"after": "9" * 40},
    ):
        assert (await nobody.raw("GET", OPPORTUNITIES, params=wrong)).status == 422, wrong


async def test_a_board_is_paged(alice: Person, nobody: Person) -> None:
    for number in range(5):
        await alice.post(OPPORTUNITIES, job(title=f"Job {number}", deadline=wall(10 - number % 2)))
    for sort in ("deadline", "new"):
        seen, path = list[str](), f"{OPPORTUNITIES}?limit=2&sort={sort}"
        while path:
            answer = await nobody.raw("GET", path)
            seen += [one["title"] for one in await answer.json()]
            following = re.search(r'<[^>]*(/api/[^>]*)>; rel="next"', answer.headers.get("Link", ""))
            path = following[1] if following else ""
        assert seen == await titles(nobody, sort=sort)
        assert len(set(seen)) == 5


async def test_a_list_costs_as_much_for_ten_as_for_two(server: Server, alice: Person, nobody: Person) -> None:
    async def look() -> None:
        for path in (OPPORTUNITIES, "/opportunities", "/opportunities.atom", "/opportunities.ics"):
            await (await nobody.raw("GET", path)).read()

    for number in range(2):
        await alice.post(OPPORTUNITIES, job(title=f"Job {number}"))
    of_two = await fewest_statements(server, look)
    for number in range(8):
        await alice.post(OPPORTUNITIES, job(title=f"Job {number}", topics=[f"topic {number}"]))
    assert await fewest_statements(server, look) <= of_two


async def test_a_poster_changes_closes_and_opens_it_again(alice: Person, bob: Person, nobody: Person) -> None:
    made = await alice.post(OPPORTUNITIES, job())
    at = f"{OPPORTUNITIES}/{made['id']}"
    for path, method in ((at, "PATCH"), (at, "DELETE"), (f"{at}/close", "POST"), (f"{at}/reopen", "POST")):
        assert (await refused(bob, path, {"title": "Mine"}, method))[0] == 403, path
        assert (await refused(nobody, path, {"title": "Mine"}, method))[0] == 401, path
    changed = await alice.patch(
        at, {"pay": {"most": 50000}, "deadline": wall(20), "place": {"locality": "Lund"}}
    )
    assert (changed["pay"]["least"], changed["pay"]["most"], changed["sequence"]) == (40000, 50000, 1)
    assert (changed["place"]["locality"], changed["place"]["country"]) == ("Lund", "Sweden")
    assert changed["uid"] == made["uid"]
    closed = await alice.post(f"{at}/close", {"reason": "filled"})
    assert (closed["state"], closed["close_reason"]) == ("closed", "filled")
    assert await titles(nobody) == []
    assert "Closed: it is filled." in (await bob.get(f"/api/v1/statuses/{made['id']}"))["content"]
    assert (await refused(alice, f"{at}/close", {"reason": "bored"}))[0] == 422
    assert (await alice.post(f"{at}/reopen"))["state"] == "open"
    assert "Closed" not in (await bob.get(f"/api/v1/statuses/{made['id']}"))["content"]
    # Its text alone cannot be changed as that of any post, since the rest would not follow.
    assert (await refused(alice, f"/api/v1/statuses/{made['id']}", {"status": "x"}, "PUT"))[0] == 409
    await alice.delete(at)
    assert (await nobody.raw("GET", at)).status == 404


async def test_nobody_fills_the_board_alone(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedserver.opportunities.publishing.OPEN_MAX", 2)
    made = [await alice.post(OPPORTUNITIES, job(title=f"Job {number}")) for number in range(2)]
    assert (await refused(alice, OPPORTUNITIES, job()))[0] == 409
    await alice.post(f"{OPPORTUNITIES}/{made[0]['id']}/close")
    await alice.post(OPPORTUNITIES, job())


# -- who sees it


async def test_what_is_for_members_is_hidden_from_others(alice: Person, bob: Person, nobody: Person) -> None:
    made = await alice.post(OPPORTUNITIES, job(visibility="members"))
    assert await titles(bob) == [made["title"]]
    for path in (f"{OPPORTUNITIES}/{made['id']}", f"/opportunities/{made['id']}", f"/opportunities/{made['id']}.ics",
                 f"/opportunities/{made['id']}.jsonld"):  # fmt: skip
        assert (await nobody.raw("GET", path)).status == 404, path
    assert set((await everywhere(nobody, made)).values()) == {False}
    # Feeds and calendars say what anybody may see, whoever asks.
    assert made["title"] not in await (await bob.raw("GET", "/opportunities.ics")).text()
    quiet = await alice.post(OPPORTUNITIES, job(title="Quiet", visibility="unlisted"))
    assert await titles(bob) == [made["title"]]
    assert (await nobody.get(f"{OPPORTUNITIES}/{quiet['id']}"))["title"] == "Quiet"


async def test_what_is_in_a_private_group_is_shown_to_nobody_else(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    group = await alice.post("/api/v1/groups", {"name": "cohort", "title": "Cohort", "access": "private"})
    form = job(title="Zebrafish", abstract="Zebrafish", topics=["zebrafish"], group_id=group["id"])
    form["organisation"] = {"name": "Zebrafish"}
    made = await alice.post(OPPORTUNITIES, form)
    assert (await server.db.read(groups.by_id, int(group["id"]))).hidden
    assert await titles(alice, group=group["id"]) == ["Zebrafish"]
    reads = (
        OPPORTUNITIES, f"{OPPORTUNITIES}/facets", f"{OPPORTUNITIES}?group={group['id']}", f"{OPPORTUNITIES}/{made['id']}",
        "/opportunities", f"/opportunities?group={group['id']}", "/opportunities.atom", "/opportunities.ics",
        f"/opportunities/{made['id']}", f"/opportunities/{made['id']}.ics", f"/opportunities/{made['id']}.jsonld",
        f"/api/v1/statuses/{made['id']}", "/api/v1/timelines/public", "/api/v1/timelines/tag/zebrafish", "/api/v2/search?q=zebr",
        "/@alice", "/users/alice/outbox?page=true", "/api/v1/notifications",
    )  # fmt: skip
    for who in (bob, nobody):
        for read in reads:
            for headers in ({}, WANTED):
                text = await (await who.raw("GET", read, headers=headers)).text()
                assert "zebrafish" not in text.replace("q=zebr", "").lower().replace("/tag/zebrafish", ""), (
                    read
                )
    status = await bob.post("/api/v1/statuses", {"status": f"Look: {made['url']}"})
    assert "zebrafish" not in str(status).lower()


@pytest.mark.parametrize("how", ["block", "mute"])
async def test_nobody_is_shown_whom_they_do_not_want_to_see(alice: Person, bob: Person, how: str) -> None:
    await alice.post(OPPORTUNITIES, job())
    await bob.post(f"/api/v1/accounts/{alice.id}/{how}")
    assert await titles(bob) == []


# -- faces


@pytest.mark.parametrize(
    ("kind", "type_", "deadline"),
    [
        ("job", "JobPosting", lambda one: one["validThrough"]),
        ("volunteer", "JobPosting", lambda one: one["validThrough"]),
        ("fellowship", "JobPosting", lambda one: one["validThrough"]),
        ("grant", "MonetaryGrant", lambda one: one["potentialAction"]["endTime"]),
        ("microgrant", "MonetaryGrant", lambda one: one["potentialAction"]["endTime"]),
        ("call", "EducationalOccupationalProgram", lambda one: one["applicationDeadline"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_search_engines_read_it(
    alice: Person, nobody: Person, kind: str, type_: str, deadline: Any
) -> None:
    made = await alice.post(OPPORTUNITIES, job(kind=kind, title="</script><b>Trap</b>", remote="yes"))
    page = await nobody.raw("GET", f"/opportunities/{made['id']}", headers={"Accept": "text/html"})
    text = await page.text()
    (script,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    asked = await nobody.raw("GET", f"/opportunities/{made['id']}", headers={"Accept": "application/ld+json"})
    assert asked.content_type == "application/ld+json"
    for found in (json.loads(script), await asked.json(content_type=None)):
        assert found["@type"] == type_
        assert "Trap" in found.get("title", found.get("name"))
        assert ms(deadline(found)) == ms(made["deadline_at"])
    if type_ == "JobPosting":
        assert found["hiringOrganization"]["name"] == "Institute of Practice"
        assert found["baseSalary"]["value"] == {
            "@type": "QuantitativeValue",
            "minValue": 40000,
            "maxValue": 48000.5,
            "unitText": "MONTH",
        }
        assert found["jobLocationType"] == "TELECOMMUTE"
        assert found["jobLocation"]["address"]["addressCountry"] == "Sweden"
        assert {"title", "description", "datePosted", "hiringOrganization"} <= set(found)
    if type_ == "MonetaryGrant":
        assert found["amount"]["currency"] == "SEK"


async def test_a_calendar_has_each_deadline_once_and_keeps_its_uid(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    made = await alice.post(OPPORTUNITIES, job(title="Long; title, with commas " + "x" * 80))
    await alice.post(OPPORTUNITIES, job(title="Other", kind="grant"))

    async def events(path: str, who: Person = nobody) -> list[Any]:
        answer = await who.raw("GET", path)
        assert answer.content_type == "text/calendar"
        return list(icalendar.Calendar.from_ical(await answer.text()).walk("VEVENT"))

    (event,) = await events("/opportunities.ics?kind=job")
    assert (str(event["uid"]), int(event["sequence"])) == (made["uid"], 0)
    assert str(event["summary"]) == f"Deadline: {made['title']}"
    assert int(event["dtend"].dt.timestamp() * 1000) == ms(made["deadline_at"])
    assert event["dtend"].dt.tzinfo is not None
    assert "Europe/Stockholm" in event["description"]
    assert len(await events("/opportunities.ics")) == 2
    await alice.patch(f"{OPPORTUNITIES}/{made['id']}", {"deadline": wall(20)})
    (event,) = await events(f"/opportunities/{made['id']}.ics")
    assert (str(event["uid"]), int(event["sequence"])) == (made["uid"], 1)
    # A member's own calendar has what they have bookmarked.
    token = await bob.post("/api/v1/calendar/tokens", {"label": "phone"})
    own = token["url"].removeprefix(server.config.origin).removesuffix(".ics") + "/deadlines.ics"
    assert await events(own) == []
    await bob.post(f"/api/v1/statuses/{made['id']}/bookmark")
    assert [str(one["uid"]) for one in await events(own)] == [made["uid"]]
    await bob.delete(f"/api/v1/calendar/tokens/{token['id']}")
    assert (await nobody.raw("GET", own)).status == 404


async def test_a_feed_of_any_query(alice: Person, nobody: Person) -> None:
    made = await alice.post(OPPORTUNITIES, job(title="<b>Bold</b> & \x02 brave"))
    await alice.post(OPPORTUNITIES, job(title="Other", kind="grant"))
    answer = await nobody.raw("GET", "/opportunities.atom?kind=job")
    feed = ElementTree.fromstring(await answer.text())
    space = "{http://www.w3.org/2005/Atom}"
    (entry,) = feed.findall(f"{space}entry")
    assert entry.findtext(f"{space}title") == made["title"]
    assert entry.findtext(f"{space}id") == made["uri"]
    assert entry.find(f"{space}link[@rel='alternate'][@type='text/html']").get("href") == made["url"]
    again = await nobody.raw(
        "GET", "/opportunities.atom?kind=job", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status == 304
