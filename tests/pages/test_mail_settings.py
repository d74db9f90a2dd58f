"""What a member chooses of mails, on a page."""

from __future__ import annotations

import pytest

from fedserver.context import Server
from fedserver.groups import members
from fedserver.viewer import PAGE_SCOPES, Member
from storage import users
from tests.groups.conftest import MakeGroup, make_group
from tests.members import Person
from tests.pages.conftest import MakeReader

__all__ = ["make_group"]


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"mail_in_address": "reply@trainers.example"}


async def test_a_member_chooses_the_rhythm_and_makes_new_addresses(
    server: Server, alice: Person, make_group: MakeGroup, signed_in: MakeReader
) -> None:
    dora = await signed_in("dora")
    row = await server.db.read(users.by_name, "dora")
    assert row is not None
    group_id = await make_group(alice, "trainers")
    await members.join(server, Member(row.account_id, "dora", "member", PAGE_SCOPES), group_id)
    page = await dora.open("/settings/email")
    assert page.problems == []
    first = [link.get("href") for link in page.all("a") if link.get("href", "").startswith("mailto:reply+")]
    assert len(first) == 1
    wanted = {"rhythm": "daily", "time_zone": "Asia/Tokyo", "kinds[]": "mention"}
    page = await dora.submit(page, "/settings/email", wanted)
    chosen = [
        one.get("value")
        for one in page.all("option", selected="")
        if one.get("value") in ("daily", "weekly", "off")
    ]
    assert chosen == ["daily"]
    page = await dora.submit(page, "/settings/email", wanted | {"time_zone": "Trainers/Home"})
    assert "not a time zone such as Europe/Berlin" in page.words()
    page = await dora.submit(await dora.open("/settings/email"), "/settings/email/addresses", {})
    second = [link.get("href") for link in page.all("a") if link.get("href", "").startswith("mailto:reply+")]
    assert len(second) == 1
    assert second != first
