"""The black-box attack harness against a server of ours, which it starts, kills and restarts as it likes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests import databases
from tests.running import FEDSERVER, RunningServer, password_of

pytestmark = pytest.mark.xdist_group("attacks")

MEMBERS = ["alice", "bob"]
SECONDS_MAX = 900


@pytest.fixture
def target(tmp_path: Path) -> RunningServer:
    """Set up but not running. Of loopback it may dial only where the harness's servers are, not its canary."""
    folder = tmp_path / "target"
    settings = {"TESTING__ALLOW_NETS": "127.0.1.0/24", "REGISTRATIONS": "open"}
    return RunningServer(folder, databases.sqlite_database(folder), **settings)


def test_no_attack_succeeds(shared: Path, target: RunningServer) -> None:
    tokens = {name: target.member(name).token for name in MEMBERS}
    done = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "cases", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=shared / "attacks",
        env={
            **target.environment,
            "BASE_URL": target.origin,
            "USER_TOKENS": ",".join(f"{name}={token}" for name, token in tokens.items()),
            "USER_PASSWORDS": ",".join(f"{name}={password_of(name)}" for name in MEMBERS),
            "ADMIN_TOKEN": str(target.member("ada", role="admin").token),
            "MOD_TOKEN": str(target.member("mo", role="moderator").token),
            "STRICT": "1",
            "SETTLE_SECONDS": "1.5",
            "FANOUT": "150",
            "FANOUT_POSTS": "3",
            "FANOUT_WAIT": "120",
            "INBOX_N": "150",
            "TARGET_CMD": shlex.join([*FEDSERVER, "serve"]),
        },
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    print(done.stdout[-20_000:])
    assert done.returncode == 0, failures_of(done.stdout) + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    # Most cases skip themselves when their positive control fails: then nothing has been proved.
    assert passed is not None
    assert int(passed[1]) > 150, failures_of(done.stdout)


def failures_of(output: str) -> str:
    """The lines of pytest's summary, without the failures' full text."""
    return "\n".join(
        line for line in output.splitlines() if line.startswith(("FAILED", "ERROR", "SKIPPED", "cases "))
    )
