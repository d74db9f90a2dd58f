"""A group's threads, taken along and brought back."""

from __future__ import annotations

import json
import mailbox
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fedserver.archives import exporting
from fedserver.context import Server
from fedserver.errors import Forbidden, NotFound
from fedserver.groups import members, moderation, threads
from fedserver.groups.threads import Wanted
from fedserver.posts import Draft, PollDraft, create
from tests.archives.conftest import BringIn, MakeGroup
from tests.archives.samples import large_mbox
from tests.groups.conftest import StartThread
from tests.members import Person


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def exported(server: Server, owner: Person, group_id: int, format_: Any = "jsonl") -> bytes:
    return await whole(await exporting.export(server, group_id, owner.account_id, format_))


async def shape(server: Server, viewer: Person, group_id: int) -> list[Any]:
    """Every thread of a group: its title, and the posts with their depth, author, date (in seconds) and text."""
    found = []
    for line in (await threads.of_group(server, viewer.account_id, group_id, Wanted("new", limit=500))).lines:
        context = await viewer.get(f"/api/v1/statuses/{line.post_id}/context")
        depth = {str(line.post_id): 0}
        posts = []
        for one in sorted(context["descendants"], key=lambda one: int(one["id"])):
            depth[one["id"]] = depth[one["in_reply_to_id"]] + 1
            posts.append(
                (depth[one["id"]], one["account"]["display_name"], one["created_at"][:19], one["content"])
            )
        found.append((line.title, line.author_name, line.created_at // 1000, line.content_html, posts))
    return found


async def test_lines_of_json_say_all_that_the_group_shows(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, answer: StartThread
) -> None:
    group_id = await make_group(alice, "helpers", kind="help", topics=["git"])
    await members.join(server, bob.member, group_id)
    thread_id = await start(bob, group_id, "How?", "With *care*", topics=["git"])
    answer_id = await answer(alice, thread_id, "Slowly")
    await moderation.mark_answer(server, bob.member, thread_id, answer_id)
    await alice.post(f"/api/v1/statuses/{answer_id}/favourite")
    asked = Draft("Which?", group_id=group_id, poll=PollDraft(["One", "Two"], 3_600))
    await create(server, alice.member, asked)
    lines = [json.loads(line) for line in (await exported(server, alice, group_id)).splitlines()]
    assert [one["type"] for one in lines] == ["group", "thread", "post", "post", "thread", "post"]
    group, thread, question, reply, _, poll = lines
    assert (group["version"], group["name"], group["topics"]) == (1, "helpers", ["git"])
    assert (thread["title"], thread["topics"], thread["answer_id"]) == ("How?", ["git"], str(answer_id))
    assert (question["author"]["handle"], question["source"]) == (
        f"@bob@{server.config.domain}",
        "With *care*",
    )
    assert (reply["in_reply_to_id"], reply["is_answer"], reply["votes_for"]) == (str(thread_id), True, 1)
    assert [one["title"] for one in poll["poll"]["options"]] == ["One", "Two"]
    assert "members.example" not in json.dumps(lines)


async def test_an_mbox_is_one_that_mail_programs_read(
    server: Server,
    alice: Person,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
    tmp_path: Path,
) -> None:
    group_id = await make_group(alice)
    thread_id = await start(
        alice, group_id, "Größe\u202e?", "First\n\nFrom here on\n>From there\n" + "long " * 60
    )
    reply_id = await answer(alice, thread_id, "Über")
    await answer(alice, reply_id, "Deep")
    (tmp_path / "x.mbox").write_bytes(await exported(server, alice, group_id, "mbox"))
    found = list(mailbox.mbox(tmp_path / "x.mbox"))
    assert len(found) == 3
    first, reply, deep = found
    assert [one["Message-ID"].split("@")[0] for one in found[:2]] == [
        f"<post-{thread_id}",
        f"<post-{reply_id}",
    ]
    assert reply["In-Reply-To"] == first["Message-ID"]
    assert deep["References"].split() == [first["Message-ID"], reply["Message-ID"]]
    assert first["From"] == "alice <alice@127.0.0.1.invalid>"
    text = first.get_payload(decode=True).decode()
    assert "From here on" in text


async def test_inj_02_a_title_and_a_name_add_no_header_to_an_mbox(
    server: Server, alice: Person, make_group: MakeGroup, start: StartThread
) -> None:
    evil = "=?utf-8?q?x=0D=0AX-Evil=3A_1?="
    await alice.patch("/api/v1/accounts/update_credentials", {"display_name": evil})
    group_id = await make_group(alice)
    await start(alice, group_id, evil)
    head = (await exported(server, alice, group_id, "mbox")).partition(b"\n\n")[0]
    assert b"\nX-Evil" not in head


@pytest.mark.parametrize("access", ["public", "members"])
async def test_what_was_exported_comes_back_in_the_same_threads(
    server: Server, alice: Person, make_group: MakeGroup, start: StartThread, answer: StartThread, bring_in: BringIn,
    tmp_path: Path, access: str,
) -> None:  # fmt: skip
    first, second = (
        await make_group(alice, "one", access=access),
        await make_group(alice, "two", access=access),
    )
    await bring_in(first, large_mbox(tmp_path / "list.mbox", 120))
    thread_id = await start(alice, first, "From now on", "> quoted\nFrom the start: ä = 1\n\n-- no signature")
    await answer(alice, await answer(alice, thread_id, "one"), "two")
    file = tmp_path / "export.mbox"
    file.write_bytes(await exported(server, alice, first, "mbox"))
    assert (await bring_in(second, file)).added == 123
    before, after = await shape(server, alice, first), await shape(server, alice, second)
    assert [one[1:3] + one[4:] for one in after if one[0] != "From now on"] == [
        one[1:3] + one[4:] for one in before if one[0] != "From now on"
    ]
    assert [one[0] for one in after] == [one[0] for one in before]
    # Into the group that it came from nothing comes twice.
    again = await bring_in(first, file)
    assert (again.added, again.known) == (0, 123)


async def test_owners_alone_take_a_group_along_and_only_what_they_may_see(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice)
    hidden = await make_group(alice, "core", access="private")
    await members.join(server, bob.member, group_id)
    await start(bob, group_id, "Seen")
    with pytest.raises(Forbidden):
        await exporting.export(server, group_id, bob.account_id, "jsonl")
    with pytest.raises(NotFound):
        await exporting.export(server, hidden, bob.account_id, "jsonl")
    assert b"Seen" in await exported(server, alice, group_id)
    await bob.post(f"/api/v1/accounts/{alice.id}/block")
    assert b"Seen" not in await exported(server, alice, group_id)
    assert b"Seen" in await whole(await exporting.export_whole(server, group_id, "jsonl"))
