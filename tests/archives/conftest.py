"""What the tests of imports stand on: groups, and archives that are brought into them in a line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fedserver.archives import importing
from fedserver.archives.importing import Options, Receipt
from fedserver.context import Server
from tests.groups.conftest import MakeGroup, answer, make_group, start
from tests.waiting import until

__all__ = ["MakeGroup", "answer", "make_group", "start"]

BringIn = Callable[..., Awaitable[Receipt]]


@pytest.fixture
def bring_in(server: Server) -> BringIn:
    """Brings archives into groups: `await bring_in(group_id, path)`; the receipt."""

    async def bring(group_id: int, path: Path, *channels: str, matches_members: bool = False) -> Receipt:
        source = "slack" if path.suffix == ".zip" else "mbox"
        options = Options(channels, matches_members)
        run = await importing.begin(server, group_id, path, source, options, name=path.name)  # type: ignore[arg-type]
        return await importing.carry_out(server, run.id, path)

    return bring


async def when(seen: Callable[[], Awaitable[Any]], what: str, fits: Callable[[Any], bool]) -> Any:
    """Wait for a result of `seen` that fits; the result."""

    async def fitting() -> tuple[Any] | None:
        found = await seen()
        return (found,) if fits(found) else None

    return (await until(fitting, what))[0]
