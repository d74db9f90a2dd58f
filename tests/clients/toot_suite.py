"""toot and its own integration tests, as its authors publish them, in an environment of their own.

toot wants other versions of some libraries than we do, so it cannot live in ours.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests import environments
from tests.running import RunningServer

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "toot-requirements.txt"
PLUGIN = HERE / "toot_plugin"
FOLDER = HERE / ".toot"
PYTHON = FOLDER / "venv" / "bin" / "python"
INSTALLED = FOLDER / "installed"
RUN_SECONDS_MAX = 300


@dataclass(frozen=True)
class Outcome:
    """What came of toot's tests: how many passed, and by name how the others ended."""

    passed: int
    others: dict[str, str]


def install() -> None:
    """Install toot and unpack the tests of the same version, unless they are there. Raises Missing."""
    wanted = REQUIREMENTS.read_text()
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if INSTALLED.exists() and INSTALLED.read_text() == wanted:
            return
        environments.run(
            "toot", sys.executable, "-m", "venv", "--clear", "--without-pip", str(FOLDER / "venv")
        )
        environments.pip("toot", "--python", str(PYTHON), "install", "-r", str(REQUIREMENTS))
        version = re.search(r"^toot==\S+", wanted, re.MULTILINE)
        assert version is not None
        sources = FOLDER / "sources"
        shutil.rmtree(sources, ignore_errors=True)
        environments.pip(
            "toot", "download", "--no-deps", "--no-binary", "toot", "--dest", str(sources), version[0]
        )
        archive = next(sources.glob("toot-*.tar.gz"))
        with tarfile.open(archive) as packed:
            packed.extractall(sources, filter="data")
        shutil.rmtree(FOLDER / "suite", ignore_errors=True)
        suite = FOLDER / "suite"
        suite.mkdir()
        # Without its package: the tests are of the toot that is installed.
        unpacked = archive.with_suffix("").with_suffix("")
        for name in ("tests", "pytest.ini", "trumpet.png"):
            shutil.move(unpacked / name, suite / name)
        shutil.rmtree(sources)
        INSTALLED.write_text(wanted)


def run(server: RunningServer, folder: Path, *arguments: str) -> Outcome:
    """Run toot's integration tests against the server; `folder` takes the report."""
    report = folder / "toot.xml"
    done = subprocess.run(
        [str(PYTHON), "-m", "pytest", "-q", "-p", "toot_mailbox", "-p", "no:cacheprovider",
         "-W", "ignore", f"--junitxml={report}", "--confcutdir=tests", *arguments, "tests/integration"],
        cwd=FOLDER / "suite",
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "PYTHONPATH": str(PLUGIN),
            "TOOT_TEST_BASE_URL": server.origin,
            "TOOT_TEST_MAILS": str(server.folder / "mail"),
        },
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )  # fmt: skip
    assert report.exists(), done.stdout + done.stderr
    passed, others = 0, {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        how = next(
            (one for kind in ("failure", "error", "skipped") if (one := case.find(kind)) is not None), None
        )
        if how is None:
            passed += 1
        else:
            others[name] = f"{how.get('message')}\n{how.text}"
    return Outcome(passed, others)
