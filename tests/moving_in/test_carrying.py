"""What a file would change, and the job that changes it: by parts, resumed, and not held up by a server that is away."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from fedserver import domain_blocks, export, filters, interactions, lists, posts, relationships
from fedserver.context import Server
from fedserver.errors import Conflict, NotFound
from fedserver.filters import FilterChange, KeywordChange
from fedserver.moving_in import carrying, files, runs
from fedserver.moving_in.runs import Shown
from fedserver.posts import Draft
from storage import accounts, tables
from storage import relationships as stored
from tests.conftest import MakeMember
from tests.federation.stub import stub_server
from tests.groups.conftest import MakeGroup, make_group
from tests.members import Person
from tests.people import add_follow, add_stranger
from tests.running import free_port

__all__ = ["make_group"]

AWAY = f"127.0.0.1:{free_port()}"
"""Where nobody listens."""


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"testing__time_scale": "1000"}


async def bring(
    server: Server,
    member: Person,
    text: str | bytes,
    kind: str = "",
    *,
    overwrites: bool = False,
    name: str = "x.csv",
) -> int:
    """A file that its member has said yes to."""
    body = text if isinstance(text, bytes) else text.encode()
    import_id = await runs.receive(
        server, member.account_id, files.read(name, body, kind), overwrites=overwrites
    )
    await runs.begin(server, member.account_id, import_id)
    return import_id


async def part(server: Server, member: Person, import_id: int) -> Shown:
    """The next part, whatever its time."""
    rows = tables.member_import_row
    await server.db.write(lambda conn: conn.execute(update(rows).values(due_at=0)) and None)
    await carrying.carry_on(server, {"import_id": import_id})
    return await runs.show(server, member.account_id, import_id)


async def whole(server: Server, member: Person, import_id: int) -> Shown:
    """Parts until it is over."""
    while (found := await part(server, member, import_id)).is_running:
        pass
    return found


async def table_of(server: Server, member: Person) -> dict[str, bytes]:
    """The files of a member's archive that can be brought in."""
    await export.make_archive(server, {"account_id": member.account_id})
    with zipfile.ZipFile(await export.archive(server, member.member)) as archive:
        names = [one for one in archive.namelist() if one.endswith(".csv") or one == "custom_filters.json"]
        return {name: archive.read(name) for name in names}


async def following(server: Server, member: Person) -> set[str]:
    def unit(conn: Connection) -> set[str]:
        query = (
            select(tables.account.c.username)
            .join(tables.follow, tables.follow.c.target_id == tables.account.c.id)
            .where(tables.follow.c.account_id == member.account_id)
        )
        return set(conn.scalars(query))

    return await server.db.read(unit)


def addresses(server: Server, names: Iterable[str]) -> str:
    return "".join(f"{name}@{server.config.domain}\n" for name in names)


async def test_what_a_member_takes_along_another_brings_in_and_it_is_the_same(
    server: Server, alice: Person, bob: Person, member: MakeMember
) -> None:
    carol, dora = await member("carol"), await member("dora")
    rude, dull = await server.db.write(add_stranger, "rude"), await server.db.write(add_stranger, "dull")
    me = alice.member
    await relationships.follow(
        server, me, bob.account_id, shows_boosts=False, notifies=True, languages=["en", "de"]
    )
    await relationships.follow(server, me, carol.account_id)
    await relationships.block(server, me, rude)
    await relationships.mute(server, me, dull, hides_notifications=False)
    await domain_blocks.block(server, me, "bad.example")
    made = await lists.create(server, me, "=Best")
    await lists.add_accounts(server, me, made.id, [carol.account_id])
    post_id = await posts.create(server, bob.member, Draft("Good"))
    await interactions.bookmark(server, me, post_id)
    words = [KeywordChange(keyword="the end", whole_word=False), KeywordChange(keyword="fin")]
    wanted = FilterChange(
        title="Spoilers", contexts=["home"], action="hide", sets_expiry=True, expires_at=2_000_000_000_123, keywords=words
    )  # fmt: skip
    made_filter = await filters.create(server, me, wanted)
    await filters.add_post(server, me, made_filter.id, post_id)

    taken = await table_of(server, alice)
    known = (
        "following_accounts.csv", "muted_accounts.csv", "blocked_accounts.csv", "blocked_domains.csv", "bookmarks.csv", "lists.csv",
        "filters.csv", "custom_filters.json",
    )  # fmt: skip
    for name in known:
        found = await whole(server, dora, await bring(server, dora, taken[name], name=name))
        came = found.run.known if name == "custom_filters.json" else found.run.added
        assert (found.run.state, came, found.left_out) == ("done", found.run.total, []), name
    again = await table_of(server, dora)
    assert {name: again[name] for name in known} == {name: taken[name] for name in known}
    for name in known:
        found = await whole(server, dora, await bring(server, dora, taken[name], name=name))
        assert (found.run.added, found.run.known) == (0, found.run.total), name


