"""Before any long training: how many runs, how much time, how much memory.

A first stack is trained and timed. Its scores say how far runs spread, hence how many
it takes for an interval of a wanted half-width; its arrays, what is stored. Where the
scores do not say it well, because points fail rarely, more runs are looked at, up to
an eighth of what seems to be needed.
"""

from __future__ import annotations

import math
import numbers
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import as_confidence
from memmetrics._seeds import RNG
from memmetrics.designs import BLOCK
from memmetrics.errors import RetrainingError
from memmetrics.experiment import arguments
from memmetrics.experiment.campaign import Campaign
from memmetrics.experiment.execution.executor import Executor
from memmetrics.experiment.execution.worker import Failed, Finished, Task
from memmetrics.experiment.harness import prepare
from memmetrics.experiment.opening import choose_stack_size
from memmetrics.experiment.plan.expected_width import FirstRuns
from memmetrics.experiment.plan.memory_use import peak_memory
from memmetrics.experiment.plan.run_plan import RunPlan
from memmetrics.experiment.stopping import Precision, reached_by
from memmetrics.trainers.base import Data, Trainer

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
    points: str | float | Sequence[int] | npt.NDArray[np.integer[Any]] = "all",
    confidence: float = 0.95,
    fraction: float = 0.5,
    design: str = "balanced",
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
        Number of runs, at least 2. Either this or `half_width` must be given.
    half_width : float, optional
        Wanted half-width of the intervals, in the unit of the scores; needs scores of
        the training points.
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
    confidence = as_confidence(confidence)
    own = targets is None or include_points
    _wish_iv(runs, half_width, scores_points=own)
    # The checks of the rule are those of the wish.
    rule = Precision(1.0 if half_width is None else half_width, points, confidence)
    runs = None if runs is None else arguments.count_iv(runs, "runs", least=2)
    preparation = prepare(
        trainer,
        data,
        # A stack is chosen for so many; of more, nothing but the number matters.
        runs=BLOCK if runs is None else min(runs, _STACK_FOR),
        fraction=fraction,
        design=design,
        groups=groups,
        targets=targets,
        include_points=include_points,
        keep=keep,
        n_jobs=n_jobs,
        stack_size=_first_stack(stack_size),
        rng=rng,
    )
    if own:
        rule.check(preparation.own)
    campaign = preparation.campaign
    trial = _Trial(campaign, own=own, fraction=float(fraction), rule=rule)
    if runs is not None:
        trial.train(campaign.stack_size)
        width = trial.half_width(runs, confidence) if own else math.nan
        return _run_plan(trial, (runs, runs, runs), width, stack_size)
    block = BLOCK if design == "balanced" else 1
    likely = _look(trial, block)
    width = trial.half_width(likely[1], rule.interval_confidence)
    return _run_plan(trial, likely, width, stack_size)


def _first_stack(stack_size: int | None) -> int | None:
    """Return how many runs to time together where so many are asked for."""
    if stack_size is None:
        return None
    return min(arguments.count_iv(stack_size, "stack_size", least=1), _STACK_FOR)


def _look(trial: _Trial, block: int) -> tuple[int, int, int]:
    """Train until the number of runs is known well enough: least, expected, most."""
    fewest = max(BLOCK, trial.campaign.stack_size, _arm_of(4, trial.fraction))
    looked = -(-fewest // BLOCK) * BLOCK
    while True:
        trial.train(looked)
        likely = trial.likely_runs(block)
        least, expected, most = likely
        looked *= 2
        if least == most or looked > min(_MOST_LOOKED, expected / _PART):
            return likely


def _arm_of(runs: int, fraction: float) -> int:
    """Return how many runs give both arms `runs` on average."""
    return math.ceil(runs / min(fraction, 1 - fraction))


class _Trial:
    """A few runs, trained here and with a clock, and what they showed.

    Parameters
    ----------
    campaign : Campaign
        What to train.
    own : bool
        Whether the training points are scored.
    fraction : float
        Share of the runs that have a point.
    rule : Precision
        What is wanted of them.
    """

    def __init__(
        self, campaign: Campaign, *, own: bool, fraction: float, rule: Precision
    ) -> None:
        self.campaign, self.own = campaign, own
        self.fraction, self.rule = fraction, rule
        self.executor = Executor(
            campaign.job, campaign.data, campaign.targets, campaign.n_jobs
        )
        self.runs = 0
        self.grown_bytes = 0  # memory while they trained, beyond that before
        self.outcomes: list[Finished] = []
        self.seconds: list[float] = []  # a run, by stack

    def train(self, runs: int) -> None:
        """Train whatever is missing of the first `runs` runs."""
        self.member, tasks = self.campaign.tasks(runs, after=self.runs)
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
        if self.runs < BLOCK:
            return math.nan
        widths = self._first_runs().expected().widths(runs, confidence)
        return reached_by(widths, self.rule.points)

    def likely_runs(self, block: int) -> tuple[int, int, int]:
        """Return the least, the expected and the most runs that it may take."""
        first = self._first_runs()
        varies = first.vary()
        expected = first.expected().runs_for(self.rule, block)
        others = [each.runs_for(self.rule, block) for each in first.resampled()]
        least, most = np.quantile(
            [*others, expected], (0.1, 0.9), method="closest_observation"
        )
        if not varies:  # there may be no spread to find
            least = self.rule.looks(2, block)[0]
        return min(int(least), expected), expected, max(int(most), expected)

    def _first_runs(self) -> FirstRuns:
        scores = np.concatenate([each.arrays["scores"] for each in self.outcomes])
        columns = self.rule.points
        if not isinstance(columns, tuple):
            columns = tuple(range(self.campaign.data.points))
        chosen = list(columns)
        return FirstRuns(scores[:, chosen], self.member[:, chosen], self.fraction)


def _run_plan(
    trial: _Trial,
    likely: tuple[int, int, int],
    half_width: float,
    stack_size: int | None,
) -> RunPlan:
    campaign, (least, runs, most) = trial.campaign, likely
    size = choose_stack_size(campaign.job.trainer, campaign.data, runs, stack_size)
    size = min(size, runs)
    stacks = -(-runs // size)
    workers = trial.executor.workers
    busy = min(workers, stacks)
    results = runs * (trial.run_bytes + campaign.data.points)  # scores and membership
    stack_bytes = max(trial.grown_bytes, 2 * size * trial.run_bytes)
    run_seconds = min(trial.seconds)
    return RunPlan(
        runs=runs,
        half_width=half_width,
        seconds=runs * run_seconds / busy + stacks * _HARNESS_SECONDS,
        memory_bytes=campaign.data.nbytes + results + busy * stack_bytes,
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


def _wish_iv(
    runs: int | None, half_width: float | None, *, scores_points: bool
) -> None:
    if (runs is None) == (half_width is None):
        raise ValueError("one of `runs` and `half_width` must be given, and not both")
    if half_width is None:
        return
    number = isinstance(half_width, numbers.Real) and not isinstance(half_width, bool)
    if not (number and math.isfinite(half_width) and half_width > 0):
        raise ValueError(f"`half_width` must be positive; got {half_width!r}")
    if not scores_points:
        raise ValueError(
            "`half_width` is about memorization of the training points, which "
            "`targets` leave out; give `include_points=True`"
        )
