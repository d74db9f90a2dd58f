"""Python environments beside ours, for programs that want other versions of some libraries than we do."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from tests.peers.node import Missing

INSTALL_SECONDS_MAX: Final = 300


def pip(what: str, *arguments: str) -> None:
    """Run pip for `what`. Raises Missing when it fails."""
    run(what, sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments)


def run(what: str, *command: str) -> None:
    """Run a command that installs `what`. Raises Missing when it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise Missing(f"{what} could not be installed in time") from late
    if done.returncode != 0:
        raise Missing(f"{what} could not be installed: {done.stderr.strip()[-500:]}")
