"""Pages on which an admin sets what the community is called, how it looks, what its rules are, and tries its mails."""

from __future__ import annotations

import io
import json
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image
from sqlalchemy import Connection

from fedserver import colours, house_rules, mail, operations, policies, quota, settings
from fedserver.context import Server
from storage import audit, stored_files, users
from storage.paging import Window
from tests.conftest import MakeMember
from tests.members import Person
from tests.pages.visitor import Visitor
from tests.panel.conftest import Complain, KnownAs, MakeReader
from tests.planned import planned

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"trends": "false", "title": "Trainers", "mail": "log:"}


@pytest.fixture
async def ada(signed_in: MakeReader) -> Visitor:
    """An admin with a browser."""
    return await signed_in("ada", role="admin")


def logged(conn: Connection) -> list[tuple[str, str, Any, Any]]:
    """What the log says was changed: about what, from what, to what."""
    found = audit.page(conn, Window(limit=50))
    return [
        (one.action, one.subject_id, json.loads(one.before).get("value"), json.loads(one.after).get("value"))
        for one in found
    ]


async def test_an_admin_changes_what_the_file_leaves_open(
    server: Server, ada: Visitor, browser: Callable[[], Visitor]
) -> None:
    page = await ada.open("/admin/site")
    assert not page.problems
    assert "Set in the settings file or the environment" in page.words(), "the title is locked"
    assert not page.all("input", name="title")
    page = await ada.submit(
        page,
        "/admin/site",
        {
            "description": "We teach <b>each</b> other",
            "contact_email": "desk@trainers.example",
            "contact_username": "nobody_here",
            "time_zone": "Mars/Olympus",
            "language": "english!",
        },
    )
    assert page.status == 422
    for said in ("name of nobody here", "not a time zone", "not a language"):
        assert said in page.words()
    page = await ada.submit(
        page, "/admin/site", {"contact_username": "ada", "time_zone": "Asia/Kolkata", "language": "en-GB"}
    )
    assert "Your changes are saved." in page.words()
    assert not page.problems
    now = await settings.current(server)
    assert (now.title, now.time_zone, now.contact_username) == ("Trainers", "Asia/Kolkata", "ada")
    told = await server.db.read(logged)
    assert ("change", "time_zone", "UTC", "Asia/Kolkata") in told
    assert ("change", "contact_email", "", "an address") in told, (
        "addresses of people are not kept in the log"
    )
    assert len(told) == 5
    page = await ada.submit(await ada.open("/admin/site"), "/admin/site")
    assert len(await server.db.read(logged)) == 5, "what stays as it is is not logged"
    guest = await browser().open("/about")
    assert "We teach <b>each</b> other" in guest.words()
    assert guest.all("html", lang="en-GB")

    page = await ada.open("/admin/site/visitors")
    assert not page.problems
    assert not page.all("input", name="trends"), "trends are locked, too"
    page = await ada.submit(page, "/admin/site/visitors", {"local_live_feed_access": "authenticated"})
    assert (await settings.current(server)).local_live_feed_access == "authenticated"
    assert (await settings.current(server)).profile_directory is True
    page = await ada.submit(
        await ada.open("/admin/site/limits"), "/admin/site/limits", {"remote_media_days": "0"}
    )
    assert page.status == 422
    assert page.all("input", id="remote_media_days")[0].get("value") == "0", "what was entered stays"
    page = await ada.submit(page, "/admin/site/limits", {"remote_media_days": "3", "member_bytes_max": "1.5"})
    now = await settings.current(server)
    assert (now.remote_media_days, now.member_bytes_max) == (3, 1_500_000)


def test_shades_of_any_hue_can_be_read() -> None:
    for hue in range(0, 0xFFFFFF, 0x01357B):
        accent = f"#{hue:06x}"
        for scheme in (colours.LIGHT, colours.DARK):
            assert colours.readable(colours.shade(accent, scheme), scheme) >= colours.CONTRAST_MIN, accent
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


