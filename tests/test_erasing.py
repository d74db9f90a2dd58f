"""Who leaves is forgotten, and a server that is blocked hidden at once and erased after a month, in writes that are small
whatever there was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest
from sqlalchemy import (
    Connection,
    func,
    insert,
    select,
)

from fedserver import farewell, search_index, sessions, signup
from fedserver.context import Server
from fedserver.events import seats
from fedserver.moderation import domains, standing
from storage import accounts, belongings, kept_out, strikes, tables, users
from storage.types import new_id, now_ms
from tests.conftest import MakeMember
from tests.counting import rows_written
from tests.members import Person
from tests.people import add_post, add_stranger
from tests.rows import Filler

HOST = "spam.example"
ROWS_MAX = 1_000
PEOPLE = 450
FANS = 1_200
POSTS = 1_000


def fill(conn: Connection, member_id: int, member_post: int) -> list[int]:
    """Many accounts of one server; the first has posted much, is followed, and likes, boosts and answers a member."""
    found = [add_stranger(conn, f"p{number}", f"w{number % 2}.{HOST}") for number in range(PEOPLE)]
    first = found[0]
    for _ in range(40):
        add_post(conn, first, local=False)
    loved = add_post(conn, first, local=False)
    home = add_post(conn, found[1], local=False, boost_of_id=loved)
    add_post(conn, found[1], local=False, boost_of_id=member_post)
    add_post(conn, first, local=False, in_reply_to_id=member_post, thread_id=member_post)
    add_post(conn, first, local=False, kind="article", title="Not so plain")
    _insert(
        conn,
        "post_like",
        [{"account_id": add_stranger(conn, f"f{one}"), "post_id": loved} for one in range(FANS)],
    )
    _insert(conn, "post_like", [{"account_id": first, "post_id": member_post}])
    conn.execute(
        tables.post.update().where(tables.post.c.id == member_post).values(likes_count=1, boosts_count=1)
    )
    for post_id in (loved, home):
        conn.execute(insert(tables.home_entry).values(account_id=member_id, post_id=post_id))
    _insert(
        conn, "follow", [{"account_id": one, "target_id": member_id, "accepted": True} for one in found[:120]]
    )
    _insert(
        conn, "follow", [{"account_id": member_id, "target_id": one, "accepted": True} for one in found[:3]]
    )
    return found


def _insert(conn: Connection, table: str, rows: Iterable[dict[str, object]]) -> list[int]:
    """Many rows at once; their ids, where they have some."""
    into = tables.metadata.tables[table]
    made = []
    for row in rows:
        row_id = new_id()
        more = {"id": row_id, "uri": f"https://x.example/{row_id}"}
        made.append({**{name: value for name, value in more.items() if name in into.c}, **row})
    conn.execute(insert(into), made)
    return [row["id"] for row in made if "id" in row]


def _posts(conn: Connection, author_id: int, count: int) -> list[int]:
    """So many posts of somebody's."""
    row = {
        "url": "https://x.example/", "account_id": author_id, "kind": "note", "visibility": "public", "thread_id": 1,
        "created_at": 1,
    }  # fmt: skip
    return _insert(conn, "post", [row] * count)


def left(conn: Connection, account_ids: list[int]) -> dict[str, int]:
    """What there is of these accounts."""

    def count(column: object) -> int:
        return int(conn.scalar(select(func.count()).where(column.in_(account_ids))) or 0)  # type: ignore[attr-defined]

    theirs = select(tables.post.c.id).where(tables.post.c.account_id.in_(account_ids))
    found = {
        "posts": count(tables.post.c.account_id),
        "likes": count(tables.like.c.account_id),
        "follows": count(tables.follow.c.account_id) + count(tables.follow.c.target_id),
        "words": count(tables.account_word.c.account_id),
        "notices": count(tables.notification.c.from_account_id),
        "home": len(
            conn.execute(select(tables.home_entry).where(tables.home_entry.c.post_id.in_(theirs))).all()
        ),
    }
    return {what: number for what, number in found.items() if number}


