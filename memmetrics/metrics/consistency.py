"""Consistency score: how well models do on a point that they did not train on.

    C_i = E[score of point i | i was not in the training set]

Points with a high score follow from the others; points with a low one are exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import as_confidence
from memmetrics.errors import warn_of
from memmetrics.evidence import Retrainings
from memmetrics.metrics.base import INFINITE, FunctionMetric, usable_iv
from memmetrics.result import Result
from memmetrics.statistics.intervals import interval_iv
from memmetrics.statistics.mean_interval import MeanInterval, mean_interval

__all__ = ["ConsistencyScore", "consistency_score"]


def consistency_score(
    scores: Retrainings | npt.NDArray[Any],
    member: npt.NDArray[np.bool_] | None = None,
    *,
    own: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    interval: MeanInterval = "automatic",
) -> Result:
    r"""Mean score of every target over the runs that did not train on it.

    .. math:: C_i = \frac{1}{n_i} \sum_{k : i \notin S_k} x_{ki}

    Parameters
    ----------
    scores : Retrainings or array (runs, targets)
        Evidence, or scores, higher is better; 0 for wrong and 1 for right gives the
        published C-score at one share of the data.
    member : bool array (runs, points)
        Whether the point was in the run's training set. Not with evidence.
    own : int array (targets,), optional
        The training point that each target is, or -1. Default: target `i` is point
        `i`. Every run counts for a held-out target, since none trained on it: its
        held-out consistency. Not with evidence.
    confidence : float, default 0.95
        Confidence of the intervals.
    interval : {"automatic", "student", "wilson"}
        Which interval: the one that fits each point's scores, or a published one,
        Student's t or, for scores of two values, Wilson's score interval.

    Returns
    -------
    Result
        One number for every target, in the unit of the score, and ``n_out``, the runs
        that count, those that scored the target; NaN where there is none, or an
        infinite score. Columns ``interval`` and ``flag`` as in
        `mean_interval`.

    Raises
    ------
    TypeError, ValueError
        As for `Retrainings`, or if no run finished, or `interval` does not fit.

    Warns
    -----
    RuntimeWarning
        If a run was left out, or a target has an infinite score.

    Notes
    -----
    The published C-score also averages over shares of the data from 10 to 90 %; do so
    with retrainings of several fractions.

    References
    ----------
    Jiang et al., "Characterizing structural regularities of labeled data in
    overparameterized models" (2020), arXiv 2002.03206, section 2.

    Examples
    --------
    >>> scores = np.array([[0.9, 0.8], [0.2, 0.7], [0.4, 1.0]])
    >>> member = np.array([[True, False], [False, True], [False, False]])
    >>> consistency = consistency_score(scores, member)
    >>> consistency.estimate.round(3), consistency.n_out
    (array([0.3, 0.9]), array([2, 2]))
    """
    confidence = as_confidence(confidence)
    interval_iv(interval, get_args(MeanInterval))
    evidence = usable_iv(scores, member, own, runs=1)
    held_out = evidence.arms.outside
    warn_of(held_out.infinite, INFINITE)
    return Result(
        ConsistencyScore.name,
        ConsistencyScore.unit,
        held_out.mean,
        n_out=held_out.count,
        **mean_interval(held_out, confidence=confidence, interval=interval),
        attrs=evidence.attrs,
    )


@dataclass(frozen=True)
class ConsistencyScore(FunctionMetric):
    """Metric of `consistency_score`; needs `Retrainings`.

    Examples
    --------
    >>> member = np.array([[True, False], [False, True]])
    >>> ConsistencyScore()(Retrainings(np.array([[1.0, 0.5], [0.25, 1.0]]), member)
    ... ).estimate
    array([0.25, 0.5 ])
    """

    confidence: float = 0.95
    interval: MeanInterval = "automatic"

    name: ClassVar[str] = "consistency_score"
    function = staticmethod(consistency_score)
