"""Who is at work on which stack, so that processes on one store share the work.

A claim saves work and guards nothing: stacks are written whole, and equal whoever
trained them. So a claim that cannot be made, on a file system that refuses it for
instance, is no reason not to train.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from filelock import LeaseSettingsMismatch, SoftFileLease, Timeout

logger = logging.getLogger("memmetrics")

SUFFIX = ".claim"
LIFETIME_SECONDS = 120.0
"""How long an owner may give no sign of life; it gives one three times as often.

Whoever waits counts by its own clock, so that clocks may differ. On the owner's own
machine the end of its process ends the claim at once.
"""
# An owner writes its name right after making the file. filelock takes a file that stays
# empty for the claim of a very old version of its own, and waits for ever.
_NAMELESS_SECONDS = 2.0


class Claims:
    """Claims of this process, each a file beside the stack that it is for.

    Parameters
    ----------
    directory : Path
        Where the files are.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.leases: dict[str, SoftFileLease] = {}
        self.nameless: dict[str, tuple[tuple[int, int], float]] = {}
        self.open = False
        # joblib asks for further stacks in threads of its own.
        self.turn = threading.Lock()

    def __enter__(self) -> None:
        """Allow claims."""
        self.open = True

    def take(self, name: str) -> bool:
        """Claim the stack of this file name; whether nobody else has it."""
        with self.turn:
            if not self.open:
                return False
            lease = self.leases.get(name)
            if lease is None:
                lease = self.leases[name] = self._lease(name)
            try:
                if not lease.is_locked:
                    lease.acquire()
            except (Timeout, LeaseSettingsMismatch):
                self._remove_if_nameless(name)
                return False
            except (OSError, RuntimeError) as error:
                logger.debug("%s cannot be claimed: %s", name, error)
            return True

    def _remove_if_nameless(self, name: str) -> None:
        """Remove a claim whose owner was killed before it could write its name."""
        path = self.directory / f"{name}{SUFFIX}"
        try:
            found = path.stat()
            same = found.st_ino, found.st_ctime_ns
            before, since = self.nameless.get(name, (None, 0.0))
            if found.st_size or before != same:
                self.nameless[name] = same, time.monotonic()
            elif time.monotonic() - since > _NAMELESS_SECONDS:
                path.unlink()
        except OSError as error:
            logger.debug("%s: %s", path, error)

    def drop(self, name: str) -> None:
        """Give one claim back, if this process has it."""
        with self.turn:
            lease = self.leases.pop(name, None)
            if lease is not None:
                _release(lease)

    def __exit__(self, *_: object) -> None:
        """Give all claims back and make no more."""
        with self.turn:
            self.open = False
            while self.leases:
                _release(self.leases.popitem()[1])

    def _lease(self, name: str) -> SoftFileLease:
        return SoftFileLease(
            self.directory / f"{name}{SUFFIX}",
            timeout=0,
            lease_duration=LIFETIME_SECONDS,
            thread_local=False,
        )


def _release(lease: SoftFileLease) -> None:
    try:
        if lease.is_locked:
            lease.release()
    except (OSError, RuntimeError) as error:
        logger.debug("%s cannot be given back: %s", lease.lock_file, error)
