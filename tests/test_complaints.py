"""Fifteen complaints that members of other servers had about their apps, each with the test that it is none here.

The threads are named where they were read: what broke, and for whom.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from fedserver.apps import OUT_OF_BAND
from fedserver.context import Server
from tests import databases
from tests.api.streams import Ear
from tests.api.test_push import SUBSCRIPTION, PushService
from tests.api.uploads import upload
from tests.contract.entities import DATE, DATETIME
from tests.members import Person
from tests.people import add_stranger
from tests.test_oauth import app, asked, exchange, form, nora, sign_in  # noqa: F401 - two are fixtures
from tests.waiting import until


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Nothing here depends on the kind of database."""
    return databases.sqlite_database(tmp_path / "database")


async def say(person: Person, text: str = "Hello", **more: Any) -> Any:
    return await person.post("/api/v1/statuses", {"status": text, **more})


async def test_01_ivory_crashes_where_a_start_up_call_is_unknown(alice: Person) -> None:
    """gotosocial#1339, takahe#473."""
    for path in (
        "/api/v1/instance", "/api/v2/instance", "/api/v1/preferences", "/api/v1/accounts/verify_credentials",
        "/api/v1/custom_emojis", "/api/v1/filters", "/api/v2/filters", "/api/v1/lists", "/api/v1/announcements",
        "/api/v1/markers?timeline[]=home", "/api/v1/notifications", "/api/v2/notifications/policy",
        "/api/v1/followed_tags", "/api/v1/timelines/home", "/api/v1/trends/tags",
    ):  # fmt: skip
        assert (await alice.raw("GET", path)).status == 200, path


async def test_02_the_ios_app_hangs_on_an_empty_date(alice: Person) -> None:
    """gotosocial#1010, #559."""
    path = "/api/v1/accounts/verify_credentials"
    assert (await alice.get(path))["last_status_at"] is None
    await say(alice)
    assert DATE.fullmatch((await alice.get(path))["last_status_at"])


async def test_03_toot_wants_pictures_milliseconds_and_whole_addresses(alice: Person) -> None:
    """takahe PR#275."""
    status = await say(alice, "a #Hashtag")
    for name in ("avatar", "avatar_static", "header", "header_static", "url"):
        assert status["account"][name].startswith("http"), name
    for instant in (status["created_at"], status["account"]["created_at"]):
        assert DATETIME.fullmatch(instant)
    assert status["account"]["created_at"].endswith("T00:00:00.000Z")
    origin = status["uri"].partition("/posts")[0]
    assert re.findall('href="([^"]+)"', status["content"]) == [f"{origin}/tags/hashtag"]
    assert [one["url"] for one in status["tags"]] == [f"{origin}/tags/hashtag"]


async def test_04_a_version_is_read_as_mastodons(nobody: Person) -> None:
    """gotosocial#3201, #1069; IceCubesApp#2262: it reads the first three characters as a number."""
    for path in ("/api/v1/instance", "/api/v2/instance"):
        version = (await nobody.get(path))["version"]
        assert re.fullmatch(r"4\.\d\.\d+ \(compatible; fedserver [\d.]+\)", version)
        assert float(version[:3]) >= 4.3


async def test_05_features_can_be_told_from_numbers(nobody: Person) -> None:
    """gotosocial#3466. What each number of Mastodon's promises is tested by the contract."""
    versions = (await nobody.get("/api/v2/instance"))["api_versions"]
    assert (versions["mastodon"], versions["fedserver"]) == (10, 2)


async def test_06_an_unknown_name_of_software_is_refused(alice: Person, nobody: Person) -> None:
    """fedistar#952: megalodon believes who says whose API they speak."""
    index = await nobody.get("/.well-known/nodeinfo")
    links = [link["href"].partition("/nodeinfo") for link in index["links"] if "/ns/schema" in link["rel"]]
    assert len(links) == 2
    for _, slash, rest in links:
        document = await nobody.get(slash + rest)
        assert document["software"]["name"] == "fedserver"
        assert document["metadata"]["upstream"] == {"name": "mastodon"}
        assert document["usage"]["users"]["total"] == 1
    assert (await nobody.raw("GET", "/nodeinfo/3.0")).status == 404


