"""Before any long training: how many runs, how much time, how much memory.

A first stack is trained and timed. Its scores say how far runs spread, hence how many
it takes for an interval of a wanted half-width; its arrays, what is stored. Where the
scores do not say it well, because points fail rarely, more runs are looked at, up to
an eighth of what seems to be needed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import as_confidence, count_iv
from memmetrics._seeds import RNG
from memmetrics.designs import BLOCK, Design, as_design
from memmetrics.errors import RetrainingError
from memmetrics.experiment import arguments
from memmetrics.experiment.execution.executor import Executor
from memmetrics.experiment.execution.stacks import Failed, Finished, Task
from memmetrics.experiment.experiment import Experiment
from memmetrics.planning.expected_width import MOST_RUNS, FirstRuns
from memmetrics.planning.memory_use import peak_memory
from memmetrics.planning.precision import Precision, reached_by
from memmetrics.planning.run_plan import RunPlan
from memmetrics.trainers.base import Data, Trainer

__all__ = ["plan"]

_STACK_FOR = 1024  # runs
_MOST_LOOKED = 256  # runs
_PART = 8  # of the runs planned, at most one in so many is trained for the plan
_SECONDS_WORTH_REPEATING = 5.0
_HARNESS_SECONDS = 0.003  # of a stack with a store, see docs/scaling.md


def plan(
    trainer: Trainer,
    data: Data,
    *,
    runs: int | None = None,
    half_width: float | None = None,
    until: Precision | None = None,
    points: str | float | Sequence[int] | npt.NDArray[np.integer[Any]] = "all",
    confidence: float = 0.95,
    fraction: float | None = None,
    design: str | Design | npt.ArrayLike = "balanced",
    groups: npt.ArrayLike | None = None,
    targets: Data = None,
    include_points: bool = False,
    keep: str | tuple[str, ...] = (),
    n_jobs: int | None = None,
    stack_size: int | None = None,
    rng: RNG = 0,
) -> RunPlan:
    """Estimate what `retrain` would take, from a few runs that are trained and timed.

    ``plan(..., half_width=0.1)`` gives the number of runs after which
    ``retrain(..., until=Precision(0.1))`` is expected to stop, with the intervals of
    that rule and at one of its looks. ``likely_runs`` is how sure that is: it holds
    the number that four of five such first looks would have given, and the number
    itself. The two differ where more shows later than in the first runs: a mode that
    is rarer than one run in them, or a tail that is longer.

    Parameters
    ----------
    trainer, data, fraction, design, groups, targets, include_points, keep, n_jobs
        As in `retrain`.
    runs : int, optional
        Number of runs, at least 2; with `until`, the least number.
    half_width : float, optional
        Wanted half-width of the intervals, in the unit of the scores; needs scores of
        the training points, and a design that is drawn.
    until : Precision, optional
        The rule that is to stop, in place of `half_width`, `points` and `confidence`:
        the plan is for the look at which it is expected to, or for the most runs that
        it allows.
    points : {"all", "median"}, float in (0, 1], or sequence of int, default "all"
        Which points the half-width is about, as in `Precision`.
    confidence : float, default 0.95
        Of the intervals: as in `Precision` for a wanted `half_width`; for given `runs`,
        that of a single look.
    stack_size : int, optional
        As in `retrain`.
    rng : int, numpy.random.Generator or numpy.random.SeedSequence, default 0
        Seed of the first stack.

    Returns
    -------
    RunPlan
        Prints as a few lines; ``to_frame()`` gives a table of one row.

    Raises
    ------
    TypeError, ValueError
        For unsuitable arguments.
    RetrainingError
        If the first stack fails.

    Examples
    --------
    >>> import numpy as np
    >>> class NearestMean:
    ...     def fit(self, data, member, *, seeds):
    ...         self.centers = np.stack([data[row].mean(0) for row in member])
    ...         return self
    ...
    ...     def scores(self, targets):
    ...         return -np.abs(targets - self.centers[:, np.newaxis]).sum(-1)
    >>> points = np.random.default_rng(0).normal(size=(50, 3))
    >>> narrow = plan(NearestMean(), points, half_width=0.01)
    >>> wide = plan(NearestMean(), points, half_width=0.02)
    >>> 2 < narrow.runs / wide.runs < 6
    True
    """
    own = targets is None or include_points
    rule = _rule_iv(runs, half_width, until, points, confidence, scores_points=own)
    chosen = as_design(design, fraction)
    share = getattr(chosen, "fraction", None)
    if share is None and (half_width is not None or until is not None):
        raise ValueError(
            "a half-width can be planned for designs that are drawn, with one "
            f"`fraction` for all points; got {design!r}"
        )
    runs = None if runs is None else count_iv(runs, "runs", least=2)
    experiment = Experiment(
        trainer,
        data,
        chosen,
        # A stack is chosen for so many; of more, nothing but the number matters.
        runs=BLOCK if runs is None else min(runs, _STACK_FOR),
        groups=groups,
        targets=targets,
        include_points=include_points,
        outputs=("scores", *arguments.keep_iv(keep)),
        n_jobs=n_jobs,
        stack_size=_first_stack(stack_size),
        rng=rng,
    )
    if own:
        rule.check(experiment.own)
    trial = _Trial(experiment, fraction=share, rule=rule)
    if half_width is None and until is None and runs is not None:
        trial.train(experiment.stack_size)
        width = trial.half_width(runs, confidence) if own else math.nan
        return _run_plan(trial, (runs, runs, runs), width, stack_size)
    likely = _look(trial, least=runs or 2)
    width = trial.half_width(likely[1], rule.interval_confidence)
    return _run_plan(trial, likely, width, stack_size)


def _first_stack(stack_size: int | None) -> int | None:
    """Return how many runs to time together where so many are asked for."""
    if stack_size is None:
        return None
    return min(count_iv(stack_size, "stack_size", least=1), _STACK_FOR)


def _look(trial: _Trial, least: int) -> tuple[int, int, int]:
    """Train until the number of runs is known well enough: least, expected, most."""
    share = float(trial.fraction or 0.5)
    fewest = max(BLOCK, trial.experiment.stack_size, _arm_of(4, share))
    looked = -(-fewest // BLOCK) * BLOCK
    while True:
        trial.train(looked)
        likely = trial.likely_runs(least)
        lowest, expected, highest = likely
        looked *= 2
        if lowest == highest or looked > min(_MOST_LOOKED, expected / _PART):
            return likely


def _arm_of(runs: int, fraction: float) -> int:
    """Return how many runs give both arms `runs` on average."""
    return math.ceil(runs / min(fraction, 1 - fraction))


class _Trial:
    """A few runs, trained here and with a clock, and what they showed.

    Parameters
    ----------
    experiment : Experiment
        What to train.
    fraction : float or None
        Share of the runs that have a point, if there is one for all points.
    rule : Precision
        What is wanted of them.
    """

    def __init__(
        self, experiment: Experiment, *, fraction: float | None, rule: Precision
    ) -> None:
        self.experiment, self.fraction, self.rule = experiment, fraction, rule
        self.executor = Executor(
            experiment.job, experiment.data, experiment.targets, experiment.n_jobs
        )
        self.runs = 0
        self.grown_bytes = 0  # memory while they trained, beyond that before
        self.outcomes: list[Finished] = []
        self.seconds: list[float] = []  # a run, by stack

    def train(self, runs: int) -> None:
        """Train whatever is missing of the first `runs` runs."""
        tasks = self.experiment.tasks(runs, after=self.runs)
        with peak_memory() as memory:
            for task in tasks:
                self.outcomes.append(self._timed(task))
            # The first once more if it was short: it may have paid for compilation.
            seconds = self.seconds[-1] * len(tasks[-1].runs)
            if self.runs == 0 and seconds <= _SECONDS_WORTH_REPEATING:
                self._timed(tasks[0])
        self.grown_bytes = max(self.grown_bytes, memory.grown)
        self.runs = runs

    def _timed(self, task: Task) -> Finished:
        began = time.perf_counter()
        outcome = self.executor.here(task)
        passed = time.perf_counter() - began
        if isinstance(outcome, Failed):
            raise RetrainingError(f"the first stack failed: {outcome.reason}")
        self.seconds.append(passed / len(task.runs))
        return outcome

    @property
    def run_bytes(self) -> int:
        """Bytes of all arrays that are kept of a run."""
        first = self.outcomes[0]
        kept = sum(array.nbytes for array in first.arrays.values())
        return kept // len(first.runs)

    def half_width(self, runs: int, confidence: float) -> float:
        """Return what the rule's points are expected to reach; NaN of too few runs."""
        if self.runs < BLOCK or self.fraction is None:
            return math.nan
        widths = self._first_runs().expected().widths(runs, confidence)
        return reached_by(widths, self.rule.points)

    def likely_runs(self, least_runs: int) -> tuple[int, int, int]:
        """Return the least, the expected and the most runs that it may take."""
        looks = self.rule.looks(least_runs, self.experiment.design.block)
        first = self._first_runs()
        varies = first.vary()
        expected = first.expected().runs_for(self.rule, looks)
        others = [each.runs_for(self.rule, looks) for each in first.resampled()]
        least, most = np.quantile(
            [*others, expected], (0.1, 0.9), method="closest_observation"
        )
        if not varies:  # there may be no spread to find
            least = looks[0]
        return min(int(least), expected), expected, max(int(most), expected)

    def _first_runs(self) -> FirstRuns:
        scores = np.concatenate([each.arrays["scores"] for each in self.outcomes])
        columns = self.rule.points
        if not isinstance(columns, tuple):
            columns = tuple(range(self.experiment.data.points))
        chosen = list(columns)
        member = self.experiment.members(self.runs)
        share = float(self.fraction or 0.5)
        return FirstRuns(scores[:, chosen], member[:, chosen], share)