async def test_a_server_that_is_away_holds_up_its_own_rows_alone_and_is_given_up(
    server: Server, alice: Person
) -> None:
    async with stub_server() as there:
        there.actor("ann")
        text = f"one@{AWAY}\ntwo@{AWAY}\nann@{there.host}\nnobody@{there.host}\nann@{server.config.domain}\n"
        import_id = await bring(server, alice, text, "following")
        found = await part(server, alice, import_id)
        assert await following(server, alice) == {"ann"}
        assert (found.run.added, found.waiting, found.later, found.failed) == (1, 2, 2, 2)
        asked = len(there.asked)
        found = await whole(server, alice, import_id)
        assert len(there.asked) == asked, "who has answered is not asked again"
    assert (found.run.state, found.run.added, found.waiting, found.failed) == ("done", 1, 0, 4)
    table = (await runs.table_of_rest(server, alice.account_id, import_id)).decode()
    assert [line.split(",")[0] for line in table.splitlines()[1:]] == text.split()[:2] + text.split()[3:]
    assert all(why for _, _, why in found.left_out)


async def test_a_server_that_fails_for_one_name_is_asked_for_the_others(
    server: Server, alice: Person
) -> None:
    async with stub_server() as there:
        there.actor("ann")
        there.documents["/users/bad"] = 500
        there.documents["webfinger:bad"] = {
            "subject": f"acct:bad@{there.host}",
            "links": [
                {"rel": "self", "type": "application/activity+json", "href": f"{there.origin}/users/bad"}
            ],
        }
        import_id = await bring(server, alice, f"bad@{there.host}\nann@{there.host}\n", "muting")
        found = await part(server, alice, import_id)
        assert (found.run.added, found.later) == (1, 1)
        there.actor("bad")
        assert (await part(server, alice, import_id)).run.added == 2


async def test_bookmarks_come_from_where_they_are(server: Server, alice: Person) -> None:
    async with stub_server() as there:
        note = there.actor("ann").note("Good")
        there.documents[note["id"].removeprefix(there.origin)] = note
        found = await whole(
            server, alice, await bring(server, alice, f"{note['id']}\n{there.origin}/gone\n", "bookmarks")
        )
    assert (found.run.added, [why for _, _, why in found.left_out]) == (
        1,
        ["This post is not there any more, or it is not for everybody."],
    )
    assert [one["uri"] for one in await alice.get("/api/v1/bookmarks")] == [note["id"]]


async def test_replacing_takes_away_what_is_not_in_the_file_and_no_group(
    server: Server, alice: Person, bob: Person, member: MakeMember, make_group: MakeGroup
) -> None:
    carol = await member("carol")
    for one in (bob, carol):
        await relationships.follow(server, alice.member, one.account_id)
    await make_group(alice, "python")
    text = addresses(server, ["bob", "mo"])
    await member("mo")
    import_id = await runs.receive(
        server, alice.account_id, files.read("follows.csv", text.encode()), overwrites=True
    )
    shown = await runs.show(server, alice.account_id, import_id)
    assert shown.comparison is not None
    assert (shown.comparison.new, shown.comparison.known, shown.comparison.removed) == (1, 1, 1)
    assert await following(server, alice) >= {"bob", "carol"}, "nothing happens before the member says yes"
    await runs.begin(server, alice.account_id, import_id)
    found = await whole(server, alice, import_id)
    assert (found.run.added, found.run.known, found.run.removed) == (1, 1, 1)
    assert await following(server, alice) == {"bob", "mo", "python"}


