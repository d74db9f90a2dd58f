"""Looking after a running server from the command line: what it decides about others holds at once."""

from __future__ import annotations

import httpx
import pytest

from tests.conftest import StartServer
from tests.waiting import eventually

ACTIVITY = {
    "id": "https://bad.example/a",
    "type": "Like",
    "actor": "https://bad.example/eve",
    "object": "https://here.example/1",
}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_rejected_server_is_refused_at_once(start_server: StartServer, kind: str) -> None:
    server = start_server(kind)

    def status() -> int:
        sent = httpx.post(
            f"{server.address}/inbox", json=ACTIVITY, headers={"Content-Type": "application/activity+json"}
        )
        return sent.status_code

    assert status() == 401
    decided = server.command_json("instance", "rule", "Bad.example", "reject", "--note", "Spam")
    assert decided == {"host": "bad.example", "policy": "reject"}
    eventually(lambda: status() == 403, "the rule holds")
    listed = server.command_json("instance", "list", "bad")["instances"]
    assert [(one["host"], one["policy"], one["note"]) for one in listed] == [
        ("bad.example", "reject", "Spam")
    ]


def test_what_never_failed_cannot_be_tried_again(start_server: StartServer) -> None:
    server = start_server()
    assert server.command_json("queue", "failed") == {"failed": []}
    for kind in ("delivery", "job", "inbox"):
        for word in ("retry", "drop"):
            with pytest.raises(AssertionError, match="no such thing"):
                server.command("queue", word, kind, "1")