def _run_plan(
    trial: _Trial,
    likely: tuple[int, int, int],
    half_width: float,
    stack_size: int | None,
) -> RunPlan:
    experiment, (least, runs, most) = trial.experiment, likely
    size = experiment.choose_stack_size(runs, stack_size)
    size = min(size, runs)
    stacks = -(-runs // size)
    workers = trial.executor.workers
    busy = min(workers, stacks)
    results = runs * (trial.run_bytes + experiment.data.points)  # scores and membership
    stack_bytes = max(trial.grown_bytes, 2 * size * trial.run_bytes)
    run_seconds = min(trial.seconds)
    return RunPlan(
        runs=runs,
        half_width=half_width,
        seconds=runs * run_seconds / busy + stacks * _HARNESS_SECONDS,
        memory_bytes=experiment.data.nbytes + results + busy * stack_bytes,
        stored_bytes=runs * trial.run_bytes,
        workers=workers,
        stack_size=size,
        seconds_per_stack=size * run_seconds,
        least_runs=least,
        most_runs=most,
        runs_looked_at=trial.runs,
        points=_in_words(trial.rule.points),
    )


def _in_words(points: object) -> str:
    if isinstance(points, tuple):
        return f"{len(points)} points"
    if isinstance(points, float):
        return f"{points:.3g} of the points"
    return "all points" if points == "all" else "median point"


def _rule_iv(
    runs: int | None,
    half_width: float | None,
    until: Precision | None,
    points: str | float | Sequence[int] | npt.NDArray[np.integer[Any]],
    confidence: float,
    *,
    scores_points: bool,
) -> Precision:
    """Return the rule that says what is wanted; for given runs it only says of whom."""
    if until is None and (runs is None) == (half_width is None):
        raise ValueError(
            "one of `runs` and `half_width` must be given, and not both, unless "
            "`until` is"
        )
    if until is None and half_width is None:
        return Precision(1.0, points, as_confidence(confidence))
    if until is not None and half_width is not None:
        raise ValueError("`half_width` and `until` must not both be given")
    if not scores_points:
        raise ValueError(
            "`half_width` is about memorization of the training points, which "
            "`targets` leave out; give `include_points=True`"
        )
    if half_width is not None:
        return Precision(half_width, points, confidence, maximum_runs=MOST_RUNS)
    if not isinstance(until, Precision):
        raise TypeError(f"`until` must be a Precision to be planned; got {until!r}")
    return until
