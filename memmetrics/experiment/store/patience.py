"""Waiting for what other processes train, long enough, but never for ever."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from memmetrics.experiment.execution.stacks import Finished, describe_runs
from memmetrics.experiment.store.claims import LIFETIME_SECONDS

logger = logging.getLogger("memmetrics")

_LOOK_SECONDS = 0.2
_STRANGER_SECONDS = 86_400.0
_TIMES_SLOWER = 10.0


class Patience:
    """How long to wait for owners that live but do not finish.

    Ten times as long as the slowest stack trained here took, and at least as long as a
    claim lives; a day, if none was trained here. Only whoever has nothing else to do
    waits, and looks are counted rather than hours, so that a process that was itself
    suspended does not wake up impatient.
    """

    def __init__(self) -> None:
        self.slowest = 0.0
        self.waited = 0.0

    @property
    def lost(self) -> bool:
        """Whether to train what others have claimed."""
        enough = max(LIFETIME_SECONDS, _TIMES_SLOWER * self.slowest)
        return self.waited > (enough if self.slowest else _STRANGER_SECONDS)

    def note(self, finished: Finished) -> None:
        """Learn how long a stack takes."""
        self.slowest = max(self.slowest, finished.seconds)

    def renew(self) -> None:
        """Begin anew: something was trained."""
        self.waited = 0.0

    def wait(self, missing: Sequence[int]) -> None:
        """Wait until the next look."""
        if not self.waited:
            logger.info("%s are other processes' work: waiting", describe_runs(missing))
        time.sleep(_LOOK_SECONDS)
        self.waited += _LOOK_SECONDS
