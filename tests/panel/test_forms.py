"""Forms of the panel when something in them is wrong: each is shown again, open, with all that was filled in, and says what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fedserver import house_rules, policies
from fedserver.context import Server
from fedserver.moderation import presets
from fedserver.moderation.presets import Wording
from storage import emojis, strikes
from tests.members import Person
from tests.pages.visitor import Visitor
from tests.panel.conftest import Complain, KnownAs, MakeReader

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
YESTERDAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"


@pytest.fixture
async def ada(
    server: Server, admin: Person, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> Visitor:
    """An admin with a browser, where there is something of everything."""
    await house_rules.add(server, admin.member, "Be kind")
    await house_rules.translate(server, admin.member, "1", "fr", "Soyez gentils")
    await policies.write(server, admin.member, "terms", "Share.")
    await presets.put(server, admin.member, Wording("Adverts", "No adverts here."))
    await server.db.write(
        emojis.see, "there.example", [{"shortcode": "party", "url": "https://there.example/p.png"}]
    )
    for name in ("alice", "bob"):
        await signed_in(name)
    await complain(await known("bob"), await known("alice"))
    return await signed_in("ida", role="admin")


@pytest.mark.parametrize(
    ("path", "action", "filled"),
    [
        ("/admin/invites", "", {"note": "Workshop", "uses_max": "0"}),
        ("/admin/rules", "", {"text": " ", "hint": "Always"}),
        ("/admin/rules", "/1", {"text": " ", "hint": "Always"}),
        ("/admin/rules", "/1/translation", {"text": " ", "hint": "Toujours"}),
        ("/admin/terms", "/terms", {"text": "x" * (policies.TEXT_CHARS_MAX + 1)}),
        ("/admin/terms", "/terms/publish", {"day": YESTERDAY}),
        ("/admin/site/limits", "/member", {"username": "nobody_here", "room": "5"}),
        ("/admin/emoji?q=party", "/copy", {"name": "no name!", "category": "birds"}),
        ("/admin/addresses", "", {"domain": "nowhere"}),
        ("/admin/addresses/single", "", {"email": "no address"}),
        ("/admin/addresses/networks", "", {"ip": "0.0.0.0/0", "comment": "Why"}),
        ("/admin/federation/lists", "", {"url": "http://127.0.0.1/list.csv", "text": "x.example"}),
        ("/admin/federation/server?host={domain}", "", {"policy": "reject", "note": "Why?"}),
        ("/mod/presets", "", {"title": "Spam", "text": "Dear {name}", "language": "??"}),
        ("/mod/presets", "/{id}", {"title": "Spam", "language": "??"}),
        ("/mod/held", "", {"held_words": "casino", "held_links": "many"}),
    ],
)
async def test_what_was_filled_in_stays_where_it_was(
    server: Server, ada: Visitor, path: str, action: str, filled: dict[str, str]
) -> None:
    (preset,) = await server.db.read(strikes.presets)
    path, here = (
        path.format(domain=server.config.domain),
        path.partition("?")[0] + action.format(id=preset.id),
    )
    page = await ada.submit(await ada.open(path), here, filled)
    assert page.status >= 400
    assert not page.problems
    (form,) = [one for one in page.all("form") if one.get("action") == here and holds(one, filled)]
    assert all(one.get("open") is not None for one in form.iterancestors("details")), "it is out of sight"
    marked = [one for one in form.iter("span") if one.get("class") == "problem"]
    assert marked or "Please look at what is marked below." not in page.words()
    assert page.all("div", role="alert")


def holds(form: Any, filled: dict[str, str]) -> bool:
    """Whether a form has these values."""
    there = {
        (one.get("name"), (one.text or "").removeprefix("\n") if one.tag == "textarea" else one.get("value"))
        for one in form.iter("input", "textarea")
        if one.get("type") not in ("radio", "checkbox") or one.get("checked") is not None
    }
    return set(filled.items()) <= there


async def test_who_ticks_no_case_keeps_what_they_have_written(ada: Visitor) -> None:
    here = "/mod/decide/confirm"
    page = await ada.open("/mod/reports?category=spam")
    page = await ada.submit(page, here, {"text": "No adverts.", "measures[]": ["suspend"]})
    assert (page.status, "Tick a case first." in page.words()) == (422, True)
    assert "marked below" not in page.words()
    (form,) = [one for one in page.all("form") if one.get("action") == here]
    assert holds(form, {"text": "No adverts.", "measures[]": "suspend", "category": "spam"})