async def test_a_colour_that_cannot_be_read_is_refused_with_what_was_measured(
    server: Server, ada: Visitor, browser: Callable[[], Visitor]
) -> None:
    page = await ada.open("/admin/site/looks")
    assert not page.problems
    page = await ada.submit(page, "/admin/site/looks/colours", {"accent": "#ffee00"})
    assert page.status == 422
    assert "contrast of 1.15:1" in page.words()
    assert "#787000" in page.words(), "the nearest that would do is named"
    page = await ada.submit(page, "/admin/site/looks/colours", {"accent": "url(x)"})
    assert page.status == 422
    guest = browser()
    assert "colours.css" not in (await guest.open("/about")).text
    page = await ada.submit(page, "/admin/site/looks/colours", {"accent": "8a1c5b"})
    assert "#8a1c5b" in page.words()
    assert not page.problems
    front = await guest.open("/about")
    (link,) = [one for one in front.all("link", rel="stylesheet") if "colours" in one.get("href")]
    sheet = await guest.open(link.get("href"))
    assert sheet.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "--accent: #8a1c5b" in sheet.text
    assert '[data-theme="dark"]' in sheet.text
    assert "immutable" in sheet.headers["Cache-Control"]
    again = await guest.open("/colours.css", **{"If-None-Match": sheet.headers["ETag"]})
    assert again.status == 304
    assert "style-src 'self';" in front.headers["Content-Security-Policy"]
    assert "unsafe" not in front.headers["Content-Security-Policy"]


async def test_a_logo_is_uploaded_shown_and_goes(server: Server, ada: Visitor, nobody: Person) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (600, 200), (120, 20, 90, 255)).save(file, "PNG")
    page = await ada.open("/admin/site/looks")
    refused = await ada.submit(
        page, "/admin/site/looks/logo", {"logo": ("x.svg", b"<svg onload='x'/>", "image/svg+xml")}
    )
    assert refused.status == 422
    page = await ada.submit(page, "/admin/site/looks/logo", {"logo": ("l.png", file.getvalue(), "image/png")})
    assert not page.problems
    logo = (await settings.current(server)).logo
    assert logo.url in page.text
    assert page.all("link", rel="icon", href=logo.icon_url)
    assert set(logo.store_keys) <= await server.db.read(stored_files.named), "backups take it along"
    assert (await nobody.get("/api/v2/instance"))["icon"][0]["src"] == logo.icon_url
    page = await ada.submit(page, "/admin/site/looks/logo")
    assert page.status == 422, "no file was chosen"
    await ada.submit(page, "/admin/site/looks/logo", {"remove": "1"})
    assert (await settings.current(server)).logo == settings.Logo()
    assert not await server.db.read(stored_files.named)


async def test_rules_keep_their_ids_whatever_becomes_of_them(
    server: Server, ada: Visitor, nobody: Person
) -> None:
    page = await ada.open("/admin/rules")
    for text in ("Be kind", "No <script>", "Share"):
        page = await ada.submit(page, "/admin/rules", {"text": text, "hint": "Why not?"})
    assert not page.problems
    page = await ada.submit(page, "/admin/rules/2/up")
    page = await ada.submit(page, "/admin/rules/3/delete")
    page = await ada.submit(page, "/admin/rules", {"text": "Cite"})
    page = await ada.submit(page, "/admin/rules/1", {"text": "Be kinder"})
    page = await ada.submit(page, "/admin/rules/1/translation", {"language": "xx yy"})
    assert page.status == 422
    page = await ada.submit(
        await ada.open("/admin/rules"),
        "/admin/rules/1/translation",
        {"language": "fr", "text": "Soyez gentils", "hint": "Toujours"},
    )
    assert not page.problems
    told = await nobody.get("/api/v1/instance/rules")
    assert [(one["id"], one["text"]) for one in told] == [
        ("2", "No <script>"),
        ("1", "Be kinder"),
        ("4", "Cite"),
    ]
    assert told[1]["translations"] == {"fr": {"text": "Soyez gentils", "hint": "Toujours"}}
    french = await ada.open("/about/rules?lang=fr")
    assert "Soyez gentils" in french.words()
    assert "No <script>" in french.words(), "what is not translated stands as it was written"
    page = await ada.submit(page, "/admin/rules", {"text": "  "})
    assert page.status == 422
    assert ("change", "rules") in [one[:2] for one in await server.db.read(logged)]


