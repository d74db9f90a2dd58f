"""``fedserver group`` and ``fedserver import`` as processes: large archives, cut off at any moment, within bounds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, func, make_url, select

from fedserver.cli.main import cli
from storage import tables
from tests.archives.samples import large_mbox, large_slack, letter, mbox

# Of an mbox file the messages, of a Slack export the days. Each is once as large as a community's; memory and what has come
# already are bounded alike on both databases, which smaller ones show in less time.
SIZES = {
    ("mbox", "sqlite"): 10_000, ("mbox", "postgresql"): 2_500, ("slack", "postgresql"): 40, ("slack", "sqlite"): 10,
}  # fmt: skip
MEMORY_KB_MAX = 60_000
"""Above what a small archive needs. The largest has ten times as much text."""

# What a process had in memory at the most: since it began this program, on Linux.
MEASURED = """
import resource, sys
from pathlib import Path
from fedserver.cli.main import cli
cli(sys.argv[1:], standalone_mode=False)
status = Path("/proc/self/status")
found = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")] if status.exists() else []
print(found[0] if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""

Run = Callable[..., Result]


@pytest.fixture
def environment(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, quick_secrets: None
) -> dict[str, str]:
    for name, value in {
        "DATA": str(tmp_path / "data"),
        "DATABASE": database_url,
        "DOMAIN": "a.example",
    }.items():
        monkeypatch.setenv(f"FEDSERVER_{name}", value)
    return dict(os.environ)


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, list(arguments), catch_exceptions=False)

    return invoke


@pytest.fixture
def group(run: Run) -> Run:
    """A server with a member who owns the group `trainers`."""
    output(run("init", "--admin", "ada", "--email", "ada@members.example", "--json"))
    output(run("group", "create", "trainers", "--title", "Trainers", "--owner", "ada", "--json"))
    return run


def output(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def counts(database_url: str) -> tuple[int, int, int]:
    """Posts, threads, and answers as the threads count them."""
    parsed = make_url(database_url)
    name = "postgresql+psycopg" if parsed.drivername == "postgresql" else parsed.drivername
    engine = create_engine(parsed.set(drivername=name))
    with engine.connect() as conn:
        found = (
            conn.scalar(select(func.count()).select_from(tables.post)) or 0,
            conn.scalar(select(func.count()).select_from(tables.group_thread)) or 0,
            conn.scalar(select(func.sum(tables.group_thread.c.replies_count))) or 0,
        )
    engine.dispose()
    return found


def test_a_group_is_made_and_listed(run: Run) -> None:
    output(run("init", "--admin", "ada", "--email", "ada@members.example", "--json"))
    made = output(
        run(
            "group",
            "create",
            "board",
            "--title",
            "The board",
            "--owner",
            "ada",
            "--access",
            "private",
            "--json",
        )
    )
    assert (made["name"], made["access"], made["members_count"]) == ("board", "private", 1)
    assert [one["title"] for one in output(run("group", "list", "--json"))["groups"]] == ["The board"]
    assert "The board" in run("group", "list").stdout
    for arguments, why in (
        (("board", "--title", "Again", "--owner", "ada"), "is taken"),
        (("other", "--title", "Other", "--owner", "nobody1"), "no member named"),
        (("admin", "--title", "Other", "--owner", "ada"), "is reserved"),
    ):
        refused = run("group", "create", *arguments)
        assert refused.exit_code == 1
        assert why in refused.stderr


def test_an_import_says_what_became_of_everything(group: Run, tmp_path: Path) -> None:
    head = "From: carol@lists.example\nDate: Mon, 4 Mar 2019 09:00:00 +0000\nMessage-ID: <{}@x>"
    archive = mbox(
        tmp_path / "a.mbox", letter(head.format(1)), letter(head.format(1)), letter("Subject: Who?")
    )
    first = output(group("import", "mbox", str(archive), "--group", "trainers", "--json"))
    assert (first["state"], first["read"], first["added"], first["left_out"]) == ("done", 3, 1, 2)
    again = group("import", "mbox", str(archive), "--group", "@trainers")
    assert "3 read: 0 added with 0 pictures, 1 there already, 2 left out." in again.stdout
    assert "1 × It does not say who wrote it." in again.stderr
    for arguments, why in (
        (("mbox", str(archive), "--group", "nowhere"), "no group named"),
        (("slack", str(archive), "--group", "trainers"), "no Slack export"),
    ):
        refused = group("import", *arguments)
        assert refused.exit_code == 1
        assert why in refused.stderr


@pytest.mark.long
@pytest.mark.parametrize("source", ["mbox", "slack"])
def test_large_archives_come_within_bounds_and_once(
    group: Run, environment: dict[str, str], database_url: str, tmp_path: Path, source: str
) -> None:
    size = SIZES[source, make_url(database_url).get_backend_name()]
    if source == "mbox":
        archive, messages = large_mbox(tmp_path / "large.mbox", size), size
        small = large_mbox(tmp_path / "small.mbox", 10)
        threads = messages // 10
    else:
        archive, messages = large_slack(tmp_path / "large.zip", members=500, days=size), 100 * size
        small = large_slack(tmp_path / "small.zip", members=10, days=1, a_day=10)
        threads = messages // 2

    def measured(path: Path, name: str) -> tuple[Any, int]:
        output(group("group", "create", name, "--title", name, "--owner", "ada", "--json"))
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, "import", source, str(path), "--group", name, "--json"],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return json.loads(done.stdout), int(done.stderr.split()[-1])

    _, small_kb = measured(small, "small")
    before = counts(database_url)
    receipt, large_kb = measured(archive, "large")
    assert (receipt["state"], receipt["added"]) == ("done", messages)
    assert large_kb - small_kb < MEMORY_KB_MAX
    after = counts(database_url)
    assert [new - old for new, old in zip(after, before, strict=True)] == [
        messages,
        threads,
        messages - threads,
    ]
    again = output(group("import", source, str(archive), "--group", "large", "--json"))
    assert (again["added"], again["known"]) == (0, messages)
    assert counts(database_url) == after


