"""Before any long training: how many runs, how much time, how much memory.

A first stack is trained and timed. Its scores say how far runs spread, hence how many
it takes for an interval of a wanted half-width; its arrays, what is stored.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._validation import as_confidence
from memmetrics.retraining.base import Bools, Data, Trainer
from memmetrics.retraining.campaign import Campaign
from memmetrics.retraining.designs import BLOCK
from memmetrics.retraining.errors import RetrainingError
from memmetrics.retraining.execution import Executor
from memmetrics.retraining.expected_width import ExpectedWidth
from memmetrics.retraining.harness import prepare
from memmetrics.retraining.memory_use import peak_memory
from memmetrics.retraining.opening import choose_stack_size
from memmetrics.retraining.run_plan import RunPlan
from memmetrics.retraining.seeds import RNG
from memmetrics.retraining.worker import Failed, Finished

_SECONDS_WORTH_REPEATING = 5.0
_HARNESS_SECONDS = 0.003  # of a stack with a store, see docs/scaling.md


def plan(
    trainer: Trainer,
    data: Data,
    *,
    runs: int | None = None,
    half_width: float | None = None,
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
    r"""Estimate what `retrain` would take, from one stack that is trained and timed.

    The half-width of Welch's interval at R runs, of which a share f holds the point, is

    .. math:: t \sqrt{s_1^2 / (f R) + s_0^2 / ((1 - f) R)}

    with the two arms' spreads as seen in the first runs, its median over the training
    points taken. A first look from at most one stack or 16 runs, whichever is more:
    good to a quarter or so where scores spread evenly, less where points fail rarely.

    Parameters
    ----------
    trainer, data, fraction, design, groups, targets, include_points, keep, n_jobs
        As in `retrain`.
    runs : int, optional
        Number of runs, at least 2. Either this or `half_width` must be given.
    half_width : float, optional
        Wanted half-width of the intervals, in the unit of the scores; needs scores of
        the training points.
    confidence : float, default 0.95
        Of the intervals.
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
    >>> 3 < narrow.runs / wide.runs < 5
    True
    """
    confidence = as_confidence(confidence)
    own = targets is None or include_points
    _wish_iv(runs, half_width, scores_points=own)
    preparation = prepare(
        trainer,
        data,
        runs=BLOCK if runs is None else runs,
        fraction=fraction,
        design=design,
        groups=groups,
        targets=targets,
        include_points=include_points,
        keep=keep,
        n_jobs=n_jobs,
        stack_size=stack_size,
        rng=rng,
    )
    campaign = preparation.campaign
    trial = _try(campaign, least=1 if half_width is None else BLOCK)
    width = math.nan
    if own and (half_width is not None or len(trial.member) >= BLOCK):
        expected = ExpectedWidth.from_runs(
            trial.scores[:, : campaign.data.points],
            trial.member,
            fraction=fraction,
            confidence=confidence,
        )
        if half_width is not None:
            runs = expected.runs_for(half_width)
        width = expected.median(runs or 0)
    return _run_plan(campaign, trial, runs or 0, width, stack_size)


@dataclass(frozen=True)
class _Trial:
    """What a few runs showed."""

    scores: npt.NDArray[Any]
    member: Bools
    run_bytes: int  # of all arrays that are kept of a run
    run_seconds: float
    grown_bytes: int  # memory while they trained, beyond that before
    workers: int


def _try(campaign: Campaign, *, least: int) -> _Trial:
    """Train a stack, or as many as make `least` runs, here and with a clock."""
    runs = max(campaign.stack_size, least)
    member, tasks = campaign.tasks(runs)
    executor = Executor(campaign.job, campaign.data, campaign.targets, campaign.n_jobs)
    outcomes: list[Finished] = []
    seconds: list[float] = []  # a run, by stack
    with peak_memory() as memory:
        # The first once more if it was short: it may have paid for compilation.
        for task in [*tasks, tasks[0]]:
            began = time.perf_counter()
            outcome = executor.here(task)
            passed = time.perf_counter() - began
            if isinstance(outcome, Failed):
                raise RetrainingError(f"the first stack failed: {outcome.reason}")
            outcomes.append(outcome)
            seconds.append(passed / len(task.runs))
            if len(outcomes) == len(tasks) and passed > _SECONDS_WORTH_REPEATING:
                break
    scores = np.concatenate([each.arrays["scores"] for each in outcomes[: len(tasks)]])
    kept = sum(array.nbytes for array in outcomes[0].arrays.values())
    return _Trial(
        scores=scores,
        member=member,
        run_bytes=kept // len(outcomes[0].runs),
        run_seconds=min(seconds),
        grown_bytes=memory.grown,
        workers=executor.workers,
    )


def _run_plan(
    campaign: Campaign,
    trial: _Trial,
    runs: int,
    half_width: float,
    stack_size: int | None,
) -> RunPlan:
    size = choose_stack_size(campaign.job.trainer, campaign.data, runs, stack_size)
    size = min(size, runs)
    stacks = math.ceil(runs / size)
    busy = min(trial.workers, stacks)
    results = runs * (trial.run_bytes + campaign.data.points)  # scores and membership
    stack_bytes = max(trial.grown_bytes, 2 * size * trial.run_bytes)
    return RunPlan(
        runs=runs,
        half_width=half_width,
        seconds=runs * trial.run_seconds / busy + stacks * _HARNESS_SECONDS,
        memory_bytes=campaign.data.nbytes + results + busy * stack_bytes,
        stored_bytes=runs * trial.run_bytes,
        workers=trial.workers,
        stack_size=size,
        seconds_per_stack=size * trial.run_seconds,
    )


def _wish_iv(
    runs: int | None, half_width: float | None, *, scores_points: bool
) -> None:
    if (runs is None) == (half_width is None):
        raise ValueError("one of `runs` and `half_width` must be given, and not both")
    if half_width is None:
        return
    if not (math.isfinite(half_width) and half_width > 0):
        raise ValueError(f"`half_width` must be positive; got {half_width!r}")
    if not scores_points:
        raise ValueError(
            "`half_width` is about memorization of the training points, which "
            "`targets` leave out; give `include_points=True`"
        )
