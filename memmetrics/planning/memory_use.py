"""How much the memory of this process grows while something is done."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_INTERVAL_SECONDS = 0.005
_STATISTICS = Path("/proc/self/statm")  # Linux; elsewhere nothing is measured


class MemoryUse:
    """Bytes of resident memory beyond those at the start, at most, so far."""

    def __init__(self) -> None:
        self.start = self.highest = _resident()

    @property
    def grown(self) -> int:
        """Highest so far, beyond the start."""
        return self.highest - self.start

    def look(self) -> None:
        """Take note of the present."""
        self.highest = max(self.highest, _resident())


@contextmanager
def peak_memory() -> Iterator[MemoryUse]:
    """Watch memory while the body runs; zero where the system does not tell.

    Examples
    --------
    >>> with peak_memory() as memory:
    ...     block = bytearray(50_000_000)
    ...     block[::4096] = b"x" * len(block[::4096])
    >>> memory.grown >= 0
    True
    """
    memory = MemoryUse()
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_INTERVAL_SECONDS):
            memory.look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        stop.set()
        watcher.join()
        memory.look()


def _resident() -> int:
    try:
        pages = int(_STATISTICS.read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
