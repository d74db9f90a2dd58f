"""What is measured, and the aim of each."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import aiohttp

from activitypub.signatures import sign_request
from bench.load import ROUNDS, Cost, Send, compare, expect, measure, middle
from bench.machine import Processes
from bench.report import Row
from bench.server import Running
from bench.world import HOSTS, World, host_name

READS = 1_800
WRITES = 120
INBOX = 600
WARM_UP = 30
AP = "application/activity+json"


@dataclass
class Bench:
    """Everything a workload needs."""

    database: str
    server: Running
    bare_base: str
    bare_processes: Processes
    http: aiohttp.ClientSession
    world: World
    tokens: Mapping[str, str]

    def bearer(self, name: str) -> dict[str, str]:
        """The header of one of the members."""
        return {"Authorization": f"Bearer {self.tokens[name]}"}

    async def bare(self, name: str, body: bytes, *, posts: bytes | None = None) -> tuple[Send, Processes]:
        """The bare handler that sends `body`, and where `posts` is given takes it first: warmed up, to be measured."""
        await expect(await self.http.put(f"{self.bare_base}/{name}", data=body), 204)

        async def send(_: int) -> None:
            method = "GET" if posts is None else "POST"
            await expect(await self.http.request(method, f"{self.bare_base}/{name}", data=posts), 200)

        await measure(send, WARM_UP, self.bare_processes)
        return send, self.bare_processes

    async def bare_cost(self, name: str, body: bytes, *, posts: bytes) -> Cost:
        """What that needs."""
        send, processes = await self.bare(name, body, posts=posts)
        return middle([await measure(send, READS // ROUNDS, processes) for _ in range(ROUNDS)])


Headers = Callable[[], dict[str, str]]


def is_wanted(name: str, only: Sequence[str]) -> bool:
    """Whether a workload of this name is to be run: all are when `only` is empty."""
    return not only or any(name.lower().startswith(one.lower()) for one in only)


async def reads(bench: Bench, only: Sequence[str] = ()) -> AsyncIterator[Row]:
    """The pages and documents that are asked for most."""
    world, base = bench.world, bench.server.base
    reader = bench.bearer("reader")
    actor = f"{base}/users/popular"

    # A signature of the same second is the same, and making each anew would keep the processor from what is measured.
    @lru_cache(maxsize=1)
    def signed_at(second: int) -> dict[str, str]:
        return {"Accept": AP} | sign_request("cavage", "GET", actor, None, world.remote_key, second)

    def signed() -> dict[str, str]:
        return signed_at(int(time.time()))

    authority = urlsplit(base).netloc
    finger = f"{base}/.well-known/webfinger?resource=acct:reader@{authority}"
    me = (await json_of(bench, f"{base}/api/v1/accounts/lookup?acct=author3"))["id"]
    plan: list[tuple[str, str, Headers, float, float | None]] = [
        ("home timeline", f"{base}/api/v1/timelines/home?limit=20", lambda: reader, 6, 3),
        (
            "home timeline with filters, lists and mutes",
            f"{base}/api/v1/timelines/home?limit=20",
            lambda: bench.bearer("sorter"),
            6,
            3,
        ),
        ("public timeline, no token", f"{base}/api/v1/timelines/public?limit=20", dict, 3, None),
        ("one status", f"{base}/api/v1/statuses/{world.one_post_id}", lambda: reader, 3, None),
        ("actor, signed fetch", actor, signed, 4, None),
        ("WebFinger", finger, dict, 2, None),
        (
            "context of 100 replies",
            f"{base}/api/v1/statuses/{world.thread_id}/context",
            lambda: reader,
            12,
            4,
        ),
        ("an account's statuses", f"{base}/api/v1/accounts/{me}/statuses?limit=20", lambda: reader, 7, None),
        ("notifications", f"{base}/api/v1/notifications?limit=20", lambda: reader, 7, None),
        ("profile page, no cookie", f"{base}/@author3", lambda: {"Accept": "text/html"}, 10, None),
    ]
    for one in plan:
        if is_wanted(one[0], only):
            yield await _read(bench, *one)


async def _read(
    bench: Bench, name: str, url: str, headers: Headers, aim: float, statements_aim: float | None
) -> Row:
    body = b""

    async def send(_: int) -> None:
        nonlocal body
        body = await expect(await bench.http.get(url, headers=headers()), 200)

    await measure(send, WARM_UP, bench.server.processes)
    bare = await bench.bare("read", body)
    before = await bench.server.statements(bench.http)
    rounds = await compare((send, bench.server.processes), bare, READS)
    statements = (await bench.server.statements(bench.http) - before) / READS
    ratios = [own.cpu_ms / other.cpu_ms for own, other in rounds]
    cost = middle([own for own, _ in rounds])
    return _row(
        bench, name, cost, statistics.median(ratios), aim, statements, statements_aim,
        rounds=(min(ratios), max(ratios)),
    )  # fmt: skip


async def writes(bench: Bench, add_idle_members: Callable[[int], None]) -> AsyncIterator[Row]:
    """Posting: alone, among many members, and to 500 of them."""
    alone, bare_ms = await posting(bench, "lonely")
    yield _row(bench, "POST status, no followers", alone[0], alone[0].cpu_ms / bare_ms, 50, alone[1])
    await asyncio.to_thread(add_idle_members, 1_000)
    crowded, _ = await posting(bench, "lonely")
    ratio = crowded[0].cpu_ms / alone[0].cpu_ms
    yield _row(
        bench, "the same with 1,000 more members", crowded[0], ratio, 1.5, crowded[1], unit="x with few"
    )
    followed, _ = await posting(bench, "popular")
    more = (followed[0].cpu_ms - alone[0].cpu_ms) / bare_ms
    yield _row(bench, "POST status, 500 followers here: beyond alone", followed[0], more, 80, followed[1])
    yield Row(
        bench.database, "the last of 500 followers sees it", await _last_follower_sees(bench), 0.3, unit="s"
    )


async def posting(bench: Bench, name: str) -> tuple[tuple[Cost, float], float]:
    """What a post by this member costs, and how many statements it takes; and the bare handler's CPU ms."""
    url, headers = f"{bench.server.base}/api/v1/statuses", bench.bearer(name)
    sent, body = b"", b""

    async def send(number: int) -> None:
        nonlocal sent, body
        sent = json.dumps(
            {"status": f"Bench {number}: lesson planning #training https://example.org/{number}"}
        ).encode()
        response = await bench.http.post(
            url, data=sent, headers=headers | {"Content-Type": "application/json"}
        )
        body = await expect(response, 200)

    await measure(send, 10, bench.server.processes)
    before = await bench.server.statements(bench.http)
    cost = await measure(send, WRITES, bench.server.processes, concurrency=4)
    statements = (await bench.server.statements(bench.http) - before) / WRITES
    return (cost, statements), (await bench.bare_cost("write", body, posts=sent)).cpu_ms


