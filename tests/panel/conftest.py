"""A community with something to moderate: members in browsers without JavaScript, and reports of what they said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from fedserver import posts, reports
from fedserver.context import Server
from fedserver.posts import Draft
from fedserver.reports import Complaint
from tests.members import Person
from tests.pages.conftest import (
    KnownAs,
    MakeReader,
    browser,
    chromium,
    known,
    make_group,
    signed_in,
    start,
)

__all__ = ["KnownAs", "MakeReader", "browser", "chromium", "known", "make_group", "signed_in", "start"]

Complain = Callable[..., Awaitable[tuple[int, int]]]


@pytest.fixture
def complain(server: Server) -> Complain:
    """`await complain(by, about, "Words", comment="Why")`: somebody posts and is reported; ids of report and post."""

    async def make(
        by: Person, about: Person, text: str = "Buy this", *, visibility: str = "public", **more: object
    ) -> tuple[int, int]:
        post_id = await posts.create(server, about.member, Draft(text, visibility=visibility))
        row, _ = await reports.report(
            server,
            by.member,
            Complaint(about.account_id, (post_id,), category="spam", **more),  # type: ignore[arg-type]
        )
        return row.id, post_id

    return make
