"""Owners send archives and take their group along through the client API."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fedserver.context import Server
from tests.archives.conftest import MakeGroup, when
from tests.archives.samples import large_mbox, mbox
from tests.archives.test_importing import CONVERSATION, lines
from tests.client import ApiError
from tests.members import Person

pytestmark = pytest.mark.jobs


async def send(person: Person, group_id: int, path: Path, **fields: str) -> Any:
    form = aiohttp.FormData({"source": "mbox", **fields})
    form.add_field("file", await asyncio.to_thread(path.read_bytes), filename=path.name)
    return await person.post(f"/api/v1/groups/{group_id}/imports", data=form)


async def test_an_archive_that_is_sent_is_brought_in_and_tells_how_far_it_is(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    begun = await send(alice, group_id, large_mbox(tmp_path / "list.mbox", 450))
    assert begun["state"] in ("waiting", "running")
    path = f"/api/v1/groups/{group_id}/imports/{begun['id']}"
    ended = await when(lambda: alice.get(path), "the end of the import", lambda one: one["state"] == "done")
    assert (ended["total"], ended["read"], ended["added"], ended["left_out"]) == (450, 450, 450, 0)
    assert [one["id"] for one in await alice.get(f"/api/v1/groups/{group_id}/imports")] == [begun["id"]]
    assert len(await lines(server, None, group_id)) == 45
    assert list((server.config.data_dir / "imports").glob("*")) == []
    for asked in (path, f"/api/v1/groups/{group_id}/imports", f"/api/v1/groups/{group_id}/export"):
        assert (await bob.raw("GET", asked)).status == 403
    with pytest.raises(ApiError):
        await send(bob, group_id, tmp_path / "list.mbox")


async def test_a_file_that_is_no_archive_says_so(
    alice: Person, make_group: MakeGroup, tmp_path: Path
) -> None:
    group_id = await make_group(alice)
    (tmp_path / "x").write_bytes(b"Hello")
    begun = await send(alice, group_id, tmp_path / "x")
    path = f"/api/v1/groups/{group_id}/imports/{begun['id']}"
    ended = await when(lambda: alice.get(path), "the end of the import", lambda one: one["state"] == "failed")
    assert "no mbox archive" in ended["error"]
    with pytest.raises(ApiError, match="one of slack, mbox"):
        await send(alice, group_id, tmp_path / "x", source="tar")
    with pytest.raises(ApiError, match="blank"):
        await alice.post(f"/api/v1/groups/{group_id}/imports", {"source": "mbox"})


async def test_nobody_but_an_admin_has_words_attributed_to_members(
    alice: Person, admin: Person, make_group: MakeGroup, server: Server, tmp_path: Path
) -> None:
    archive = mbox(tmp_path / "list.mbox", *CONVERSATION)
    with pytest.raises(ApiError, match="Only admins"):
        await send(alice, await make_group(alice), archive, match_members="true")
    own = await make_group(admin, "own")
    begun = await send(admin, own, archive, match_members="true")
    assert begun["state"] in ("waiting", "running", "done")


async def test_a_group_is_taken_along_through_the_api(
    alice: Person, make_group: MakeGroup, tmp_path: Path, server: Server
) -> None:
    group_id = await make_group(alice)
    begun = await send(alice, group_id, mbox(tmp_path / "list.mbox", *CONVERSATION))
    path = f"/api/v1/groups/{group_id}/imports/{begun['id']}"
    await when(lambda: alice.get(path), "the end of the import", lambda one: one["state"] == "done")
    answer = await alice.raw("GET", f"/api/v1/groups/{group_id}/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="python.jsonl"'
    assert [json.loads(line)["type"] for line in (await answer.text()).splitlines()] == [
        "group", "thread", "post", "post", "post",
    ]  # fmt: skip
    letters = await (await alice.raw("GET", f"/api/v1/groups/{group_id}/export?format=mbox")).text()
    assert letters.count("\nSubject: Re: How to teach git") == 2
    assert (await alice.raw("GET", f"/api/v1/groups/{group_id}/export?format=pdf")).status == 422