async def _last_follower_sees(bench: Bench) -> float:
    began = time.perf_counter()
    response = await bench.http.post(
        f"{bench.server.base}/api/v1/statuses",
        data={"status": "Who is last?"},
        headers=bench.bearer("popular"),
    )
    made = json.loads(await expect(response, 200))["id"]
    while True:
        home = await json_of(
            bench, f"{bench.server.base}/api/v1/timelines/home?limit=5", bench.bearer("fan499")
        )
        if any(one["id"] == made for one in home):
            return time.perf_counter() - began
        await asyncio.sleep(0.005)


async def inbox(bench: Bench) -> AsyncIterator[Row]:
    """Signed Create(Note)s from one author elsewhere, until the last is in a home timeline."""
    world, target = bench.world, f"{bench.server.base}/inbox"
    bodies = [_create(world, number) for number in range(INBOX)]
    # Signed beforehand: the load must not take the time it measures.
    signed = [sign_request("cavage", "POST", target, body, world.remote_key, time.time()) for body in bodies]

    async def send(number: int) -> None:
        await expect(await bench.http.post(target, data=bodies[number], headers=signed[number]), 202)

    cpu = bench.server.processes.cpu_s()
    accepted = await measure(send, INBOX, bench.server.processes)
    last = json.loads(bodies[-1])["object"]["id"]
    while True:
        home = await json_of(
            bench, f"{bench.server.base}/api/v1/timelines/home?limit=40", bench.bearer("lonely")
        )
        if last in {one["uri"] for one in home}:
            break
        await asyncio.sleep(0.05)
    cpu_ms = (bench.server.processes.cpu_s() - cpu) / INBOX * 1000
    bare = await bench.bare_cost("inbox", b"", posts=bodies[0])
    whole = Cost(cpu_ms, accepted.per_second, accepted.p95_ms)
    yield _row(bench, "inbox Create(Note), until visible", whole, cpu_ms / bare.cpu_ms, 40, None)
    yield Row(bench.database, "inbox accepts", accepted.per_second, 300, unit="a second", at_least=True)


