"""A shift of work on missing runs: which stacks are ours, and when to rest."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt

from memmetrics.designs import Bools
from memmetrics.errors import StoreError
from memmetrics.experiment.execution.stacks import Finished, Task
from memmetrics.experiment.progress import Progress
from memmetrics.experiment.store.directory import DirectoryStore
from memmetrics.experiment.store.memory import MemoryStore
from memmetrics.experiment.store.patience import Patience

__all__ = ["Shift"]

_ROUNDS = 3  # another process may leave a damaged stack behind, but not for ever
_RECALLED = 64  # runs at a time


class Shift:
    """Stacks that this process trains, beside others that may work on the same store.

    Parameters
    ----------
    store : MemoryStore or DirectoryStore
        Where finished runs are kept.
    bar : Progress
        Shows them.
    member : bool array (runs, points)
        Who trains on what.
    scores_points : bool
        Whether the first targets are the training points, for the bar.
    """

    def __init__(
        self,
        store: MemoryStore | DirectoryStore,
        bar: Progress,
        member: Bools,
        *,
        scores_points: bool,
    ) -> None:
        self.store, self.bar, self.member = store, bar, member
        self.scores_points = scores_points
        self.patience = Patience()
        self.trained: Counter[int] = Counter()
        self.rounds = 0
        self.idle = True

    def begin(self, missing: Sequence[int]) -> None:
        """Show what was finished before."""
        if self.rounds == 0 and self.bar.bar is not None:
            self._recall(sorted(set(range(len(self.member))).difference(missing)))
        self.rounds += 1
        self.idle = True
        self.bar.skip(len(self.member) - len(missing))

    def ours(self, tasks: Iterable[Task]) -> list[Task]:
        """Return the stacks from the first one on that nobody else has or works on."""
        return list(itertools.dropwhile(lambda task: not self.wants(task), tasks))

    def wants(self, task: Task) -> bool:
        """Whether to train a stack, asked just before it is sent off."""
        if self.patience.lost:
            return not self.store.holds(task.runs)
        return self.store.claim(task.runs)

    def add(self, finished: Finished) -> None:
        """Keep a stack that was trained here."""
        self.store.add(finished)
        self.patience.note(finished)
        self.trained.update(finished.runs)
        self.idle = False
        rows = list(finished.runs)
        self.bar.update(self.member[rows], self._own(finished.arrays.get("scores")))

    def rest(self, missing: Sequence[int]) -> None:
        """Wait for other processes, if nothing but their work is left.

        Raises
        ------
        StoreError
            If what is trained here is damaged again and again.
        """
        if max((self.trained[run] for run in missing), default=0) >= _ROUNDS:
            raise StoreError(
                f"some stacks are damaged as soon as written: runs {list(missing)}"
            )
        if not self.idle:
            self.patience.renew()
        elif missing:
            self.patience.wait(missing)

    def _recall(self, done: Sequence[int]) -> None:
        scores = self._own(self.store.gather("scores")) if done else None
        if scores is not None:
            for start in range(0, len(done), _RECALLED):
                rows = list(done[start : start + _RECALLED])
                self.bar.recall(self.member[rows], scores[rows])

    def _own(self, scores: npt.NDArray[Any] | None) -> npt.NDArray[Any] | None:
        """Return scores if they begin with one for each training point."""
        points = self.member.shape[1]
        if scores is None or scores.ndim != 2 or scores.shape[1] < points:
            return None
        return scores if self.scores_points else None
