"""Stacks through joblib: whatever backend the caller chose, and whatever goes wrong.

A stack that raises, or whose worker dies, fails alone: the others go on, and its runs
are tried once more one by one. ``backend=`` is never passed, so
``joblib.parallel_config`` decides where the work is done.
"""

from __future__ import annotations

import itertools
import logging
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import joblib

from memmetrics.errors import RetrainingError
from memmetrics.experiment.execution.stacks import (
    Failed,
    Finished,
    Job,
    MissingOutputError,
    Task,
    describe_runs,
)
from memmetrics.experiment.execution.worker import forget, train_stack
from memmetrics.trainers.dataset import Packed

__all__ = ["Executor"]

logger = logging.getLogger("memmetrics")

# By name, since Dask and Ray may not be installed.
_DEATHS = {
    "BrokenProcessPool",
    "CancelledError",  # Dask, whose dead worker held the data; they are sent again
    "KilledWorker",
    "NodeDiedError",
    "OutOfMemoryError",
    "TerminatedWorkerError",
    "WorkerCrashedError",
}
# Seconds that it takes to start processes, which import torch.
_PROCESSES_START = 4.0
# When the first so many stacks all fail, the trainer is at fault and not the machine.
_HOPELESS = 3


class Executor:
    """Where and on what data stacks are trained.

    Parameters
    ----------
    job : Job
        How each stack is trained, and what is taken from it.
    data : Packed
        The training points.
    targets : Packed or None
        Other points to score; None for the training points.
    n_jobs : int or None
        As joblib has it: None leaves it to ``parallel_config``, or else means 1.
    """

    def __init__(
        self, job: Job, data: Packed, targets: Packed | None, n_jobs: int | None
    ) -> None:
        self.job, self.data, self.targets, self.n_jobs = job, data, targets, n_jobs
        # Asked for here: joblib's callbacks know no config.
        self.workers = int(joblib.effective_n_jobs(n_jobs))
        # Sums in another order end in other bits: more than one thread only where the
        # trainer promises that nobody can tell, and where no number of jobs is asked
        # for, so that n_jobs=1 is one core.
        invariant = getattr(job.trainer, "thread_invariant", False)
        self.one_thread = not (invariant and self.workers == 1 and n_jobs is None)

    def finish(
        self, tasks: Iterable[Task], wanted: Callable[[Task], bool]
    ) -> Iterator[Finished]:
        """Train every stack, in any order; raise for what failed at the very end.

        Parameters
        ----------
        tasks : iterable of Task
            One for each stack.
        wanted : function of a Task
            Asked just before a stack is sent off; false skips it.

        Raises
        ------
        RetrainingError
            If runs failed twice. All others have been yielded by then.
        TypeError
            If the trainer's stacks lack something that is asked for.
        """
        by_runs = {task.runs: task for task in tasks}
        failed: list[tuple[Task, Failed]] = []
        times: list[tuple[float, float]] = []
        try:
            for wave, prefer in self._waves(by_runs, times):
                for outcome in self._outcomes(wave, wanted, prefer):
                    if isinstance(outcome, Finished):
                        times.append((outcome.seconds, outcome.busy_seconds))
                        yield outcome
                    else:
                        failed.append((by_runs[outcome.runs], _noted(outcome)))
                    if not times and len(failed) >= _HOPELESS:
                        break
                else:
                    continue
                break
            yield from self._retry(failed, wanted, hopeful=len(times) > 0)
        finally:
            forget(self.job)

    def here(self, task: Task) -> Finished | Failed:
        """Train one stack in this very process."""
        _, arguments, _ = self._call(task)
        return train_stack(*arguments)

    def _retry(
        self,
        failed: list[tuple[Task, Failed]],
        wanted: Callable[[Task], bool],
        *,
        hopeful: bool,
    ) -> Iterator[Finished]:
        """Try the runs of failed stacks once more, one by one."""
        singles = {
            single.runs: (single, failure.killed)
            for task, failure in failed
            for single in task.one_by_one()
        }
        given_up: list[Failed] = []
        # Without one success so far, a single run decides whether to go on.
        first = dict(itertools.islice(singles.items(), 0 if hopeful else 1))
        rest = {runs: single for runs, single in singles.items() if runs not in first}
        for some in (first, rest):
            alone = [task for task, killed in some.values() if killed]
            crowd = {runs: task for runs, (task, killed) in some.items() if not killed}
            for outcome in itertools.chain(
                self._outcomes(crowd, wanted), map(self._alone, alone)
            ):
                if isinstance(outcome, Finished):
                    yield outcome
                else:
                    given_up.append(outcome)
            if some is first and given_up:
                break
        if given_up:
            raise _error(given_up)

    def _waves(
        self, tasks: dict[tuple[int, ...], Task], times: list[tuple[float, float]]
    ) -> Iterator[tuple[dict[tuple[int, ...], Task], str | None]]:
        """Yield tasks with a hint: in threads or in processes, by timing the first.

        Only where the trainer allows for both: neither changes a number. `times` are
        those of the stacks so far: how long each took, and was at work.
        """
        shares = getattr(self.job.trainer, "may_share_process", False)
        stacked = any(len(runs) > 1 for runs in tasks)
        if not shares or not stacked or self.workers == 1:
            yield tasks, None
            return
        names = list(tasks)
        first = {runs: tasks[runs] for runs in names[: self.workers]}
        rest = {runs: tasks[runs] for runs in names[self.workers :]}
        began = time.perf_counter()
        yield first, "threads"
        if not rest:
            return
        seconds = (time.perf_counter() - began) * len(rest) / self.workers
        # Threads wait for each other, for the most part.
        taken, busy = (
            (sum(each) for each in zip(*times, strict=True)) if times else (0, 0)
        )
        waiting = max(0.0, 1 - busy / taken) if taken else 0.0
        prefer = "processes" if seconds * waiting > _PROCESSES_START else "threads"
        logger.debug(
            "%.1f s of stacks to go, in %s: in threads %.0f%% of it is waiting",
            seconds,
            prefer,
            100 * waiting,
        )
        yield rest, prefer

    def _outcomes(
        self,
        tasks: dict[tuple[int, ...], Task],
        wanted: Callable[[Task], bool],
        prefer: str | None = None,
    ) -> Iterator[Finished | Failed]:
        """Yield what became of each task, surviving the death of workers."""
        pending = dict(tasks)

        def remaining() -> Iterator[Task]:
            for task in list(pending.values()):
                if wanted(task):
                    yield task
                else:
                    pending.pop(task.runs, None)

        while pending:
            try:
                for outcome in self._parallel(remaining(), prefer):
                    pending.pop(outcome.runs)
                    yield outcome
            except Exception as error:
                if not _is_death(error):
                    raise
                logger.warning("a worker died: %s", error)
                # One of those under way killed it. Alone, each shows itself or ends.
                for task in list(pending.values())[: self.workers]:
                    pending.pop(task.runs)
                    yield self._alone(task)

    def _alone(self, task: Task) -> Finished | Failed:
        try:
            return next(self._parallel(iter([task])))
        except Exception as error:
            if not _is_death(error):
                raise
            first_line = str(error).partition("\n")[0]
            reason = f"its worker died ({type(error).__name__}: {first_line})"
            return Failed(task.runs, reason, killed=True)

    def _parallel(
        self, tasks: Iterator[Task], prefer: str | None = None
    ) -> Iterator[Finished | Failed]:
        # A hint, which gives way to any backend that the caller chose.
        if getattr(self.job.trainer, "releases_gil", False):
            prefer = "threads"
        try:
            parallel = joblib.Parallel(
                n_jobs=self.n_jobs,
                batch_size=1,
                return_as="generator_unordered",
                prefer=prefer,
            )
        except ValueError:
            # Some backends give lists only: one small list after another, so that
            # little is lost when all is killed.
            with joblib.Parallel(n_jobs=self.n_jobs, batch_size=1) as parallel:
                while wave := list(itertools.islice(tasks, self.workers)):
                    yield from parallel(self._call(task) for task in wave)
            return
        outcomes = parallel(self._call(task) for task in tasks)
        try:
            yield from outcomes
        finally:
            with warnings.catch_warnings():
                # Stopping early cancels what is under way, as is meant.
                warnings.simplefilter("ignore")
                outcomes.close()

    def _call(self, task: Task) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        packed = (self.data, self.targets)
        layouts = tuple(each and each.layout() for each in packed)
        leaves = [leaf for each in packed if each for leaf in each.leaves]
        # What joblib.delayed makes of a call.
        return train_stack, (self.job, task, layouts, self.one_thread, *leaves), {}


def _noted(failure: Failed) -> Failed:
    """Return a failure that is worth a second try, with a word in the log."""
    if failure.hopeless:
        raise MissingOutputError(failure.reason.partition(": ")[2])
    logger.warning("runs %s failed: %s", failure.runs, failure.reason)
    return failure


def _is_death(error: Exception) -> bool:
    return any(kind.__name__ in _DEATHS for kind in type(error).__mro__)


def _error(failed: list[Failed]) -> RetrainingError:
    runs = sorted(run for failure in failed for run in failure.runs)
    reasons = dict.fromkeys(failure.reason for failure in failed)
    error = RetrainingError(
        f"{describe_runs(runs)} failed twice: {'; '.join(list(reasons)[:3])}"
    )
    if failed[0].details:
        error.add_note(f"In the worker:\n{failed[0].details}")
    return error
