"""What those who run the community publish: terms that members agree to, announcements, emoji."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Connection

from fedserver import announcements, emojis, policies, signup
from fedserver.context import Server
from fedserver.errors import Forbidden
from fedserver.federation.http import Fetched
from fedserver.signup import SignUp
from storage import emojis as stored_emojis
from storage import policies as stored
from storage import users
from tests.conftest import MakeMember
from tests.members import Person
from tests.pages.conftest import MakeReader
from tests.pages.visitor import Visitor, path_of

TERMS = "/api/v1/instance/terms_of_service"


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"registrations": "open"}


@pytest.fixture
async def ada(signed_in: MakeReader) -> Visitor:
    """An admin with a browser."""
    return await signed_in("ada", role="admin")


def day(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


async def test_members_are_asked_to_agree_to_new_terms_and_old_ones_stay(
    server: Server, ada: Visitor, signed_in: MakeReader, nobody: Person, browser: Callable[[], Visitor]
) -> None:
    bob = await signed_in("bob")
    assert (await nobody.raw("GET", TERMS)).status == 404
    page = await ada.submit(
        await ada.open("/admin/terms"), "/admin/terms/terms", {"text": "# Ours\n\n<script>x</script>Share."}
    )
    assert not page.problems
    assert "Ours" not in (await browser().open("/terms")).words(), "a draft is nobody's business"
    for wrong in ("yesterday", day(-1), day(900)):
        page = await ada.submit(page, "/admin/terms/terms/publish", {"day": wrong})
        assert page.status == 422, wrong
    page = await ada.submit(page, "/admin/terms/terms/publish", {"day": ""})
    assert "0 of 2" in page.words()
    assert not page.problems
    page = await bob.open("/home")
    assert "new terms" in page.words()
    assert not page.problems
    page = await bob.submit(page, "/agree")
    assert path_of(page) == "/home"
    assert "new terms" not in page.words()
    shown = await ada.open("/admin/terms")
    assert "1 of 2" in shown.words()
    (missing,) = [one.get("href") for one in shown.all("a") if one.get("href", "").endswith("/not-agreed")]
    shown = await ada.open(missing)
    assert (shown.problems, "@ada" in shown.words(), "@bob" in shown.words()) == ([], True, False)
    assert "No member of this name" in (await ada.open(f"{missing}?q=n_body")).words()
    assert "@ada" in (await ada.open(f"{missing}?q=AD")).words()
    rows = (await ada.submit(shown, f"{missing}.csv")).text.splitlines()
    assert rows[0] == "user name,name,member since,last here"
    assert [row.partition(",")[0] for row in rows[1:]] == ["ada"]

    page = await ada.submit(await ada.open("/admin/terms"), "/admin/terms/terms", {"text": "Second"})
    page = await ada.submit(page, "/admin/terms/terms/publish", {"day": day(0)})
    assert page.status == 422, "two versions cannot hold from the same day"
    await ada.submit(page, "/admin/terms/terms/publish", {"day": day(10)})
    assert day(10) in (await bob.open("/bookmarks")).words(), "they are asked anew"
    guest = browser()
    assert "A new version holds from" in (await guest.open("/terms")).words()
    first = await guest.open(f"/terms/{day(0)}")
    assert "Share." in first.words()
    assert not first.all("main")[0].findall(".//{*}script")
    assert "Second" in (await guest.open(f"/terms/{day(10)}")).words()
    assert (await guest.open("/terms/1999-01-01")).status == 404
    told = await nobody.get(TERMS)
    assert (told["effective_date"], told["effective"], told["succeeded_by"]) == (day(0), True, day(10))
    later = await nobody.get(f"{TERMS}/{day(10)}")
    assert (later["effective"], later["succeeded_by"]) == (False, None)
    assert (await nobody.raw("GET", f"{TERMS}/{day(3)}")).status == 404
    assert (await nobody.get("/api/v2/instance"))["configuration"]["urls"]["terms_of_service"]


async def test_whoever_joins_has_agreed_and_only_admins_write(
    server: Server, admin: Person, moderator: Person
) -> None:
    with pytest.raises(Forbidden):
        await policies.write(server, moderator.member, "privacy", "Mine")
    await policies.write(server, admin.member, "privacy", "We keep little.")
    await policies.publish(server, admin.member, "privacy", "")
    await signup.sign_up(server, SignUp("nora", "nora@mail.example", "seven quiet otters", agreed=True))

    def unit(conn: Connection) -> set[int]:
        nora: Any = users.by_name(conn, "nora")
        return stored.agreed(conn, nora.account_id, [row.id for row in stored.newest(conn).values()])

    assert len(await server.db.read(unit)) == 1
    asked = await policies.asked_of(server, moderator.member)
    assert [one.kind for one in asked] == ["privacy"]
    await policies.agree(server, moderator.member, [asked[0].id, 1])
    assert await policies.asked_of(server, moderator.member) == []


@pytest.mark.jobs
async def test_announcements_are_planned_edited_ended_and_taken_down(server: Server, ada: Visitor) -> None:
    here = "/admin/announcements"
    page = await ada.submit(await ada.open(here), here, {"text": " ", "starts_at": "soon"})
    assert page.status == 422
    page = await ada.submit(
        page, here, {"text": "We <b>meet</b>", "starts_at": "", "scheduled_at": f"{day(9)}T12:00"}
    )
    assert "planned" in page.words()
    assert not page.problems
    (row,) = await server.db.read(announcements.listed)
    page = await ada.submit(page, f"{here}/{row.id}", {"text": "We meet at **ten**"})
    await ada.submit(page, f"{here}/{row.id}/publish")
    for _ in range(100):
        page = await ada.open(here)
        if f"{row.id}/end" in page.text:
            break
    assert "We meet at" in (await ada.open("/home")).words()
    page = await ada.submit(page, f"{here}/{row.id}/end")
    assert "over" in page.words()
    assert "We meet at" not in (await ada.open("/home")).words()
    page = await ada.submit(page, f"{here}/{row.id}/delete")
    assert await server.db.read(announcements.listed) == []
    assert (await ada.open("/mod/log?type=announcement")).words().count("We meet") >= 3


async def test_emoji_are_uploaded_sorted_hidden_and_copied(
    server: Server, ada: Visitor, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (40, 40), "teal").save(file, "PNG")
    here = "/admin/emoji"
    page = await ada.submit(
        await ada.open(here),
        here,
        {"shortcode": "owl", "category": "birds", "image": ("a.png", b"<svg>", "image/png")},
    )
    assert page.status == 422
    page = await ada.submit(
        page,
        here,
        {"shortcode": ":owl:", "category": "birds", "image": ("a.png", file.getvalue(), "image/png")},
    )
    assert ":owl:" in page.words()
    assert not page.problems
    page = await ada.submit(page, f"{here}/owl", {"category": "night"}, choose={"disabled": "1"})
    (row,) = await emojis.listed(server)
    assert (row.category, bool(row.disabled), bool(row.visible_in_picker)) == ("night", True, True)

    seen = [{"shortcode": "blob_party", "url": "https://there.example/p.png"}]
    await server.db.write(stored_emojis.see, "there.example", seen)
    page = await ada.open(f"{here}?q=_party@there.example")
    assert "there.example" in page.words()
    assert not page.problems
    assert "None of that name" in (await ada.open(f"{here}?q=b%25y")).words(), "% stands for itself"

    async def give(*_: Any, **__: Any) -> Fetched:
        return Fetched("https://there.example/p.png", 200, {}, file.getvalue())  # type: ignore[arg-type]

    monkeypatch.setattr(type(server.http), "get", give)
    page = await ada.submit(page, f"{here}/copy", {"name": "party"})
    assert {one.shortcode for one in await emojis.listed(server)} == {"owl", "party"}
    await ada.submit(page, f"{here}/owl/delete")
    assert [one.shortcode for one in await emojis.listed(server)] == ["party"]
    alice = await member("alice")
    with pytest.raises(Forbidden):
        await emojis.discard(server, alice.member, "party")
