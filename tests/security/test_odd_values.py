"""Values of the wrong kind, size or alphabet: whoever sends them gets an answer, and nothing stays stuck on them."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest
from sqlalchemy import Connection, select
from yarl import URL

from activitypub.names import PUBLIC
from fedserver.context import Server
from storage import tables
from tests.federation.stub import Door, StubActor
from tests.members import Person
from tests.panel.test_gate import browser_of
from web import app
from web.app import ROUTES

PICTURE = "http://127.0.1.9/a.png"
NUMBERS: list[Any] = [10**10, 2**31, 2**63, 10**30, -1, 1e308, 0.5, True]
TEXTS = ["a\0b", "", "x" * 3000, "\u202e", "\U0001f600" * 300]
TIMES = [
    "0000-00-00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "2024-02-30T00:00:00Z",
    -1,
    "soon",
]


def odd_notes(uri: str) -> Iterator[dict[str, Any]]:
    for number in NUMBERS:
        size = {"width": number, "height": number, "focalPoint": [number, number], "blurhash": number}
        choice = {"type": "Note", "name": "A", "replies": {"totalItems": number}}
        yield {"attachment": [{"type": "Document", "mediaType": "image/png", "url": PICTURE, **size}]}
        yield {"type": "Question", "oneOf": [choice], "votersCount": number, "endTime": number}
        yield {"likes": {"totalItems": number}, "replies": {"id": f"{uri}/r", "totalItems": number}}
        yield dict.fromkeys(
            ("sensitive", "summary", "name", "content", "inReplyTo", "context", "url", "published"), number
        )
    for moment in TIMES:
        yield {"published": moment, "updated": moment}
        yield {
            "type": "Question",
            "oneOf": [{"type": "Note", "name": "A"}],
            "endTime": moment,
            "closed": moment,
        }
    for text in TEXTS:
        address = f"http://127.0.1.9:1/{text}"
        yield {"content": text, "summary": text, "name": text, "type": "Article"}
        yield dict.fromkeys(("inReplyTo", "context", "conversation", "quoteUrl", "url"), address)
        yield {"attachment": [{"type": text, "mediaType": f"image/{text}", "url": address, "name": text}]}
        yield {
            "tag": [
                {"type": kind, "name": text, "href": address, "icon": address}
                for kind in ("Mention", "Hashtag", "Emoji")
            ]
        }
        yield {"type": "Question", "anyOf": [{"type": "Note", "name": text}] * 2}
        yield {"to": [PUBLIC, address, text], "contentMap": {text: "x"}}
        yield {"id": uri + text}
    shapes: list[Any] = [None, [], [[]], {}, "x", ["a", {}, None, 1]]
    for shape in shapes:
        yield dict.fromkeys(("tag", "attachment", "inReplyTo", "url", "replies", "summary"), shape)
    yield {"tag": [{"type": "Hashtag", "name": f"#{n}"} for n in range(3000)]}
    yield {"to": [PUBLIC, *(f"http://127.0.1.9/{n}" for n in range(3000))]}
    yield {"content": "<p>" * 20_000}


def odd_activities(ann: StubActor, post_uri: str) -> Iterator[dict[str, Any]]:
    nul = "a\0b"
    odd: list[Any] = [nul, 7, {}, [], "x" * 5000]
    for kind in (
        "Create",
        "Update",
        "Delete",
        "Announce",
        "Like",
        "Follow",
        "Undo",
        "Accept",
        "Reject",
        "Block",
        "Flag",
        "Move",
        "Add",
    ):
        for what in (
            nul,
            f"{post_uri}{nul}",
            {"id": ann.uri_of("n"), "type": nul},
            {"id": ann.uri + nul, "type": "Note"},
            [nul],
            5,
            None,
        ):
            yield ann.says(kind, what, target=f"{ann.uri}/featured", to=[PUBLIC, nul])
    for name in ("id", "actor", "type", "published", "signature", "proof", "target", "content"):
        for value in odd:
            yield ann.says("Create", ann.note("x")) | {name: value}


async def test_nothing_another_server_sends_gets_stuck(door: Door, ann: StubActor, alice: Person) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "Like me"})
    sent = [ann.says("Create", ann.note("odd") | odd) for odd in odd_notes(ann.uri_of("notes"))]
    sent += odd_activities(ann, post["uri"])
    answers = [await door.post(ann, activity) for activity in sent]
    assert [(one, str(act)[:200]) for one, act in zip(answers, sent, strict=True) if one >= 500] == []
    await door.takes(ann, ann.says("Create", after := ann.note("Still here")))

    def stuck(conn: Connection) -> list[Any]:
        item = tables.inbox_item.c
        return list(conn.execute(select(item.state, item.note).where(item.state.in_(["waiting", "failed"]))))

    assert await door.server.db.read(stuck) == []
    home = await alice.get("/api/v1/timelines/home", limit=40)
    assert after["id"] in [one["uri"] for one in home]
    for path in (
        "/api/v1/notifications",
        "/api/v1/timelines/public",
        f"/api/v1/accounts/{home[0]['account']['id']}/statuses",
    ):
        assert await alice.get(path) is not None


ODD_PARTS = ["1", "%00", "-1", "9223372036854775807", "9" * 30, "..%2f..%2fetc%2fpasswd", "x%ff%27" * 500]
ODD_QUERY = (
    "q=%27&acct=%27&uri=..&resource=x&next=//e&offset=99999999999999999999&limit=-1&max_id=9223372036854775807"
    "&min_id=-1&since_id=x&id[]=99999999999999999999&types[]=%27&any[]=%25"
)
QUOTES = '\'";--\\%_ NEAR(a OR "b) ^a* $.a'
PARAMETER = re.compile(r"\{[a-z_]+(?::(?:[^{}]|\{[^{}]*\})*)?\}")
ENDING = ("/oauth/revoke", "/logout", "/settings/delete")  # after which there is nobody who could go on
WEB = Path(app.__file__).parent
ASKED = re.compile(
    r'\.(?:maybe_)?(?:text|texts|id|ids|integer|number|flag|limit|nested|children)\(\s*"([a-z_]+)"'
)


def names_in(files: Iterable[Path]) -> set[str]:
    """What handlers ask for in these files by its name."""
    return {name for file in files for name in ASKED.findall(file.read_text())}


def names_of_all() -> set[str]:
    """What handlers ask for, by its name or as a whole."""
    structs = {
        value
        for module in {sys.modules[route.handler.__module__] for route in ROUTES}
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct)
    }
    return names_in(WEB.rglob("*.py")) | {name for one in structs for name in one.__struct_encode_fields__}


@pytest.mark.parametrize("by", ["an app", pytest.param("a browser", marks=pytest.mark.long)])
async def test_inj_04_no_path_query_or_form_makes_us_fail(door: Door, bob: Person, by: str) -> None:
    """With all that anybody asks for: an app sends it to every address, a browser that is signed in to every page."""
    failed, everything, shared = [], names_of_all(), names_in(WEB.glob("*.py"))
    assert len(everything) > 200
    headers = (
        {"authorization": f"Bearer {bob.token}"} if by == "an app" else await browser_of(door.server, bob)
    )
    forms: list[dict[str, str]] = [dict.fromkeys(everything, value) for value in ("9" * 30, QUOTES)]
    for route in ROUTES:
        method = "GET" if route.method == "*" else route.method
        if method == "HEAD" or route.path in ENDING or route.path.endswith("/"):
            continue
        if by == "a browser" and route.path.startswith(("/api/", "/oauth/")):
            continue
        module = Path(sys.modules[route.handler.__module__].__file__ or "")
        query = urlencode(dict.fromkeys(shared | names_in([module]), QUOTES))
        for part in ODD_PARTS if "{" in route.path else [""]:
            path = PARAMETER.sub(part, route.path)
            sent: list[tuple[str, dict[str, Any]]] = [(path, {})]
            if method != "GET" and part in ("", "1"):
                sent = [(path, {"json" if by == "an app" else "data": form}) for form in forms]
            elif part in ("", "1"):
                sent += [(f"{path}?{one}", {}) for one in (ODD_QUERY, query)]
            for target, more in sent:
                answer = await bob.client.request(
                    method, URL(target, encoded=True), headers=headers, allow_redirects=False, **more
                )
                if answer.content_type == "text/event-stream":  # it would not end
                    answer.close()
                else:
                    await answer.read()
                if answer.status >= 500 and answer.status not in (501, 503):  # no such format, too much to do
                    failed.append((method, target[:150], answer.status))
    assert failed == []
    if by == "a browser":
        assert (await bob.raw("GET", "/home", headers=headers)).status == 200, (
            "who sent it all is still there"
        )


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v2/search?q=after:9998", 200),
        ("/api/v2/search?q=-before:9998", 200),
        (f"/api/v1/streaming/list?list={2**63}", 400),
        (f"/api/v1/streaming/hashtag?tag={'x' * 201}", 400),
        ("/api/oembed?url=http://[", 404),
        ("/api/v2/search?q=a%00b", 400),
        ("POST /api/v1/statuses?status=x&language=sl-Latn-IT-rozaj-biske", 422),
        ("PATCH /api/v1/accounts/update_credentials?source[language]=%27", 422),
        ("POST /api/v1/tags/%3Cimg%3E/follow", 404),
        (f"POST /api/v1/tags/{'x' * 101}/follow", 404),
        ("POST /api/v1/tags/%3Cimg%3E/feature", 404),
        ("POST /api/v1/domain_blocks?domain=other.example:%C2%B2", 422),
        ("POST /api/v1/admin/trends/statuses/%C2%B2/approve", 404),
        (f"POST /api/v1/admin/trends/links/{2**63}/reject", 404),
    ],
)
async def test_what_only_some_readers_would_take_is_refused(admin: Person, path: str, status: int) -> None:
    method, _, target = path.rpartition(" ")
    bearer = {"authorization": f"Bearer {admin.token}"}
    answer = await admin.client.request(method or "GET", URL(target, encoded=True), headers=bearer)
    assert answer.status == status, await answer.text()


class TestHeaders:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"metrics_token": "secret"}

    async def test_no_header_makes_us_fail(self, server: Server, alice: Person) -> None:
        """Bytes that are not UTF-8, and addresses that are none, in every header that is read."""
        parts = urlsplit(server.config.origin)
        browser = {name.title(): value.encode() for name, value in (await browser_of(server, alice)).items()}
        body = b"username=nora&password=x&next=/oauth/authorize%3Fredirect_uri=http://["
        asked = (
            "GET /about", "GET /@alice", "GET /users/alice", "GET /media/x.png", "GET /static/site.css", "GET /metrics",
            "GET /api/v1/accounts/verify_credentials", "POST /api/v1/statuses", "POST /login", "POST /compose",
            "POST /join", "POST /oauth/token", "POST /inbox",
        )  # fmt: skip
        read = (
            "Host", "Origin", "Sec-Fetch-Site", "X-Csrf-Token", "Cookie", "Authorization", "User-Agent", "Accept",
            "Accept-Language", "Content-Type", "Idempotency-Key", "If-None-Match", "Range", "Referer", "X-Forwarded-For",
            "Forwarded", "Via", "Signature", "Signature-Input", "Digest", "Content-Digest", "Date",
        )  # fmt: skip
        failed = []
        for name in read:
            for value in (b"\xff\xfe", b"http://[", b"Bearer \xc3\x28", b"Basic \xc3\xa9"):
                for first in asked:
                    headers = {
                        "Host": parts.netloc.encode(), "Content-Type": b"application/x-www-form-urlencoded",
                        "Content-Length": str(len(body)).encode(), "Connection": b"close", **browser, name: value,
                    }  # fmt: skip
                    lines = b"".join(one.encode() + b": " + told + b"\r\n" for one, told in headers.items())
                    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                    writer.write(f"{first} HTTP/1.1\r\n".encode() + lines + b"\r\n" + body)
                    answer = await reader.read()
                    writer.close()
                    if not 200 <= int(answer.split(b" ", 2)[1]) < 500:
                        failed.append((first, name, value, answer[:20]))
        assert failed == []
