"""What others write is shown as text: on no page, feed or answer does any of it become markup, script or a link."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from fedserver import sessions
from fedserver.context import Server
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person
from tests.security.conftest import followed
from web import auth

TRAP = '"\'><img src=x onerror=trap()><script>trap()</script><a href="javascript:trap()" onclick=trap()>x</a>'


class Page(HTMLParser):
    """Collects what a browser would run or follow."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.dangers: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        for name, value in attributes:
            if (
                name.startswith("on")
                or name == "srcdoc"
                or re.match(r"\s*(javascript|data|vbscript):", value or "", re.I)
            ):
                self.dangers.append(f"<{tag} {name}={value!r}>")
        if (
            tag in ("iframe", "object", "embed", "base")
            or ("x", "") in attributes
            or ("src", "x") in attributes
        ):
            self.dangers.append(f"<{tag} {attributes}>")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script and "trap" in data:
            self.dangers.append(data)


def trapped(ann: StubActor) -> dict[str, Any]:
    options = [{"type": "Note", "name": TRAP, "replies": {"totalItems": 0}}, {"type": "Note", "name": "B"}]
    icon = {"type": "Image", "url": 'http://127.0.1.9/"onerror=trap()'}
    return {
        "content": f"<p>Here {TRAP} :bad:</p>",
        "summary": TRAP,
        "name": TRAP,
        "url": "javascript:trap()",
        "attachment": [
            {"type": "Document", "mediaType": "image/png", "url": "http://127.0.1.9/a.png", "name": TRAP}
        ],
        "tag": [{"type": "Hashtag", "name": f"#{TRAP}"}, {"type": "Emoji", "name": ":bad:", "icon": icon}],
        "oneOf": options,
    }


async def test_adm_06_nothing_others_write_runs_on_a_page(
    door: Door, server: Server, there: Stub, alice: Person
) -> None:
    picture = {"type": "Image", "url": "javascript:trap()"}
    fields = [{"type": "PropertyValue", "name": TRAP, "value": TRAP}]
    said = {"name": TRAP, "summary": TRAP, "url": "javascript:trap()", "icon": picture, "image": picture}
    ann = there.actor("ann")
    there.documents["/users/ann"] |= said | {"attachment": fields}
    await followed(door, alice, ann)
    me = door.server.uris.actor("alice")
    mention = {"to": ["https://www.w3.org/ns/activitystreams#Public", me]}
    kinds = ("Note", "Question", "Article", "Event", "Page")
    for kind in kinds:
        note = ann.note("x") | trapped(ann) | mention | {"type": kind}
        note["tag"] = [*note["tag"], {"type": "Mention", "href": me, "name": TRAP}]
        await door.takes(ann, ann.says("Create", note))
    await alice.patch("/api/v1/accounts/update_credentials", {"display_name": TRAP[:30], "note": TRAP})
    mine = await alice.post("/api/v1/statuses", {"status": TRAP, "spoiler_text": TRAP[:80]})

    home = await alice.get("/api/v1/timelines/home", limit=40)
    assert len(home) == len(kinds) + 1, "the traps have arrived"
    dangers = []
    for status in home:
        parts = [
            status["content"],
            status["account"]["note"],
            *(field["value"] for field in status["account"]["fields"]),
        ]
        dangers += [(status["uri"], danger) for part in parts for danger in Page(part).dangers]
        for address in (
            status["url"],
            status["account"]["url"],
            status["account"]["avatar"],
            status["account"]["header"],
        ):
            assert address.startswith("http"), address

    session = await server.db.write(sessions.begin, alice.account_id)
    cookie = f"{auth.cookie_name(server.config.origin)}={session.secret}"
    ann_path = f"/@ann@{there.host}"
    paths = [
        "/home",
        "/notifications",
        "/public",
        "/local",
        f"/search?q={TRAP}",
        "/search?q=ann",
        ann_path,
        "/@alice",
        f"/login?next={TRAP}",
        f"/no/{TRAP}",
    ]
    paths += [f"{ann_path}/{status['id']}" for status in home] + [f"/@alice/{mine['id']}"]
    shown = 0
    for path in paths:
        for headers in ({"cookie": cookie}, {}):
            answer = await Person(alice.client).raw("GET", path, headers={"accept": "text/html", **headers})
            text = await answer.text()
            shown += answer.status == 200 and "trap()" in text
            dangers += [(path, danger) for danger in Page(text).dangers]
    assert dangers == []
    assert shown > 10, "and are shown as text"
    answer = await Person(alice.client).raw("GET", "/@alice/feed.atom")
    for element in ElementTree.fromstring(await answer.text()).iter("{http://www.w3.org/2005/Atom}content"):
        assert Page(element.text or "").dangers == []