async def test_07_lists_do_not_end(alice: Person, bob: Person) -> None:
    """gotosocial#1807, #1720, PR#3571; takahe#361; pixelfed#6192. Every list is walked in tests/api/test_paging.py."""
    ids = [(await say(bob, f"@alice {number}"))["id"] for number in range(7)][::-1]
    path = "/api/v1/notifications?types[]=mention&limit=4"
    first = await alice.raw("GET", path)
    second = await alice.raw("GET", str(first.links["next"]["url"].relative()))
    assert [one["status"]["id"] for one in [*await first.json(), *await second.json()]] == ids
    assert "next" not in second.links
    above = first.links["prev"]["url"]
    assert above.query.getall("types[]") == ["mention"]
    nothing = await alice.raw("GET", str(above.relative()))
    assert (await nothing.json(), "Link" in nothing.headers) == ([], False)
    public = "/api/v1/timelines/public"
    for query, expected in (
        ({"min_id": ids[5], "limit": 2}, ids[3:5]),  # the page immediately above
        ({"since_id": ids[5], "limit": 2}, ids[:2]),  # the newest
        ({"min_id": ids[5], "max_id": ids[1]}, ids[2:5]),
    ):
        assert [one["id"] for one in await alice.get(public, **query)] == expected


async def test_08_one_socket_carries_many_streams_and_echoes_its_protocol(alice: Person) -> None:
    """gotosocial#1418 (IceCubes), #3996, elk#2427 (Chrome), #3455 (empty frames, which an Ear refuses)."""
    async with Ear(alice, "user", "public:local") as ear:
        status = await say(alice)
        heard = [await ear.next("update") for _ in range(2)]
        assert sorted(stream for [stream], _ in heard) == ["public:local", "user"]
        assert [payload["id"] for _, payload in heard] == [status["id"]] * 2
    query = {"stream": "user", "access_token": alice.token}
    async with alice.client.ws_connect("/api/v1/streaming", params=query, protocols=(alice.token,)) as ws:
        assert ws.protocol == alice.token


@pytest.fixture
async def push_service() -> AsyncIterator[PushService]:
    made = PushService()
    served = web.Application()
    served.router.add_post("/app", made.take)
    async with TestServer(served, host="127.0.0.1") as listening:
        made.endpoint = str(listening.make_url("/app"))
        yield made


@pytest.mark.jobs
async def test_09_push_cannot_be_enabled_where_one_encoding_is_missing(
    alice: Person, bob: Person, push_service: PushService
) -> None:
    """IceCubesApp#2267, #2378; gotosocial#2797."""
    for count, (standard, encoding) in enumerate(((False, "aesgcm"), (True, "aes128gcm")), start=1):
        wanted = push_service.wanted(standard=standard, mention=True)
        if not standard:
            del wanted["subscription"]["standard"]
        await alice.post(SUBSCRIPTION, wanted)
        await say(bob, "@alice")
        await until(lambda wanted=count: len(push_service.got) == wanted, "a message to the app")
        assert push_service.got[-1][0]["Content-Encoding"] == encoding
        assert push_service.message(-1)[0]["notification_type"] == "mention"


@pytest.mark.parametrize("encoding", ["json", "data", "params"])
async def test_10_lists_are_lost_in_one_encoding_or_another(
    alice: Person, nobody: Person, encoding: str
) -> None:
    """takahe#490, PR#532; gotosocial PR#726."""
    media = await upload(alice)
    flat = [
        ("status", "x"), ("media_ids[]", media["id"]), ("sensitive", "1"), ("language", "de"),
    ]  # fmt: skip
    poll = [("status", "y"), ("poll[options][]", "a"), ("poll[options][]", "b"), ("poll[expires_in]", "600")]
    if encoding == "json":
        bodies: list[Any] = [
            {"status": "x", "media_ids[]": [media["id"]], "sensitive": True, "language": "de"},
            {"status": "y", "poll": {"options": ["a", "b"], "expires_in": 600}},
        ]
    else:
        bodies = [flat, poll]
    pictured, asked_ = [
        await (await alice.raw("POST", "/api/v1/statuses", **{encoding: body})).json() for body in bodies
    ]
    assert [one["id"] for one in pictured["media_attachments"]] == [media["id"]]
    assert (pictured["sensitive"], pictured["language"]) == (True, "de")
    assert [one["title"] for one in asked_["poll"]["options"]] == ["a", "b"]
    registered = await nobody.raw(
        "POST", "/api/v1/apps", **{encoding: {"client_name": "A", "redirect_uris": "icecubesapp://"}}
    )
    assert (await registered.json())["redirect_uri"] == "icecubesapp://"


