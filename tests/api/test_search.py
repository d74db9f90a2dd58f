"""Search: the same answers on both databases, in every script; only what somebody may see and find."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select

from fedserver import search_index
from fedserver.context import Server
from storage import posts, tables
from storage.types import id_floor, new_id, now_ms
from tests.api.uploads import upload
from tests.client import ApiError
from tests.counting import fewest_statements
from tests.described import described
from tests.events.test_events import call
from tests.members import Person
from tests.opportunities.made import job
from tests.people import add_stranger

SAID = {
    "plain": "The quick brown fox of the Ærø workshop",
    "accents": "Café crème, naïve résumé",
    "chinese": "我们在北京参加科学培训。",
    "japanese": "東京タワーtower へ行く",
    "korean": "훈련을 좋아해요",
    "thai": "สวัสดีครับนักวิทยาศาสตร์",
    "arabic": "مُحَمَّد يكتب",
    "hindi": "हिन्दी में लिखा",
}
FOUND_BY = {
    "QUICK": "plain",
    '"brown fox"': "plain",
    "aero": "plain",
    "CAFE": "accents",
    "“crème naive”": "accents",
    "北京": "chinese",
    "科学培训": "chinese",
    "训": "chinese",
    "タワーTower": "japanese",
    "く": "japanese",
    "훈련": "korean",
    "วิทยาศาสตร์": "thai",
    "محمد": "arabic",
    "हिन्दी": "hindi",
}


async def found(person: Person, q: str, **more: Any) -> list[str]:
    """The texts of the posts that a query finds."""
    answer = await person.get("/api/v2/search", q=q, type="statuses", **more)
    return [one["content"].removeprefix("<p>").removesuffix("</p>") for one in answer["statuses"]]


async def test_words_are_found_in_every_script(alice: Person, bob: Person) -> None:
    for text in SAID.values():
        await alice.post("/api/v1/statuses", {"status": text})
    for query, name in FOUND_BY.items():
        assert await found(bob, query) == [SAID[name]], query
    for query in ("brow", '"fox brown"', "京都", "caf", "!!!", "训练"):
        assert await found(bob, query) == [], query
    assert await found(bob, "quick -fox") == []


async def test_operators_ask_for_more_than_words(server: Server, alice: Person, bob: Person) -> None:
    media = await upload(alice, description="A diagram of mitosis")
    poll = {"options": ["pipette", "burette"], "expires_in": 600}
    said = {
        "image": {"status": "one", "media_ids": [media["id"]]},
        "poll": {"status": "two", "poll": poll, "language": "pt-BR"},
        "link": {"status": "three https://else.example/page", "spoiler_text": "beware", "sensitive": True},
        "tag": {"status": "four #Cohort9", "language": "de"},
    }
    ids = {name: (await alice.post("/api/v1/statuses", form))["id"] for name, form in said.items()}
    ids["reply"] = (await bob.post("/api/v1/statuses", {"status": "five", "in_reply_to_id": ids["tag"]}))[
        "id"
    ]

    async def names(q: str, **more: Any) -> list[str]:
        answer = await bob.get("/api/v2/search", q=q, type="statuses", **more)
        by_id = {value: name for name, value in ids.items()}
        return [by_id[one["id"]] for one in answer["statuses"]]

    for query, expected in {
        "mitosis": ["image"],
        "has:media": ["image"],
        "has:image from:@alice": ["image"],
        "burette": ["poll"],
        "has:poll language:pt": ["poll"],
        "language:pt-BR": ["poll"],
        "beware has:link is:sensitive": ["link"],
        "#cohort9": ["tag"],
        "cohort9 -#cohort9": [],
        "from:me": ["reply"],
        "is:reply": ["reply"],
        "-is:reply -has:media": ["tag", "link", "poll"],
        "from:alice -has:poll -has:image": ["tag", "link"],
        "from:nobody": [],
        "before:2020-01-01": [],
        "after:2020 four": ["tag"],
        "-during:2020 four": ["tag"],
        "in:library": ["reply"],
        "in:public four": ["tag"],
        "has:four": [],
        "during:lunch": [],
        f"from:@alice@{server.config.domain} one": ["image"],
    }.items():
        assert await names(query) == expected, query
    assert await names("from:alice", limit=1, offset=1) == ["link"]
    assert await names("from:alice", limit=1, max_id=ids["poll"]) == ["image"]
    assert await names("from:alice", limit=1, min_id=ids["image"]) == ["poll"]
    assert await names("has:poll", account_id=bob.id) == []


async def test_what_changes_is_found_as_it_is_now(server: Server, alice: Person) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "before"})
    at = f"/api/v1/statuses/{status['id']}"
    await alice.put(at, {"status": "afterwards"})
    assert (await found(alice, "before"), await found(alice, "afterwards")) == ([], ["afterwards"])
    await server.db.write(lambda conn: conn.execute(delete(tables.post_words)) and None)
    assert await found(alice, "afterwards") == []
    assert await search_index.fill(server.db) == (1, 0)
    assert await found(alice, "afterwards") == ["afterwards"]
    await alice.delete(at)
    assert await found(alice, "afterwards") == []
    kept = await server.db.read(lambda conn: conn.scalar(select(func.count()).select_from(tables.post_words)))
    assert kept == 0


async def test_only_what_one_may_see_and_find_is_found(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    for visibility in ("public", "unlisted", "private", "direct"):
        await alice.post("/api/v1/statuses", {"status": f"secret {visibility}", "visibility": visibility})
    await alice.post("/api/v1/statuses", {"status": "secret @bob", "visibility": "direct"})

    def remote(conn: Connection) -> list[int]:
        return [
            _remote_post(conn, "hushed", "secret of a quiet one"),
            _remote_post(conn, "heard", "secret of one who may be found", indexable=True),
            _remote_post(conn, "heard2", "secret followers", visibility="followers", indexable=True),
        ]

    quiet_id = (await server.db.write(remote))[0]
    assert len(await found(alice, "secret")) == 6
    texts = await found(bob, "secret")
    assert len(texts) == 3
    assert {"secret public", "secret of one who may be found"} <= set(texts)
    assert (await nobody.get("/api/v2/search", q="secret"))["statuses"] == []
    # What one keeps is one's library.
    await bob.post(f"/api/v1/statuses/{quiet_id}/bookmark")
    assert len(await found(bob, "secret in:library")) == 2
    await bob.post(f"/api/v1/accounts/{alice.id}/mute")
    assert await found(bob, "secret") == ["secret of one who may be found", "secret of a quiet one"]
    await alice.post(f"/api/v1/accounts/{bob.id}/block")
    await bob.post(f"/api/v1/accounts/{alice.id}/unmute")
    assert "secret public" not in await found(bob, "secret")


def _remote_post(
    conn: Connection, name: str, text: str, *, visibility: str = "public", indexable: bool = False
) -> int:
    author_id = add_stranger(conn, name, indexable=indexable)
    now = now_ms()
    post_id = new_id(now)
    uri = f"https://there.example/posts/{post_id}"
    row = posts.insert_post(
        conn,
        post_id=post_id,
        uri=uri,
        url=uri,
        account_id=author_id,
        kind="note",
        visibility=visibility,
        content_html=f"<p>{text}</p>",
        thread_id=post_id,
        created_at=now,
    )
    search_index.add(conn, row)
    return post_id


async def test_accounts_are_found_by_the_beginning_of_a_name(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    def strangers(conn: Connection) -> None:
        add_stranger(conn, "alina", display_name="Søren Kierkegaard")
        add_stranger(conn, "ali_b", "elsewhere.example", display_name="田中太郎")
        add_stranger(conn, "zoe", display_name="Alice Ångström")

    await server.db.write(strangers)

    async def names(q: str, **more: Any) -> list[str]:
        return [one["acct"] for one in await bob.get("/api/v1/accounts/search", q=q, **more)]

    everybody = {"alice", "alina@there.example", "ali_b@elsewhere.example", "zoe@there.example"}
    assert set(await names("ali")) == everybody
    assert await names("alina@th") == await names("@alina@there.example") == ["alina@there.example"]
    assert await names("soren kier") == await names("kierk") == ["alina@there.example"]
    assert await names("田中") == await names("太") == await names("ali_b") == ["ali_b@elsewhere.example"]
    assert await names("alice angs") == ["zoe@there.example"]
    assert await names("ierk") == await names("%") == []
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    assert (await names("ali"))[0] == "alice"
    assert await names("ali", following="true") == ["alice"]
    await alice.patch("/api/v1/accounts/update_credentials", {"display_name": "Doctor Who"})
    assert await names("doc") == ["alice"]
    hits = await nobody.get("/api/v2/search", q="doctor")
    assert [one["acct"] for one in hits["accounts"]] == ["alice"]


async def test_searches_are_read_as_mastodon_reads_them(alice: Person, nobody: Person) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "a #Cohort10 here"})
    for q, kind in (
        (status["url"], "statuses"),
        (status["uri"], "statuses"),
        (status["account"]["url"], "accounts"),
        ("#cohort", "hashtags"),
    ):
        hits = await alice.get("/api/v2/search", q=q, resolve="true")
        assert [name for name in ("accounts", "statuses", "hashtags") if hits[name]] == [kind], q
    for query in ({"q": "x", "resolve": "true"}, {"q": "x", "offset": "20"}):
        with pytest.raises(ApiError) as refused:
            await nobody.get("/api/v2/search", **query)
        assert refused.value.status == 401
    with pytest.raises(ApiError) as refused:
        await alice.get("/api/v2/search", q=" ")
    assert refused.value.status == 400
    assert (await alice.raw("GET", "/api/v1/search?q=x")).status == 404
    assert id_floor(now_ms()) > int(status["id"])


async def test_events_and_opportunities_are_found_by_title_text_and_place(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    async def found(who: Person, q: str, kind: str = "") -> list[str]:
        hits = await who.get("/api/v2/search", q=q, **({"type": kind} if kind else {}))
        described("/api/v2/search").validate(hits)
        assert kind in ("", "events") or not hits["events"]
        return [one["title"] for one in (*hits["events"], *hits["opportunities"])]

    place = {"name": "Speicher", "locality": "Bremen", "country": "Germany"}
    await alice.post("/api/v1/events", call(title="Plan a workshop", text="With sticky notes.", place=place))
    await alice.post("/api/v1/events", call(title="Ours", text="With notes.", visibility="members"))
    await alice.post("/api/v1/opportunities", job(title="Head of notes", place=place, visibility="members"))
    gone = await alice.post("/api/v1/opportunities", job(title="Sticky job", text="Write.", apply_url=""))
    assert await found(nobody, "sticky") == ["Plan a workshop", "Sticky job"]
    assert await found(nobody, "bremen") == ["Plan a workshop"]
    assert await found(bob, "bremen speicher") == ["Plan a workshop", "Head of notes"]
    assert await found(bob, "notes", "events") == ["Ours", "Plan a workshop"]
    assert await found(bob, "notes", "opportunities") == ["Head of notes"]
    assert await found(bob, "notes", "accounts") == await found(nobody, "https://notes") == []
    await alice.delete(f"/api/v1/opportunities/{gone['id']}")
    await bob.post(f"/api/v1/accounts/{alice.id}/block")
    assert await found(nobody, "sticky") == ["Plan a workshop"]
    assert await found(bob, "sticky") == []
    await bob.post(f"/api/v1/accounts/{alice.id}/unblock")
    one = await fewest_statements(server, lambda: found(bob, "speicher", "events"))
    for number in range(4):
        await alice.post("/api/v1/events", call(title=f"Speicher {number}"))
    assert await fewest_statements(server, lambda: found(bob, "speicher", "events")) == one
