"""``python -m bench [sqlite] [postgresql] [--only NAME …]``: measure, print the table, exit 1 if SQLite misses an aim.

``--only`` takes the beginnings of the names of workloads, such as ``home`` or ``"one status"``: the rest is left
out. What writes is measured as a whole, by ``inbox``, ``post``, ``streams``, ``search``, ``library``, ``group``,
``fan-out`` or ``blocking``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool

from activitypub.identifiers import Uris
from activitypub.signatures import PrivateKey
from bench import blocking, groups, library, searching, streams, workloads
from bench.machine import Processes, tree
from bench.report import Row, show
from bench.server import command, environment, free_port, helper, running
from bench.world import HOSTS, World, add_members, fill, host_name
from tests.databases import create_database, drop_database, postgresql_url

NAMES = ("reader", "sorter", "lonely", "popular", "famous")


async def main(databases: list[str], only: list[str]) -> int:
    """Measure on each database in turn; nothing in `only` means everything."""
    rows: list[Row] = []
    rsa_s = _rsa_seconds()
    for name in databases:
        print(f"Measuring on {name} …", file=sys.stderr, flush=True)
        rows += await _measure(name, rsa_s, only)
    print(show(rows))
    print("\nCPU ms: the server's processes and its database, for one operation.")
    return 1 if any(not row.met for row in rows if row.database == "sqlite") else 0


async def _measure(name: str, rsa_s: float, only: list[str]) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="fedserver-bench-") as folder:
        data = Path(folder)
        url = f"sqlite:///{data}/fedserver.sqlite3" if name == "sqlite" else create_database(postgresql_url())
        try:
            return await _measure_on(name, url, data, rsa_s, only)
        finally:
            if name != "sqlite":
                drop_database(url)


async def _measure_on(name: str, url: str, data: Path, rsa_s: float, only: list[str]) -> list[Row]:
    port, peers_port, bare_port = free_port(), free_port(), free_port()
    hosts = ",".join(f"{host_name(number)}:{peers_port}=127.0.0.1:{peers_port}" for number in range(HOSTS))
    env = environment(data, port, url, hosts)
    uris = Uris(env["FEDSERVER_URL"])
    if name != "sqlite":
        command(env, "migrate")
    command(env, "init", "--domain", env["FEDSERVER_DOMAIN"], "--url", env["FEDSERVER_URL"])
    for member in NAMES:
        command(env, "user", "create", member, "--email", f"{member}@bench.invalid", "--json")
    command(env, "user", "create", "keeper", "--email", "keeper@bench.invalid", "--role", "admin", "--json")
    world = _in_database(url, _fill, uris, peers_port)
    keeper = command(env, "token", "create", "keeper", "--scopes", "admin:read admin:write", "--json")
    tokens = {
        member: command(env, "token", "create", member, "--scopes", "read write follow push", "--json")[
            "access_token"
        ]
        for member in (*NAMES, "fan499")
    }
    listening = _in_database(url, streams.tokens_of_fans)
    place = _in_database(url, groups.add_group, uris, peers_port)
    documents = data / "documents.json"
    documents.write_text(json.dumps(world.documents))
    roots = () if name == "sqlite" else _postgresql_roots()
    rows: list[Row] = []
    async with (
        helper("bench.bare", bare_port) as bare,
        helper("bench.peers", peers_port, str(documents)) as peers,
        running(env, roots) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as http,
    ):
        own = Processes(server.processes.roots[:1])
        bare_pids = tuple(pid for pid in tree([os.getpid()]) if _runs(pid, "bench.bare"))
        bench = workloads.Bench(name, server, bare, Processes(bare_pids), http, world, tokens)
        _keep(rows, Row(name, "start to first answer", server.start_s, 1.5, unit="s"))
        await server.processes.quiet()
        _keep(rows, Row(name, "memory when idle", own.memory_mib(), 120, unit="MiB"))
        await _follow_author_elsewhere(bench)
        parts = {
            "": workloads.reads(bench, only),
            "inbox": workloads.inbox(bench),
            "post": workloads.writes(bench, lambda count: _in_database(url, add_members, uris, count)),
            "streams": streams.streams(bench, listening, own),
            "search": searching.searches(bench, lambda: _in_database(url, searching.add_archive, uris)),
            "library": library.facets(bench, lambda: _in_database(url, library.add_library, uris)),
            "group": groups.groups(bench, place, peers),
            "fan-out": workloads.fan_out(bench, peers, rsa_s),
            "blocking": blocking.blocking(
                bench,
                lambda unit, *arguments: _in_database(url, unit, *arguments),
                data / "media",
                keeper["access_token"],
            ),
        }
        for part_name, part in parts.items():
            if part_name and not workloads.is_wanted(part_name, only):
                continue
            async for row in part:
                _keep(rows, row)
        _keep(rows, Row(name, "memory after all that", own.memory_mib(), 400, unit="MiB"))
    return rows


def _keep(rows: list[Row], row: Row) -> None:
    rows.append(row)
    print(f"  {row.workload}: {row.ratio:.2f} {row.unit}", file=sys.stderr, flush=True)


def _fill(conn: Connection, uris: Uris, peers_port: int) -> World:
    world = _filled(conn, uris, peers_port)
    if conn.dialect.name == "postgresql":
        # As autovacuum does in production, and is told not to where the tests' server is used.
        conn.exec_driver_sql("ANALYZE")
    return world


def _filled(conn: Connection, uris: Uris, peers_port: int) -> World:
    from storage import accounts

    members = {}
    for member in NAMES:
        row = accounts.local(conn, member)
        assert row is not None
        members[member] = int(row.id)
    return fill(conn, uris, members, peers_port)


def _in_database(url, unit, *arguments):  # type: ignore[no-untyped-def]  # any unit, its own result
    if url.startswith("sqlite"):
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": 60})
        event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA journal_mode = WAL"))
    else:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
    with engine.begin() as conn:
        return unit(conn, *arguments)


async def _follow_author_elsewhere(bench: workloads.Bench) -> None:
    """The member `lonely` follows the author whose notes arrive at the inbox; the author's answer is taken as given."""
    from urllib.parse import urlsplit

    handle = f"wanda@{urlsplit(bench.world.remote_uri).netloc}"
    url = f"{bench.server.base}/api/v2/search?q={handle}&resolve=true&type=accounts"
    async with bench.http.get(url, headers=bench.bearer("lonely")) as response:
        found = (await response.json())["accounts"]
    if not found:
        raise RuntimeError("the author elsewhere could not be looked up")
    await bench.http.post(
        f"{bench.server.base}/api/v1/accounts/{found[0]['id']}/follow", headers=bench.bearer("lonely")
    )
    database = bench.server.environment["FEDSERVER_DATABASE"]
    await asyncio.to_thread(_in_database, database, _accept, int(found[0]["id"]))


def _accept(conn: Connection, target_id: int) -> None:
    from storage.tables import follow

    conn.execute(follow.update().where(follow.c.target_id == target_id).values(accepted=True))


def _rsa_seconds() -> float:
    """CPU seconds of 1,000 RSA-2048 signatures."""
    key = PrivateKey.generate_rsa(key_id="https://a.example/#k", owner_uri="https://a.example/")
    began = time.process_time()
    for _ in range(1_000):
        key.sign(b"x" * 200)
    return time.process_time() - began


def _postgresql_roots() -> tuple[int, ...]:
    return tuple(pid for pid in _all_pids() if _runs(pid, "postgres") and not _parent_runs(pid, "postgres"))


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _runs(pid: int, word: str) -> bool:
    try:
        return word in Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _parent_runs(pid: int, word: str) -> bool:
    try:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return False
    return _runs(parent, word)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the server against its aims."
    )
    parser.add_argument("databases", nargs="*", metavar="sqlite|postgresql")
    parser.add_argument("--only", nargs="+", action="extend", default=[], metavar="NAME")
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.databases or ["sqlite", "postgresql"], asked.only)))
