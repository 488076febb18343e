"""Does a metric cost what it says? Its time against the law that it declares.

One size at a time is doubled again and again, and the exponent by which the time
grows is the slope of log time against log size over the last few doublings: what costs
little per step, and hides at small sizes, shows in the end. A slope is not an absolute
time: it is the same on a slow machine as on a fast one.

What a machine adds by chance grows with no size, and where it is all that there is, any
slope can come out. So every size is timed several times, and a window of sizes counts
only if most of its times stand out from what the smallest size takes by chance. A slope
near the limit or above is measured anew, and most of three measurements decide.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib.util
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats
import torch

from memmetrics.metrics.base import Metric
from memmetrics.metrics.registry import get_metric
from memmetrics.testing.sample import SIZES, elements, sample_evidence

__all__ = ["CostReport", "check_cost"]

# Sizes double until a call takes this long, or the evidence is this large. What fits
# into the caches is enough: beyond, time jumps for reasons that are no law's. But a
# slope just below the limit may be one on its way up.
_TOO_LONG, _TOO_LONG_IN_DOUBT = 0.3, 1.0
_MOST_ELEMENTS = 2**20
_WINDOW = 5  # sizes that a slope is fitted to: a factor of 16
_OVERHEAD = 3e-4  # seconds: windows that end below tell nothing
_LEAST_ROUNDS, _MOST_ROUNDS, _ENOUGH_SECONDS = 3, 15, 0.4  # calls at each size
_MOST = 2  # of three measurements, which decide
_CHANCE = 0.75  # quantile of the times at the smallest size: above, time has grown
_GROWN = 3  # sizes of a window that must have
_clock = time.process_time  # which others that use the machine do not add to
_Sizes = dict[str, int]


@dataclass(frozen=True)
class CostReport:
    """Exponents by size: as measured, and as the law has them at the same sizes."""

    measured: Mapping[str, float]
    declared: Mapping[str, float]


def check_cost(
    metric: Metric | str, law: str | None = None, *, tolerance: float = 0.35
) -> CostReport:
    """Fail if a metric's time grows faster than the law that it declares.

    Parameters
    ----------
    metric : Metric or str
        A metric, or the name of a registered one.
    law : str, optional
        Law to hold it to, such as ``"points * hidden**2"``: a formula in the sizes of
        the evidence (``points, features, hidden``; ``points, test_points``; ``runs,
        points, targets``). Default: the metric's own ``cost``. A size that is not in
        it must cost nothing.
    tolerance : float
        How far a measured exponent may exceed the declared one.

    Returns
    -------
    CostReport

    Raises
    ------
    AssertionError
        If a size's exponent exceeds the declared one over the largest sizes, in most
        of three measurements; or by twice the tolerance before.
    TypeError, ValueError
        If there is no law, or it is not a formula in the sizes.

    Examples
    --------
    >>> import memmetrics as mm
    >>> class PairwiseDistance:
    ...     name, version, needs, cost = "pairwise", 1, mm.Losses, "points"
    ...
    ...     def __call__(self, evidence):
    ...         x = evidence.train
    ...         far = abs(x[:, None] - x).max(1)
    ...         return mm.Result(metric=self.name, unit="loss", estimate=far)
    >>> check_cost(PairwiseDistance())
    Traceback (most recent call last):
        ...
    AssertionError: pairwise: time grows as points**..., declared "points" ...
    """
    subject = get_metric(metric)
    formula = law or getattr(subject, "cost", None)
    if not isinstance(formula, str):
        raise TypeError(
            f"`law` is needed, since {subject.name} has no `cost`; got None"
        )
    kind = subject.needs
    sample_evidence(kind)  # refuses a `needs` that is no kind of evidence
    evaluate = _compiled(formula, [*SIZES[kind], "targets"])
    measured, declared = {}, {}
    for axis in SIZES[kind]:
        with _one_thread():
            grid, measured[axis], declared[axis], broken = _growth(
                subject, axis, evaluate, tolerance
            )
        if broken:
            raise AssertionError(
                f"{subject.name}: time grows as {axis}**{measured[axis]:.2f}, declared "
                f'"{formula}" allows {axis}**{declared[axis]:.2f} '
                f"(+ {tolerance}) from {axis} = {grid[0][axis]} to {grid[-1][axis]}"
            )
    return CostReport(measured, declared)


def _growth(
    metric: Metric, axis: str, evaluate: Callable[[_Sizes], float], tolerance: float
) -> tuple[list[_Sizes], float, float, bool]:
    """Return the last window of sizes, both exponents, and whether the law is broken.

    Windows move up until there is none larger, or until two in a row exceed the law
    by far: what costs too much is stopped before it fills the memory. Smaller excesses
    come and go, where data outgrow a cache.
    """
    smallest = dict(SIZES[metric.needs])
    grid = [smallest | {axis: smallest[axis] << i} for i in range(_WINDOW)]
    seconds: dict[int, list[float]] = {}
    excesses = 0
    while True:
        _time(metric, grid, axis, seconds)
        declared = _slope(grid, axis, [evaluate(sizes) for sizes in grid])
        larger = grid[-1] | {axis: grid[-1][axis] * 2}
        full = elements(metric.needs, larger) > _MOST_ELEMENTS
        longest = min(seconds[grid[-1][axis]])
        last = full or longest > _TOO_LONG
        allowed = declared + (tolerance if last else 2 * tolerance)
        near = allowed - tolerance / 2
        slopes = [_growth_rate(grid, axis, seconds)]
        above = int(slopes[0] > allowed)
        while slopes[-1] > near and _MOST not in (above, len(slopes) - above):
            anew = {min(seconds): seconds[min(seconds)]}
            _time(metric, grid, axis, anew)
            slopes.append(_growth_rate(grid, axis, anew))
            above += slopes[-1] > allowed
        excesses = excesses + 1 if above == _MOST else 0
        slope = float(np.median(slopes))
        in_doubt = not (excesses or full) and slope > near
        too_long = longest > (_TOO_LONG_IN_DOUBT if in_doubt else _TOO_LONG)
        if excesses == 2 or full or too_long:
            return grid, slope, declared, excesses > 0
        grid = [*grid[1:], larger]


def _time(
    metric: Metric, grid: list[_Sizes], axis: str, seconds: dict[int, list[float]]
) -> None:
    """Time calls at each size until there are enough, adding some to known sizes.

    Sizes take turns, and known ones are met again, so that a slow moment of the
    machine meets all of them or does not matter.
    """
    pending = [(sizes[axis], sample_evidence(metric.needs, sizes)) for sizes in grid]
    for size, evidence in pending:
        if size not in seconds:
            metric(evidence)  # compiles, and fills caches
    while pending:
        for size, evidence in pending:
            unseen = copy.copy(evidence)  # without what earlier calls left with it
            began = _clock()
            metric(unseen)
            seconds.setdefault(size, []).append(max(_clock() - began, 1e-7))
        pending = [each for each in pending if not _enough(seconds[each[0]])]


def _enough(seconds: list[float]) -> bool:
    known = len(seconds)
    long = sum(seconds) > _ENOUGH_SECONDS
    return known >= _MOST_ROUNDS or (known >= _LEAST_ROUNDS and long)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep libraries from using more threads from some size on, which wait and spin.

    NumPy's can be told only where threadpoolctl is installed (scikit-learn brings it).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    limits = contextlib.nullcontext()
    if importlib.util.find_spec("threadpoolctl"):
        limits = importlib.import_module("threadpoolctl").threadpool_limits(1)
    try:
        with limits:
            yield
    finally:
        torch.set_num_threads(threads)


def _growth_rate(
    grid: list[_Sizes], axis: str, seconds: Mapping[int, list[float]]
) -> float:
    """Return the exponent by which time grows, 0 where too little stands out to tell.

    Least times, since all that is added by chance is added; the smallest size shows
    how much that may be.
    """
    shortest = [min(seconds[sizes[axis]]) for sizes in grid]
    chance = np.quantile(seconds[min(seconds)], _CHANCE)
    grown = sum(time > chance for time in shortest)
    tells = grown >= _GROWN and shortest[-1] > _OVERHEAD
    return _slope(grid, axis, shortest) if tells else 0.0


def _slope(grid: list[_Sizes], axis: str, cost: list[float]) -> float:
    # The median over all pairs of sizes: where data outgrow a cache the time jumps,
    # once, and only the pairs on either side of the jump see it.
    size = np.log([sizes[axis] for sizes in grid])
    return float(scipy.stats.theilslopes(np.log(cost), size).slope)


def _compiled(formula: str, names: list[str]) -> Any:
    """Return the function of sizes that a formula stands for."""
    try:
        tree = ast.parse(formula, mode="eval")
    except SyntaxError:
        raise _bad_formula(formula, names) from None
    allowed = (ast.Expression, ast.BinOp, ast.Name, ast.Constant, ast.Call, ast.Load)
    for node in ast.walk(tree):
        unknown = isinstance(node, ast.Name) and node.id not in (*names, "log")
        if unknown or not isinstance(node, (*allowed, ast.operator)):
            raise _bad_formula(formula, names)
    code = compile(tree, "<law>", "eval")

    def evaluate(sizes: _Sizes) -> float:
        known = {"targets": sizes.get("points"), **sizes, "log": math.log}
        # Nothing but sizes, numbers, arithmetic and log got through the check above.
        return float(eval(code, {"__builtins__": {}}, known))  # noqa: S307

    return evaluate


def _bad_formula(formula: str, names: list[str]) -> ValueError:
    return ValueError(
        f"`law` must be a formula in {', '.join(names)}, such as "
        f'"{names[0]} * log({names[0]})"; got {formula!r}'
    )
