"""Does a metric cost what it says? Its time against the law that it declares.

One size at a time is doubled again and again, and the exponent by which the time
grows is the slope of log time against log size. A slope is not an absolute time: it is
the same on a slow machine as on a fast one.
"""

from __future__ import annotations

import ast
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from memmetrics.metrics.base import Metric
from memmetrics.metrics.registry import get_metric
from memmetrics.testing.sample import SIZES, elements, sample_evidence

__all__ = ["CostReport", "check_cost"]

# Sizes begin where a call takes this long, and this much longer than on next to
# nothing, so that what is measured is the law and not the overhead. They double until
# a call takes too long, or the evidence is too large, or there are enough of them.
_SECONDS = 3e-4
_TIMES_OVERHEAD = 5.0
_TOO_LONG = 0.1
_MOST_ELEMENTS = 2**23
_MOST_SIZES = 5
_ROUNDS = 7
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
        If a size's exponent exceeds the declared one twice, the second time at larger
        sizes.
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
        grid = _grid(subject, axis)
        declared[axis] = _slope(grid, axis, [evaluate(sizes) for sizes in grid])
        for _attempt in range(2):
            measured[axis] = _slope(grid, axis, _times(subject, grid))
            if measured[axis] <= declared[axis] + tolerance:
                break
        else:
            raise AssertionError(
                f"{subject.name}: time grows as {axis}**{measured[axis]:.2f}, declared "
                f'"{formula}" allows {axis}**{declared[axis]:.2f} '
                f"(+ {tolerance}) from {axis} = {grid[0][axis]} to {grid[-1][axis]}"
            )
    return CostReport(measured, declared)


def _grid(metric: Metric, axis: str) -> list[_Sizes]:
    """Sizes that double along `axis`, from where its law begins to show."""
    ladder = [dict(SIZES[metric.needs])]
    seconds = _times(metric, ladder)
    enough = max(_SECONDS, _TIMES_OVERHEAD * seconds[0])
    begin = None
    while seconds[-1] < _TOO_LONG:
        longer = ladder[-1] | {axis: ladder[-1][axis] * 2}
        if elements(metric.needs, longer) > _MOST_ELEMENTS:
            break
        ladder.append(longer)
        seconds += _times(metric, [longer], rounds=3)
        if begin is None and seconds[-1] > enough:
            begin = len(ladder) - 1
        if begin is not None and len(ladder) - begin == _MOST_SIZES:
            break
    # At least three, and the largest where no call takes long.
    return ladder[min(begin or len(ladder), len(ladder) - 3) :]


def _times(metric: Metric, grid: list[_Sizes], rounds: int = _ROUNDS) -> list[float]:
    """Return the shortest time of each, taken in turns so that all meet slow moments.

    Processor time, which others that use the machine do not add to.
    """
    evidence = [sample_evidence(metric.needs, sizes) for sizes in grid]
    for each in evidence:
        metric(each)
    seconds = np.full((rounds, len(grid)), math.inf)
    for row in seconds:
        for i, each in enumerate(evidence):
            began = time.process_time()
            metric(each)
            row[i] = time.process_time() - began
    return [float(shortest) for shortest in np.maximum(seconds.min(axis=0), 1e-7)]


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
        if isinstance(node, ast.Name) and node.id not in (*names, "log"):
            raise _bad_formula(formula, names)
        if not isinstance(node, (*allowed, ast.operator)):
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