async def test_ids_of_rules_are_not_given_twice(server: Server, admin: Person, member: MakeMember) -> None:
    await house_rules.add(server, admin.member, "One")
    await house_rules.remove(server, admin.member, "1")
    await house_rules.add(server, admin.member, "Two")
    assert [rule.id for rule in (await settings.current(server)).rules] == ["2"]


async def test_a_mail_is_tried_and_the_answer_shown(
    server: Server, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await ada.submit(await ada.open("/admin/mail"), "/admin/mail")
    assert "ada@mail.example was taken" in page.words()
    assert not page.problems

    async def refuse(_: Any) -> str:
        raise ConnectionRefusedError("550 <b>No</b>")

    monkeypatch.setattr(type(server.mail), "send", lambda *_: refuse(None))
    page = await ada.submit(page, "/admin/mail")
    assert "was not taken" in page.words()
    assert "550 <b>No</b>" in page.words()


async def test_lim_06_one_member_may_have_other_room_than_everybody(
    server: Server, ada: Visitor, member: MakeMember, signed_in: MakeReader
) -> None:
    """SECURITY LIM-06: what members send has an end, told in a sentence."""
    await signed_in("bob")
    alice = await member("alice")
    here = "/admin/site/limits"
    page = await ada.submit(await ada.open(here), here, {"member_bytes_max": "0.001"})
    file = FormData()
    file.add_field("file", b"x" * 2_000, filename="a.txt", content_type="text/plain")
    answer = await alice.raw("POST", "/api/v1/resources/files", data=file)
    assert answer.status == 413
    assert "Delete some" in (await answer.json())["error"]
    for wrong in (
        {"username": "nobody_here", "room": "1"},
        {"username": "alice", "room": "much"},
        {"username": "alice", "room": "-1"},
    ):
        page = await ada.submit(await ada.open(here), f"{here}/member", wrong)
        assert page.status == 422, wrong
    page = await ada.submit(page, f"{here}/member", {"username": "@alice", "room": "5"})
    assert "5.0 MB" in page.words()
    assert not page.problems
    again = FormData()
    again.add_field("file", b"x" * 2_000, filename="a.txt", content_type="text/plain")
    assert (await alice.raw("POST", "/api/v1/resources/files", data=again)).status == 200
    assert "0.0 of 0.0 MB" in (await ada.open("/settings/export")).words()
    room = await quota.room(server, alice.member)
    assert (room.taken, room.most) == (2_000, 5_000_000)
    await ada.submit(await ada.open(here), f"{here}/member", {"username": "alice", "room": ""})
    assert (await quota.room(server, alice.member)).most == 1_000
    page = await ada.submit(await ada.open(here), f"{here}/roles", {"room-curator": "much"})
    assert (page.status, page.all("input", id="room-curator")[0].get("value")) == (422, "much")
    page = await ada.submit(page, f"{here}/roles", {"room-curator": "7,5"})
    assert not page.problems
    assert (await quota.room(server, alice.member)).most == 1_000
    await server.db.write(users.change, alice.account_id, role="curator")
    assert (await quota.room(server, alice.member)).most == 7_500_000


async def test_lim_06_how_large_uploads_may_be_is_set_in_the_panel_within_what_the_file_says(
    server: Server, ada: Visitor, nobody: Person, member: MakeMember
) -> None:
    alice = await member("alice")
    here = "/admin/site/limits"

    async def told() -> dict[str, Any]:
        found: dict[str, Any] = (await nobody.get("/api/v2/instance"))["configuration"]["media_attachments"]
        return found

    assert (await told())["image_size_limit"] == server.config.upload_bytes_max
    page = await ada.submit(
        await ada.open(here), here, {"largest_picture": "41", "largest_document": "0.002"}
    )
    assert (page.status, "more than the settings file allows, 40 MB" in page.text) == (422, True)
    page = await ada.submit(page, here, {"largest_picture": "0.0001"})
    assert not page.problems
    now = await told()
    assert (now["image_size_limit"], now["document_size_limit"]) == (100, 2_000)
    picture = io.BytesIO()
    Image.new("RGB", (60, 60), (120, 20, 90)).save(picture, "PNG")
    for path, content in (("/api/v2/media", picture.getvalue()), ("/api/v1/resources/files", b"x" * 2_001)):
        file = FormData()
        file.add_field("file", content, filename="a.png" if "media" in path else "a.txt")
        assert (await alice.raw("POST", path, data=file)).status in (413, 422), path
    await ada.submit(await ada.open(here), here, {"largest_picture": ""})
    assert (await told())["image_size_limit"] == server.config.upload_bytes_max
    large = {"member_bytes_max": 2**31, "role_bytes_max": {"curator": 2**50}}
    await server.db.write(settings.store, server.config, large)
    server.remembered.forget_settings()
    page = await ada.open(here)
    assert page.all("input", id="member_bytes_max")[0].get("value") == "2147.483648"
    await ada.submit(page, here)
    await ada.submit(page, f"{here}/roles")
    now = await settings.current(server)
    assert (now.member_bytes_max, now.role_bytes_max) == (2**31, {"curator": 2**50}), "saved as it was shown"
    assert (await ada.submit(page, here, {"member_bytes_max": "1e999999"})).status == 422


async def test_a_disk_that_is_nearly_full_is_told_by_mail_once(
    server: Server, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [1_000]
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**12, 10**12, free[0]))
    for _ in range(2):
        await operations.look_at_disk(server, {})
    told = [one for one in await server.db.read(planned, "mail") if one["template"] == "disk_low"]
    assert len(told) == 1
    assert "The disk is nearly full" in (await ada.open("/admin")).words()
    free[0] = 10**12
    await operations.look_at_disk(server, {})
    free[0] = 1_000
    await operations.look_at_disk(server, {})
    told = [one for one in await server.db.read(planned, "mail") if one["template"] == "disk_low"]
    assert len(told) == 2, "there was room in between"
    await mail.send_mail(server, told[0])


