"""Filters: what they match and where that is told, how members change them, and the old form of them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.filters import KEYWORDS_OF_MEMBER_MAX, _has_word, folded
from storage import filters as stored
from tests.api.test_statuses import say
from tests.api.uploads import upload
from tests.client import ApiError
from tests.conftest import MakeMember
from tests.counting import fewest_statements
from tests.members import Person

EVERYWHERE = ["home", "notifications", "public", "thread", "account"]


async def filter_out(person: Person, *keywords: str, **more: Any) -> Any:
    form = {
        "title": "Not now",
        "context": EVERYWHERE,
        "keywords_attributes": [{"keyword": one, "whole_word": True} for one in keywords],
    }
    return await person.post("/api/v2/filters", form | more)


def found(status: Any) -> list[list[str] | None]:
    return [one["keyword_matches"] for one in status["filtered"]]


async def test_a_filter_finds_text_warning_choices_and_descriptions_also_in_boosts(
    alice: Person, bob: Person
) -> None:
    await alice.post(f"/api/v1/accounts/{bob.id}/follow")
    await filter_out(alice, "Exam", "straße", "#quiz")
    described = await upload(bob, description="The exam hall")
    statuses = {
        "text": await say(bob, "The <b>EXAM</b> is near"),
        "warning": await say(bob, "Lunch", spoiler_text="about the exam"),
        "choice": await say(bob, "Which?", poll={"options": ["An exam", "None"], "expires_in": 600}),
        "description": await say(bob, "Look", media_ids=[described["id"]]),
        "folded": await say(bob, "In der STRASSE"),
        "hashtag": await say(bob, "a #Quiz, with @alice"),
        "within": await say(bob, "example"),
        "markup": await say(bob, "Ex*am*", content_type="text/markdown"),
    }
    home = {one["id"]: found(one) for one in await alice.get("/api/v1/timelines/home")}
    assert [home[one["id"]] for one in statuses.values()] == [
        *([[["Exam"]]] * 4),
        [["straße"]],
        [["#quiz"]],
        [],
        [["Exam"]],
    ]
    text = statuses["text"]
    reply = await say(bob, "exam again", in_reply_to_id=text["id"])
    context = await alice.get(f"/api/v1/statuses/{text['id']}/context")
    told = (await alice.get("/api/v1/notifications"))[0]["status"]
    listed = await alice.get(f"/api/v1/accounts/{bob.id}/statuses", exclude_replies="true")
    public = await alice.get("/api/v1/timelines/public")
    assert found(await alice.get(f"/api/v1/statuses/{text['id']}")) == [["Exam"]]
    assert [found(one) for one in context["descendants"]] == [[["Exam"]]]
    assert found(told) == [["#quiz"]]
    assert found(listed[-1]) == found(public[-1]) == [["Exam"]]
    # One's own are never filtered, and a boost is by what it shows.
    await say(alice, "my exam")
    assert found((await alice.get("/api/v1/timelines/home"))[0]) == []
    boost = await alice.post(f"/api/v1/statuses/{reply['id']}/reblog")
    assert found(boost) == found(boost["reblog"]) == [["Exam"]]
    assert all(found(one) == [] for one in await bob.get("/api/v1/timelines/home"))
    assert "filtered" not in (await Person(alice.client).get("/api/v1/timelines/public"))[0]


@pytest.mark.parametrize(
    ("text", "keyword", "stands"),
    [
        ("an exam.", "exam", True),
        ("exams", "exam", False),
        ("naïve", "naï", False),
        ("हिन्दी में", "हिन्द", False),  # a vowel sign goes on with the word
        ("हिन्दी में", "हिन्दी", True),
        ("the c++ course", "c++", True),
        ("exams exam", "exam", True),
        ("aaaa aa", "aa", True),
        ("-ab-ab-", "-a", False),
        ("ＦＵＬＬ width", "full", True),
    ],
)
def test_whole_words_end_where_words_end_in_any_script(text: str, keyword: str, stands: bool) -> None:
    assert _has_word(folded(text), folded(keyword)) is stands


async def test_the_keywords_of_a_member_are_counted_together(server: Server, alice: Person) -> None:
    first, second = [
        await alice.post("/api/v2/filters", json={"title": title, "context": ["home"]})
        for title in ("1", "2")
    ]

    def fill(conn: Connection) -> None:
        for number in range(KEYWORDS_OF_MEMBER_MAX):
            stored.add_keyword(conn, int(first["id"]), f"word {number}", whole_word=True)

    await server.db.write(fill)
    one_more = {"keywords_attributes": [{"keyword": "one more"}]}
    for method, path, form in (
        ("POST", "/api/v2/filters", {"title": "3", "context": ["home"], **one_more}),
        ("POST", "/api/v1/filters", {"phrase": "one more", "context": ["home"]}),
        ("PUT", f"/api/v2/filters/{second['id']}", one_more),
        ("POST", f"/api/v2/filters/{second['id']}/keywords", {"keyword": "one more"}),
    ):
        assert (await alice.raw(method, path, json=form)).status == 422, path
    assert len(await alice.get("/api/v1/filters")) == KEYWORDS_OF_MEMBER_MAX


async def test_a_filter_is_changed_part_by_part(alice: Person, bob: Person, server: Server) -> None:
    made = await filter_out(alice, "one", "two", expires_in=3600, filter_action="blur")
    assert (made["filter_action"], len(made["keywords"]), made["statuses"]) == ("blur", 2, [])
    at, heard = f"/api/v2/filters/{made['id']}", server.bus.queue(f"filters:{alice.account_id}")[0]
    one, two = made["keywords"]
    sent = [
        ("keywords_attributes[][id]", one["id"]),
        ("keywords_attributes[][_destroy]", "true"),
        ("keywords_attributes[][id]", two["id"]),
        ("keywords_attributes[][keyword]", "deux"),
        ("keywords_attributes[][keyword]", "three"),
        ("keywords_attributes[][whole_word]", "false"),
        ("expires_in", ""),
    ]
    changed = await alice.put(at, data=sent)
    assert changed["expires_at"] is None
    assert made["expires_at"] is not None
    assert [(k["keyword"], k["whole_word"]) for k in changed["keywords"]] == [
        ("deux", True),
        ("three", False),
    ]
    await heard.get()
    more = await alice.post(f"{at}/keywords", {"keyword": "four"})
    keyword = f"/api/v2/filters/keywords/{more['id']}"
    assert (await alice.put(keyword, {"whole_word": False}))["whole_word"] is False
    assert (await alice.get(keyword))["keyword"] == "four"
    assert await alice.delete(keyword) == {}
    status = await say(bob)
    named = await alice.post(f"{at}/statuses", {"status_id": status["id"]})
    assert (await alice.get(f"/api/v1/statuses/{status['id']}"))["filtered"][0]["status_matches"] == [
        status["id"]
    ]
    assert await alice.get(f"{at}/statuses") == [named]
    assert await alice.get(f"/api/v2/filters/statuses/{named['id']}") == named
    secret = await say(bob, visibility="direct")
    for path, form in (
        (f"{at}/statuses", {"status_id": status["id"]}),
        (f"{at}/statuses", {"status_id": secret["id"]}),
        (f"{at}/keywords", {"keyword": " "}),
        ("/api/v2/filters", {"title": "", "context": ["home"]}),
        ("/api/v2/filters", {"title": "x", "context": ["kitchen"]}),
        ("/api/v2/filters", {"title": "x", "context": ["home"], "filter_action": "shout"}),
    ):
        assert (await alice.raw("POST", path, json=form)).status == 422
    await alice.delete(f"/api/v2/filters/statuses/{named['id']}")
    for path in (
        at,
        f"{at}/keywords",
        f"/api/v2/filters/keywords/{two['id']}",
        f"/api/v1/filters/{two['id']}",
    ):
        assert (await bob.raw("GET", path)).status == 404
    assert [one["id"] for one in await alice.get("/api/v2/filters")] == [made["id"]]
    assert await alice.delete(at) == {}
    assert await alice.get("/api/v2/filters") == []
    assert (await alice.get(f"/api/v1/statuses/{status['id']}"))["filtered"] == []


async def test_the_old_form_shows_every_keyword_as_a_filter(alice: Person, bob: Person) -> None:
    form = {"phrase": "exam", "context": ["home", "notifications"], "irreversible": True, "expires_in": 600}
    old = await alice.post("/api/v1/filters", form)
    assert (old["phrase"], old["irreversible"], old["whole_word"]) == ("exam", True, False)
    new = (await alice.get("/api/v2/filters"))[0]
    assert (new["filter_action"], [one["id"] for one in new["keywords"]]) == ("hide", [old["id"]])
    at = f"/api/v1/filters/{old['id']}"
    assert (await alice.put(at, {"phrase": "test", "irreversible": False, "context": ["home"]}))[
        "phrase"
    ] == "test"
    assert (await alice.get(at))["context"] == ["home"]
    await alice.post(f"/api/v2/filters/{new['id']}/keywords", {"keyword": "second"})
    with pytest.raises(ApiError) as refused:
        await alice.put(at, {"phrase": "test", "irreversible": True, "context": ["home"]})
    assert refused.value.status == 422
    assert [one["phrase"] for one in await alice.get("/api/v1/filters")] == ["test", "second"]
    for one in await alice.get("/api/v1/filters"):
        await alice.delete(f"/api/v1/filters/{one['id']}")
    assert await alice.get("/api/v2/filters") == []


async def test_a_filter_that_hides_notifications_withholds_them(alice: Person, bob: Person) -> None:
    await filter_out(alice, "exam", context=["notifications"], filter_action="hide")
    await say(bob, "@alice about the exam")
    kept = await say(bob, "@alice about lunch")
    assert [one["status"]["id"] for one in await alice.get("/api/v1/notifications")] == [kept["id"]]


async def test_an_expired_filter_matches_nothing(alice: Person, bob: Person) -> None:
    await filter_out(alice, "exam", expires_in=0)
    status = await say(bob, "exam")
    assert (await alice.get(f"/api/v1/statuses/{status['id']}"))["filtered"] == []


async def test_a_home_timeline_that_is_filtered_listed_and_muted_takes_three_statements(
    server: Server, alice: Person, bob: Person, member: MakeMember
) -> None:
    await alice.post(f"/api/v1/accounts/{bob.id}/follow")
    await filter_out(alice, "exam", "quiz")
    made = await alice.post("/api/v1/lists", {"title": "x"})
    await alice.post(f"/api/v1/lists/{made['id']}/accounts", {"account_ids": [bob.id]})
    carol = await member("carol")
    await alice.post(f"/api/v1/accounts/{carol.id}/mute", {"duration": 3600})
    for index in range(5):
        await say(bob, f"exam {index}", poll={"options": ["a", "b"], "expires_in": 600})
    for path in ("/api/v1/timelines/home", f"/api/v1/timelines/list/{made['id']}"):
        await alice.get(path)
        shown = await alice.get(path)
        assert await fewest_statements(server, lambda: alice.get(path)) <= 3, path  # noqa: B023
        assert [found(one) for one in shown] == [[["exam"]]] * 5
