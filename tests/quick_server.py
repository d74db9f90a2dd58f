"""Processes forked from one that has everything of fedserver imported, which takes two seconds of work.

Passwords and keys cost next to nothing there; all else is as in a process that was begun from nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from fedserver.cli.main import main
from tests import quick_secrets

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.quick_server", "pytest.__main__"])


class Forked:
    """A process that does `work` (a function of a module), as `subprocess.Popen` would have it."""

    def __init__(self, work: Callable[[], None], environment: Mapping[str, str], log: Path) -> None:
        self._process: BaseProcess = _context.Process(target=_begin, args=(work, dict(environment), str(log)))
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

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. TimeoutExpired after so many seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self._process.name), timeout or 0)
        return self._process.exitcode


def serve() -> None:
    """`fedserver serve`."""
    sys.argv = ["fedserver", "serve"]
    main()


def _begin(work: Callable[[], None], environment: dict[str, str], log: str) -> None:
    os.setsid()  # so that it can be killed with everything it has started
    os.environ.clear()
    os.environ.update(environment)
    with open(os.devnull) as nothing, open(log, "ab") as written:
        os.dup2(nothing.fileno(), 0)
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    quick_secrets.use()
    work()
