"""Two servers of ours become partners, speak with partners alone while a third goes on knocking, and part again.

MOD-05 between real processes; tests/federation/test_with_whom.py looks at the same from within.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.client import Api
from tests.conftest import StartServer
from tests.federation.stranger import Stranger
from tests.federation.walk import Browser, arrives, enrol, stands
from tests.groups.test_privacy import DOCUMENTS
from tests.running import free_port
from tests.waiting import eventually

PARTNERS, MODE = "/api/v1/partners", "/admin/federation/mode"
WORD = "quokkaword"
LESSON = {"title": f"{WORD} in 90 minutes", "abstract": "An introduction.", "version": {"number": "1.0", "links": [{"url": "https://files.example/a.pdf"}]}}  # fmt: skip


class FrontDoor(socketserver.ThreadingTCPServer):
    """Where a server's name leads: hands every connection on to it, and counts them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), _Visit)
        self.leads_to = 0
        self.visits = 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def domain(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Visit(socketserver.BaseRequestHandler):
    server: FrontDoor

    def handle(self) -> None:
        self.server.visits += 1
        with socket.create_connection(("127.0.0.1", self.server.leads_to)) as inside:
            back = threading.Thread(target=_pour, args=(inside, self.request), daemon=True)
            back.start()
            _pour(self.request, inside)
            back.join()


def _pour(source: socket.socket, into: socket.socket) -> None:
    try:
        while some := source.recv(65_536):
            into.sendall(some)
        into.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # either side may hang up at any time


@pytest.fixture
def front_door() -> Iterator[FrontDoor]:
    with FrontDoor() as door:
        yield door
        door.shutdown()


def state(admin: Api, host: str) -> str:
    return next((one["state"] for one in admin.get(PARTNERS, state="all") if one["host"] == host), "")


def decide(admin: Api, host: str, verb: str) -> None:
    row = next(one for one in admin.get(PARTNERS, state="all") if one["host"] == host)
    admin.post(f"{PARTNERS}/{row['id']}/{verb}")


def speaks_with(admin: Browser, mode: str) -> None:
    admin.submit(MODE, federation_mode=mode, secure_mode="1", understood="1")


def walk(her: Stranger, reader: Api) -> dict[str, Any]:
    """What of her each address shows to a reader, as a page, and as a document where there are some."""
    found = {}
    for path in her.paths() + her.at():
        kinds = ("", "application/activity+json") if path.startswith(DOCUMENTS) else ("",)
        for kind in kinds:
            answer = reader.raw("GET", path, headers={"accept": kind} if kind else {})
            marks = her.marks(answer.text + str(answer.headers), path)
            if marks or answer.status_code >= 500:
                found[f"{path} {kind}"] = (answer.status_code, marks)
    return found


@pytest.mark.long
def test_partners_are_found_spoken_with_alone_and_left(
    start_server: StartServer, front_door: FrontDoor
) -> None:
    west, east = start_server("sqlite"), start_server("postgresql")
    third = start_server("sqlite", domain=front_door.domain)
    front_door.leads_to = third.port
    (wim,), (eva,) = enrol(west, "wim", with_password=True), enrol(east, "eva")
    (zoe,) = enrol(third, "zirkonia")
    west_admin, east_admin = west.member("ada", role="admin"), east.member("ada", role="admin")
    ada = Browser(west, west_admin)
    # Everybody knows everybody, as long as the server speaks with all.
    zoe_id, eva_id = (wim.find_account(one.handle)["id"] for one in (zoe, eva))
    for who, whom_id in (
        (wim, zoe_id), (wim, eva_id), (zoe, zoe.find_account(wim.handle)["id"]), (eva, eva.find_account(wim.handle)["id"]),
    ):  # fmt: skip
        who.post(f"/api/v1/accounts/{whom_id}/follow")
        stands(who, whom_id, following=True)
    ours = wim.post("/api/v1/statuses", {"status": "What wim wrote #hush"})
    theirs = zoe.find_status(ours["uri"])
    for verb in ("favourite", "reblog"):
        zoe.post(f"/api/v1/statuses/{theirs['id']}/{verb}")
    answer = zoe.post(
        "/api/v1/statuses",
        {"status": f"{wim.handle} {WORD} #hush", "in_reply_to_id": theirs["id"]},
    )
    plain = arrives(wim, zoe.post("/api/v1/statuses", {"status": f"{WORD} #hush"})["uri"])
    lesson = zoe.post("/api/v1/resources", LESSON)
    resource = arrives(wim, zoe.get(f"/api/v1/statuses/{lesson['status_id']}")["uri"])
    eventually(lambda: wim.notified("mention", zoe_id), "that the answer has come")
    kept = wim.post("/api/v1/lists", {"title": "Near"})
    wim.post(f"/api/v1/lists/{kept['id']}/accounts", {"account_ids": [zoe_id]})
    ids = {
        "plain": plain["id"], "ours": ours["id"], "list": kept["id"], "group": ours["id"], "resource": resource["id"],
        "event": wim.find_status(answer["uri"])["id"],
    }  # fmt: skip
    words = (zoe.username, WORD, third.domain)
    her = Stranger(zoe.username, third.domain, zoe.me["uri"], int(zoe_id), ids, words)
    assert len(walk(her, wim)) > 20, "she is here"

    # An offer waits for the other side, is accepted there, and both know.
    west_admin.post(PARTNERS, {"host": east.domain, "note": "Shall we?"})
    eventually(lambda: state(east_admin, west.domain) == "asked", "that the offer has come")
    assert state(west_admin, east.domain) == "offered"
    decide(east_admin, west.domain, "accept")
    eventually(lambda: state(west_admin, east.domain) == "active", "that both are partners")
    assert [one["host"] for one in east.nobody().get(PARTNERS)] == [west.domain]

    # With partners alone: nothing is fetched from, delivered to, heard from, or shown of anybody else.
    speaks_with(ada, "allowlist")
    for server in (west, third):
        eventually(server.has_acted_on_everything, "that all has been acted on")
    visits = front_door.visits
    asked = wim.post("/api/v1/statuses", {"status": f"Do you hear me, {zoe.handle}?"})
    for path in (zoe.handle, answer["uri"], zoe.me["uri"]):
        found = wim.get("/api/v2/search", q=path, resolve="true")
        assert not found["accounts"] + found["statuses"], path
    late = zoe.post("/api/v1/statuses", {"status": f"{wim.handle} {WORD} again"})
    mine = wim.post("/api/v1/statuses", {"status": "For partners"})
    wim.delete(f"/api/v1/statuses/{asked['id']}")  # for it is hers by name, and his
    arrives(eva, mine["uri"])
    arrives(wim, eva.post("/api/v1/statuses", {"status": "Hello of a partner"})["uri"])
    for reader in (wim, west.nobody()):
        assert walk(her, reader) == {}, reader.username
    assert late["uri"] not in {one["uri"] for one in wim.get("/api/v1/timelines/home")}
    assert zoe.get("/api/v2/search", q=mine["uri"], resolve="true")["statuses"] == []
    assert front_door.visits == visits

    # Either side ends it; then nobody is left, and with the mode of before everybody is back.
    decide(east_admin, west.domain, "end")
    eventually(lambda: state(west_admin, east.domain) == "ended", "that both have parted")
    assert wim.get("/api/v2/search", q=eva.handle, resolve="true")["accounts"] == []
    speaks_with(ada, "open")
    assert len(walk(her, wim)) > 20
    arrives(wim, zoe.post("/api/v1/statuses", {"status": f"{WORD} once more"})["uri"])
