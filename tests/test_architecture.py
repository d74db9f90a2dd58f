"""The house rules that a machine can check: who may import whom, and that a file is one idea."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("activitypub", "storage", "fedserver", "web")
LINES_MAX = 500
REASON = "# Long because"


def test_packages_import_only_what_the_contracts_allow() -> None:
    found = contracts_of(ROOT)
    assert "0 broken" in found, found[-3000:]


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("activitypub/broken.py", "import aiohttp"),
        ("activitypub/broken.py", "import storage"),
        ("storage/broken.py", "import fedserver"),
        ("web/broken.py", "import storage"),
        ("fedserver/broken.py", "import web"),
        ("fedserver/broken.py", "import fedserver.cli"),
    ],
)
def test_the_contracts_refuse(module: str, forbidden: str, tmp_path: Path) -> None:
    for package in (*PACKAGES, "fedserver/cli"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "fedserver/__main__.py").write_text("import fedserver.cli\n")
    (tmp_path / "pyproject.toml").symlink_to(ROOT / "pyproject.toml")
    assert "0 broken" in contracts_of(tmp_path)
    (tmp_path / module).write_text(forbidden + "\n")
    assert "1 broken" in contracts_of(tmp_path)


def contracts_of(folder: Path) -> str:
    lint = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [lint, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    ).stdout


def test_long_files_say_why_they_are_long() -> None:
    silent = [
        f"{file.relative_to(ROOT)} has {len(lines)} lines"
        for package in (*PACKAGES, "tests")
        for file in sorted((ROOT / package).rglob("*.py"))
        if not {"versions", "node_modules"} & set(file.parts)
        if not any(part.startswith(".") for part in file.relative_to(ROOT).parts)  # what tests install
        if len(lines := file.read_text().splitlines()) > LINES_MAX
        and not any(REASON in line for line in lines)
    ]
    assert silent == [], f"split them, or say why in a line that begins with {REASON!r}"


def test_a_server_starts_without_the_libraries_that_few_requests_need() -> None:
    program = "import sys, fedserver.cli.serve, web.app; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    later = {"icalendar", "markdown_it", "mdit_py_plugins", "pyotp", "segno", "vobject", "webauthn", "yaml"}
    assert later & set(found.stdout.split()) == set()