@pytest.mark.long
def test_an_import_that_is_killed_goes_on_where_it_was(
    group: Run, environment: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    archive = large_mbox(tmp_path / "large.mbox", 2_000)
    command = ("import", "mbox", str(archive), "--group", "trainers")
    for batches in (1, 3):
        begun = subprocess.Popen(
            [sys.executable, "-m", "fedserver", *command], env=environment, stderr=subprocess.PIPE, text=True
        )
        assert begun.stderr is not None
        for _ in range(batches):
            assert " of 2000 read" in begun.stderr.readline()
        begun.send_signal(signal.SIGKILL)
        begun.wait()
        begun.stderr.close()
    assert 0 < counts(database_url)[0] < 2_000
    receipt = output(group(*command, "--json"))
    # One run, however often it was cut off: what it had added before is counted in it.
    assert (receipt["state"], receipt["read"], receipt["added"], receipt["known"]) == (
        "done",
        2_000,
        2_000,
        0,
    )
    assert counts(database_url) == (2_000, 200, 1_800)


def test_a_group_is_written_into_a_file(group: Run, tmp_path: Path) -> None:
    head = "From: carol@lists.example\nDate: Mon, 4 Mar 2019 09:00:00 +0000\nMessage-ID: <1@x>\nSubject: Git"
    output(
        group("import", "mbox", str(mbox(tmp_path / "a.mbox", letter(head))), "--group", "trainers", "--json")
    )
    target = str(tmp_path / "out.jsonl")
    assert group("group", "export", "trainers", target).exit_code == 0
    lines = [json.loads(line) for line in Path(target).read_text().splitlines()]
    assert [one["type"] for one in lines] == ["group", "thread", "post"]
    assert lines[2]["author"]["name"] == "carol"
    assert lines[2]["author"]["uri"] is None
    assert "Subject: Git" in group("group", "export", "trainers", "--format", "mbox").stdout
    refused = group("group", "export", "trainers", target)
    assert refused.exit_code == 1
    assert "is there already" in refused.stderr
