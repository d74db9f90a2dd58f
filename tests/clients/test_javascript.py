"""masto.js (Elk, Phanpy) and megalodon (Whalebird, Fedistar), as npm has them, find their way here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.uploads import picture
from tests.clients import javascript
from tests.clients.mastodon_py import log_in
from tests.conftest import StartServer
from tests.peers.node import Missing


@pytest.mark.long
@pytest.mark.parametrize("script", ["masto.js", "megalodon.js"])
def test_a_client_in_javascript_is_at_home(start_server: StartServer, tmp_path: Path, script: str) -> None:
    try:
        javascript.install()
    except Missing as missing:
        pytest.skip(f"skipped: {missing}")
    running = start_server()
    people = {name: log_in(running, f"{script[:5]}_{name}") for name in ("ann", "ben")}
    (tmp_path / "picture.png").write_bytes(picture())
    javascript.run(
        script,
        origin=running.origin,
        picture=str(tmp_path / "picture.png"),
        endpoint="https://push.example/1",
        **{name: {"token": one.access_token, "username": one.me().username} for name, one in people.items()},
    )
