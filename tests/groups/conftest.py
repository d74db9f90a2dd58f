"""What the tests of groups stand on: groups that are made in a line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fedserver import posts
from fedserver.context import Server
from fedserver.groups import catalogue
from fedserver.groups.catalogue import GroupFields
from fedserver.posts import Draft
from tests.federation.conftest import door, elsewhere, there
from tests.members import Person

__all__ = ["door", "elsewhere", "there"]

MakeGroup = Callable[..., Awaitable[int]]
StartThread = Callable[..., Awaitable[int]]


@pytest.fixture
def make_group(server: Server) -> MakeGroup:
    """Makes groups: `await make_group(alice, "python", kind="help")`; the group's id. The owner gets the right to."""
    from storage import users

    async def make(owner: Person, name: str = "python", **fields: Any) -> int:
        await server.db.write(users.change, owner.account_id, may_create_groups=True)
        fields.setdefault("title", name.capitalize())
        return await catalogue.create(server, owner.member, name, GroupFields(**fields))

    return make


@pytest.fixture
def start(server: Server) -> StartThread:
    """Begins threads: `await start(alice, group_id, "Title", "Text")`; the id of the first post."""

    async def begin(author: Person, group_id: int, title: str, text: str = "Well?", **more: Any) -> int:
        draft = Draft(text, "text/markdown", title=title, group_id=group_id, **more)
        return await posts.create(server, author.member, draft)

    return begin


@pytest.fixture
def answer(server: Server) -> StartThread:
    """Answers posts: `await answer(bob, thread_id, "Text")`; the id of the answer."""

    async def reply(author: Person, post_id: int, text: str = "Like this.") -> int:
        return await posts.create(server, author.member, Draft(text, "text/markdown", in_reply_to_id=post_id))

    return reply
