"""A long thread costs as few statements as a short one, whatever is in it, and the note of how far it was read is one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, update

from fedserver import posts, profiles
from fedserver.context import Server
from fedserver.groups import catalogue
from fedserver.groups.catalogue import GroupFields
from fedserver.groups.pages import ANSWERS_PER_PAGE
from fedserver.posts import Draft
from fedserver.viewer import PAGE_SCOPES, Anonymous, Member
from storage import group_threads, interactions, media, previews, quotes, tables
from storage import posts as stored_posts
from storage.hot import insert_rows
from storage.types import new_id, now_ms
from tests.counting import fewest_statements
from tests.pages.conftest import MakeReader
from tests.people import add_stranger

ANSWERS = 500
STATEMENTS_MAX = 8


def add_answers(conn: Connection, group_id: int, thread_id: int, count: int = ANSWERS) -> list[int]:
    """Answers by twenty people elsewhere, every other one to the one before."""
    authors = [add_stranger(conn, f"s{number}") for number in range(20)]
    rows: list[dict[str, Any]] = []
    parent = thread_id
    for number in range(count):
        post_id = new_id()
        uri = f"https://there.example/notes/{post_id}"
        rows.append({
            "id": post_id, "uri": uri, "url": uri, "account_id": authors[number % 20], "kind": "note",
            "visibility": "public", "content_html": f"<p>Answer {number}.</p>", "in_reply_to_id": parent,
            "thread_id": thread_id, "group_id": group_id, "local": False, "created_at": now_ms(),
        })  # fmt: skip
        parent = post_id if number % 2 else thread_id
    insert_rows(conn, tables.post, rows)
    return [row["id"] for row in rows]


def add_all_kinds(conn: Connection, viewer_id: int, post_ids: list[int]) -> None:
    """To the first of these answers whatever can hang on a post; the next one quotes it, the one after quotes that."""
    first, second, third = (stored_posts.by_id(conn, post_id) for post_id in post_ids[:3])
    stored_posts.put_poll(
        conn, first.id, options=[("Chalk", 2), ("Slides", 1)], multiple=False, expires_at=None
    )
    picture_id = media.add(
        conn, first.account_id, type_="image", media_type="image/png", store_key="", preview_key="",
        url="https://there.example/board.png", preview_url="", description="A blackboard", blurhash="",
        focus=(0, 0), meta={}, file_bytes=1,
    )  # fmt: skip
    conn.execute(update(tables.media).where(tables.media.c.id == picture_id).values(post_id=first.id))
    page = {"url": "https://a.example/page", "title": "A linked page", "author_id": None}
    previews.show(conn, post_ids[3], previews.put(conn, "https://a.example/page", page))
    conn.execute(update(tables.post).where(tables.post.c.id == first.id).values(kind="question"))
    interactions.add_like(conn, viewer_id, first.id, "https://there.example/likes/1")
    group_threads.add_dislike(conn, second.account_id, first.id, "https://there.example/dislikes/1")
    for quoting, quoted in ((second, first), (third, second)):
        conn.execute(
            insert(tables.quote).values(
                id=new_id(), post_id=quoting.id, account_id=quoting.account_id, quoted_id=quoted.id,
                quoted_account_id=quoted.account_id, quoted_uri=quoted.uri, state=quotes.ACCEPTED,
            )
        )  # fmt: skip
        conn.execute(update(tables.post).where(tables.post.c.id == quoting.id).values(quote_uri=quoted.uri))


async def test_a_thread_of_500_answers_is_shown_in_8_statements(
    server: Server, signed_in: MakeReader
) -> None:
    reader = await signed_in("alice", role="admin")
    profile = await profiles.by_handle(server, Anonymous(), "alice")
    alice = Member(profile.person.id, "alice", "admin", PAGE_SCOPES)
    fields = GroupFields(title="Python", topics=["teaching"], allows_downvotes=True)
    group_id = await catalogue.create(server, alice, "python", fields)
    draft = Draft("Well?", title="Questions", group_id=group_id, topics=["teaching"])
    thread_id = await posts.create(server, alice, draft)
    answers = await server.db.write(add_answers, group_id, thread_id)
    await server.db.write(add_all_kinds, alice.account_id, answers)
    address = f"{server.config.origin}/groups/python/{thread_id}?page=99"
    counts, last_read = [], 0
    # What is remembered for seconds, or asked elsewhere once in a while, is not part of each page.
    for _ in range(4):
        (newest,) = await server.db.write(add_answers, group_id, thread_id, 1)
        before = server.db.statements
        async with reader.session.get(address) as page:
            assert page.status == 200
            await page.read()
        counts.append(server.db.statements - before)
        read = await server.db.read(group_threads.last_read, alice.account_id, thread_id)
        assert read is not None
        assert read >= newest
        assert read > last_read
        last_read = read
    assert min(counts) <= STATEMENTS_MAX

    async def first_page() -> str:
        async with reader.session.get(f"{server.config.origin}/groups/python/{thread_id}") as page:
            return await page.text()

    assert await fewest_statements(server, first_page) <= STATEMENTS_MAX
    shown = await first_page()
    assert shown.count("<article ") >= 1 + ANSWERS_PER_PAGE
    for words in ("Chalk", "A blackboard", "A linked page", "Teaching"):
        assert words.lower() in shown.lower(), words
    assert shown.count('class="quoted"') == 2
