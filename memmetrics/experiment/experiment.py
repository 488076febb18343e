"""An experiment: many models of one recipe on one data set, however often interrupted.

The one way that anything is trained many times. Retrainings, fits on all points, a plan
and the spectrum differ in their design and in what they take from each model; all else
is here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.fingerprint import fingerprint
from memmetrics._arrays.validation import count_iv
from memmetrics._seeds import RNG, Stream, run_seeds
from memmetrics.designs import Bools, Design, draw_members
from memmetrics.errors import RetrainingError
from memmetrics.evidence import groups_iv
from memmetrics.experiment import arguments
from memmetrics.experiment.execution.executor import Executor
from memmetrics.experiment.execution.stacks import Job, Task
from memmetrics.experiment.progress import check_progress, progress_bar
from memmetrics.experiment.shift import Shift
from memmetrics.experiment.store.directory import DirectoryStore
from memmetrics.experiment.store.manifest import (
    package_versions,
    trainer_configuration,
)
from memmetrics.experiment.store.memory import MemoryStore
from memmetrics.experiment.store.shards import run_keys
from memmetrics.trainers.base import Data, Trainer
from memmetrics.trainers.dataset import Packed, check_layout, concatenate, pack

__all__ = ["FITS", "RETRAININGS", "Experiment", "Purpose", "Trained"]

logger = logging.getLogger("memmetrics")

_DEFAULT_STACK_SIZE = 16
_MOST_MEMBERSHIPS = 2**46


class Purpose(NamedTuple):
    """What models are trained for, in the words of the function that was called."""

    name: str
    stream: Stream  # of their seeds
    runs: str  # parameter that says how many
    least: int
    targets: str  # what other points to score are called
    description: str  # for the bar


RETRAININGS = Purpose(
    "retrainings", Stream.TRAINING, "runs", 2, "targets", "retraining"
)
FITS = Purpose("fits", Stream.FITS, "fits", 1, "test", "training on all points")


@dataclass(frozen=True)
class Trained:
    """What the first runs of an experiment gave.

    Parameters
    ----------
    member : bool array (runs, points)
        Who trained on what.
    seeds : list of int
        One for each run.
    arrays : dict of arrays, runs first
        What was asked for; None for what the models do not have.
    diverged : bool array (runs,)
        Runs of which the models themselves say so.
    """

    member: Bools
    seeds: list[int]
    arrays: dict[str, npt.NDArray[Any] | None]
    diverged: Bools


class Experiment:
    """Who trains on what, what is taken from each model, and where it is kept.

    Everything is checked here and the store opened; nothing is trained yet.

    Parameters
    ----------
    trainer, data, groups, targets, include_points, rng : see `retrain`
        How to train, on what, what to score, and the seed.
    n_jobs, store, identity, progress, stack_size : see `retrain`
        Where the work is done, and kept.
    design : Design
        Who trains on what.
    runs : int
        How many models, at first.
    most_runs : int, optional
        How many there may be in the end.
    targets_name : str, optional
        What the caller calls `targets`.
    outputs : sequence of str
        What to take from each stack, see `Job`.
    purpose : Purpose
        What for.

    Raises
    ------
    TypeError, ValueError
        For unsuitable arguments.
    UnidentifiedError, StoreMismatchError, StoreError
        If the store is of another recipe, or cannot be used.
    """

    def __init__(
        self,
        trainer: Trainer,
        data: Data,
        design: Design,
        *,
        runs: int,
        rng: RNG,
        most_runs: int | None = None,
        outputs: Sequence[str] = ("scores",),
        purpose: Purpose = RETRAININGS,
        groups: npt.ArrayLike | None = None,
        targets: Data = None,
        targets_name: str | None = None,
        include_points: bool = False,
        n_jobs: int | None = None,
        store: str | PathLike[str] | None = None,
        identity: object = None,
        progress: bool = False,
        stack_size: int | None = None,
    ) -> None:
        self.purpose, self.design = purpose, design
        self.runs = count_iv(runs, purpose.runs, least=purpose.least)
        self.n_jobs = arguments.n_jobs_iv(n_jobs)
        self.progress = check_progress(progress)
        self.seed = arguments.rng_iv(rng, store)
        self.job = Job(
            arguments.trainer_iv(trainer),
            tuple(outputs),
            optional=("weights", "hidden") if purpose is FITS else (),
        )
        self.data = pack(data, "data")
        self.targets, self.own = _targets(
            self.data,
            targets,
            targets_name or purpose.targets,
            include_points=include_points,
        )
        points = self.data.points
        self.groups = None if groups is None else groups_iv(groups, points)
        self._families = (
            None if self.groups is None else arguments.group_numbers(self.groups)
        )
        self._check_size(max(self.runs, most_runs or 0))
        self._member = self._draw(self.runs)  # what cannot be drawn shows itself
        if stack_size is not None:
            stack_size = count_iv(stack_size, "stack_size", least=1)
        self.stack_size = self.choose_stack_size(self.runs, stack_size)
        self.store: MemoryStore | DirectoryStore = MemoryStore()
        if (directory := arguments.store_iv(store)) is not None:
            self.store = DirectoryStore(
                directory,
                self._configuration(identity),
                stack_size=stack_size,
                default_stack_size=self.stack_size,
                include_points=include_points,
            )
            self.stack_size = self.store.stack_size

    def train(self, runs: int | None = None) -> Trained:
        """Finish all of the first `runs` runs, from whatever is already finished.

        Raises
        ------
        RetrainingError
            If runs failed twice; the message says where the finished ones are.
        StoreError
            If the store cannot be written.
        """
        runs = self.runs if runs is None else runs
        member, seeds = self.members(runs), self.seeds(runs)
        self.store.expect(run_keys(member, seeds))
        if missing := self.store.missing():
            self._probe(len(missing))
            executor = Executor(self.job, self.data, self.targets, self.n_jobs)
            with self._shift(member) as shift:
                while missing:
                    tasks = _tasks(missing, self.stack_size, member, seeds)
                    shift.begin(missing)
                    try:
                        for finished in executor.finish(shift.ours(tasks), shift.wants):
                            shift.add(finished)
                    except RetrainingError as error:
                        raise self._explained(error) from error
                    missing = self.store.missing()
                    shift.rest(missing)
        arrays = {name: self.store.gather(name) for name in self.job.outputs}
        diverged = np.asarray(self.store.gather("diverged"))
        return Trained(member, seeds, arrays, diverged)

    def provenance(self) -> dict[str, Any]:
        """Return where the numbers come from, as plain values."""
        directory = getattr(self.store, "directory", None)
        return {
            "seed": self.seed,
            **self.design.configuration(),
            "store": directory and str(directory),
            "versions": package_versions(),
        }

    def tasks(self, runs: int, *, after: int = 0) -> list[Task]:
        """Return the stacks of `runs` runs, from run `after` on."""
        member, seeds = self.members(runs), self.seeds(runs)
        return _tasks(range(after, runs), self.stack_size, member, seeds)

    def members(self, runs: int) -> Bools:
        """Return who trains on what in the first runs, (runs, points)."""
        if len(self._member) != runs:
            self._member = self._draw(runs)
        return self._member

    def seeds(self, runs: int) -> list[int]:
        """Return the seed of each of the first runs."""
        return run_seeds(self.seed, self.purpose.stream, range(runs))

    def choose_stack_size(self, runs: int, stack_size: int | None = None) -> int:
        """Return how many runs to train together: what is asked for, or what suits.

        From the problem alone, never from the number of jobs: results must not depend
        on where they are computed.
        """
        trainer = self.job.trainer
        if stack_size is None and hasattr(trainer, "stack_size"):
            stack_size = int(trainer.stack_size(self.data.unpack(), runs))
            chosen = "chosen by the trainer"
        else:
            chosen = "the default" if stack_size is None else "as asked for"
        size = max(1, stack_size or _DEFAULT_STACK_SIZE)
        logger.info("stacks of %d runs (%s)", size, chosen)
        return size

    def _check_size(self, most: int) -> None:
        """Check that there is a design of so many runs."""
        if most * self.data.points > _MOST_MEMBERSHIPS:
            raise ValueError(
                f"`{self.purpose.runs}` {most} of {self.data.points} points are more "
                f"than can be kept track of, {_MOST_MEMBERSHIPS:,} memberships"
            )
        if most > self.runs:
            self._draw(most, slice(0))

    def _draw(self, runs: int, some_runs: slice = slice(None)) -> Bools:
        return draw_members(
            self.design,
            self.seed,
            runs=runs,
            points=self.data.points,
            groups=self._families,
            some_runs=some_runs,
        )

    def _configuration(self, identity: object) -> dict[str, Any]:
        """Return whatever decides the numbers, as plain JSON values."""
        return {
            "purpose": self.purpose.name,
            "data": self.data.fingerprint(),
            self.purpose.targets: self.targets and self.targets.fingerprint(),
            "groups": None if self._families is None else fingerprint(self._families),
            **self.design.configuration(),
            "seed": self.seed,
            "outputs": list(self.job.outputs),
            "trainer": trainer_configuration(self.job.trainer, identity),
        }

    def _probe(self, missing: int) -> None:
        if isinstance(self.store, DirectoryStore):
            targets = (self.targets or self.data).points
            # At least four bytes for each score; what else is kept is not known yet.
            self.store.probe(
                4 * targets * missing if "scores" in self.job.outputs else 0
            )

    @contextmanager
    def _shift(self, member: Bools) -> Iterator[Shift]:
        """Give a shift with a bar, and claims that are given back at its end."""
        points_first = bool((self.own[: member.shape[1]] >= 0).all())
        what = self.purpose.description
        with (
            progress_bar(self.progress, total=len(member), description=what) as bar,
            self.store.claiming(),
        ):
            yield Shift(self.store, bar, member, scores_points=points_first)

    def _explained(self, error: RetrainingError) -> RetrainingError:
        where = "give `store=` to keep what finishes"
        if isinstance(self.store, DirectoryStore):
            done = len(self.store.keys) - len(self.store.missing())
            where = (
                f"the other {done} finished runs are in `store` {self.store.directory}"
            )
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


def _targets(
    data: Packed, targets: Data, name: str, *, include_points: bool
) -> tuple[Packed | None, npt.NDArray[np.int64]]:
    """Return what is scored, and which training point each of it is."""
    points = np.arange(data.points)
    if targets is None:
        return None, points
    others = pack(targets, name, nonzero=False)
    check_layout(others, data, name)
    held_out = np.full(others.points, -1)
    if include_points:
        return concatenate(data, others), np.concatenate([points, held_out])
    return others, held_out
