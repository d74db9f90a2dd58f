"""A server of 5,000 people and 100,000 posts is blocked and erased: what others who write notice of it, and what is left."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, or_, select, update

from bench.load import expect
from bench.report import Row
from bench.workloads import Bench, json_of
from fedserver.jobs.plan import plan
from fedserver.media.remote_urls import key_of
from fedserver.media.store import new_key
from storage import accounts, instances, remote_files, search, tables
from storage.hot import insert_rows
from storage.instances import under
from storage.types import new_id, now_ms

HOST: Final = "blocked.bench.example"
WORD: Final = "blockedword"
SERVERS: Final = 5  # each below HOST
PEOPLE: Final = 5_000
POSTS: Final = 100_000
BUSY: Final = 10  # people of whom each wrote a fiftieth of all posts
FOLLOWED: Final = 20  # by the member `reader`, who has their posts in the home timeline
FANS: Final = 1_200  # follow the member `popular`, like and boost and answer
PICTURES: Final = 400
WRITERS: Final = 2
PAUSE_S: Final = 0.03
IDLE_WRITES: Final = 600
AIM: Final = 3
DONE_S: Final = 3 * 3_600
_AT_ONCE: Final = 2_000
_FILE: Final = b"\x89PNG\r\n\x1a\n" + bytes(500)


class Place(NamedTuple):
    """What is known of the server before it is blocked: files of ours, and a post of a member that its people made much of."""

    files: list[Path]
    loved_id: int


async def blocking(
    bench: Bench, in_database: Callable[..., Any], folder: Path, admin: str
) -> AsyncIterator[Row]:
    """Writes of members while nothing else goes on, and while it is blocked, and erased as if its 30 days were over; then what
    is left of it. `admin` is the token of one who may block."""
    writer = _Writer(bench)
    body = await expect(
        await bench.http.post(
            f"{bench.server.base}/api/v1/statuses", data={"status": "Loved"}, headers=bench.bearer("popular")
        ),
        200,
    )
    loved_id = int(json.loads(body)["id"])
    before = await asyncio.to_thread(in_database, _counts, loved_id)
    place: Place = await asyncio.to_thread(in_database, add_server, folder, loved_id)
    await writer.begin(loved_id)
    await writer.write(IDLE_WRITES // 10)
    await bench.server.processes.quiet()
    idle = await writer.write(IDLE_WRITES)

    over = asyncio.Event()
    during = asyncio.create_task(writer.write_until(over))
    began = time.perf_counter()
    try:
        answered_s = await _block(bench, admin)
        await _wait_until(in_database, _is_parted)
        parted_s = time.perf_counter() - began
        await asyncio.to_thread(in_database, _skip_term)
        await _wait_until(in_database, _is_erased)
    finally:
        over.set()
        waits = await during
    erased_s = time.perf_counter() - began - parted_s
    await bench.server.processes.quiet()
    idle += await writer.write(IDLE_WRITES)

    name = f"a server of {POSTS:,} posts is blocked"
    yield Row(bench.database, f"{name}: hidden after", answered_s, 1, unit="s")
    yield Row(bench.database, "blocking: all is erased after", erased_s, 3_600, unit="s")
    yield Row(
        bench.database, "blocking: 99 % of other writes meanwhile", _p99(waits) / _p99(idle), AIM, unit="x idle",
        p95_ms=_at(waits, 0.95) * 1000, per_second=len(waits) / (erased_s + parted_s),
    )  # fmt: skip
    left = await asyncio.to_thread(in_database, _left, place, before)
    left["found by search"] = await _found(bench)
    if any(left.values()):
        print(f"  Left of what was erased: {left}", file=sys.stderr)
    yield Row(bench.database, "blocking: what is left of it", sum(left.values()), 0.5, unit="rows")


async def _block(bench: Bench, admin: str) -> float:
    """Seconds until the answer, after which nobody finds anything of it."""
    if not await _found(bench):
        raise RuntimeError("the server that will be blocked was not found before")
    began = time.perf_counter()
    await expect(
        await bench.http.post(
            f"{bench.server.base}/api/v1/admin/domain_blocks",
            data={"domain": HOST, "severity": "suspend", "reject_media": "true"},
            headers={"Authorization": f"Bearer {admin}"},
        ),
        200,
    )
    answered_s = time.perf_counter() - began
    if await _found(bench):
        raise RuntimeError("the blocked server is still shown")
    return answered_s


async def _found(bench: Bench) -> int:
    """How much anybody who looks finds of the server: by search, in the home timeline, in public."""
    base, found = bench.server.base, 0
    for path in (
        f"/api/v2/search?q={WORD}&type=statuses&limit=20",
        "/api/v1/timelines/home?limit=40",
        "/api/v1/timelines/public?limit=40",
    ):
        answer: Any = await json_of(bench, base + path, bench.bearer("reader"))
        posts = answer["statuses"] if isinstance(answer, dict) else answer
        found += sum(one["account"]["acct"].endswith(HOST) for one in posts)
    return found


# -- who else writes


class _Writer:
    """Members who post, like and take back a like, at a pace at which the server mostly waits for them."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._number = 0
        self._liked: list[str] = []

    async def begin(self, post_id: int) -> None:
        """Like this post, and others of this server."""
        home: Any = await json_of(
            self._bench, f"{self._bench.server.base}/api/v1/accounts/lookup?acct=author3"
        )
        posts: Any = await json_of(
            self._bench, f"{self._bench.server.base}/api/v1/accounts/{home['id']}/statuses?limit=20"
        )
        self._liked = [str(post_id), *(one["id"] for one in posts)]

    async def write(self, count: int) -> list[float]:
        """The seconds that each of so many writes took."""
        numbers = iter(range(count))
        return await self._together(lambda: next(numbers, None) is not None)

    async def write_until(self, over: asyncio.Event) -> list[float]:
        """The same of all writes until something is over."""
        return await self._together(lambda: not over.is_set())

    async def _together(self, goes_on: Callable[[], bool]) -> list[float]:
        waits: list[float] = []

        async def one_after_another() -> None:
            while goes_on():
                began = time.perf_counter()
                await self._write_one()
                waits.append(time.perf_counter() - began)
                await asyncio.sleep(PAUSE_S)

        await asyncio.gather(*(one_after_another() for _ in range(WRITERS)))
        return waits

    async def _write_one(self) -> None:
        self._number += 1
        number, base = self._number, f"{self._bench.server.base}/api/v1/statuses"
        if number % 4 == 0:
            request = self._bench.http.post(
                base, data={"status": f"Meanwhile {number} #training"}, headers=self._bench.bearer("lonely")
            )
        else:
            post_id = self._liked[number // 2 % len(self._liked)]
            verb = "favourite" if number // 2 // len(self._liked) % 2 == 0 else "unfavourite"
            request = self._bench.http.post(f"{base}/{post_id}/{verb}", headers=self._bench.bearer("sorter"))
        await expect(await request, 200)


def _at(waits: Sequence[float], share: float) -> float:
    return sorted(waits)[int(len(waits) * share)]


def _p99(waits: Sequence[float]) -> float:
    return _at(waits, 0.99)


# -- how far it has come


async def _wait_until(in_database: Callable[..., Any], is_done: Callable[[Connection], bool]) -> None:
    began = time.monotonic()
    while not await asyncio.to_thread(in_database, is_done):
        if time.monotonic() - began > DONE_S:
            raise RuntimeError(f"not done within {DONE_S} seconds: {is_done.__name__}")
        await asyncio.sleep(1)


def _of_host() -> Any:
    return select(tables.account.c.id).where(under(tables.account.c.host, HOST))


def _is_parted(conn: Connection) -> bool:
    """What is to be done at once is: everybody is suspended, nobody follows anybody."""
    if _count(conn, tables.erasure) < PEOPLE:
        return False
    theirs = _of_host()
    ties = or_(tables.follow.c.account_id.in_(theirs), tables.follow.c.target_id.in_(theirs))
    return _count(conn, tables.follow, ties) == 0


def _skip_term(conn: Connection) -> None:
    """As if the 30 days in which a block can be taken back were over, and the chore looked."""
    conn.execute(update(tables.erasure).values(due_at=now_ms() - 1))
    plan(conn, "erase_due", {}, key="")


def _is_erased(conn: Connection) -> bool:
    return _count(conn, tables.erasure) == 0


def _count(conn: Connection, table: Any, *conditions: Any) -> int:
    return int(conn.scalar(select(func.count()).select_from(table).where(*conditions)) or 0)


def _counts(conn: Connection, loved_id: int) -> dict[str, int]:
    """The counters that the server's people will change."""
    loved = conn.execute(select(tables.post).where(tables.post.c.id == loved_id)).one()
    reader, popular = accounts.local(conn, "reader"), accounts.local(conn, "popular")
    assert reader is not None
    assert popular is not None
    return {
        "followed": reader.following_count,
        "followers": popular.followers_count,
        "boosts": loved.boosts_count,
        "answers": loved.replies_count,
        "mentions": _count(
            conn,
            tables.notification,
            tables.notification.c.account_id == reader.id,
            tables.notification.c.type == "mention",
        ),
    }


def _left(conn: Connection, place: Place, before: dict[str, int]) -> dict[str, int]:
    """What there still is of the server; counters by how much they are off."""
    theirs = _of_host()
    likes = _count(conn, tables.like, tables.like.c.post_id == place.loved_id)
    loved = conn.execute(select(tables.post).where(tables.post.c.id == place.loved_id)).one()
    now = _counts(conn, place.loved_id)
    left = {
        table.name: _count(conn, table, column.in_(theirs))
        for table, column in (
            (tables.post, tables.post.c.account_id),
            (tables.media, tables.media.c.account_id),
            (tables.like, tables.like.c.account_id),
            (tables.notification, tables.notification.c.from_account_id),
            (tables.account_word, tables.account_word.c.account_id),
        )
    }
    return {
        **left,
        "follows": _count(
            conn,
            tables.follow,
            tables.follow.c.account_id.in_(theirs) | tables.follow.c.target_id.in_(theirs),
        ),
        "described": _count(
            conn, tables.account, tables.account.c.id.in_(theirs), tables.account.c.note_html != ""
        ),
        "home": _count(conn, tables.home_entry, tables.home_entry.c.post_id.not_in(select(tables.post.c.id))),
        "words": _count(
            conn, tables.post_words, tables.post_words.c.post_id.not_in(select(tables.post.c.id))
        ),
        "copies": _count(conn, tables.remote_file, under(tables.remote_file.c.host, HOST)),
        "files": sum(file.exists() for file in place.files),
        "likes counted": abs(int(loved.likes_count) - likes),
        **{f"{name} counted": abs(now[name] - before[name]) for name in before},
    }


# -- the server


def add_server(conn: Connection, folder: Path, loved_id: int) -> Place:
    """Its people, posts and all that ties them to members; files are made in `folder`, where those of the server are."""
    chance = random.Random(2)
    people = _add_people(conn)
    files = _add_pictures(conn, folder, people[:PICTURES])
    posts = _add_posts(conn, people, chance)
    reader, popular = accounts.local(conn, "reader"), accounts.local(conn, "popular")
    assert reader is not None
    assert popular is not None
    follows = [(reader.id, one) for one in people[:FOLLOWED]]
    follows += [(one, popular.id) for one in people[-FANS:]]
    insert_rows(conn, tables.follow, [
        {"id": new_id(), "uri": f"urn:blocking:{one}:{other}", "account_id": one, "target_id": other, "accepted": True}
        for one, other in follows
    ])  # fmt: skip
    _raise(conn, tables.account, reader.id, "following_count", FOLLOWED)
    _raise(conn, tables.account, popular.id, "followers_count", FANS)
    seen = [post_id for post_id, author_id in posts if author_id in set(people[:FOLLOWED])][-800:]
    insert_rows(conn, tables.home_entry, [{"account_id": reader.id, "post_id": one} for one in seen])
    now = now_ms()
    likes = {(one, loved_id) for one in people[-FANS:]} | {(reader.id, one) for one in seen[:100]}
    likes |= {(chance.choice(people), chance.choice(posts)[0]) for _ in range(20_000)}
    insert_rows(conn, tables.like, [
        {"id": new_id(), "uri": f"urn:blocking:{one}:{post_id}", "account_id": one, "post_id": post_id} for one, post_id in likes
    ])  # fmt: skip
    _raise(conn, tables.post, loved_id, "likes_count", FANS)
    beside = [
        _post(one, now, kind="boost", boost_of_id=loved_id) for one in people[-FANS:]
    ] + [_post(one, now, kind="note", in_reply_to_id=loved_id, thread_id=loved_id) for one in people[-FANS:]]  # fmt: skip
    for row in beside:
        row |= {"in_reply_to_id": row.get("in_reply_to_id"), "boost_of_id": row.get("boost_of_id")}
    insert_rows(conn, tables.post, beside)
    _raise(conn, tables.post, loved_id, "boosts_count", FANS)
    _raise(conn, tables.post, loved_id, "replies_count", FANS)
    insert_rows(conn, tables.notification, [
        {"id": new_id(), "account_id": reader.id, "type": "mention", "from_account_id": author_id, "post_id": post_id, "dedupe": f"blocking:{post_id}"}
        for post_id, author_id in posts[:1_000]
    ])  # fmt: skip
    insert_rows(conn, tables.mention, [{"post_id": one, "account_id": reader.id} for one, _ in posts[:1_000]])
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("ANALYZE")
    return Place(files, loved_id)


def _raise(conn: Connection, table: Any, row_id: int, name: str, by: int) -> None:
    conn.execute(update(table).where(table.c.id == row_id).values({name: table.c[name] + by}))


def _add_people(conn: Connection) -> list[int]:
    rows, words = [], []
    for number in range(PEOPLE):
        host = f"s{number % SERVERS}.{HOST}"
        uri = f"https://{host}/users/p{number}"
        person = accounts.RemoteAccount(
            uri=uri, url=uri, username=f"p{number}", domain=host, host=host, actor_type="Person", inbox_uri=f"{uri}/inbox",
            shared_inbox_uri=f"https://{host}/inbox", followers_uri=f"{uri}/followers", display_name=f"Person {number}",
            note_html="<p>Somebody.</p>",
        )  # fmt: skip
        account_id = new_id()
        rows.append(person.columns() | {"id": account_id, "created_at": now_ms()})
        words += [{"account_id": account_id, "word": word} for word in ("person", str(number))]
    insert_rows(conn, tables.account, rows)
    insert_rows(conn, tables.account_word, words)
    instances.see(conn, [f"s{number}.{HOST}" for number in range(SERVERS)])
    return [row["id"] for row in rows]


def _add_pictures(conn: Connection, folder: Path, people: Sequence[int]) -> list[Path]:
    files = []
    for number, account_id in enumerate(people):
        host = f"s{number % SERVERS}.{HOST}"
        url = f"https://{host}/pictures/{number}.png"
        store_key = new_key("image/png")
        file = folder / store_key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_FILE)
        files.append(file)
        remote_files.put(
            conn, key_of(url), remote_files.Original(url, host), state="kept", now=now_ms(), store_key=store_key, file_bytes=len(_FILE)
        )  # fmt: skip
        conn.execute(update(tables.account).where(tables.account.c.id == account_id).values(avatar_url=url))
    return files


