"""A campaign: all runs of one job on one data set, from whatever is already finished.

The harness and the measurement of single fits differ only in who trains on what, in the
stream of seeds, and in what they take from each stack; all else is here.
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._seeds import Stream, run_seeds
from memmetrics.errors import RetrainingError, StoreError
from memmetrics.experiment.execution.executor import Executor
from memmetrics.experiment.execution.worker import Finished, Job, Task
from memmetrics.experiment.progress import Progress, progress_bar
from memmetrics.experiment.store.directory import DirectoryStore
from memmetrics.experiment.store.memory import MemoryStore
from memmetrics.experiment.store.patience import Patience
from memmetrics.experiment.store.shards import run_keys
from memmetrics.trainers.base import Bools
from memmetrics.trainers.dataset import Packed

logger = logging.getLogger("memmetrics")

_ROUNDS = 3  # another process may leave a damaged stack behind, but not for ever


@dataclass(frozen=True)
class Campaign:
    """What to train, and where to keep it.

    Parameters
    ----------
    job : Job
        How to train a stack and what to take from it.
    data, targets : Packed
        Training points; other points to score, None for the training points.
    members : function of a number of runs
        Gives who trains on what, (runs, points).
    entropy, stream : int, Stream
        Where the seeds come from.
    n_jobs : int or None
        As joblib has it.
    store : MemoryStore or DirectoryStore
        Where finished runs are kept.
    stack_size : int
        Runs in a stack.
    progress : bool
        Whether to show a bar.
    description : str
        What the bar says.
    """

    job: Job
    data: Packed
    targets: Packed | None
    members: Callable[[int], Bools]
    entropy: int
    stream: Stream
    n_jobs: int | None
    store: MemoryStore | DirectoryStore
    stack_size: int
    progress: bool = False
    description: str = "retraining"

    def train(self, runs: int) -> tuple[Bools, list[int]]:
        """Finish all of the first `runs` runs; return who trained on what, and seeds.

        Raises
        ------
        RetrainingError
            If runs failed twice; the message says where the finished ones are.
        StoreError
            If the store cannot be written.
        """
        member, seeds = self._drawn(runs)
        self.store.expect(run_keys(member, seeds))
        missing = self.store.missing()
        if not missing:
            return member, seeds
        self._probe(len(missing))
        trained: Counter[int] = Counter()
        patience = Patience()
        with (
            progress_bar(
                self.progress, total=runs, description=self.description
            ) as bar,
            self._claiming(),
        ):
            self._recall(bar, missing, runs)
            while missing:
                bar.skip(runs - len(missing))
                tasks = _tasks(missing, self.stack_size, member, seeds)
                try:
                    added = self._finish(tasks, bar, patience)
                except RetrainingError as error:
                    raise self._explained(error) from error
                trained.update(added)
                if added:
                    patience.renew()
                else:
                    patience.wait(missing)
                missing = self.store.missing()
                if max((trained[run] for run in missing), default=0) >= _ROUNDS:
                    raise StoreError(
                        f"some stacks are damaged as soon as written: runs {missing}"
                    )
        return member, seeds

    @contextmanager
    def _claiming(self) -> Iterator[None]:
        if not isinstance(self.store, DirectoryStore):
            yield
            return
        self.store.claims.begin()
        try:
            yield
        finally:
            self.store.claims.end()

    def tasks(self, runs: int, *, after: int = 0) -> tuple[Bools, list[Task]]:
        """Return who trains on what, and the stacks of `runs` runs from `after` on."""
        member, seeds = self._drawn(runs)
        return member, _tasks(range(after, runs), self.stack_size, member, seeds)

    def _drawn(self, runs: int) -> tuple[Bools, list[int]]:
        return self.members(runs), run_seeds(self.entropy, self.stream, range(runs))

    def output(self, name: str) -> npt.NDArray[Any]:
        """Return one output of all runs."""
        array = self.store.gather(name)
        if array is None:
            raise KeyError(name)
        return array

    def _finish(
        self, tasks: list[Task], bar: Progress, patience: Patience
    ) -> list[int]:
        """Train what nobody else has or is at work on; return the runs trained."""

        def wanted(task: Task) -> bool:
            if patience.lost:
                return not self.store.holds(task.runs)
            return self.store.claim(task.runs)

        tasks = list(itertools.dropwhile(lambda task: not wanted(task), tasks))
        if not tasks:
            return []
        executor = Executor(self.job, self.data, self.targets, self.n_jobs)
        by_run = {run: task for task in tasks for run in task.runs}
        added: list[int] = []
        for finished in executor.finish(tasks, wanted):
            self.store.add(finished)
            patience.note(finished)
            scores = self._own(finished.arrays.get("scores"))
            bar.update(_rows(by_run, finished), scores)
            added.extend(finished.runs)
        return added

    def _recall(self, bar: Progress, missing: Sequence[int], runs: int) -> None:
        """Show the bar the scores of runs that were finished before."""
        done = sorted(set(range(runs)).difference(missing))
        if bar.bar is None or not done:
            return
        scores = self._own(self.store.gather("scores"))
        if scores is not None:
            member = self.members(runs)
            for start in range(0, len(done), self.stack_size):
                rows = done[start : start + self.stack_size]
                bar.recall(member[rows], scores[rows])

    def _own(self, scores: npt.NDArray[Any] | None) -> npt.NDArray[Any] | None:
        """Return scores if they begin with one for each training point."""
        if scores is None or scores.ndim != 2 or scores.shape[1] < self.data.points:
            return None
        own_points = self.targets is None or self.job.targets_begin_with_points
        return scores if own_points else None

    def _probe(self, missing: int) -> None:
        if isinstance(self.store, DirectoryStore):
            targets = (self.targets or self.data).points
            # At least four bytes for each score; what else is kept is not known yet.
            self.store.probe(
                4 * targets * missing if "scores" in self.job.outputs else 0
            )

    def _explained(self, error: RetrainingError) -> RetrainingError:
        if isinstance(self.store, DirectoryStore):
            done = len(self.store.keys) - len(self.store.missing())
            where = (
                f"the other {done} finished runs are in `store` {self.store.directory}"
            )
        else:
            where = "give `store=` to keep what finishes"
        explained = RetrainingError(f"{error}; {where}")
        for note in getattr(error, "__notes__", []):
            explained.add_note(note)
        return explained


def _tasks(
    missing: Sequence[int], stack_size: int, member: Bools, seeds: Sequence[int]
) -> list[Task]:
    """Put what is missing into stacks, always the same runs together."""
    stacks: dict[int, list[int]] = {}
    for run in missing:
        stacks.setdefault(run // stack_size, []).append(run)
    return [
        Task(
            runs=tuple(runs),
            member=member[runs[0] : runs[-1] + 1]
            if runs[-1] - runs[0] + 1 == len(runs)
            else member[runs],
            seeds=tuple(seeds[run] for run in runs),
        )
        for runs in stacks.values()
    ]


def _rows(by_run: dict[int, Task], finished: Finished) -> Bools:
    task = by_run[finished.runs[0]]
    places = [task.runs.index(run) for run in finished.runs]
    return np.asarray(task.member[places])