async def test_an_admin_is_told_what_is_worth_doing_first_until_it_is_done(
    server: Server, ada: Visitor, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    words = (await ada.open("/admin")).words()
    told = (
        "Have mails leave",
        "Say in a sentence",
        "Name somebody",
        "Write the first rules",
        "Publish a privacy policy",
        "Set up a second factor",
        "Have a colleague",
    )
    assert [one for one in told if one not in words] == []
    await signed_in("bob")
    await complain(await known("bob"), await known("ada"), comment="Bob's words")
    page = await ada.open("/admin")
    assert "1 report about yourself waits until there is one." in page.words()
    assert (page.problems, "bob" in page.words().lower()) == ([], False)
    boss = replace((await known("ada")).member, role="admin")
    await settings.change(server, boss, {"description": "We teach", "contact_username": "ada"})
    await house_rules.add(server, boss, "Be kind")
    await policies.write(server, boss, "privacy", "We keep little.")
    await policies.publish(server, boss, "privacy", "")
    mo = await signed_in("mo", role="moderator")
    page = await ada.open("/admin")
    assert not page.problems
    await complain(await known("bob"), await known("mo"))
    for reader, seen, unseen in ((mo, "@ada", "@mo"), (ada, "@mo", "@ada")):
        words = (await reader.open("/mod/reports")).words()
        assert (seen in words, unseen in words) == (True, False), "each sees what is about the other"
    assert [one for one in told if one in page.words()] == ["Have mails leave", "Set up a second factor"]
