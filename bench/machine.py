"""CPU time and memory of a tree of processes, from /proc."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS_S = os.sysconf("SC_CLK_TCK")
QUIET_S = 0.5
QUIET_CPU_S = 0.01  # in so long: less than a fiftieth
QUIET_AFTER_S_MAX = 30


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _own_s(pid: int) -> float:
    """Seconds to the nanosecond, where /proc counts hundredths: the clock of another process, clock_getcpuclockid(3)."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def tree(roots: Iterable[int]) -> set[int]:
    """These processes and all below them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            parents[int(entry.name)] = int(fields[1])
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


@dataclass(frozen=True)
class Processes:
    """The processes that a measurement is about."""

    roots: tuple[int, ...]

    def cpu_s(self) -> float:
        """User and system time so far, of the living and of the children they have outlived."""
        spent = 0.0
        for pid in tree(self.roots):
            if (fields := _stat(pid)) is not None:
                spent += _own_s(pid) + sum(int(one) for one in fields[13:15]) / TICKS_S
        return spent

    async def quiet(self) -> None:
        """Wait until hardly anything is done, such as after a start; what goes on for long is part of the load."""
        for _ in range(int(QUIET_AFTER_S_MAX / QUIET_S)):
            before = self.cpu_s()
            await asyncio.sleep(QUIET_S)
            if self.cpu_s() - before < QUIET_CPU_S:
                return

    def memory_mib(self) -> float:
        """Resident memory that is not shared with others (proportional set size)."""
        kib = 0
        for pid in tree(self.roots):
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            kib += next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
        return kib / 1024
