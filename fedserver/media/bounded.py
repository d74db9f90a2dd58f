"""Become another program with limits: `python -I bounded.py SECONDS MEMORY FILE_BYTES PROGRAM ARGUMENT…`.

Started by `clips` in place of the program itself, so that the limits hold from its first instruction. It imports
nothing of the server.
"""

import ctypes
import os
import resource
import signal
import sys

OPEN_FILES_MAX = 64
_PR_SET_PDEATHSIG = 1  # prctl(2)


def main(seconds: int, memory_bytes: int, file_bytes: int, command: list[str]) -> None:
    """Bind this process and let `command` (its first word a path) take it over."""
    for limit, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES_MAX),
    ):
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))
    if sys.platform == "linux":  # nobody waits any more for what a server that was killed had begun
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(10)  # whoever waits for a page comes first
    os.execv(command[0], command)  # noqa: S606 - no shell is what is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
