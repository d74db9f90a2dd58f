"""What is not for everybody is seen by those it is for, and by nobody else, whatever address they try.

Every address that the servers know is asked for, as a stranger of either server, as a follower who was not named,
as nobody, and with the signature of an actor of a third server.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.client import Api
from tests.federation.outsider import Outsider, outsider
from tests.federation.walk import Browser, Friends, arrives, enrol, hears, stands
from tests.running import RunningServer
from web.app import ROUTES

pytestmark = [pytest.mark.xdist_group("two-servers"), pytest.mark.long]

AT_ONCE = 6
PARAMETER = re.compile(r"\{([a-z_]+)(?::((?:[^{}]|\{[^{}]*\})*))?\}")
ALTERNATIVES = re.compile(r"[a-z_/|]+")
# Streams never end, and are tested by themselves; the others lead to no post.
LEFT_OUT = ("/api/v1/streaming", "/oauth", "/metrics", "/logout")
ACTIVITY = "application/activity+json"


@dataclass(frozen=True)
class Secret:
    """A post as both servers know it: `marker` stands in it and nowhere else, `word` can be searched for."""

    marker: str
    word: str
    tag: str
    uri: str
    author: Api
    ids: dict[str, str]  # by origin: the status
    author_ids: dict[str, str]  # by origin: the account


@dataclass(frozen=True)
class Cast:
    friends: Friends
    strangers: list[Api]  # of both servers, following nobody
    fans: list[Api]  # of both servers, following both friends
    eve: Outsider
    private: list[Secret]
    direct: list[Secret]

    @property
    def servers(self) -> list[RunningServer]:
        return [self.friends.here_server, self.friends.there_server]


@pytest.fixture(scope="module")
def cast(couple: Friends) -> Iterator[Cast]:
    """For followers only, and directly: one friend has posted to the other, who has answered."""
    strangers, fans = [], []
    for server in (couple.here_server, couple.there_server):
        stranger, fan = enrol(server, "sly", "fan", with_password=True)
        for member in (stranger, fan):
            Browser(server, member).share_session(member)
        strangers.append(stranger)
        fans.append(fan)
        for friend in (couple.here, couple.there):
            account_id = fan.find_account(friend.handle)["id"]
            fan.post(f"/api/v1/accounts/{account_id}/follow")
            stands(fan, account_id, following=True)
    told: dict[str, list[Secret]] = {}
    for visibility in ("private", "direct"):
        first = _tell(couple, fans, visibility)
        answer = _tell(couple.turned(), fans, visibility, in_reply_to_id=first.ids[couple.there.origin])
        told[visibility] = [first, answer]
    with outsider() as eve:
        yield Cast(couple, strangers, fans, eve, told["private"], told["direct"])


_numbers = itertools.count(1)


def _tell(pair: Friends, fans: list[Api], visibility: str, **form: Any) -> Secret:
    number = next(_numbers)
    marker, word, tag = f"zirkon{number}x", f"quokka{number}x", f"hush{number}x"
    text = f"{marker} {word} #{tag} {pair.there.handle}"
    media = [pair.here.upload(_picture(), description=f"{marker} drawn")["id"]]
    form = {
        "status": text,
        "spoiler_text": f"{marker} within",
        "visibility": visibility,
        "media_ids": media,
        **form,
    }
    sent = pair.here.post("/api/v1/statuses", form)
    notice = hears(pair.there, "mention", pair.here_id, sent["uri"])
    if visibility == "private":
        for fan in fans:
            arrives(fan, sent["uri"])
    return Secret(
        marker,
        word,
        tag,
        sent["uri"],
        pair.here,
        {pair.here.origin: sent["id"], pair.there.origin: notice["status"]["id"]},
        {pair.here.origin: sent["account"]["id"], pair.there.origin: pair.here_id},
    )


def _picture() -> bytes:
    from tests.federation.test_two_servers import picture

    return picture()


# By reading


def test_those_it_is_for_see_it(cast: Cast) -> None:
    for secret in [*cast.private, *cast.direct]:
        for reader in (cast.friends.here, cast.friends.there):
            seen = reader.get(f"/api/v1/statuses/{secret.ids[reader.origin]}")
            assert secret.marker in seen["content"]
            assert secret.marker in seen["media_attachments"][0]["description"]
    for secret in cast.private:
        for fan in cast.fans:
            assert secret.marker in fan.get(f"/api/v1/statuses/{secret.ids[fan.origin]}")["content"]


def test_no_address_shows_it_to_a_stranger(cast: Cast) -> None:
    for fan in cast.fans:
        shown = _leaks(fan, cast.private)
        for start in ("/api/v1/statuses/", "/api/v1/timelines/home", "/@", "/home"):
            assert any(path.startswith(start) for path in shown), (
                f"{start} shows nothing to a follower either"
            )
    for stranger in cast.strangers:
        assert not _leaks(stranger, [*cast.private, *cast.direct])


def test_no_address_shows_it_to_somebody_not_signed_in(cast: Cast) -> None:
    for server in cast.servers:
        assert not _leaks(server.nobody(), [*cast.private, *cast.direct])


def test_no_address_shows_a_direct_post_to_a_follower_it_does_not_name(cast: Cast) -> None:
    for fan in cast.fans:
        assert not _leaks(fan, cast.direct)


def test_no_address_shows_it_to_an_actor_of_a_third_server(cast: Cast) -> None:
    public = cast.friends.here.post("/api/v1/statuses", {"status": "For everybody"})
    assert cast.eve.get(public["uri"]).status_code == 200, "their signature is good"
    secrets = [*cast.private, *cast.direct]
    for secret in secrets:
        assert cast.eve.get(secret.uri).status_code in (403, 404)
    for server in cast.servers:
        urls = [server.origin + path for path in _paths(secrets, server.origin) if _has_documents(path)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for answer in pool.map(cast.eve.get, urls):
                assert not any(secret.marker in answer.text for secret in secrets), answer.url


def test_searching_finds_it_for_nobody_else(cast: Cast) -> None:
    for secret in [*cast.private, *cast.direct]:
        for reader in [*cast.strangers, *(server.nobody() for server in cast.servers)]:
            for query in (secret.word, secret.uri, f"#{secret.tag}"):
                answer = reader.raw("GET", "/api/v2/search", params={"q": query, "resolve": "true"})
                assert answer.status_code in (200, 401)
                assert not answer.is_success or not answer.json()["statuses"], query
                page = reader.raw("GET", "/search", params={"q": query})
                assert secret.marker not in page.text
    for secret in cast.private:
        found = cast.friends.there.get("/api/v2/search", q=secret.uri, type="statuses")["statuses"]
        assert [status["uri"] for status in found] == [secret.uri]


# By acting


@pytest.mark.parametrize("action", ["favourite", "reblog", "bookmark", "pin", "mute"])
def test_nobody_else_can_act_on_it(cast: Cast, action: str) -> None:
    for stranger in cast.strangers:
        for secret in [*cast.private, *cast.direct]:
            path = f"/api/v1/statuses/{secret.ids[stranger.origin]}/{action}"
            assert stranger.raw("POST", path, json={}).status_code == 404, path


def test_nobody_else_can_answer_it(cast: Cast) -> None:
    for stranger in [*cast.strangers, *cast.fans]:
        for secret in cast.direct:
            form = {"status": "Aha!", "in_reply_to_id": secret.ids[stranger.origin]}
            assert stranger.raw("POST", "/api/v1/statuses", json=form).status_code in (404, 422)


def test_not_even_a_follower_can_carry_it_on(cast: Cast) -> None:
    for fan in cast.fans:
        for secret in cast.private:
            path = f"/api/v1/statuses/{secret.ids[fan.origin]}/reblog"
            assert fan.raw("POST", path, json={}).status_code in (403, 404, 422)


# The addresses


def _leaks(reader: Api, secrets: list[Secret]) -> list[str]:
    """Addresses of the reader's server whose answer to the reader shows any of the secrets."""

    def shows(path: str) -> bool:
        kinds = ("text/html", ACTIVITY) if _has_documents(path) else ("*/*",)
        return any(shows_as(path, kind) for kind in kinds)

    def shows_as(path: str, kind: str) -> bool:
        answer = reader.raw("GET", path, headers={"accept": kind})
        assert answer.status_code < 500, f"{path}: {answer.text[:500]} {reader.log_end()}"
        return any(_shown(secret, path, answer, reader) for secret in secrets)

    paths = _paths(secrets, reader.origin)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [path for path, leak in zip(paths, pool.map(shows, paths), strict=True) if leak]


