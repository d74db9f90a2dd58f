"""A group: what the page of a long thread costs a member, and what it takes to hand on an answer to members elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import Connection

from activitypub.identifiers import Uris
from bench.load import expect, measure
from bench.report import Row
from bench.workloads import Bench, json_of
from bench.world import AUTHORS, TEXT, host_name
from fedserver import sessions
from fedserver.groups import catalogue
from fedserver.keys import Keys, make_pair
from storage import accounts, group_threads, tables
from storage.hot import insert_rows
from storage.types import new_id, now_ms
from web.auth import cookie_name

ANSWERS = 500
MEMBERS = 1_000
HOSTS = 200
PAGES = 30
SILENCE_S = 1.0
REACHED_S = 120


@dataclass(frozen=True)
class Place:
    """A thread of a group that belongs to the member `reader`, and a session of theirs."""

    thread_id: int
    session: str


def add_group(conn: Connection, uris: Uris, peers_port: int) -> Place:
    """A group with a thread of 500 answers, and 1,000 members on 200 other servers."""
    owner = accounts.local(conn, "reader")
    assert owner is not None
    # All that making a group asks of a server.
    server = cast(Any, SimpleNamespace(uris=uris, keys=Keys()))
    pair = make_pair(uris.group("bench"))
    group_id = catalogue.create_unit(conn, server, "bench", {"title": "Bench"}, (), pair, owner.id)
    thread_id = _add_thread(conn, uris, owner.id, group_id)
    _add_members(conn, group_id, peers_port)
    return Place(thread_id, sessions.begin(conn, owner.id).secret)


def _add_thread(conn: Connection, uris: Uris, owner_id: int, group_id: int) -> int:
    """Answers by all authors, every other one to the one before."""
    authors = [accounts.local(conn, f"author{number}") for number in range(AUTHORS)]
    thread_id, at = new_id(), now_ms()
    parent: int | None = None
    rows = []
    for number in range(1 + ANSWERS):
        post_id = new_id() if number else thread_id
        author = authors[number % AUTHORS]
        assert author is not None
        rows.append({
            "id": post_id, "uri": uris.post(post_id), "url": uris.post(post_id), "kind": "note", "visibility": "public",
            "account_id": author.id if number else owner_id, "title": "" if number else "A long thread",
            "content_html": TEXT, "language": "en", "in_reply_to_id": parent, "thread_id": thread_id,
            "group_id": group_id, "local": True, "created_at": at,
        })  # fmt: skip
        parent = post_id if number % 2 else thread_id
    insert_rows(conn, tables.post, rows)
    group_threads.add(conn, thread_id, group_id, "A long thread", at)
    group_threads.count_anew(conn, thread_id)
    return thread_id


def _add_members(conn: Connection, group_id: int, peers_port: int) -> None:
    people, follows = [], []
    for number in range(MEMBERS):
        host = f"{host_name(number % HOSTS)}:{peers_port}"
        uri = f"http://{host}/users/member{number}"
        person = accounts.RemoteAccount(
            uri=uri, url=uri, username=f"member{number}", domain=host, host=host, actor_type="Person",
            inbox_uri=f"{uri}/inbox", shared_inbox_uri=f"http://{host}/inbox", followers_uri=f"{uri}/followers",
        )  # fmt: skip
        account_id = new_id()
        people.append(person.columns() | {"id": account_id, "created_at": now_ms()})
        follows.append(
            {"id": new_id(), "uri": f"{uri}#follow", "account_id": account_id, "target_id": group_id, "accepted": True}
        )  # fmt: skip
    insert_rows(conn, tables.account, people)
    insert_rows(conn, tables.follow, follows)


async def groups(bench: Bench, place: Place, peers: str) -> AsyncIterator[Row]:
    """The page of the thread, statements and all; then one more answer, until every server has it."""
    base = bench.server.base
    headers = {"Cookie": f"{cookie_name(base)}={place.session}", "Accept": "text/html"}

    async def send(_: int) -> None:
        # Where `/@reader/…` leads as well, by a request of its own.
        page = f"{base}/groups/bench/{place.thread_id}"
        await expect(await bench.http.get(page, headers=headers, allow_redirects=False), 200)

    await measure(send, 2, bench.server.processes, concurrency=1)
    before = await bench.server.statements(bench.http)
    cost = await measure(send, PAGES, bench.server.processes, concurrency=4)
    statements = (await bench.server.statements(bench.http) - before) / PAGES
    yield Row(
        bench.database, f"a thread page of {ANSWERS} replies", statements, 8, unit="statements",
        cpu_ms=cost.cpu_ms, per_second=cost.per_second, p95_ms=cost.p95_ms,
    )  # fmt: skip
    await expect(await bench.http.put(f"{peers}/control", json=[]), 204)
    answer = {"status": "One more", "in_reply_to_id": str(place.thread_id)}
    cpu = bench.server.processes.cpu_s()
    response = await bench.http.post(f"{base}/api/v1/statuses", data=answer, headers=bench.bearer("reader"))
    await expect(response, 200)
    seen = await _all_seen(bench, peers)
    name = f"a group's announce to {MEMBERS:,} followers on {HOSTS} hosts"
    cpu_ms = (bench.server.processes.cpu_s() - cpu) * 1000
    yield Row(bench.database, name, seen["activities"], 1, unit="messages", cpu_ms=cpu_ms)
    yield Row(bench.database, "the same, to each host", seen["count"] / HOSTS, 1, unit="requests")


async def _all_seen(bench: Bench, peers: str) -> dict[str, Any]:
    """What the other servers got, once each has got something and nothing more comes."""
    began = changed = time.monotonic()
    count = 0
    while True:
        seen = cast(dict[str, Any], await json_of(bench, f"{peers}/seen"))
        now = time.monotonic()
        if seen["count"] != count:
            count, changed = seen["count"], now
        if seen["hosts"] >= HOSTS and now - changed > SILENCE_S:
            return seen
        if now - began > REACHED_S:
            raise RuntimeError(f"only {seen['hosts']} of {HOSTS} hosts were reached in two minutes")
        await asyncio.sleep(0.1)