async def test_11_codes_cannot_be_carried_by_hand(
    app_client: TestClient[Any, Any],
    app: dict[str, Any],  # noqa: F811
    nora: int,  # noqa: F811
) -> None:
    """gotosocial#108, #1662 (Ebou), #1170: what was asked is in the page's form, in no cookie."""
    answer = await sign_in(app_client, asked(app, redirect_uri=OUT_OF_BAND))
    page = await (await app_client.get(answer.headers["Location"])).text()
    other = asked(app, redirect_uri=OUT_OF_BAND, state="of another tab")
    await app_client.get("/oauth/authorize", params=other)
    agreed = await (await app_client.post("/oauth/authorize", data=form(page, "allow"))).text()
    shown = re.search(r'<input[^>]*name="code" value="([^"]+)" readonly', agreed)
    assert shown, agreed
    assert (await exchange(app_client, app, shown[1], redirect_uri=OUT_OF_BAND)).status == 200


async def test_12_an_app_cannot_check_itself(app_client: TestClient[Any, Any], nobody: Person) -> None:
    """masto.js#1317, wildebeest PR#255."""
    made = await nobody.post("/api/v1/apps", {"client_name": "Reader", "redirect_uris": OUT_OF_BAND})
    keys = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    token = await nobody.post("/oauth/token", {"grant_type": "client_credentials", **keys})
    checked = await Person(app_client, token=token["access_token"]).get("/api/v1/apps/verify_credentials")
    assert (checked["name"], checked["scopes"]) == ("Reader", ["read"])


async def test_13_flaky_networks_post_twice(alice: Person) -> None:
    """gotosocial#2723, pixelfed#3581, mastodon#30039 (also what is scheduled)."""
    for more in ({}, {"scheduled_at": "2099-01-01T00:00:00.000Z"}):
        headers = {"Idempotency-Key": f"once {len(more)}"}
        body = {"status": "x", **more}
        tries = [alice.post("/api/v1/statuses", body, headers=headers) for _ in range(4)]
        assert len({one["id"] for one in await asyncio.gather(*tries)}) == 1
    assert len(await alice.get("/api/v1/timelines/home")) == 1
    assert len(await alice.get("/api/v1/scheduled_statuses")) == 1


async def test_14_screen_reader_clients_crash_on_missing_lists(alice: Person) -> None:
    """gotosocial#2845 (TWBlue), takahe PR#631."""
    for name in (
        "mutes", "blocks", "domain_blocks", "follow_requests", "favourites", "bookmarks", "conversations", "lists",
        "scheduled_statuses", "endorsements", "featured_tags", "followed_tags", "announcements", "filters",
    ):  # fmt: skip
        assert await alice.get(f"/api/v1/{name}") == [], name


async def test_15_filters_miss_boosts_and_completion_forgets_the_domain(
    server: Server, alice: Person, bob: Person, admin: Person
) -> None:
    """gotosocial#3128, #2911, #2449; pixelfed#2234, #1760 (Tusky wants lists and text, never null)."""
    await alice.post(f"/api/v1/accounts/{bob.id}/follow")
    keywords = [{"keyword": word} for word in ("loud music", "#noise")]
    await alice.post("/api/v2/filters", {"title": "q", "context": ["home"], "keywords_attributes": keywords})
    loud = await say(admin, "loud @bob music, and #noise".replace("@bob ", ""))
    await bob.post(f"/api/v1/statuses/{loud['id']}/reblog")
    boost = (await alice.get("/api/v1/timelines/home"))[0]
    for wrapper in (boost, boost["reblog"]):
        assert wrapper["filtered"][0]["keyword_matches"] == ["loud music", "#noise"]
    await server.db.write(add_stranger, "sam", "elsewhere.example")
    found = await alice.get("/api/v1/accounts/search", q="sam@else")
    assert [one["acct"] for one in found] == ["sam@elsewhere.example"]
    empty = await say(bob, "", media_ids=[(await upload(bob))["id"]])
    assert empty["content"] == ""
    assert (loud["media_attachments"], loud["mentions"], loud["emojis"]) == ([], [], [])