def _shown(secret: Secret, path: str, answer: httpx.Response, reader: Api) -> bool:
    if secret.marker in answer.text:
        return True
    number = secret.ids[reader.origin]
    # An answer about the very address that was asked may repeat it; any other mention gives the post away.
    return number not in path and bool(re.search(rf"\b{number}\b", answer.text)) and not _own(secret, reader)


def _has_documents(path: str) -> bool:
    """Whether other servers might ask here, so that the same address has a page and a document."""
    return path.startswith(("/@", "/users/", "/groups/", "/posts/", "/contexts/", "/activities/", "/tags/"))


def _own(secret: Secret, reader: Api) -> bool:
    return secret.author is reader


def _paths(secrets: list[Secret], origin: str) -> list[str]:
    """Every GET route of ours, with the ids, names and tags of the secrets in it, and lists narrowed in every way."""
    found: dict[str, None] = {}
    for route in ROUTES:
        if route.method not in ("GET", "*") or route.path.startswith(LEFT_OUT):
            continue
        if route.path.endswith("/") and route.path != "/":
            continue  # the same once more, for clients that write it so
        for secret in secrets:
            parameters = PARAMETER.findall(route.path)
            for values in itertools.product(*(_values(*one, secret, origin) for one in parameters)):
                rest = iter(values)
                path = PARAMETER.sub(lambda _, rest=rest: next(rest), route.path)
                found.update(dict.fromkeys([path, *_narrowed(path, secret, origin)]))
    return list(found)


