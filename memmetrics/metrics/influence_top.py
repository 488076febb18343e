"""The few most influential training points of every target.

As `counterfactual_influence`, for as many points and targets as there may be: the
matrix of all pairs is gone through in blocks and never there as a whole.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from memmetrics._arrays.validation import Array, count_iv
from memmetrics.evidence import Retrainings
from memmetrics.metrics.base import usable_iv
from memmetrics.metrics.influence import (
    CounterfactualInfluence,
    InfluenceBlock,
    influence_blocks,
)
from memmetrics.result import Result

__all__ = ["top_influences"]


def top_influences(
    scores: Retrainings | Array,
    member: Array | None = None,
    *,
    count: int,
    own: npt.ArrayLike | None = None,
    absolute: bool = False,
) -> pd.DataFrame:
    """Training points with the largest influence on each target.

    Parameters
    ----------
    scores : Retrainings or array (runs, targets)
        Evidence, or the score of every target under every run, higher is better; NaN
        where the run did not score the target.
    member : bool array (runs, points)
        Whether the point was in the run's training set. Not with evidence.
    count : int
        How many points for each target, at least 1; fewer where fewer have an
        influence.
    own : int array (targets,), optional
        The training point that each target is, or -1. Default: target `i` is point
        `i`. No target's influence on itself is listed: that is its memorization.
    absolute : bool, default False
        Whether points that harm the target count as much as those that help it.

    Returns
    -------
    DataFrame
        The columns common to all metrics with ``target`` and ``rank``, from 1; target
        by target, rising ranks. ``index`` is the training point, ``estimate`` and
        ``standard_error`` are in the unit of the score.

    Raises
    ------
    TypeError, ValueError
        As for `Retrainings`, or if `count` is no whole number of at least 1.

    Warns
    -----
    RuntimeWarning
        If runs whose scores are NaN throughout are left out.

    Notes
    -----
    The largest of many estimates owe it to chance in part. Among a million points
    without any influence, the first would stand near five standard errors.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> member = rng.random((100, 4)) < 0.5
    >>> effects = np.array([[9, 0, 0, 3], [0, 9, 4, 1], [1, 2, 9, 0], [2, 0, 0, 9]])
    >>> top = top_influences(member @ effects * 1.0, member, count=2)
    >>> top[top.target == 3][["index", "target", "rank"]]
       index  target  rank
    6      0       3     1
    7      1       3     2
    """
    count = count_iv(count, "count", least=1)
    evidence = usable_iv(scores, member, own)
    frames = [
        _largest(block, count, absolute=absolute)
        for block in influence_blocks(evidence)
    ]
    table = pd.concat(frames).dropna(subset="estimate")
    return table.reset_index(drop=True)


def _largest(block: InfluenceBlock, count: int, *, absolute: bool) -> pd.DataFrame:
    """Return the rows of some targets, those without an influence with NaN."""
    size = np.abs(block.estimate) if absolute else block.estimate
    size = np.where(np.isnan(size), -np.inf, size)  # (points, targets)
    count = min(count, len(size))
    found = np.argpartition(-size, count - 1, axis=0)[:count]
    order = np.argsort(-np.take_along_axis(size, found, 0), axis=0, kind="stable")
    points = np.take_along_axis(found, order, 0).T  # (targets, ranks)
    table = Result(
        CounterfactualInfluence.name,
        CounterfactualInfluence.unit,
        np.take_along_axis(block.estimate.T, points, 1),
        standard_error=np.take_along_axis(block.standard_error.T, points, 1),
        axes=("target", "rank"),
    ).to_frame()
    table["index"] = pd.array(points.ravel(), dtype="Int64")
    table["target"] += block.targets.start
    table["rank"] += 1
    return table
