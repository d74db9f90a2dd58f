"""What those who are new may not do yet, and posts of theirs that wait for a moderator and are nowhere until then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from fedserver import held, posts, relationships, settings
from fedserver.context import Server
from fedserver.errors import FedError, Forbidden, NotFound
from fedserver.held import Window
from fedserver.mail import send_mail
from fedserver.moderation import people
from fedserver.posts import Draft
from fedserver.trust import Held
from storage import audit, tables, users
from storage.types import now_ms
from tests.client import ApiError
from tests.conftest import MakeMember
from tests.joining.conftest import KnownAs, MakeReader
from tests.members import Person
from tests.pages.visitor import path_of
from tests.planned import planned

SPAM = "Great CASINO at https://win.casino.example/now"
HELD = "/api/v1/admin/held_statuses"
STATUSES = "/api/v1/statuses"
DAY_MS = 86_400_000


@pytest.fixture
async def newcomer(server: Server, alice: Person) -> Person:
    await server.db.write(users.change, alice.account_id, trust="new", approved_at=now_ms())
    return alice


async def refused(person: Person, **form: Any) -> str:
    try:
        await person.post(STATUSES, form)
    except ApiError as error:
        return f"{error.status} {error.body}"
    return ""


async def count(server: Server, table: Any) -> int:
    return int(await server.db.read(lambda conn: conn.scalar(select(func.count()).select_from(table)) or 0))


async def test_who_is_new_meets_limits_that_say_what_they_are_and_when_they_end(
    server: Server, newcomer: Person, bob: Person, admin: Person, moderator: Person
) -> None:
    await settings.change(server, admin.member, {"held_links": 0, "new_mentions_max": 1})
    links = " ".join(f"https://{number}.example" for number in range(3))
    for form, words in (
        ({"status": links}, "at most 2 links in a post, and this has 3"),
        ({"status": "Hi", "media_ids": ["1", "2"]}, "at most 1 pictures or files"),
        ({"status": "Hi @bob @mo"}, "at most 1 people who do not follow you"),
        ({"status": "Hi @bob", "visibility": "direct"}, "directly only to people who follow them"),
    ):
        told = await refused(newcomer, **form)
        assert told.startswith("422"), told
        assert words in told
        assert "This ends on" in told
    await relationships.follow(server, bob.member, newcomer.account_id)
    await newcomer.post(STATUSES, {"status": "Hi @bob", "visibility": "direct"})
    first = await newcomer.post(STATUSES, {"status": "Hi @bob and @mo"})
    with pytest.raises(ApiError, match="at most 2 links"):
        await newcomer.put(f"{STATUSES}/{first['id']}", {"status": links})
    for number in range(3):
        await newcomer.post(STATUSES, {"status": f"No. {number}"})
    assert (await refused(newcomer, status="One more")).startswith("429")
    # Days alone are not enough, an answer alone neither.
    await server.db.write(users.change, newcomer.account_id, approved_at=now_ms() - 4 * DAY_MS)
    assert await refused(newcomer, status="One more")
    await bob.post(STATUSES, {"status": "@alice Welcome", "in_reply_to_id": first["id"]})
    await server.db.write(users.change, newcomer.account_id, approved_at=now_ms())
    assert await refused(newcomer, status="One more")
    await server.db.write(users.change, newcomer.account_id, approved_at=now_ms() - 4 * DAY_MS)
    await newcomer.post(STATUSES, {"status": links})
    row = await server.db.read(users.by_id, newcomer.account_id)
    assert row is not None
    assert row.trust == "member"
    with pytest.raises(Forbidden):
        await people.trust(server, bob.member, newcomer.account_id, "trusted")
    at = f"/api/v1/admin/accounts/{newcomer.id}"
    assert (await moderator.put(f"{at}/trust", {"trust": "new"}))["trust"] == "new"
    assert await refused(newcomer, status=links)
    assert (await moderator.raw("PUT", f"{at}/trust", json={"trust": "much"})).status == 422
    assert (await moderator.get(at))["trust"] == "new"


async def test_what_is_held_is_no_post_anywhere_until_a_moderator_publishes_it(
    server: Server, newcomer: Person, bob: Person, moderator: Person, nobody: Person
) -> None:
    await held.change_rules(
        server, moderator.member, {"held_words": ["casino"], "held_hosts": ["casino.example"]}
    )
    await relationships.follow(server, bob.member, newcomer.account_id)
    before = [await count(server, one) for one in (tables.post, tables.notification, tables.message)]
    told = await refused(newcomer, status=f"{SPAM} #casino @bob")
    assert told.startswith("409"), told
    assert "a moderator looks at it" in told
    await refused(newcomer, status=f"{SPAM} #casino @bob")
    assert [await count(server, one) for one in (tables.post, tables.notification, tables.message)] == before
    (one,) = await held.own(server, newcomer.member, Window(limit=5))
    for path in (
        "/api/v1/timelines/home", "/api/v1/timelines/public?local=true", f"/api/v1/accounts/{newcomer.id}/statuses",
        "/api/v2/search?q=casino", "/api/v1/scheduled_statuses", "/@alice", "/@alice.rss", "/local", "/tags/casino",
        f"/api/v1/statuses/{one.id}", f"/api/v1/scheduled_statuses/{one.id}", f"/@alice/{one.id}",
    ):  # fmt: skip
        for who in (bob, newcomer, nobody):
            text = await (await who.raw("GET", path)).text()
            assert "casino.example" not in text, path
            assert "CASINO" not in text, path
    with pytest.raises(NotFound):
        await held.withdraw(server, bob.member, one.id)
    for act in (held.publish, held.refuse, held.waiting):
        with pytest.raises(Forbidden):
            await act(server, newcomer.member, one.id)  # type: ignore[operator]
    # An edit would go round it, and is refused.
    fine = await newcomer.post(STATUSES, {"status": "Hello"})
    with pytest.raises(ApiError, match="advertising"):
        await newcomer.put(f"{STATUSES}/{fine['id']}", {"status": SPAM})
    (shown,) = await moderator.get(HELD)
    assert (shown["id"], shown["account"]["username"]) == (str(one.id), "alice")
    assert (shown["params"]["text"], shown["reason"]) == (f"{SPAM} #casino @bob", one.why)
    post_id = (await moderator.post(f"{HELD}/{one.id}/approve"))["status_id"]
    assert "CASINO" in (await bob.get(f"{STATUSES}/{post_id}"))["content"]
    assert [note["type"] for note in await bob.get("/api/v1/notifications")] == ["mention"]
    assert (await moderator.raw("POST", f"{HELD}/{one.id}/approve")).status == 404
    assert (await moderator.raw("POST", f"{HELD}/{one.id}/reject", json={"message": "No"})).status == 404
    row = await server.db.read(users.by_id, newcomer.account_id)
    assert row is not None
    assert row.vouched_at is not None
    entry = (await server.db.read(lambda conn: audit.page(conn, Window(limit=1))))[0]
    assert (entry.action, entry.subject_name) == ("publish_held", "alice")


async def test_what_a_moderator_publishes_keeps_its_picture_and_what_is_refused_is_gone(
    server: Server, newcomer: Person, moderator: Person
) -> None:
    await held.change_rules(server, moderator.member, {"held_words": ["casino"]})
    member = newcomer.member
    for text in ("A casino", "Another casino", "No more casino"):
        with pytest.raises(Held):
            await posts.create(server, member, Draft(text))
    third, second, first = await held.waiting(server, moderator.member, Window(limit=5))
    assert [one.why for one in (first, second, third)] == ["the word “casino”"] * 3
    await held.refuse(server, moderator.member, first.id, message="We are no casino")
    await held.withdraw(server, member, second.id)
    assert [one.id for one in await held.own(server, member, Window(limit=5))] == [third.id]
    await server.db.write(users.change, newcomer.account_id, trust="member")
    assert await posts.create(server, member, Draft("A casino again"))
    with pytest.raises(FedError):
        await held.change_rules(server, member, {"held_words": []})


async def test_the_author_sees_that_it_waits_and_moderators_decide_on_pages(
    server: Server, signed_in: MakeReader, known: KnownAs
) -> None:
    mo, nora = await signed_in("mo", role="moderator"), await signed_in("nora")
    who = await known("nora")
    await server.db.write(users.change, who.account_id, trust="new", approved_at=now_ms())
    here = "/mod/held"
    page = await mo.submit(await mo.open(here), here, {"held_words": "casino\r\npills", "held_links": "0"})
    page = await nora.submit(await nora.open("/compose"), "/compose", {"text": "Cheap pills <b>"})
    assert path_of(page) == "/held?done=held"
    assert "Cheap pills <b>" in page.words()
    page = await mo.open("/mod")
    assert "1 post is held" in page.words()
    page = await mo.open(here)
    assert page.problems == []
    assert "held for the word “pills”" in page.words()
    (one,) = await held.own(server, who.member, Window(limit=5))
    page = await mo.submit(page, f"{here}/{one.id}/publish")
    assert path_of(page) == f"{here}?done=held-published"
    assert "Cheap pills" in (await nora.open("/@nora")).words()
    account = f"/mod/accounts/{who.id}"
    page = await mo.submit(await mo.open(account), f"{account}/trust", {"trust": "trusted"})
    assert path_of(page) == f"{account}?done=trust-given"
    assert "Invitations" in (await nora.open("/settings/profile")).words()


async def test_marks_by_different_trusted_members_hold_a_post_of_somebody_new(
    server: Server, newcomer: Person, bob: Person, moderator: Person, member: MakeMember, nobody: Person
) -> None:
    cara, dan = await member("cara"), await member("dan")
    for one in (bob, cara):
        await server.db.write(users.change, one.account_id, trust="trusted")
    spam = await newcomer.post(
        STATUSES, {"status": "Buy #pills", "poll": {"options": ["Now", "Later"], "expires_in": 3600}}
    )
    here = f"{STATUSES}/{spam['id']}"
    assert (await bob.raw("POST", f"{here}/mark_as_spam")).status == 403, "it is off"
    await held.change_rules(server, moderator.member, {"spam_marks": 2})
    assert (await dan.raw("POST", f"{here}/mark_as_spam")).status == 403, "who is not trusted reports it"
    assert (await nobody.raw("POST", f"{here}/mark_as_spam")).status == 401
    private = await newcomer.post(STATUSES, {"status": "Hi", "visibility": "private"})
    for other in (private["id"], (await dan.post(STATUSES, {"status": "No spam"}))["id"]):
        assert (await bob.raw("POST", f"{STATUSES}/{other}/mark_as_spam")).status in (403, 404)
    for _ in range(2):
        assert await bob.post(f"{here}/mark_as_spam") == {"marked": True, "held": False}
    assert await bob.post(f"{here}/unmark_as_spam") == {"marked": False, "held": False}
    await bob.post(f"{here}/mark_as_spam")
    assert (await nobody.get(here))["id"] == spam["id"], "one is not enough"
    assert await cara.post(f"{here}/mark_as_spam") == {"marked": True, "held": True}
    for who in (nobody, bob, newcomer):
        assert (await who.raw("GET", here)).status == 404
    (one,) = await held.waiting(server, moderator.member, Window(limit=5))
    assert (one.why, one.draft.text) == ("2 marks of spam by trusted members", "Buy #pills")
    assert (await held.own(server, newcomer.member, Window(limit=5)))[0].id == one.id
    (mail,) = [each for each in await server.db.read(planned, "mail") if each["template"] == "held_later"]
    await send_mail(server, mail)
    entries = await server.db.read(lambda conn: audit.page(conn, Window(limit=5)))
    assert [each.action for each in entries][:5] == [
        "hold_marked",
        "mark_spam",
        "mark_spam",
        "unmark_spam",
        "mark_spam",
    ]
    other = f"{STATUSES}/{(await newcomer.post(STATUSES, {'status': 'More #pills'}))['id']}"
    told = await asyncio.gather(*(one.post(f"{other}/mark_as_spam") for one in (bob, cara)))
    assert [one["held"] for one in told].count(True) == 1, "at the same moment they are two as well"
    again = await held.publish(server, moderator.member, one.id)
    assert len((await nobody.get(f"{STATUSES}/{again}"))["poll"]["options"]) == 2
    assert (await bob.raw("POST", f"{STATUSES}/{again}/mark_as_spam")).status == 403, (
        "a moderator has decided"
    )


async def test_a_trusted_member_marks_spam_where_they_would_report_it(
    server: Server, signed_in: MakeReader, known: KnownAs, moderator: Person
) -> None:
    bob, nora = await signed_in("bob"), await signed_in("nora")
    who = await known("nora")
    await server.db.write(users.change, who.account_id, trust="new", approved_at=now_ms())
    await server.db.write(users.change, (await known("bob")).account_id, trust="trusted")
    post_id = await posts.create(server, who.member, Draft("Buy pills"))
    here = f"/@nora/{post_id}"
    assert "Is it spam?" not in (await bob.open(f"{here}/report")).words()
    mo = await signed_in("mia", role="moderator")
    await mo.submit(await mo.open("/mod/held"), "/mod/held", {"spam_marks": "2"})
    page = await bob.open(f"{here}/report")
    assert (page.problems, "Is it spam?" in page.words()) == ([], True)
    page = await bob.submit(page, f"{here}/mark")
    assert "You have marked the post as spam." in page.words()
    page = await bob.submit(await bob.open(f"{here}/report"), f"{here}/unmark")
    assert "Your mark is taken back." in page.words()
    await held.change_rules(server, moderator.member, {"spam_marks": 1})
    page = await bob.submit(await bob.open(f"{here}/report"), f"{here}/mark")
    assert path_of(page) == "/home?done=spam-held"
    assert "1 post is held" in (await mo.open("/mod")).words()
    assert "Buy pills" in (await nora.open("/held")).words()
