"""Clients written in JavaScript: scripts in `js/` that use a published library against a server of ours."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.peers import node

FOLDER = Path(__file__).parent / "js"
RUN_SECONDS_MAX = 120


def install() -> str:
    """Install the libraries unless they are there; the path of node. Raises node.Missing."""
    return node.install(FOLDER)


def run(script: str, **told: Any) -> None:
    """Run a script, which gets `told` as JSON. AssertionError with all it says if it fails."""
    done = subprocess.run(
        [install(), str(FOLDER / script), json.dumps(told)],
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
