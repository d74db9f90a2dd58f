"""What is somebody else's is not found, and not theirs to change (SECURITY ADM-04).

Every route that takes an id is asked with the ids of another member's things: those that are theirs alone must be answered as an
id that nothing has, value for value; those that all may see change by nobody but who made them. The routes are read, so a new
one is asked without anybody thinking of it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from fedserver import invites, sessions
from fedserver.context import Server
from fedserver.invites import NewInvite
from storage import second_factors, tables, users
from storage.types import new_id, now_ms
from tests import databases
from tests.api.uploads import upload, upload_form
from tests.conftest import MakeMember
from tests.events.test_events import EVENTS, call
from tests.groups.conftest import MakeGroup
from tests.groups.conftest import make_group as make_group
from tests.groups.test_privacy import ALTERNATIVES, OF_THE_MOMENT, PARAMETER
from tests.members import Person
from tests.opportunities import made
from tests.panel.test_gate import browser_of
from tests.resources.test_files import FILES, PDF
from tests.resources.test_publishing import LESSON, RESOURCES
from tests.rows import Filler, changed, rows_about
from web import gate
from web.app import ROUTES

API = "/api/v1"
# Streams never end, what happens to the process is nobody's content, and signing out ends the walk.
LEFT_OUT = ("/api/v1/streaming", "/metrics", "/static", "/logout", "/media/remote")
VALUES = {"username": "alice", "handle": "alice", "acct": "alice", "actor": "alice", "hashtag": "hush", "tag": "hush", "name": "python"}  # fmt: skip
BODY = {
    "title": "Taken", "name": "Taken", "status": "Taken", "text": "Taken", "keyword": "y", "note": "Taken", "reason": "Taken",
    "description": "Taken", "comment": "Taken", "context": ["home"], "scheduled_at": "2098-01-01T00:00:00Z", "choices": ["0"],
}  # fmt: skip
# What everybody may do with what they see.
FOR_ALL = re.compile(
    r".*/(favourite|unfavourite|bookmark|unbookmark|mute|unmute|reblog|unreblog|downvote|undownvote|translate|mark_as_spam"
    r"|unmark_as_spam|votes?|rsvp|reminders|report|reply|use|reviews?|adapt|shelve|follow|unfollow|join|leave|read|threads"
    r"|subscription|apply|application|application/team(/.*)?|like|unlike|boost|unboost|undo-downvote|unpin)"
)


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    """Nothing here depends on the kind of database."""
    return databases.sqlite_database(tmp_path / "database")


def filled(pattern: str, ids: tuple[str, ...]) -> str:
    """A path with these ids, the first for the first parameter that wants one; the last stands for all after it."""
    left = list(ids)

    def value(found: re.Match[str]) -> str:
        if found[1] in VALUES:
            return VALUES[found[1]]
        return left.pop(0) if len(left) > 1 else left[0]

    return PARAMETER.sub(value, pattern)


def id_routes() -> Iterator[tuple[str, str]]:
    """Method and pattern of every route below which something is found by an id, one for each word where it takes some;
    administration is walked by test_gate.py."""
    for route in ROUTES:
        if route.method in ("*", "HEAD") or route.path.startswith(LEFT_OUT) or gate.is_place(route.path):
            continue
        if route.path.endswith("/") or filled(route.path, ("1",)) == filled(route.path, ("2",)):
            continue
        choices = [one for one in PARAMETER.finditer(route.path) if ALTERNATIVES.fullmatch(one[2] or "")]
        for words in itertools.product(*(one[2].split("|") for one in choices)):
            pattern = route.path
            for choice, word in zip(choices, words, strict=True):
                pattern = pattern.replace(choice[0], word)
            yield route.method, pattern


def only_alices(conn: Connection, alice: Person, bob: Person) -> dict[str, str]:
    """What takes others to make: a decision about her, follows that she lost, an answer that waits."""
    mine = {"account_id": alice.account_id}
    ids = {name: new_id() for name in ("strike", "severance", "request", "held")}
    conn.execute(insert(tables.strike).values(id=ids["strike"], **mine, action="none", created_at=now_ms()))
    conn.execute(
        insert(tables.severance).values(
            id=ids["severance"],
            **mine,
            type="domain_block",
            target_name="bad.example",
            followers_count=1,
            following_count=1,
        )
    )
    conn.execute(
        insert(tables.notification_request).values(id=ids["request"], **mine, from_account_id=bob.account_id)
    )
    conn.execute(
        insert(tables.scheduled_post).values(
            id=ids["held"],
            **mine,
            draft='{"text": "Held"}',
            scheduled_at=now_ms() + 9_000_000,
            held_for="new",
        )
    )
    return {name: str(value) for name, value in ids.items()}


def of_every_table(conn: Connection, found: dict[str, str], alice: Person, bob: Person) -> dict[str, str]:
    """An id of each kind of row that is a member's alone and that nobody has thought of: tables are read as routes are."""
    filler, more = Filler(conn, bob.account_id), {}
    for table in tables.metadata.sorted_tables:
        for column in table.columns:
            if "id" not in table.c or not {key.column.table for key in column.foreign_keys} & {tables.user}:
                continue
            ids = select(table.c.id).where(column == alice.account_id)
            if not set(map(str, conn.scalars(ids))) & set(found.values()):
                more[table.name] = str(filler.row(table, **{column.name: alice.account_id})["id"])
    return more


