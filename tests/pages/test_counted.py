"""A long thread costs as few statements as a short one."""

from __future__ import annotations

from sqlalchemy import Connection

from fedserver import posts, profiles
from fedserver.context import Server
from fedserver.groups import catalogue
from fedserver.groups.catalogue import GroupFields
from fedserver.groups.pages import ANSWERS_PER_PAGE
from fedserver.posts import Draft
from fedserver.viewer import PAGE_SCOPES, Anonymous, Member
from storage import tables
from storage.hot import insert_rows
from storage.types import new_id, now_ms
from tests.pages.conftest import MakeReader
from tests.people import add_stranger

ANSWERS = 500


def add_answers(conn: Connection, group_id: int, thread_id: int) -> None:
    """Answers by twenty people elsewhere, every other one to the one before."""
    authors = [add_stranger(conn, f"s{number}") for number in range(20)]
    rows = []
    parent = thread_id
    for number in range(ANSWERS):
        post_id = new_id()
        uri = f"https://there.example/notes/{post_id}"
        rows.append({
            "id": post_id, "uri": uri, "url": uri, "account_id": authors[number % 20], "kind": "note",
            "visibility": "public", "content_html": f"<p>Answer {number}.</p>", "in_reply_to_id": parent,
            "thread_id": thread_id, "group_id": group_id, "local": False, "created_at": now_ms(),
        })  # fmt: skip
        parent = post_id if number % 2 else thread_id
    insert_rows(conn, tables.post, rows)


async def test_a_thread_of_500_answers_is_shown_in_8_statements(
    server: Server, signed_in: MakeReader
) -> None:
    reader = await signed_in("alice", role="admin")
    profile = await profiles.by_handle(server, Anonymous(), "alice")
    alice = Member(profile.person.id, "alice", "admin", PAGE_SCOPES)
    group_id = await catalogue.create(server, alice, "python", GroupFields(title="Python"))
    thread_id = await posts.create(server, alice, Draft("Well?", title="Questions", group_id=group_id))
    await server.db.write(add_answers, group_id, thread_id)
    address = f"{server.config.origin}/groups/python/{thread_id}"
    counts = []
    # What is remembered for seconds, or asked elsewhere once in a while, is not part of each page.
    for _ in range(4):
        before = server.db.statements
        async with reader.session.get(address) as page:
            shown = await page.text()
        counts.append(server.db.statements - before)
    assert min(counts) <= 8
    assert shown.count("<article ") == 1 + ANSWERS_PER_PAGE
