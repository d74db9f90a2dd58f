"""The numbers of the community: counted by day and kept, shown as pictures with tables, given to funders without small cells."""

from __future__ import annotations

import csv
import io
import itertools
import random
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from fedserver import dashboards, posts, small_cells
from fedserver.context import Server
from fedserver.groups import catalogue, members
from fedserver.groups.catalogue import GroupFields
from fedserver.posts import Draft
from storage import day_figures, tables, users
from storage.types import now_ms
from tests.conftest import MakeMember
from tests.events.test_events import call as event_call
from tests.members import Person
from tests.pages.conftest import MakeReader, browser, known, signed_in
from tests.resources.test_publishing import LESSON

__all__ = ["browser", "known", "signed_in"]

DAY_MS = 86_400_000


async def test_days_are_counted_once_and_kept(
    server: Server, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    group_id = await catalogue.create(server, alice.member, "helpers", GroupFields(title="Help", kind="help"))
    asked = await posts.create(server, alice.member, Draft("How?", group_id=group_id, title="How?"))
    await posts.create(server, alice.member, Draft("Nobody?", group_id=group_id, title="Nobody?"))
    await posts.create(server, alice.member, Draft("Between us @bob", visibility="direct"))
    await posts.create(server, alice.member, Draft("I answer myself", in_reply_to_id=asked))
    await dashboards.count_days(server, {})
    today = now_ms() // DAY_MS
    kept = await server.db.read(day_figures.read, today, today)
    assert kept["questions"] == {today: 2}
    assert "answered" not in kept, "who answers themselves has no answer"
    assert kept["posts"] == {today: 3}
    await server.db.write(
        lambda conn: conn.execute(insert(tables.member_day).values(day=today, account_id=bob.account_id))
    )
    await members.join(server, bob.member, group_id)
    await posts.create(server, bob.member, Draft("So.", in_reply_to_id=asked))
    await dashboards.count_days(server, {})
    kept = await server.db.read(day_figures.read, today, today)
    assert (kept["answered"], kept["replies"], kept["active"][today] >= 1) == ({today: 1}, {today: 2}, True)
    assert (kept["questions_5"], kept["first_posts"]) == ({today: 1}, {today: 1}), (
        "whose first post answers is no beginner"
    )
    assert kept["first_posts_5"] == kept["welcomed"] == {today: 1}
    an_hour_later = update(tables.post).where(tables.post.c.account_id == bob.account_id)
    shift = an_hour_later.values(created_at=tables.post.c.created_at + 50 * 60_000)
    await server.db.write(lambda conn: conn.execute(shift))
    await dashboards.count_days(server, {})
    kept = await server.db.read(day_figures.read, today, today)
    assert (kept["questions_60"], "questions_5" in kept) == ({today: 1}, False)
    assert kept["questions_0"] == {today: 1}
    assert dashboards.median_reply(kept, "questions", (today, today)) == 60.0

    old = tables.day_figure

    def lose(conn: Connection) -> None:
        """As it was when nobody looked for answers."""
        found_later = old.c.name.contains("_", autoescape=True) | (old.c.name == "welcomed")
        conn.execute(update(old).where(old.c.name == "").values(value=0))
        conn.execute(delete(old).where(found_later))

    def long_ago(conn: Connection) -> None:
        lose(conn)
        conn.execute(update(old).values(day=old.c.day - 20))
        conn.execute(update(old).where(old.c.name == "active").values(value=7))
        conn.execute(
            insert(old), [{"day": day, "name": "", "value": 0} for day in range(today - 19, today + 1)]
        )

    await server.db.write(long_ago)
    kept = await server.db.read(day_figures.read, today - 20, today)
    span = (today - 20, today - 20)
    assert dashboards.median_reply(kept, "questions", span) == dashboards.NOT_COUNTED
    await dashboards.count_days(server, {})
    kept = await server.db.read(day_figures.read, today - 20, today)
    assert set(kept[""].values()) == {day_figures.EDITION}
    assert kept["active"][today - 20] == 7, "what was kept stays"
    assert dashboards.median_reply(kept, "questions", span) == dashboards.NOT_COUNTED, (
        "they are not there any more"
    )
    assert dashboards.median_reply(kept, "questions", (today, today)) == 60.0
    monkeypatch.setattr(dashboards, "DAYS_AGAIN", -1)
    await server.db.write(lose)
    await dashboards.count_days(server, {})
    again = await server.db.read(day_figures.read, today - 20, today)
    assert again == kept, "what is still there is counted afterwards"


def test_a_median_is_told_of_what_was_counted_or_that_half_had_no_answer() -> None:
    kept = {
        "questions": {1: 6, 2: 4, 9: 50},
        "questions_60": {1: 2},
        "questions_90": {2: 2},
        "questions_120": {1: 2},
        "questions_0": {1: 2, 2: 2, 9: 50},
    }
    assert dashboards.median_reply(kept, "questions", (1, 2)) == 105.0
    assert dashboards.median_reply(kept, "questions", (1, 9)) == dashboards.NEVER
    assert dashboards.median_reply(kept, "first_posts", (1, 9)) == ""
    del kept["questions_0"][9]
    assert dashboards.median_reply(kept, "questions", (1, 9)) == dashboards.NOT_COUNTED


async def test_pictures_have_tables_and_say_what_they_show(server: Server, signed_in: MakeReader) -> None:
    ada = await signed_in("ada", role="admin")
    page = await ada.open("/admin/metrics")
    assert "Nothing is counted yet" in page.words()
    assert "metrics_token opens it to others" in page.words()
    assert not page.problems

    def some(conn: Connection) -> None:
        today = now_ms() // DAY_MS
        for day in range(today - 400, today + 1):
            day_figures.put(
                conn,
                day,
                day,
                {"posts": {day: 10}, "active": {day: 4}, "decided": {day: 2}, "decided_minutes": {day: 360}},
            )

    await server.db.write(some)
    for period, bars in ((30, 30), (90, 90), (365, 52)):
        page = await ada.open(f"/admin/metrics?period={period}")
        assert not page.problems
        pictures = [one for one in page.tree.iter("svg") if one.get("role") == "img"]
        assert len(pictures) == 3, "where nothing was there is no picture"
        assert page.words().count("Nothing in this time.") == 5
        for one in pictures:
            named = one.get("aria-labelledby").split()
            assert [child.get("id") for child in (one.find("title"), one.find("desc"))] == named
        (posted,) = [one for one in page.all("section", class_="plot") if one.get("id") == "posts"]
        assert len(list(posted.iter("rect"))) == bars + 2
        assert len(list(posted.iter("tr"))) == bars + 1
        assert "took 3.0 hours" in page.words()
    assert (await ada.open("/admin/metrics?period=7")).status == 422
    page = await ada.open("/admin")
    assert "There is no backup of this week." in page.words()
    assert "300" in page.words()
    assert not page.problems


def possible(shown: small_cells.Shown, place: int) -> set[int]:
    """Every value that a cell can have, for who sees the others and the sum, and knows how cells are hidden."""
    if not shown.total.isdigit():
        return set(range(small_cells.LEAST))
    rest = int(shown.total) - sum(int(one) for one in shown.cells if one.isdigit())
    ranges: list[range] = []
    for number, one in enumerate(shown.cells):
        if number != place and not one.isdigit():
            ranges.append(
                range(small_cells.LEAST) if one == small_cells.SMALL else range(small_cells.LEAST, rest + 1)
            )
    found = set()
    for others in itertools.product(*ranges):
        left = rest - sum(others)
        if 0 <= left < small_cells.LEAST:
            found.add(left)
    return found


def test_adm_10_no_small_cell_can_be_worked_out_from_totals() -> None:
    chance = random.Random(7)
    for _ in range(400):
        values = [chance.choice((0, 1, 2, 4, 5, 6, 9, 12, 20)) for _ in range(chance.randint(2, 4))]
        shown = small_cells.added(values)
        if shown.total == small_cells.SMALL:
            continue
        for place, value in enumerate(values):
            assert (shown.cells[place] == small_cells.SMALL) == (value < small_cells.LEAST)
            if value < small_cells.LEAST:
                assert len(possible(shown, place)) == small_cells.LEAST, (values, shown)
    months = [0, 3, 20, 30, 30, 30, 0, 0, 2, 40, 40, 40]
    quarters, year = small_cells.in_quarters(months)
    assert year.cells.count(small_cells.SMALL) == 1, "the third quarter"
    assert small_cells.HIDDEN in year.cells, "and another, or the year would give it away"
    hidden = quarters[year.cells.index(small_cells.HIDDEN)]
    assert (hidden.total, small_cells.HIDDEN in hidden.cells) == (small_cells.HIDDEN, True)
    assert small_cells.share(4, 100) == small_cells.SMALL
    assert small_cells.share(30, 40) == "75 %"


async def test_adm_10_the_measures_for_funders_hide_small_cells(
    server: Server, signed_in: MakeReader, member: MakeMember
) -> None:
    ada = await signed_in("ada", role="admin")
    year = datetime.now(UTC).year
    first = (datetime(year, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days

    def some(conn: Connection) -> None:
        found: dict[str, dict[int, int]] = {
            "posts": {first: 40, first + 31: 3},
            "questions": {first: 20},
            "answered": {first: 15},
            "questions_60": {first: 15},
            "questions_0": {first: 5},
            "first_posts": {first: 20},
            "welcomed": {first: 4},
        }
        day_figures.put(conn, first, first + 59, found)
        for number in range(6):
            account = conn.scalar(select(tables.user.c.account_id))
            conn.execute(insert(tables.member_day).values(day=first + number, account_id=account))

    await server.db.write(some)
    page = await ada.open("/admin/metrics")
    table = await ada.submit(page, "/admin/measures.csv", {"year": str(year)})
    assert table.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(table.text)))
    names, by_period = rows[0], {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert "share answered" in names
    january = by_period[f"{year}-01"]
    assert january["share answered"] == "hidden", "all other months are small, and the sum is told"
    assert by_period[str(year)]["share answered"] == "75 %"
    whole = by_period[str(year)]
    assert whole["median hours to the answer of a question"] == "0.9"
    assert whole["median hours to the answer of a first post"] == "hidden", "too few were answered"
    assert january["active members"] == "<5", "six visits of one member are one member"
    if f"{year}-02" in by_period:
        assert by_period[f"{year}-02"]["posts"] == "<5"
        assert january["posts"] in ("hidden", "40")
    for row in rows[1:]:
        for cell in row[1:]:
            assert not cell.isdigit() or int(cell) >= 5, row
    assert "ada" not in table.text, "no names"

    def less(conn: Connection) -> None:
        """As it was counted when nobody looked for answers."""
        conn.execute(update(tables.day_figure).where(tables.day_figure.c.name == "").values(value=0))

    await server.db.write(less)
    table = await ada.submit(page, "/admin/measures.csv", {"year": str(year)})
    whole = next(row for row in csv.DictReader(io.StringIO(table.text)) if row["period"] == str(year))
    for name in (
        "median hours to the answer of a question",
        "first posts of members",
        "median hours to the answer of a first post",
    ):
        assert whole[name] == "not counted"
    assert (whole["questions"], whole["share answered"]) == ("20", "75 %")
    log = await ada.open("/mod/log?type=measures")
    assert "export" in log.text
    page = await ada.open("/admin/metrics")
    assert (await ada.submit(page, "/admin/measures.csv", {"year": "1066"})).status == 422


async def test_adm_10_no_word_of_anybody_is_in_what_funders_get(
    server: Server, signed_in: MakeReader, member: MakeMember
) -> None:
    """However many say the same: what they answered to events, wrote of their use of resources, or said when they joined."""
    ada = await signed_in("ada", role="admin")
    people = [await member(f"quokka{number}") for number in range(6)]
    host = people[0]
    await server.db.write(users.change, host.account_id, may_create_groups=True)
    group = await catalogue.create(server, host.member, "quokkas", GroupFields(title="Quokkas", kind="help"))
    event = await host.post("/api/v1/events", event_call(questions=["Quokka?"], title="Quokka meets"))
    resource = await host.post("/api/v1/resources", LESSON | {"title": "Quokkas"})
    said = '[{"question": "Why?", "answer": "Quokkas"}]'
    for one in people:
        await server.db.write(users.change, one.account_id, answers=said)
        await one.post("/api/v1/statuses", {"status": "Quokka!"})
        if one is not host:
            await members.join(server, one.member, group)
            await one.post(
                f"/api/v1/events/{event['id']}/rsvp", {"status": "going", "answers": {"Quokka?": "Quokka"}}
            )
            await one.post(
                f"/api/v1/resources/{resource['id']}/use", {"used_in": "Quokka", "worked": "Quokkas"}
            )
            await posts.create(server, one.member, Draft("Quokka?", group_id=group, title="Quokka?"))
    await dashboards.count_days(server, {})
    page = await ada.open("/admin/metrics")
    table = await ada.submit(page, "/admin/measures.csv", {"year": str(datetime.now(UTC).year)})
    rows = list(csv.reader(io.StringIO(table.text)))
    whole = dict(zip(rows[0], rows[-1], strict=True))
    assert whole["posts"] == "18", "there is something to tell"
    cell = re.compile(r"\d{4}(-(\d\d|Q\d))?|<5|hidden|not counted|over 168|\d+( %)?|\d+\.\d|")
    assert [one for row in rows[1:] for one in row if not cell.fullmatch(one)] == []
    for text in (table.text, (await ada.open("/about/moderation")).text, page.text):
        assert "quokka" not in text.lower()
