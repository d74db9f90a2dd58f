"""What is asked at the door, by pages and apps, and how many come in at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fedserver import admission, settings
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, RateLimited
from fedserver.join_questions import Answer
from fedserver.signup import Full
from storage import users
from storage.types import now_ms
from tests.joining.conftest import Come, MakeReader
from tests.members import Person
from tests.pages.visitor import Visitor, path_of

ASKED = [
    {"id": "1", "text": "What do you teach?", "hint": "A word is enough.", "kind": "short", "required": True, "options": []},
    {"id": "2", "text": "Tell us more", "hint": "", "kind": "long", "required": False, "options": []},
    {"id": "3", "text": "Where?", "hint": "", "kind": "choice", "required": True, "options": ["Here", "Elsewhere"]},
]  # fmt: skip


async def test_questions_are_checked_and_kept_with_their_answers(
    server: Server, admin: Person, moderator: Person, come: Come
) -> None:
    await settings.change(server, admin.member, {"join_questions": ASKED})
    for given, wrong in (
        ({}, ["answer-1", "answer-3"]),
        ({"1": "x" * 201, "3": "Nowhere"}, ["answer-1", "answer-3"]),
    ):
        with pytest.raises(Invalid) as refused:
            await come("nora", answers=given)
        assert sorted(refused.value.fields) == wrong
    signed_up = await come("nora", answers={"1": " Botany ", "2": "", "3": "Here", "9": "unasked"})
    app = await come("dan", reason="By an app")
    for one in (signed_up, app):
        await server.db.write(users.change, one.account_id, confirmed_at=now_ms())
    waiting = {one.username: one.answers for one in await admission.waiting(server, moderator.member)}
    assert waiting == {
        "nora": [Answer("What do you teach?", "Botany"), Answer("Where?", "Here")],
        "dan": [Answer("What do you teach?", "By an app")],
    }
    # What was asked then stays beside the answers, whatever is asked now.
    await settings.change(server, admin.member, {"join_questions": ASKED[1:]})
    shown = await moderator.get("/api/v1/admin/joins")
    assert shown[0]["answers"][0] == {"question": "What do you teach?", "answer": "Botany"}
    assert shown[0]["account"]["invite_request"] == "Botany"
    with pytest.raises(Forbidden):
        await settings.change(server, moderator.member, {"registrations": "open"})


class TestCaps:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"rate_limit_factor": "1"}

    async def test_beyond_the_caps_a_page_says_when_to_come_again(
        self, server: Server, admin: Person, come: Come, nobody: Person
    ) -> None:
        await settings.change(server, admin.member, {"joins_a_day_max": 2, "joins_waiting_max": 0})
        await come("nora")
        await come("dan")
        with pytest.raises(Full) as full:
            await come("eve")
        assert 86_300 < full.value.retry_after <= 86_400
        page = await (await nobody.raw("GET", "/join")).text()
        assert "Please come again" in page
        assert "<form method" not in page.partition("<main")[2]
        await settings.change(server, admin.member, {"joins_a_day_max": 0, "joins_waiting_max": 1})
        # Who has not confirmed the address keeps nobody waiting.
        signed_up = await come("eve")
        await server.db.write(users.change, signed_up.account_id, confirmed_at=now_ms())
        with pytest.raises(RateLimited):
            await come("fay")
        await settings.change(server, admin.member, {"registrations": "open"})
        assert not (await come("fay")).needs_approval


async def test_an_admin_sets_the_door_and_a_visitor_goes_through_it(
    server: Server, signed_in: MakeReader, browser: Callable[[], Visitor]
) -> None:
    ada = await signed_in("ada", role="admin")
    here = "/admin/registration"
    page = await ada.open(here)
    assert page.problems == []
    values: dict[str, Any] = {
        "q0-text": "What do you teach?", "q0-kind": "short", "q1-text": "Where?", "q1-kind": "choice",
        "q1-options": "Here\r\nElsewhere", "joins_a_day_max": "7", "registrations_message": "Hello",
    }  # fmt: skip
    page = await ada.submit(page, here, values, choose={"registrations": "approval", "q1-required": "1"})
    assert path_of(page) == f"{here}?done=saved"
    now = await settings.current(server)
    assert [(one.id, one.kind, one.required, one.options) for one in now.join_questions] == [
        ("1", "short", True, ()), ("2", "choice", True, ("Here", "Elsewhere")),
    ]  # fmt: skip
    assert (now.joins_a_day_max, now.registrations_message) == (7, "Hello")
    page = await ada.submit(page, here, {"q0-text": "", "q1-text": ""})
    assert "Questions" in page.words()
    assert page.status == 422
    page = await ada.open("/admin/invites")
    page = await ada.submit(page, "/admin/invites", {"note": "For nora", "uses_max": "1"})
    link = page.all("input", readonly="")[0].get("value")

    guest = browser()
    page = await guest.open("/join")
    assert page.problems == []
    form = {
        "username": "nora",
        "email": "nora@mail.example",
        "password": "seven quiet otters",
        "answer-1": "Botany",
    }
    page = await guest.submit(page, "/join", form, choose={"agreement": "1"})
    assert "Must be filled in" in page.words()
    page = await guest.submit(page, "/join", {"answer-2": "Here", "password": form["password"]})
    assert path_of(page) == "/join/sent"
    assert "somebody reads your request" in page.words()

    page = await guest.open(link)
    assert "@ada invites you" in page.words()
    invited = {"username": "dan", "email": "dan@mail.example", "password": form["password"]}
    page = await guest.submit(page, path_of(page), invited, choose={"agreement": "1"})
    assert "somebody reads your request" not in page.words()
    page = await guest.open(link)
    assert (page.status, "leads nowhere" in page.words()) == (403, True)
    row = await server.db.read(users.by_name, "nora")
    assert row is not None
    assert row.reason == "Botany"