async def theirs_alone(server: Server, alice: Person, bob: Person) -> dict[str, str]:
    """Ids of what nobody but alice finds, one of each kind."""
    await server.db.write(users.change, alice.account_id, trust="trusted")
    found = await server.db.write(only_alices, alice, bob)
    words = {"title": "Mine", "context": ["home"], "keywords_attributes": [{"keyword": "x"}]}
    post = await bob.post(f"{API}/statuses", {"status": "@alice hello", "visibility": "direct"})
    chosen = await alice.post("/api/v2/filters", words)
    status = await alice.post(f"/api/v2/filters/{chosen['id']}/statuses", {"status_id": post["id"]})
    later = {"status": "Later", "scheduled_at": "2099-01-01T00:00:00Z"}
    file = upload_form(PDF)
    opportunity = await bob.post(made.OPPORTUNITIES, made.call())
    applied = await alice.post(
        f"{made.OPPORTUNITIES}/{opportunity['id']}/apply", {"answers": {"Your project": "Mine"}}
    )
    session = await server.db.write(sessions.begin, alice.account_id)
    await server.db.write(
        lambda conn: second_factors.add_passkey(
            conn, alice.account_id, credential_id=b"c", public_key=b"k", sign_count=0, name="Key"
        )
    )
    key = (await server.db.read(second_factors.passkeys_of, alice.account_id))[0]
    token = select(tables.token.c.id).where(tables.token.c.account_id == alice.account_id)
    mine = await alice.post(f"{API}/statuses", {"status": "For nobody", "visibility": "direct"})
    await server.db.write(users.change, alice.account_id, role="admin")  # who invites
    boss = Person(alice.client, "alice", alice.account_id, alice.token, "admin").member
    invite = await invites.create(server, boss, NewInvite(note="Mine"))
    await server.db.write(users.change, alice.account_id, role="member")
    server.remembered.forget_member(alice.account_id)
    found |= {
        "list": (await alice.post(f"{API}/lists", {"title": "Mine"}))["id"],
        "filter": chosen["id"],
        "keyword": chosen["keywords"][0]["id"],
        "filtered": status["id"],
        "later": (await alice.post(f"{API}/statuses", later))["id"],
        "upload": (await upload(alice))["id"],
        "told": (await alice.get(f"{API}/notifications"))[0]["id"],
        "talk": (await alice.get(f"{API}/conversations"))[0]["id"],
        "direct": post["id"],
        "own direct": mine["id"],
        "draft": (await alice.post(f"{RESOURCES}/drafts", {"title": "Mine"}))["id"],
        "file": (await alice.post(FILES, data=file))["id"],
        "calendar": (await alice.post(f"{API}/calendar/tokens", {"label": "Mine"}))["id"],
        "shelf": (await alice.post(f"{API}/shelves", {"title": "Mine", "visibility": "private"}))["id"],
        "report": (await alice.post(f"{API}/reports", {"account_id": bob.id, "comment": "Mine"}))["id"],
        "application": applied["id"],
        "session": str(session.id),
        "passkey": str(key.id),
        "token": str(await server.db.read(lambda conn: conn.scalar(token))),
        "invite": str(invite.row.id),
    }
    return found | await server.db.write(of_every_table, found, alice, bob)


async def asked(person: Person, method: str, path: str, ids: tuple[str, ...], **more: Any) -> tuple[int, str]:
    """The status, and all that is told beside the ids that were asked for and the time of day."""
    async with await person.raw(method, path, **more) as answer:
        text = await answer.text(errors="replace")
        text = f"{answer.headers.get('Location', '')} {answer.headers.get('Link', '')} {text}"
        text = text.replace(str(answer.headers.get("X-Request-Id")), "<request>")
    for one in ids:
        text = text.replace(one, "<id>")
    for pattern in OF_THE_MOMENT:
        text = pattern.sub("<…>", text)
    return answer.status, text


