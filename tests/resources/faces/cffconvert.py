"""The validator of the Citation File Format, in an environment of its own: it wants an old jsonschema."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests import environments

FOLDER: Final = Path(__file__).parent / ".cffconvert"
PYTHON: Final = FOLDER / "venv" / "bin" / "python"
REQUIREMENT: Final = "cffconvert==2.0.0"
RUN_SECONDS_MAX: Final = 60


def install() -> None:
    """Install it, unless it is there. Raises Missing."""
    FOLDER.mkdir(exist_ok=True)
    installed = FOLDER / "installed"
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.exists() and installed.read_text() == REQUIREMENT:
            return
        environments.run(
            "cffconvert", sys.executable, "-m", "venv", "--clear", "--without-pip", str(FOLDER / "venv")
        )
        environments.pip("cffconvert", "--python", str(PYTHON), "install", REQUIREMENT)
        installed.write_text(REQUIREMENT)


def validate(text: str, folder: Path) -> str:
    """What it has against a CITATION.cff with this text; "" if nothing."""
    file = folder / "CITATION.cff"
    file.write_text(text, "utf-8")
    done = subprocess.run(
        [str(PYTHON.with_name("cffconvert")), "--validate", "-i", str(file)],
        capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr
