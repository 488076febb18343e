"""Group memorization: what a family of points gains from having been trained on.

    mem(G) = E[mean score of G's points | G in the training set]
           − E[mean score of G's points | G not in it]

A point with copies is hardly memorized by itself, since its copies stand in for it;
toggled together, they show what they gain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse

from memmetrics.evidence import Retrainings, groups_iv
from memmetrics.metrics.base import FunctionMetric, usable_iv
from memmetrics.metrics.counterfactual import memorization_from_arms
from memmetrics.result import Result
from memmetrics.statistics.arms import Arms
from memmetrics.statistics.intervals import Interval, options_iv

__all__ = ["GroupMemorization", "group_memorization"]


def group_memorization(
    scores: Retrainings | npt.NDArray[Any],
    member: npt.NDArray[np.bool_] | None = None,
    groups: npt.ArrayLike | None = None,
    *,
    own: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    interval: Interval = "automatic",
) -> Result:
    r"""Counterfactual memorization of groups of points that were toggled together.

    .. math::
        \bar{x}_{kG} = \frac{1}{|G|} \sum_{i \in G} x_{ki}, \qquad
        \overline{\bar{x}_G}^{\,in} - \overline{\bar{x}_G}^{\,out}

    Parameters
    ----------
    scores : Retrainings or array (runs, targets)
        Evidence, or scores, higher is better.
    member : bool array (runs, points)
        Whether the point was in the run's training set; the same for all points of
        one group. Not with evidence.
    groups : array (points,), optional
        The group of each point, as given to `retrain`: integers or strings. Default:
        the groups of the evidence, or every point by itself.
    own : int array (targets,), optional
        The training point that each target is, or -1. Default: target `i` is point
        `i`. A group's score is the mean over the targets that are its points, in the
        runs that scored them all; other runs do not count for the group. Not with
        evidence.
    confidence : float, default 0.95
        Confidence of the intervals.
    interval : {"automatic", "welch", "newcombe"}
        As for `counterfactual_memorization`.

    Returns
    -------
    Result
        One number for every group that has a target, in rising order of the labels,
        in the unit of the score; NaN where an arm is empty. Columns ``group``, its
        label; ``size``, its points; ``interval``, ``flag`` and ``p_value`` as in
        `counterfactual_memorization`.

    Raises
    ------
    TypeError, ValueError
        As for `Retrainings`, or if `groups` is not one label for each point, the
        points of a group were not toggled together, or no target is a training point.

    References
    ----------
    Zhang et al., "Counterfactual memorization in neural language models", NeurIPS 2023
    (arXiv 2112.12938), equation 1, with a group in the place of a point.

    Examples
    --------
    >>> groups = np.array([0, 0, 1])
    >>> member = np.array([[True, True, False], [False, False, True]])
    >>> scores = np.array([[1.0, 0.5, 0.2], [0.0, 0.25, 0.8]])
    >>> group_memorization(scores, member, groups).estimate
    array([0.625, 0.6  ])
    """
    confidence = options_iv(confidence, 0, interval)
    evidence = usable_iv(scores, member, own, finished=2)
    runs = evidence.finished
    labels, first, group, sizes = _groups_iv(groups, runs)
    scored, mean_scores = _mean_scores(runs, group)
    arms = Arms.from_scores(mean_scores, runs.member[:, first[scored]])
    result = memorization_from_arms(arms, confidence=confidence, interval=interval)
    return replace(
        result,
        metric=GroupMemorization.name,
        columns={"group": labels[scored], "size": sizes[scored], **result.columns},
        attrs=evidence.attrs,
    )


@dataclass(frozen=True)
class GroupMemorization(FunctionMetric):
    """Metric of `group_memorization`; needs `Retrainings` with groups.

    Without groups, every point is a group of its own.

    Examples
    --------
    >>> member = np.array([[True, True], [False, False]])
    >>> evidence = Retrainings(np.eye(2), member, groups=np.zeros(2, dtype=int))
    >>> GroupMemorization()(evidence).estimate
    array([0.])
    """

    confidence: float = 0.95
    interval: Interval = "automatic"

    name: ClassVar[str] = "group_memorization"
    cost: ClassVar[str] = "runs * (targets + points)"
    function = staticmethod(group_memorization)


def _groups_iv(
    groups: npt.ArrayLike | None, runs: Retrainings
) -> tuple[npt.NDArray[Any], ...]:
    """Return labels, one point of each group, each point's group, and sizes."""
    member, points = runs.member, runs.member.shape[1]
    groups = runs.groups if groups is None else groups
    labels = np.arange(points) if groups is None else groups
    values = groups_iv(labels, points, floats=True)
    labels, first, group, sizes = np.unique(
        values, return_index=True, return_inverse=True, return_counts=True
    )
    for run in member:  # one by one, for the sake of memory
        apart = run != run[first][group]
        if apart.any():
            raise ValueError(
                "`groups` must have been toggled together: all points of a group in "
                "the training set, or none; got some of group "
                f"{values[apart.argmax()]!s}"
            )
    return labels, first, group, sizes


def _mean_scores(
    runs: Retrainings, group: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return the groups that have targets, and the mean over each (runs, groups)."""
    own = np.asarray(runs.own)
    targets = np.flatnonzero(own >= 0)
    if targets.size == 0:
        raise ValueError("`own` must name some training point; every target is -1")
    scored, place, size = np.unique(
        group[own[targets]], return_inverse=True, return_counts=True
    )
    # (targets, groups), one entry in each row that is no held-out target's.
    total = scipy.sparse.csr_array(
        (np.ones(len(place)), (targets, place)),
        shape=(len(own), len(scored)),
    )
    # Divided last: six sixths do not sum to 1, and outcomes have to stay outcomes.
    return scored, np.asarray(runs.scores.astype(np.float64) @ total) / size
