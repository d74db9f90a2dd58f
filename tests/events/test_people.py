"""Who answered, for who organises: page by page, in the order of answering."""

from __future__ import annotations

import re

from fedserver.context import Server
from fedserver.events import answers, pages
from tests.events.test_events import EVENTS, call
from tests.members import Person
from tests.people import add_member


async def test_many_who_answered_are_read_page_by_page(server: Server, alice: Person, bob: Person) -> None:
    made = await alice.post(EVENTS, call(schedule={"rule": {"frequency": "weekly", "count": 2}}))
    key, other = (one["key"] for one in made["occurrences"])
    names = [f"person{number}" for number in range(35)]
    ids = await server.db.write(lambda conn: [add_member(conn, name) for name in names])
    for account_id in ids:
        await server.db.write(answers.answer_unit, server, account_id, int(made["id"]), "going", keys=[key])

    at = f"{EVENTS}/{made['id']}/rsvps"
    seen: list[str] = []
    path = f"{at}?occurrence={key}&limit=20"
    while path:
        page = await alice.raw("GET", path)
        seen += [one["acct"] for one in await page.json()]
        following = re.search(r'<([^>]+)>; rel="next"', page.headers.get("Link", ""))
        path = following[1].partition(server.config.origin)[2] if following else ""
    assert seen == names
    assert await alice.get(at, occurrence=other) == []
    assert (await bob.raw("GET", f"{at}?occurrence={key}&after=1")).status == 403

    # The page shows the first of each time, and leads on.
    (first, none) = await pages.people(server, alice.member, int(made["id"]))
    assert (len(first.rows), none.rows, none.after) == (pages.PEOPLE_EACH_MAX, [], 0)
    (rest,) = await pages.people(server, alice.member, int(made["id"]), key=key, after=first.after)
    assert [row.username for row, _ in rest.rows] == names[pages.PEOPLE_EACH_MAX :]
