"""Every page there is: it answers, its HTML is right, and it tells strangers no more than they may know."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from activitypub.discovery import Handle, Jrd
from fedserver import posts, profiles, relationships
from fedserver.accounts import ProfileChange, change_profile
from fedserver.context import Server
from fedserver.federation import actors
from fedserver.posts import Draft, PollDraft
from fedserver.viewer import PAGE_SCOPES, Anonymous, Member
from tests.mailing import Mailbox, link_in, mails
from tests.pages.conftest import PASSWORD, MakeReader
from tests.pages.visitor import Visitor, path_of

EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
FOR_ANYBODY = (
    "/", "/about", "/about/rules", "/about/moderation", "/about/partners", "/privacy", "/terms", "/join", "/join/sent", "/confirm", "/confirmed", "/login", "/password",
    "/password/sent", "/local", "/federated", "/tags/teal", "/search", "/search?q=alice", "/menu", "/@alice",
    "/directory", "/directory/partners", "/directory/everywhere?order=new",
    "/@alice/replies", "/@alice/media", "/@alice/followers", "/@alice/following",
)  # fmt: skip
FOR_MEMBERS = (
    "/home", "/compose", "/notifications", "/notifications/mentions", "/notifications/requests", "/follows/requests",
    "/bookmarks", "/favourites",
    "/settings/profile", "/settings/appearance", "/settings/email", "/settings/security", "/settings/apps",
    "/settings/blocks", "/settings/mutes", "/settings/filters", "/settings/filters/new", "/settings/move", "/settings/import", "/settings/export", "/settings/delete", "/@bob/block",
    "/@bob/report",
)  # fmt: skip


@pytest.fixture
async def alice(signed_in: MakeReader) -> Visitor:
    return await signed_in("alice")


async def member_named(server: Server, name: str) -> Member:
    profile = await profiles.by_handle(server, Anonymous(), name)
    return Member(profile.person.id, name, "member", PAGE_SCOPES)


async def test_every_page_answers_with_correct_html(
    server: Server, alice: Visitor, visitor: Visitor, signed_in: MakeReader
) -> None:
    await signed_in("bob")
    author = await member_named(server, "alice")
    await relationships.follow(server, await member_named(server, "bob"), author.account_id)
    parent = await posts.create(
        server, author, Draft(f"{EVIL} #teal", summary=EVIL, poll=PollDraft([EVIL, "b"], 3600))
    )
    await posts.create(server, author, Draft("Below", in_reply_to_id=parent))
    await posts.create(server, author, Draft("# Text", title=EVIL, media_type="text/markdown"))
    await change_profile(
        server, author, ProfileChange(display_name=EVIL[:50], note=EVIL, fields=[(EVIL, EVIL)])
    )
    post = f"/@alice/{parent}"
    wanted = [
        *((visitor, path) for path in (*FOR_ANYBODY, post, f"/interact?uri={server.uris.post(parent)}")),
        *((alice, path) for path in FOR_ANYBODY if path not in ("/", "/join", "/login")),
        *((alice, path) for path in FOR_MEMBERS),
        *((alice, f"{post}{more}") for more in ("", "/reply", "/edit", "/delete", "/history")),
    ]
    for reader, path in wanted:
        page = await reader.open(path)
        assert page.status == 200, f"{path}: {page.status} {page.text[:500]}"
        assert path_of(page) == path
        assert not page.problems, f"{path}: {page.problems[:3]}"
        assert len(page.all("h1")) == 1, path
        assert not [
            element for element in page.tree.iter() if element.get("style") or element.get("onerror")
        ], path
        assert all(script.get("src") for script in page.all("script")), path
        ids = [element.get("id") for element in page.tree.iter() if element.get("id")]
        assert len(ids) == len(set(ids)), path


async def test_members_pages_send_strangers_to_sign_in(
    alice: Visitor, visitor: Visitor, signed_in: MakeReader
) -> None:
    await signed_in("bob")
    for path in FOR_MEMBERS:
        assert path_of(await visitor.open(path)).startswith("/login?next="), path


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"]
)
async def test_signing_in_leads_nowhere_else(alice: Visitor, target: str) -> None:
    page = await alice.open(f"/login?next={target}")
    assert page.url == f"{alice.origin}/home"


async def test_strangers_see_public_posts_only(server: Server, alice: Visitor, visitor: Visitor) -> None:
    author = await member_named(server, "alice")
    seen = {
        visibility: await posts.create(server, author, Draft(f"said {visibility}", visibility=visibility))
        for visibility in ("public", "unlisted", "followers", "members", "direct")
    }
    statuses = {name: (await visitor.open(f"/@alice/{post_id}")).status for name, post_id in seen.items()}
    assert statuses == {"public": 200, "unlisted": 200, "followers": 404, "members": 404, "direct": 404}
    for path in ("/@alice", "/@alice/feed.atom"):
        text = (await visitor.open(path)).text
        assert "said public" in text
        assert not [name for name in ("followers", "members", "direct") if f"said {name}" in text]
    assert "said unlisted" not in (await visitor.open("/local")).text


async def test_only_those_who_agree_are_offered_to_search_engines(
    server: Server, alice: Visitor, visitor: Visitor
) -> None:
    author = await member_named(server, "alice")
    post_id = await posts.create(server, author, Draft("Hello"))
    for indexable, refused in ((False, 1), (True, 0)):
        await change_profile(server, author, ProfileChange(indexable=indexable))
        for path in ("/@alice", f"/@alice/{post_id}"):
            assert len((await visitor.open(path)).all("meta", name="robots")) == refused, path


async def test_the_feed_is_atom(server: Server, alice: Visitor, visitor: Visitor) -> None:
    author = await member_named(server, "alice")
    await posts.create(server, author, Draft("Plain <b> & simple\x0b"))
    await posts.create(server, author, Draft("the ending", summary="Spoiler"))
    page = await visitor.open("/@alice.rss")
    assert path_of(page) == "/@alice/feed.atom"
    assert page.headers["Content-Type"].startswith("application/atom+xml")
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ET.fromstring(page.text)
    titles = [entry.findtext(f"{atom}title") for entry in feed.iter(f"{atom}entry")]
    assert titles[0] == "Spoiler"
    assert "simple" in (titles[1] or "")
    assert "the ending" not in page.text, "a content warning is not undone by a feed"
    for entry in (feed, *feed.iter(f"{atom}entry")):
        assert all(entry.findtext(f"{atom}{name}") for name in ("id", "title", "updated"))


async def test_a_visitor_is_led_to_their_own_server(
    server: Server, alice: Visitor, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = iter(["https://home.example/follow?uri={uri}", "javascript:alert('{uri}')", None])

    async def answer(_: Server, handle: Handle) -> Jrd:
        return Jrd(handle, "https://home.example/users/zoe", subscribe_template=next(templates))

    monkeypatch.setattr(actors, "webfinger", answer)
    uri = server.uris.actor("alice")
    page = await visitor.open(f"/interact?uri={uri}")
    page = await visitor.submit(page, "/interact", {"handle": "@zoe@home.example"})
    (refresh,) = page.all("meta", http_equiv="refresh")
    assert refresh.get("content").startswith("0; url=https://home.example/follow?uri=http%3A%2F%2F")
    for _ in range(2):
        page = await visitor.open(f"/interact?uri={uri}")
        page = await visitor.submit(page, "/interact", {"handle": "@zoe@home.example"})
        assert page.status == 502
        assert not page.all("meta", http_equiv="refresh")
    page = await visitor.submit(page, "/interact", {"handle": "nonsense"})
    assert page.all("input", id="handle")[0].get("aria-invalid") == "true"


class TestApproval:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"registrations": "approval"}

    @pytest.mark.jobs
    async def test_a_moderator_lets_in_whoever_asked(
        self, signed_in: MakeReader, visitor: Visitor, mailbox: Mailbox
    ) -> None:
        moderator, alice = await signed_in("mo", role="moderator"), await signed_in("alice")
        assert (await alice.open("/mod/joins")).status == 403
        await visitor.submit(
            await visitor.open("/join"),
            "/join",
            {"username": "zoe", "email": "zoe@mail.example", "password": PASSWORD, "answer-1": "I teach."},
            choose={"agreement": "1"},
        )
        link = f"/confirm/{link_in((await mails(mailbox, 1))[0], '/confirm/')}"
        page = await visitor.submit(await visitor.open(link), link)
        assert "Somebody will read your request" in page.words()
        assert (await visitor.open("/@zoe")).status == 404
        page = await moderator.open("/mod/joins")
        assert "I teach." in page.words()
        (approve,) = [
            form.get("action") for form in page.all("form") if form.get("action").endswith("/approve")
        ]
        page = await moderator.submit(page, approve)
        assert "Nobody is waiting" in page.words()
        assert (await visitor.open("/@zoe")).status == 200


class TestLimits:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"rate_limit_factor": "1"}

    async def test_who_asks_too_often_is_told_when_to_come_again(self, visitor: Visitor) -> None:
        form = await visitor.open("/password")
        sent = [await visitor.submit(form, "/password", {"email": "a@mail.example"}) for _ in range(6)]
        assert [one.status for one in sent] == [200] * 5 + [429]
        assert re.search(r"Please try again in \d+ minutes?\.", sent[-1].words())
