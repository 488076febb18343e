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

from memmetrics._arrays.validation import as_confidence, as_labels
from memmetrics.evidence import Retrainings
from memmetrics.metrics._finished import Finished, finished_runs
from memmetrics.metrics.counterfactual import memorization_from_arms
from memmetrics.result import Result
from memmetrics.statistics.arms import Arms

__all__ = ["GroupMemorization", "group_memorization"]


def group_memorization(
    scores: npt.NDArray[Any],
    member: npt.NDArray[np.bool_],
    groups: npt.NDArray[Any],
    *,
    own: npt.NDArray[np.int64] | None = None,
    confidence: float = 0.95,
) -> Result:
    r"""Counterfactual memorization of groups of points that were toggled together.

    .. math::
        \bar{x}_{kG} = \frac{1}{|G|} \sum_{i \in G} x_{ki}, \qquad
        \overline{\bar{x}_G}^{\,in} - \overline{\bar{x}_G}^{\,out}

    Parameters
    ----------
    scores : array (runs, targets)
        Higher is better.
    member : bool array (runs, points)
        Whether the point was in the run's training set; the same for all points of
        one group.
    groups : array (points,)
        The group of each point, as given to `retrain`: integers or strings.
    own : int array (targets,), optional
        The training point that each target is, or -1. Default: target `i` is point
        `i`. A group's score is the mean over the targets that are its points, in the
        runs that scored them all; other runs do not count for the group.
    confidence : float, default 0.95
        Confidence of the intervals.

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
    confidence = as_confidence(confidence)
    finished = finished_runs(scores, member, own, least=2)
    labels, first, group, sizes = _groups_iv(groups, finished.member)
    scored, mean_scores = _mean_scores(finished, group)
    arms = Arms.from_scores(mean_scores, finished.member[:, first[scored]])
    result = memorization_from_arms(arms, confidence=confidence)
    return replace(
        result,
        metric=GroupMemorization.name,
        columns={"group": labels[scored], "size": sizes[scored], **result.columns},
    )


@dataclass(frozen=True)
class GroupMemorization:
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

    name: ClassVar[str] = "group_memorization"
    version: ClassVar[int] = 1
    needs: ClassVar[type[Retrainings]] = Retrainings
    unit: ClassVar[str] = "score"
    cost: ClassVar[str] = "runs * (targets + points)"

    def __call__(self, evidence: Retrainings) -> Result:
        """Return the memorization of every group."""
        groups = evidence.groups
        return group_memorization(
            evidence.scores,
            evidence.member,
            np.arange(evidence.member.shape[1]) if groups is None else groups,
            own=evidence.own,
            confidence=self.confidence,
        )


def _groups_iv(
    groups: npt.NDArray[Any], member: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[Any], ...]:
    """Return labels, one point of each group, each point's group, and sizes."""
    values = as_labels(groups, "groups")
    points = member.shape[1]
    if values.shape != (points,):
        raise ValueError(
            f"`groups` must give one group for each of the {points} points; "
            f"got shape {values.shape}"
        )
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
    finished: Finished, group: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return the groups that have targets, and the mean over each (runs, groups)."""
    targets = np.flatnonzero(finished.own >= 0)
    if targets.size == 0:
        raise ValueError("`own` must name some training point; every target is -1")
    scored, place, size = np.unique(
        group[finished.own[targets]], return_inverse=True, return_counts=True
    )
    # (targets, groups), one entry in each row that is no held-out target's.
    total = scipy.sparse.csr_array(
        (np.ones(len(place)), (targets, place)),
        shape=(len(finished.own), len(scored)),
    )
    # Divided last: six sixths do not sum to 1, and outcomes have to stay outcomes.
    return scored, np.asarray(finished.scores.astype(np.float64) @ total) / size