def _values(name: str, pattern: str, secret: Secret, origin: str) -> list[str]:
    if ALTERNATIVES.fullmatch(pattern):
        return pattern.split("|")
    author = secret.author
    handle = author.username if author.origin == origin else author.handle.removeprefix("@")
    if name in ("name", "username", "acct", "handle", "actor"):
        return [handle]
    if name in ("tag", "hashtag"):
        return [secret.tag]
    if "id" in name.split("_") or name in ("number", "post", "status"):
        return [secret.ids[origin], secret.author_ids[origin]]
    if name == "version":
        return ["2.1"]
    return [secret.ids[origin], handle, secret.tag]


def _narrowed(path: str, secret: Secret, origin: str) -> list[str]:
    """The same address with what narrows it, or leads to its first page."""
    several: dict[str, list[str]] = {
        r"/api/v1/timelines/(public|tag/.*)": ["local=true", "remote=true", "only_media=true"],
        r"/api/v1/accounts/\d+/statuses": [
            "only_media=true",
            "pinned=true",
            "exclude_replies=true",
            f"tagged={secret.tag}",
        ],
        r"/api/v1/statuses": [f"id[]={secret.ids[origin]}"],
        r"/api/v1/accounts/(search|lookup)": [f"q={secret.word}", f"acct={secret.word}"],
        r"/api/oembed": [f"url={secret.uri}"],
        r"/(users|groups|posts|contexts)/.+": ["page=true"],
        r"/(authorize_interaction|interact)": [f"uri={secret.uri}"],
    }
    return [
        f"{path}?{query}"
        for pattern, queries in several.items()
        if re.fullmatch(pattern, path)
        for query in queries
    ]
