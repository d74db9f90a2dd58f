"""A whole visit without JavaScript: from signing up to leaving, by nothing but links and forms."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from fedserver.context import Server
from tests.mailing import Mailbox, link_in, mails
from tests.pages.conftest import PASSWORD, MakeReader
from tests.pages.visitor import Page, Visitor, path_of


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"registrations": "open"}


def a_picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(file, "PNG")
    return file.getvalue()


@pytest.mark.jobs
async def test_a_newcomer_joins_posts_and_takes_part(
    server: Server, browser: Callable[[], Visitor], signed_in: MakeReader, mailbox: Mailbox
) -> None:
    bob = await signed_in("bob")
    nora = browser()

    # Join: what is wrong is said beside the field, and what was entered stays.
    page = await nora.submit(
        await nora.open("/join"),
        "/join",
        {"username": "nora", "email": "nora@mail.example", "password": "short"},
        choose={"agreement": "1"},
    )
    assert page.status == 422
    (password,) = page.all("input", id="password")
    assert password.get("aria-invalid") == "true"
    assert "password-problem" in password.get("aria-describedby").split()
    assert page.all("input", id="username")[0].get("value") == "nora"
    page = await nora.submit(page, "/join", {"password": PASSWORD})
    assert path_of(page) == "/join/sent"
    secret = link_in((await mails(mailbox, 1))[0], "/confirm/")
    page = await nora.submit(await nora.open(f"/confirm/{secret}"), f"/confirm/{secret}")
    assert "confirmed" in page.words()

    # Sign in, and land where it was wanted to go.
    page = await nora.open("/compose")
    assert path_of(page) == "/login?next=/compose"
    page = await nora.submit(page, "/login", {"username": "nora", "password": "wrong wrong wrong"})
    assert page.status == 422
    page = await nora.submit(page, "/login", {"password": PASSWORD})
    assert path_of(page) == "/compose"

    # A picture with its description; the form says no to a text file and keeps everything else.
    page = await nora.submit(
        page,
        "/compose",
        {"text": "Look at #teal", "picture-0": ("a.png", b"not a picture", "image/png"), "language": "en"},
    )
    assert page.status == 422
    assert page.all("textarea", id="text")[0].text.strip() == "Look at #teal"
    page = await nora.submit(
        page, "/compose", {"picture-0": ("a.png", a_picture(), "image/png"), "alt-0": "A teal square"}
    )
    assert page.status == 200, page.words()
    assert [picture.get("alt") for picture in page.all("img") if picture.get("alt")] == ["A teal square"]
    assert page.all("div", class_="prose")[0].get("lang") == "en"
    with_picture = path_of(page)

    # A poll.
    page = await nora.submit(
        await nora.open("/compose"),
        "/compose",
        {"text": "When?", "options[]": ["Monday", "Tuesday", "", ""]},
    )
    with_poll = path_of(page)

    # Bob votes once, replies, boosts, and makes it a favourite.
    page = await bob.submit(await bob.open(with_poll), f"{with_poll}/vote", choose={"choices[]": "1"})
    assert "100 %" in page.words()
    assert not [form for form in page.all("form") if form.get("action") == f"{with_poll}/vote"]
    page = await bob.open(f"{with_picture}/reply")
    assert page.all("textarea", id="text")[0].text.strip() == "@nora"
    page = await bob.submit(page, f"{with_picture}/reply", {"text": "@nora Very teal."})
    reply = path_of(page)
    assert "Look at" in page.words(), "a reply is shown below what it answers"
    for act, undo in (("boost", "unboost"), ("like", "unlike"), ("bookmark", "unbookmark")):
        page = await bob.submit(await bob.open(with_picture), f"{with_picture}/{act}")
        assert path_of(page).startswith(with_picture)
        assert page.all("button", formaction=f"{with_picture}/{undo}")

    # Nora hears of it; looking marks nothing as read, the button does.
    page = await nora.open("/notifications")
    for words in ("answered you", "boosted your post", "made your post a favourite"):
        assert words in page.words()
    assert (await nora.open("/notifications")).all("article", class_="unread")
    page = await nora.submit(page, "/notifications/read")
    assert not page.all("article", class_="unread")

    # Edit, and report; then settings, a picture, and out.
    page = await nora.submit(
        await nora.open(f"{with_picture}/edit"), f"{with_picture}/edit", {"text": "Look at #green"}
    )
    assert page.all("a", href=server.uris.tag("green"))
    assert page.all("img", alt="A teal square"), "an edit keeps the picture"
    page = await nora.submit(
        await nora.open(f"{reply}/report"),
        f"{reply}/report",
        {"comment": "Too teal"},
        choose={"category": "other"},
    )
    assert "moderators will look" in page.words()
    page = await nora.submit(
        await nora.open("/settings/profile"),
        "/settings/profile",
        {
            "display_name": "Nora N.",
            "fields[0][name]": "Web",
            "fields[0][value]": "https://nora.example",
            "avatar": ("n.png", a_picture(), "image/png"),
        },
    )
    assert "saved" in page.words()
    page = await bob.open("/@nora")
    assert "Nora N." in page.words()
    assert page.all("a", href="https://nora.example")
    page = await bob.submit(page, "/@nora/follow")
    assert page.all("button", formaction="/@nora/unfollow")
    page = await nora.submit(await nora.open(f"{with_poll}/delete"), f"{with_poll}/delete")
    assert (await bob.open(with_poll)).status in (404, 410)
    page = await nora.submit(await nora.open("/menu"), "/logout")
    assert path_of(await nora.open("/home")) == "/login?next=/home"


async def test_blocking_hides_each_from_the_other(signed_in: MakeReader) -> None:
    alice, bob = await signed_in("alice"), await signed_in("bob")
    page = await bob.submit(await bob.open("/compose"), "/compose", {"text": "Hello from Bob"})
    bobs = path_of(page)
    assert "Hello from Bob" in (await alice.open("/local")).words()
    await bob.submit(await bob.open("/@alice/block"), "/@alice/block")
    assert "Hello from Bob" not in (await alice.open("/local")).words()
    assert (await alice.open(bobs)).status == 404
    page = await bob.open("/settings/blocks")
    assert "alice" in page.words()
    await bob.submit(page, "/@alice/unblock")
    assert (await alice.open(bobs)).status == 200


async def test_forms_from_elsewhere_are_refused(signed_in: MakeReader) -> None:
    alice = await signed_in("alice")
    page: Page = await alice.open("/compose")
    for headers, data in (
        (
            {"Origin": "https://evil.example"},
            {"csrf_token": page.all("input", name="csrf_token")[0].get("value")},
        ),
        ({}, {}),
        ({}, {"csrf_token": "guess"}),
    ):
        async with alice.session.post(
            f"{alice.origin}/compose", data={"text": "Ha", **data}, headers=headers
        ) as answer:
            assert answer.status == 403
    assert "Ha" not in (await alice.open("/home")).words()