@pytest.mark.parametrize(
    "kind", ["muting", "blocking", "domain_blocking", "bookmarks", "lists", "custom_filters"]
)
async def test_each_kind_can_be_replaced(
    server: Server, alice: Person, bob: Person, member: MakeMember, kind: str
) -> None:
    carol = await member("carol")
    here = server.config.domain
    uris = []
    for one in (bob, carol):
        post_id = await posts.create(server, one.member, Draft("A post"))
        uris.append((await alice.get(f"/api/v1/statuses/{post_id}"))["uri"])
    old, new = {
        "muting": (f"bob@{here}\n", f"carol@{here}\n"),
        "blocking": (f"bob@{here}\n", f"carol@{here}\n"),
        "domain_blocking": ("a.example\n", "b.example\n"),
        "bookmarks": (f"{uris[0]}\n", f"{uris[1]}\n"),
        "lists": (f"A,bob@{here}\nB,bob@{here}\n", f"B,carol@{here}\n"),
        "custom_filters": ("A,warn,home,x,true\n", "B,hide,public,y,false\n"),
    }[kind]
    await whole(server, alice, await bring(server, alice, old, kind))
    found = await whole(server, alice, await bring(server, alice, new, kind, overwrites=True))
    assert (found.run.added, found.run.known, found.run.removed) == (1, 0, 2 if kind == "lists" else 1)
    again = await runs.receive(server, alice.account_id, files.read("x", new.encode(), kind), overwrites=True)
    shown = (await runs.show(server, alice.account_id, again)).comparison
    assert shown is not None
    assert (shown.new, shown.known, shown.removed, shown.removed_lists) == (0, 1, 0, 0)


async def test_it_goes_on_where_it_was_cut_off(
    server: Server, alice: Person, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"member{number}" for number in range(5)]
    for name in names:
        await member(name)
    monkeypatch.setattr(carrying, "PART_ROWS", 2)
    import_id = await bring(server, alice, addresses(server, names), "following")
    assert (await part(server, alice, import_id)).run.added == 2
    assert (await part(server, alice, import_id)).run.added == 4
    # It came, and then the process was killed before that was noted.
    last = await server.db.read(accounts.local, names[-1])
    assert last is not None
    await relationships.follow(server, alice.member, last.id)
    found = await whole(server, alice, import_id)
    assert (found.run.state, found.run.added, found.run.known) == ("done", 4, 1)
    assert await following(server, alice) == set(names)


async def test_what_is_stopped_brings_no_more_and_its_rest_can_be_had(
    server: Server, alice: Person, bob: Person
) -> None:
    import_id = await bring(server, alice, addresses(server, ["bob"]), "following")
    with pytest.raises(Conflict):
        await bring(server, alice, addresses(server, ["bob"]), "following")
    await runs.stop(server, alice.account_id, import_id)
    found = await part(server, alice, import_id)
    assert (found.run.state, found.failed, await following(server, alice)) == ("stopped", 1, set())
    assert await bring(
        server, alice, await runs.table_of_rest(server, alice.account_id, import_id), "following"
    )


async def test_nothing_comes_for_who_is_suspended_and_nobody_sees_what_others_bring(
    server: Server, alice: Person, bob: Person
) -> None:
    import_id = await bring(server, alice, addresses(server, ["bob"]), "following")
    for work in (runs.show, runs.table_of_rest, runs.begin, runs.stop, runs.remove):
        with pytest.raises(NotFound):
            await work(server, bob.account_id, import_id)  # type: ignore[operator]
    await server.db.write(lambda conn: accounts.change(conn, alice.account_id, suspended_at=1))
    found = await part(server, alice, import_id)
    assert (found.run.state, await following(server, alice)) == ("stopped", set())


async def test_a_file_without_one_usable_row_replaces_nothing(
    server: Server, alice: Person, bob: Person
) -> None:
    await relationships.follow(server, alice.member, bob.account_id)
    with pytest.raises(Conflict):
        await bring(server, alice, "nobody\n", "following", overwrites=True)
    assert await following(server, alice) == {"bob"}


async def test_whom_one_follows_or_has_asked_already_is_shown_as_the_file_says_and_else_as_before(
    server: Server, alice: Person
) -> None:
    def unit(conn: Connection) -> Any:
        stranger = add_stranger(conn, "ann")
        add_follow(conn, alice.account_id, stranger, accepted=False)
        return stranger

    stranger = await server.db.write(unit)
    await relationships.mute(server, alice.member, stranger, hides_notifications=False)
    for text in ("Account address,Show boosts\nann@there.example,false\n", "ann@there.example\n"):
        found = await whole(server, alice, await bring(server, alice, text, "following"))
        assert (found.run.added, found.run.known) == (0, 1)
        row = await server.db.read(stored.follow_between, alice.account_id, stranger)
        assert (row.accepted, row.shows_boosts) == (False, False)
    await whole(server, alice, await bring(server, alice, "ann@there.example\n", "muting"))
    (now,) = await relationships.between(server, alice.member, [stranger])
    assert (now.muting, now.muting_notifications) == (True, False)