async def fan_out(bench: Bench, peers: str, rsa_s: float) -> AsyncIterator[Row]:
    """One post to 1,000 inboxes on 1,000 hosts; then with every tenth host hanging."""
    port = urlsplit(peers).port
    well = await _deliver(bench, peers, [])
    name = f"{HOSTS:,} inboxes on as many hosts"
    yield Row(
        bench.database,
        name,
        well["cpu_s"] / rsa_s,
        3,
        unit=f"x {HOSTS:,} RSA signatures",
        cpu_ms=well["cpu_s"] * 1000,
    )
    yield Row(bench.database, "the first of them has it", well["first_s"], 0.1, unit="s")
    hanging = [f"{host_name(number)}:{port}" for number in range(5, HOSTS, 10)]
    ill = await _deliver(bench, peers, hanging)
    ratio = ill["last_s"] / well["last_s"]
    yield Row(
        bench.database, "a tenth of the hosts hanging: the others are done", ratio, 1.5, unit="x without"
    )


async def _deliver(bench: Bench, peers: str, hanging: list[str]) -> dict[str, float]:
    await expect(await bench.http.put(f"{peers}/control", json=hanging), 204)
    cpu, began = bench.server.processes.cpu_s(), time.time()
    response = await bench.http.post(
        f"{bench.server.base}/api/v1/statuses",
        data={"status": f"To {HOSTS} hosts"},
        headers=bench.bearer("famous"),
    )
    await expect(response, 200)
    while True:
        seen = await json_of(bench, f"{peers}/seen")
        if seen["hosts"] >= HOSTS - len(hanging):
            break
        if time.time() - began > 120:
            raise RuntimeError(f"only {seen['hosts']} of {HOSTS} hosts were reached in two minutes")
        await asyncio.sleep(0.1)
    times = seen["times"]
    return {
        "cpu_s": bench.server.processes.cpu_s() - cpu,
        "first_s": times[0] - began,
        "last_s": times[HOSTS - len(hanging) - 1] - began,
    }


def _create(world: World, number: int) -> bytes:
    uri, note = world.remote_uri, f"{world.remote_uri}/notes/{number}"
    to, cc = ["https://www.w3.org/ns/activitystreams#Public"], [f"{uri}/followers"]
    published = "2026-01-01T00:00:00Z"
    published = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    made = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{note}#create",
        "type": "Create",
        "actor": uri,
        "published": published,
        "to": to,
        "cc": cc,
        "object": {
            "id": note,
            "type": "Note",
            "attributedTo": uri,
            "content": f"<p>Note {number}: what we learned from the last cohort, in three sentences.</p>",
            "published": published,
            "to": to,
            "cc": cc,
            "url": note,
        },
    }
    return json.dumps(made).encode()


async def json_of(bench: Bench, url: str, headers: Mapping[str, str] | None = None) -> dict[str, object]:
    """What is at this address."""
    return json.loads(await expect(await bench.http.get(url, headers=headers), 200))


def _row(
    bench: Bench, name: str, cost: Cost, ratio: float, aim: float, statements: float | None,
    statements_aim: float | None = None, unit: str = "x bare", rounds: tuple[float, float] | None = None,
) -> Row:  # fmt: skip
    return Row(
        bench.database, name, ratio, aim, unit=unit, cpu_ms=cost.cpu_ms, per_second=cost.per_second, p95_ms=cost.p95_ms,
        statements=statements, statements_aim=statements_aim, rounds=rounds,
    )  # fmt: skip