@pytest.mark.long
async def test_adm_04_what_is_somebody_elses_alone_is_as_if_it_were_not_there(
    server: Server, alice: Person, bob: Person, member: MakeMember, nobody: Person
) -> None:
    things = await theirs_alone(server, alice, bob)
    eve, nothing = await member("eve"), str(new_id())
    headers = await browser_of(server, eve)
    before = await server.db.read(rows_about, alice.account_id)
    routes = list(id_routes())
    assert len(routes) > 250
    wrong = []
    for method, pattern in routes:
        api = pattern.startswith(("/api/", "/oauth/"))
        body: dict[str, Any] = (
            {"json": BODY} if api else {"data": {**BODY, "context": "home", "choices": "0"}}
        )
        more: dict[str, Any] = {} if method == "GET" else dict(body)
        reader = eve if api else nobody
        if not api:
            more["headers"] = headers
        expected = await asked(reader, method, filled(pattern, (nothing,)), (nothing,), **more)
        assert expected[0] < 500, pattern
        for kind, thing in things.items():
            found = await asked(reader, method, filled(pattern, (thing,)), (thing,), **more)
            if found != expected:
                wrong.append((method, pattern, kind, found[0], expected[0]))
    assert wrong == []
    assert changed(before, await server.db.read(rows_about, alice.account_id)) == {}


@pytest.mark.long
async def test_adm_04_what_all_may_see_changes_by_nobody_but_who_made_it(
    server: Server, alice: Person, bob: Person, member: MakeMember, nobody: Person, make_group: MakeGroup
) -> None:
    group = str(await make_group(alice, "python"))
    thread = (await alice.post(f"{API}/groups/{group}/threads", {"title": "Mine", "text": "Well?"}))["id"]
    attached = await upload(alice)
    poll = {"options": ["a", "b"], "expires_in": 600}
    post = await alice.post(f"{API}/statuses", {"status": "Mine", "media_ids": [attached["id"]]})
    await alice.post(f"{API}/statuses", {"status": "Asked", "poll": poll})
    quoting = await bob.post(f"{API}/statuses", {"status": "See", "quoted_status_id": post["id"]})
    event = await alice.post(EVENTS, call(questions=["Diet?"]))
    await bob.post(f"{EVENTS}/{event['id']}/rsvp", {"status": "going", "answers": {"Diet?": "None"}})
    output = {"role": "notes", "title": "Notes", "url": "https://x.example/"}
    outputs = (await alice.post(f"{EVENTS}/{event['id']}/outputs", output))["outputs"]
    resource = await alice.post(RESOURCES, LESSON)
    shelf = await alice.post(f"{API}/shelves", {"title": "Mine"})
    await alice.put(f"{API}/shelves/{shelf['id']}/items/{resource['id']}")
    opportunity = await alice.post(made.OPPORTUNITIES, made.call())
    await bob.post(f"{made.OPPORTUNITIES}/{opportunity['id']}/apply", {"answers": {"Your project": "Bobs"}})
    collection = (await alice.post(f"{API}/collections", {"name": "Mine", "account_ids": [bob.id]}))[
        "collection"
    ]
    one = event["occurrences"][0]["key"]
    owned = {
        "statuses": [(post["id"], quoting["id"])], "media": [(attached["id"],)], "shelves": [(shelf["id"], resource["id"])],
        "events": [(event["id"], one), (event["id"], bob.id), (event["id"], outputs[0]["id"])],
        "resources": [(resource["id"], "1.0")], "opportunities": [(opportunity["id"], bob.id)], "groups": [(group, bob.id), (thread,)],
        "collections": [(collection["id"], collection["items"][0]["id"])], "threads": [(thread,)],
        "@{handle": [(post["id"],)],
    }  # fmt: skip
    eve = await member("eve")
    headers = await browser_of(server, eve)
    people = (alice.account_id, bob.account_id, int(group))
    before = [await server.db.read(rows_about, one) for one in people]
    tried, wrong = set(), []
    for method, pattern in id_routes():
        api = pattern.startswith("/api/")
        kind = pattern.split("/")[3 if api else 1].partition(":")[0]
        if method == "GET" or FOR_ALL.fullmatch(pattern) or kind not in owned:
            continue
        body: dict[str, Any] = (
            {"json": BODY} if api else {"data": {**BODY, "context": "home"}, "headers": headers}
        )
        for ids in owned[kind]:
            status, _ = await asked(eve if api else nobody, method, filled(pattern, ids), (), **body)
            tried.add(kind)
            if status not in (
                403,
                404,
                422,
                *(() if api else (303,)),
            ):  # a page leads back to what it is about
                wrong.append((method, pattern, ids, status))
    assert wrong == []
    assert tried == set(owned)
    for was, now in zip(before, [await server.db.read(rows_about, one) for one in people], strict=True):
        assert changed(was, now) == {}
    # What others told alone to her.
    for path in (
        f"{EVENTS}/{event['id']}/rsvps", f"{EVENTS}/{event['id']}/attendance", f"{made.OPPORTUNITIES}/{opportunity['id']}/applications",
        f"{made.OPPORTUNITIES}/{opportunity['id']}/applications.csv", f"{made.OPPORTUNITIES}/{opportunity['id']}/decisions",
        f"{API}/groups/{group}/requests", f"{API}/groups/{group}/bans", f"{API}/groups/{group}/invitations",
    ):  # fmt: skip
        assert (await alice.raw("GET", path)).status == 200, path
        assert (await eve.raw("GET", path)).status in (403, 404), path
