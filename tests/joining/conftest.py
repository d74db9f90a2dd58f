"""Who stands at the door, and who has been asked in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fedserver import invites, signup
from fedserver.context import Server
from fedserver.invites import Invitation, NewInvite
from fedserver.signup import SignedUp, SignUp
from tests.members import Person
from tests.pages.conftest import (
    KnownAs,
    MakeReader,
    browser,
    chromium,
    known,
    make_group,
    signed_in,
    visitor,
)

__all__ = ["KnownAs", "MakeReader", "browser", "chromium", "known", "make_group", "signed_in", "visitor"]

GOOD = "seven quiet otters"
Come = Callable[..., Awaitable[SignedUp]]
Invite = Callable[..., Awaitable[Invitation]]


@pytest.fixture
def come(server: Server) -> Come:
    """`await come("nora", invite_code="…")`: somebody fills in the form."""

    async def make(name: str, **more: Any) -> SignedUp:
        form = {"email": f"{name}@mail.example", "reason": "I teach", "agreed": True, **more}
        return await signup.sign_up(server, SignUp(username=name, password=GOOD, **form))

    return make


@pytest.fixture
def invite(server: Server) -> Invite:
    """`await invite(mo, uses_max=1)`: a link."""

    async def make(by: Person, **more: Any) -> Invitation:
        return await invites.create(server, by.member, NewInvite(**more))

    return make
