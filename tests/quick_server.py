"""`fedserver serve` in a process forked from one that has everything imported, which takes two seconds of work.

Passwords and keys cost next to nothing there. All else is as the command has it: `python -m tests.quick_server`
is the same, begun from nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from fedserver.cli.main import main
from tests import quick_secrets

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.quick_server", "pytest.__main__"])


class ForkedServer:
    """A server process, as `subprocess.Popen` would have it."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._process: BaseProcess = _context.Process(target=_serve, args=(dict(environment), str(log)))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. TimeoutExpired after so many seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("fedserver serve", timeout or 0)
        return self._process.exitcode


def _serve(environment: dict[str, str], log: str) -> None:
    os.setsid()  # so that it can be killed with everything it has started
    os.environ.clear()
    os.environ.update(environment)
    with open(os.devnull) as nothing, open(log, "ab") as written:
        os.dup2(nothing.fileno(), 0)
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    sys.argv = ["fedserver", "serve"]
    quick_secrets.use()
    main()


if __name__ == "__main__":
    quick_secrets.use()
    main()