def _post(author_id: int, at: int, **columns: Any) -> dict[str, Any]:
    post_id = new_id(at)
    uri = f"https://{HOST}/posts/{post_id}"
    return {
        "id": post_id, "uri": uri, "url": uri, "account_id": author_id, "visibility": "public", "thread_id": post_id,
        "local": False, "created_at": at, "content_html": f"<p>{WORD}</p>", **columns,
    }  # fmt: skip


def _add_posts(conn: Connection, people: Sequence[int], chance: random.Random) -> list[tuple[int, int]]:
    """(id, author) of each."""
    words = [f"word{number}" for number in range(5_000)]
    tags = [{"id": new_id(), "key": f"blocked{number}", "name": f"blocked{number}"} for number in range(50)]
    insert_rows(conn, tables.hashtag, tags)
    began = now_ms() - POSTS * 1_000
    made: list[tuple[int, int]] = []
    for first in range(0, POSTS, _AT_ONCE):
        rows, documents = [], []
        for number in range(first, first + _AT_ONCE):
            author = people[number // 5 % BUSY] if number % 5 == 0 else people[number % PEOPLE]
            text = " ".join([WORD, *chance.choices(words, k=30)])
            rows.append(_post(author, began + number * 1_000, kind="note", content_html=f"<p>{text}</p>"))
            documents.append((rows[-1]["id"], [text], [search.mark("by", author)]))
        insert_rows(conn, tables.post, rows)
        search.put_new_posts(conn, documents)
        insert_rows(
            conn,
            tables.post_tag,
            [{"post_id": row["id"], "tag_id": chance.choice(tags)["id"]} for row in rows],
        )
        insert_rows(conn, tables.media, [
            {"id": new_id(), "account_id": row["account_id"], "post_id": row["id"], "type": "image", "state": "ready",
             "remote_url": f"https://{HOST}/files/{row['id']}.png", "created_at": now_ms()}
            for row in rows[::20]
        ])  # fmt: skip
        made += [(row["id"], row["account_id"]) for row in rows]
    counts = select(func.count()).where(tables.post.c.account_id == tables.account.c.id).scalar_subquery()
    conn.execute(update(tables.account).where(tables.account.c.id.in_(_of_host())).values(posts_count=counts))
    return made