async def test_a_member_leaves_in_small_steps(
    server: Server, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DEL-02: a thousand posts, what was made of one, follows, likes and all that was the member's own go in writes that are small
    however many there are; counts follow."""
    alice, bob = await member("alice"), await member("bob")
    liked = int((await alice.post("/api/v1/statuses", {"status": "Liked by many"}))["id"])
    theirs = int((await bob.post("/api/v1/statuses", {"status": "Bob's"}))["id"])
    await alice.post(f"/api/v1/statuses/{theirs}/favourite")
    await alice.post(f"/api/v1/statuses/{theirs}/reblog")
    await alice.post("/api/v1/statuses", {"status": "An answer", "in_reply_to_id": str(theirs)})
    await alice.post(f"/api/v1/accounts/{bob.account_id}/follow")

    def fill(conn: Connection) -> list[int]:
        fans = [add_stranger(conn, f"f{one}") for one in range(FANS)]
        ties = [{"account_id": one, "target_id": alice.account_id, "accepted": True} for one in fans]
        ties += [{"account_id": alice.account_id, "target_id": one, "accepted": True} for one in fans]
        _insert(conn, "follow", ties)
        _insert(conn, "post_like", [{"account_id": one, "post_id": liked} for one in fans])
        conn.execute(
            tables.account.update().where(tables.account.c.id.in_(fans[:2])).values(followers_count=3)
        )
        _posts(conn, alice.account_id, POSTS)
        seen = _posts(conn, fans[0], FANS)
        mine = {"account_id": alice.account_id}
        for table in ("home_entry", "bookmark"):
            _insert(conn, table, [{**mine, "post_id": one} for one in seen])
        told = {**mine, "type": "favourite", "from_account_id": fans[0]}
        _insert(conn, "notification", [{**told, "dedupe": str(one)} for one in seen])
        mine_too = {**mine, "title": "", "replies_policy": "none", "exclusive": False}
        (list_id,) = _insert(conn, "member_list", [mine_too])
        _insert(conn, "list_entry", [{"list_id": list_id, "post_id": one} for one in seen])
        return fans

    fans = await server.db.write(fill)
    with rows_written(server, monkeypatch) as written:
        await server.db.write(farewell.leave, server.publish, alice.account_id)
        await farewell.remove_rest(server, {"account_id": alice.account_id, "pictures": []})
    assert max(written) <= ROWS_MAX
    assert await server.db.read(left, [alice.account_id]) == {}
    assert await server.db.read(users.by_id, alice.account_id) is None
    shown = await bob.get(f"/api/v1/statuses/{theirs}")
    assert [shown[f"{what}_count"] for what in ("favourites", "reblogs", "replies")] == [0, 0, 0]
    assert (await bob.get("/api/v1/accounts/verify_credentials"))["followers_count"] == 0
    row = await server.db.read(accounts.by_id, fans[1])
    assert row is not None
    assert row.followers_count == 2


async def test_a_blocked_server_is_hidden_at_once_and_goes_in_small_steps(
    server: Server, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, admin = await member("alice"), await member("ada", role="admin")
    posted = await alice.post("/api/v1/statuses", {"status": "Ours"})
    people = await server.db.write(fill, alice.account_id, int(posted["id"]))
    with rows_written(server, monkeypatch) as written:
        made = await admin.post("/api/v1/admin/domain_blocks", {"domain": HOST, "severity": "suspend"})
        assert made["domain"] == HOST
        assert await server.db.read(_shown, people) == 0
        await domains.carry_out(server, {"host": HOST, "lifted_at": None})
        # A month later.
        due = await server.db.read(strikes.erasures_due, now_ms() + standing.ERASED_AFTER_MS + 1_000, PEOPLE)
        assert set(due) == set(people)
        over = (
            tables.erasure.update()
            .where(tables.erasure.c.account_id.in_(people[:3]))
            .values(due_at=now_ms() - 1)
        )
        await server.db.write(lambda conn: conn.execute(over) and None)
        await standing.erase_due(server, {})
    assert max(written) <= ROWS_MAX
    await search_index.fill(server.db)  # as the chore does
    assert await server.db.read(left, people[:3]) == {}
    assert len(await server.db.read(strikes.erasures_due, now_ms() * 2, PEOPLE)) == PEOPLE - 3
    shown = await alice.get(f"/api/v1/statuses/{posted['id']}")
    assert [shown[f"{what}_count"] for what in ("favourites", "reblogs", "replies")] == [0, 0, 0]


def _shown(conn: Connection, people: list[int]) -> int:
    shown = select(func.count()).where(tables.account.c.id.in_(people), kept_out.shows())
    return int(conn.scalar(shown) or 0)


# -- what is kept of somebody who has left

NAME, WORDS = "nora", ("quokka", "203.0.113.77")
KEPT: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "account.id", "account.uri", "account.url", "account.username", "account.username_key",
            "tombstone.uri",
        ),
        "the name stays taken, and whoever asks is told that the account is gone",
    ),
    **dict.fromkeys(
        (
            "post.in_reply_to_account_id", "mention.account_id", "quote.quoted_account_id", "shelf_item.added_by_id",
            "preview.author_id",
        ),
        "in what others wrote or put together, which leads to an empty account now",
    ),
    **dict.fromkeys(
        ("report.account_id", "report.target_id", "mail_address_rule.account_id", "group_action.account_id", "erasure.account_id"),
        "what moderators go by; of the posts that were reported nothing is kept",
    ),
    **dict.fromkeys(
        (
            "appeal.decided_by_id", "archive_import.by_id", "group_action.by_id", "group_ban.by_id", "group_invitation.by_id",
            "invite.account_id", "join_inquiry.asker_id", "join_refusal.actor_id", "moderation_note.author_id",
            "newcomer_step.by_id", "partner.decided_by_id", "report.assigned_to_id", "report.handed_up_by_id",
            "report.resolved_by_id", "strike.actor_id", "trend_review.decided_by_id",
        ),
        "what they did for the community, and who came by their invitations",
    ),
    **dict.fromkeys(
        ("archive_person.account_id", "archive_person.claimed_by_id"), "who wrote in an archive of a group, as the archive has it"
    ),
    **dict.fromkeys(("answer_key.account_id", "event_silence.account_id"), "there for people of other servers alone"),
    "resource_file.account_id": "of no resource: gone within a day; of a resource: gone with it",
}  # fmt: skip
# Columns that refer to accounts of groups or servers, or to what is made otherwise below.
NOT_OF_MEMBERS = {"account.moved_to_id", "account_key.account_id", "group_account.account_id", "partner.account_id", "user_account.account_id"}  # fmt: skip


def fill_everywhere(conn: Connection, account_id: int, other_id: int) -> None:
    """A row about the member in each column of each table that refers to people."""
    filler = Filler(conn, other_id)
    for table in tables.metadata.sorted_tables:
        for column in table.columns:
            refers = {key.column.table for key in column.foreign_keys} & {tables.account, tables.user}
            name = f"{table.name}.{column.name}"
            if not refers or column.name == "group_id" or name in NOT_OF_MEMBERS:
                continue
            given = {column.name: account_id}
            if name in ("quote.account_id", "resource_report.account_id"):  # theirs whose post it is
                given["post_id"] = add_post(conn, account_id)
            filler.row(table, **given)


def found_of(conn: Connection, account_id: int) -> set[str]:
    """The columns in which something of the member stands."""
    sought = (str(account_id), NAME, *WORDS)
    found = set()
    for table in tables.metadata.sorted_tables:
        for row in conn.execute(select(table)).mappings():
            for name, value in row.items():
                text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
                if any(word in text.lower() for word in sought):
                    found.add(f"{table.name}.{name}")
    return found


async def test_of_who_has_left_nothing_is_kept_but_what_is_named_here(server: Server, bob: Person) -> None:
    """DEL-02: address, network, names, words and every row that refers to them, in every table there is."""
    email = f"{WORDS[0]}@mail.example"
    nora = await signup.make_user(
        server.db, server.uris, server.keys, username=NAME, email=email, password="seven quiet otters"
    )
    await sessions.log_in(server, NAME, "seven quiet otters", ip=WORDS[1], user_agent="Quokkabrowser")

    def fill(conn: Connection) -> None:
        said = "Quokka of many words"
        accounts.change(
            conn, nora, display_name=said, note_html=said, note_source=said, fields=f'["{said}"]', avatar_alt=said,
            header_alt=said, also_known_as=f'["https://{WORDS[0]}.example/"]', attribution_domains=f'["{WORDS[0]}.example"]',
        )  # fmt: skip
        users.change(conn, nora, answers=f'[{{"question": "Why?", "answer": "{said}"}}]')
        fill_everywhere(conn, nora, bob.account_id)

    await server.db.write(fill)
    before = await server.db.read(found_of, nora)
    assert {
        "user_account.email",
        "login_session.ip",
        "member_ip.ip",
        "account.display_name",
        "message.account_id",
    } <= before
    await server.db.write(farewell.leave, server.publish, nora)
    await seats.give_up_seats(server, {"account_id": nora})
    await farewell.remove_rest(server, {"account_id": nora, "pictures": []})
    await farewell.forget_keys(server, {"account_id": nora})
    # Where jobs are a table like others they go when they are done.
    await server.db.write(lambda conn: conn.execute(tables.job.delete()) and None)
    assert sorted(await server.db.read(found_of, nora)) == sorted(KEPT)


def test_nothing_hangs_on_what_hangs_on_something_of_a_members() -> None:
    """Or it would go with that in one write."""
    own = {column.table for column in belongings._going_with(tables.user)}
    below = {one.table for table in own for one in belongings._going_with(table)} - own
    assert {one.table.name for table in below for one in belongings._going_with(table)} == set()
