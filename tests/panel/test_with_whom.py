"""With whom the server speaks is chosen in the panel, with what each choice hides in sight."""

from __future__ import annotations

import pytest

from fedserver import settings
from fedserver.context import Server
from fedserver.errors import Forbidden
from fedserver.moderation import with_whom
from tests.members import Person
from tests.pages.conftest import MakeReader, browser, signed_in
from tests.people import add_follow, add_stranger

__all__ = ["browser", "signed_in"]

HERE = "/admin/federation/mode"


async def test_a_mode_that_parts_members_from_people_asks_whether_that_is_known(
    server: Server, signed_in: MakeReader, alice: Person, moderator: Person
) -> None:
    stranger = await server.db.write(add_stranger, "pat", "far.example")
    await server.db.write(add_follow, alice.account_id, stranger)
    ada = await signed_in("ada", role="admin")
    page = await ada.open(HERE)
    assert not page.problems
    assert page.words().count("Hides 1 account of another server; follows from here: 1, from there: 0.") == 2
    page = await ada.submit(page, HERE, {"federation_mode": "allowlist"})
    assert (page.status, "members lose sight" in page.words()) == (422, True)
    page = await ada.submit(page, HERE, {"federation_mode": "allowlist", "understood": "1"})
    now = await settings.current(server)
    assert (now.federation_mode, now.secure_mode) == ("allowlist", True)
    page = await ada.submit(page, HERE, {"federation_mode": "everywhere"})
    assert page.status == 422
    # The way back takes nobody from anybody.
    page = await ada.submit(page, HERE, {"federation_mode": "open"})
    assert (await settings.current(server)).federation_mode == "open"
    with pytest.raises(Forbidden):
        await with_whom.choose(server, alice.member, "open", signed_only=True, understood=True)


@pytest.mark.parametrize("server_settings", [{"federation_mode": "allowlist"}])
async def test_what_the_file_says_is_shown_and_stays(server: Server, signed_in: MakeReader) -> None:
    ada = await signed_in("ada", role="admin")
    page = await ada.open(HERE)
    assert "cannot be changed here" in page.words()
    await ada.submit(page, HERE, {"federation_mode": "open"})
    assert (await settings.current(server)).federation_mode == "allowlist"
