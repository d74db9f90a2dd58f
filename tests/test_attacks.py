"""The black-box attack harness against servers of ours: nothing may fail, or be left out but for what is explained here.

Its parts have servers of their own, so that they run side by side; the reliability cases start, kill and restart
theirs themselves.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests import databases
from tests.running import FEDSERVER, RunningServer, password_of

MEMBERS = ("alice", "bob")
SECONDS_MAX = 600

# Cases that skip themselves, and why that is right. Every other one that skips has failed its positive control.
NOT_HERE = {
    **dict.fromkeys(
        ("test_security_headers[/settings]", "test_security_headers[/admin]"),
        "WEB-02, WEB-03, WEB-06: a visitor is led to /login, without a page. security/test_access.py asks every page, "
        "signed in and not.",
    ),
    "test_login_limit": (
        "AUT-01: it wants real limits and tries passwords at /auth/sign_in, which is no address of ours. The same "
        "at /login is in security/test_limits.py."
    ),
}

PARTS = {
    "whom": ["cases/test_outbound.py", "cases/test_web_oauth.py"],  # the longest first
    "who": ["cases/test_signatures.py", "cases/test_authority.py"],
    "what": ["cases/test_identity.py", "cases/test_privacy_moderation.py"],
    "killed": ["cases/test_reliability.py"],
}


@pytest.mark.long
@pytest.mark.parametrize(
    # In one test process, since they mostly wait; the others work meanwhile.
    "part",
    [pytest.param(part, marks=pytest.mark.xdist_group("attacks")) for part in PARTS],
)
def test_no_attack_succeeds(shared: Path, tmp_path: Path, part: str) -> None:
    target = server_for(tmp_path / "target")
    kills = part == "killed"
    if not kills:
        target.start()
    try:
        results = attack(shared / "attacks", target, part, restarts=kills)
    finally:
        target.close()
    excused = {name for name, (outcome, _) in results.items() if outcome == "skipped" and name in NOT_HERE}
    wrong = {name: found for name, found in results.items() if found[0] != "passed" and name not in excused}
    assert wrong == {}, target.log_end(1500)
    assert len(results) > len(excused)


def server_for(folder: Path) -> RunningServer:
    """Of loopback it may dial only where the harness's servers are, not its canary."""
    url = databases.sqlite_database(folder)
    return RunningServer(folder, url, TESTING__ALLOW_NETS="127.0.1.0/24", REGISTRATIONS="open")


def attack(harness: Path, target: RunningServer, part: str, *, restarts: bool) -> dict[str, tuple[str, str]]:
    """By case the outcome (passed, failed, skipped) and what was said of it."""
    tokens = {name: target.member(name).token for name in MEMBERS}
    report = target.folder / "report.xml"
    arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=short", f"--junitxml={report}"]
    done = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", *PARTS[part], *arguments],
        cwd=harness,
        env={
            **target.environment,
            "BASE_URL": target.origin,
            "USER_TOKENS": ",".join(f"{name}={token}" for name, token in tokens.items()),
            "USER_PASSWORDS": ",".join(f"{name}={password_of(name)}" for name in MEMBERS),
            "ADMIN_TOKEN": str(target.member("ada", role="admin").token),
            "MOD_TOKEN": str(target.member("mo", role="moderator").token),
            "STRICT": "1",
            "SETTLE_SECONDS": "1",
            "FANOUT": "60",
            "FANOUT_POSTS": "2",
            "FANOUT_WAIT": "90",
            "INBOX_N": "60",
            **({"TARGET_CMD": shlex.join([*FEDSERVER, "serve"])} if restarts else {}),
        },
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert report.exists(), done.stdout[-5000:] + done.stderr[-2000:]
    results = {}
    for case in ET.parse(report).getroot().iter("testcase"):
        told = next((found for found in case if found.tag in ("failure", "error", "skipped")), None)
        outcome = "passed" if told is None else "skipped" if told.tag == "skipped" else "failed"
        said = "" if told is None else f"{told.get('message', '')} {(told.text or '')[-1500:]}"
        results[case.get("name", "")] = (outcome, said)
    return results
