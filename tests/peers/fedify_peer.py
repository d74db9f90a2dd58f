"""The server in `fedify/`, started as a process of its own and told what to do through its control endpoints."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Self

import httpx

from tests.peers import node
from tests.waiting import eventually

SERVER = Path(__file__).parent / "fedify" / "server.js"
SECONDS_MAX = 30


class FedifyPeer:
    """Speaks to one running peer. Every verb of `fedify/control.js` is a call of `do`."""

    def __init__(self, process: subprocess.Popen[str], origin: str) -> None:
        self._process = process
        self.origin = origin
        self._http = httpx.Client(base_url=origin, timeout=SECONDS_MAX, trust_env=False)

    @classmethod
    def start(cls, *, first_knock: str = "draft-cavage-http-signatures-12") -> Self:
        """Install what is missing and start it on a free port. Raises `node.Missing`."""
        process = subprocess.Popen(
            [node.install(), str(SERVER), "--first-knock", first_knock],
            stdin=subprocess.PIPE,  # it ends when this does, however this process ends
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the Fedify peer ended with status {process.wait()}")
        return cls(process, json.loads(line)["origin"])

    def stop(self) -> None:
        self._http.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(SECONDS_MAX)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def do(self, verb: str, **order: Any) -> dict[str, Any]:
        """Have it done, and return what it says. `as_` names the actor. AssertionError if it cannot be done."""
        if "as_" in order:
            order["as"] = order.pop("as_")
        answer = self._http.post(f"/control/{verb}", json=order)
        assert answer.status_code == 200, f"{verb}: {answer.json()['error']}"
        result: dict[str, Any] = answer.json()
        return result

    def actor(self, name: str, *, by_hand: bool = False) -> dict[str, str]:
        """Make an actor: its `uri` and `handle`."""
        return self.do("actor", as_=name, by_hand=by_hand)

    def picture(self) -> bytes:
        """A PNG."""
        return self._http.get("/media/picture.png").content

    def arrived(self, **wanted: Any) -> list[dict[str, Any]]:
        """What arrived whose activity has these values; the key `object__type` looks into the object."""
        sender = {"actor": wanted["actor"]} if "actor" in wanted else {}
        return [
            entry
            for entry in self.do("log", **sender)["entries"]
            if _matches(entry["activity"] or {}, wanted)
        ]

    def await_arrival(self, **wanted: Any) -> dict[str, Any]:
        """Wait until such an activity has arrived and been dealt with: its log entry."""
        return eventually(
            lambda: next((entry for entry in self.arrived(**wanted) if entry["handled"]), None),
            f"an activity with {wanted} at the Fedify peer",
            lambda: [_gist(entry) for entry in self.do("log")["entries"]],
        )


def _matches(activity: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(_value(activity, name.split("__")) == value for name, value in wanted.items())


def _value(thing: Any, path: list[str]) -> Any:
    for name in path:
        thing = thing.get(name) if isinstance(thing, dict) else None
    return thing.get("id") if isinstance(thing, dict) and path != ["object"] else thing


def _gist(entry: dict[str, Any]) -> str:
    activity = entry["activity"] or {}
    kept = {name: entry[name] for name in ("spec", "signature", "proof", "status", "handled", "error")}
    return f"{activity.get('type')} {activity.get('id')} {kept}"
