"""Counterfactual memorization: how much better a point scores when it was trained on.

    mem(i) = E[score of i | i in the training set] − E[score of i | i not in it],

estimated by the mean over retrained models that had the point (IN) minus the mean over
those that had not (OUT). The expectation is over training subsets and over the
randomness of training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import Array
from memmetrics.errors import warn_of
from memmetrics.evidence import Retrainings, tokens_present
from memmetrics.metrics.base import EMPTY_ARM, INFINITE, FunctionMetric, usable_iv
from memmetrics.result import NUMBERS, Result
from memmetrics.statistics.arms import Arms
from memmetrics.statistics.intervals import Interval, difference_interval, options_iv

__all__ = [
    "CounterfactualMemorization",
    "counterfactual_memorization",
    "memorization_from_arms",
]


def counterfactual_memorization(
    scores: Retrainings | Array,
    member: Array | None = None,
    *,
    own: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    minimum: float = 0.0,
    interval: Interval = "automatic",
) -> Result:
    r"""Mean score of the runs that had a point minus that of the runs that had not.

    .. math::
        \widehat{mem}_i = \bar s_i^{in} - \bar s_i^{out}, \qquad
        SE_i^2 = s_{in}^2 / n_{in} + s_{out}^2 / n_{out}

    Parameters
    ----------
    scores : Retrainings, or array or tensor (runs, targets[, tokens])
        Evidence, or the score of every point, or of each of its tokens, under every
        run; higher is better (for a loss, its negative). NaN says that the run did not
        score the point, and does not count there. A run whose scores are NaN
        throughout, as one that diverged, is left out with a warning; a token that is
        NaN in every run is padding, and its estimate is NaN.
    member : boolean array or tensor (runs, points)
        Whether the point was in the run's training set. Not with evidence.
    own : int array (targets,), optional
        The training point that each target is, or -1 for a held-out target, whose
        estimate is NaN. Default: target `i` is point `i`. Not with evidence.
    confidence : float
        Confidence of the interval, between 0 and 1.
    minimum : float
        Memorization worth the name, in the unit of the scores: `p_value` speaks
        against no more than this.
    interval : {"automatic", "welch", "newcombe"}
        Which interval: the one that fits each point's scores, or a published one, for
        those who have to name it: Welch's t interval (1947), or for scores of two
        values Newcombe's hybrid score interval (1998, method 10).

    Returns
    -------
    Result
        ``estimate``, ``standard_error``, ``low``, ``high``, ``n_in`` and ``n_out``,
        each ``(targets,)`` or ``(targets, tokens)``, in the unit of the scores.
        Positive means memorized. An estimate is NaN, never 0, where a point has no
        score in one of the arms, or an infinite one. ``n_in`` and ``n_out`` count the
        runs that scored the point. The columns say which ``interval`` was used, what
        the sample lacks (``flag``) and the one-sided ``p_value`` of at most `minimum`;
        see `memmetrics.statistics.difference_interval`.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, `member` is not boolean, the tensors are on different
        devices, fewer than two runs are given, no score is there at all, `confidence`
        is not within (0, 1), `minimum` is not finite, or `interval` is unknown, or
        Newcombe's and a point has scores of more than two values.

    Warns
    -----
    RuntimeWarning
        If a point has no run in one of the arms, or an infinite score, or a run was
        left out; the message says how many.

    Notes
    -----
    Unbiased for subsets in which points are chosen independently of one another, or
    in balanced columns. The scores are read once and never copied; see
    `memmetrics.statistics.arms`.

    References
    ----------
    Feldman and Zhang, "What Neural Networks Memorize and Why" (2020), section 2;
    Zhang et al., "Counterfactual Memorization in Neural Language Models" (2023),
    definition 1.

    Examples
    --------
    >>> import numpy as np
    >>> member = np.array([[True, False], [True, False], [False, True], [False, True]])
    >>> scores = np.array([[0.9, 0.5], [1.0, 0.4], [0.1, 0.5], [0.2, 0.6]])
    >>> memorization = counterfactual_memorization(scores, member)
    >>> memorization.estimate.round(3)
    array([0.8, 0.1])
    >>> memorization.n_in
    array([2, 2])
    >>> counterfactual_memorization(Retrainings(scores, member)).estimate.round(3)
    array([0.8, 0.1])
    """
    confidence = options_iv(confidence, minimum, interval)
    evidence = usable_iv(scores, member, own, tokens=True)
    flat = evidence.flat
    points = np.asarray(flat.own) >= 0
    result = _memorization(evidence.arms, points, confidence, minimum, interval)
    result = replace(result, attrs=evidence.attrs)
    if flat is not evidence:
        result = _spread(result, tokens_present(evidence.scores))
    return result.beside(scores)


def memorization_from_arms(
    arms: Arms,
    *,
    confidence: float = 0.95,
    minimum: float = 0.0,
    interval: Interval = "automatic",
) -> Result:
    """Return counterfactual memorization of scores that were streamed into `arms`.

    Parameters
    ----------
    arms : Arms
        Statistics of all runs, merged; arrays ``(points,)``.
    confidence, minimum, interval
        As for `counterfactual_memorization`.

    Returns
    -------
    Result
        As `counterfactual_memorization`.

    Warns
    -----
    RuntimeWarning
        If a point has no run in one of the arms, or an infinite score; the message
        says how many.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> scores, member = rng.normal(size=(8, 3)), rng.random((8, 3)) < 0.5
    >>> halves = [Arms.from_scores(scores[k::2], member[k::2]) for k in range(2)]
    >>> streamed = memorization_from_arms(halves[0].merge(halves[1])).estimate
    >>> whole = counterfactual_memorization(scores, member).estimate
    >>> bool(np.allclose(streamed, whole))
    True
    """
    points = np.ones(len(arms.inside.count), dtype=bool)
    return _memorization(arms, points, confidence, minimum, interval)


def _memorization(
    arms: Arms,
    points: npt.NDArray[np.bool_],
    confidence: float,
    minimum: float,
    interval: Interval,
) -> Result:
    inside, outside = arms
    empty = (inside.count == 0) | (outside.count == 0)
    warn_of(empty & points, EMPTY_ARM, stacklevel=4)
    warn_of((inside.infinite | outside.infinite) & points, INFINITE, stacklevel=4)
    found = difference_interval(
        inside, outside, confidence=confidence, minimum=minimum, interval=interval
    )
    return Result(
        CounterfactualMemorization.name,
        CounterfactualMemorization.unit,
        inside.mean - outside.mean,
        n_in=inside.count,
        n_out=outside.count,
        **found.of_result(),
    )


def _spread(result: Result, present: npt.NDArray[np.bool_]) -> Result:
    """Return a result of each token as one of `(target, token)`, padding being NaN."""

    def spread(flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
        # Padding has no estimate, no runs and nothing to say.
        padding = np.nan if flat.dtype.kind == "f" else flat.dtype.type()
        places = np.full(present.shape, padding, dtype=flat.dtype)
        places[present] = flat
        return places

    numbers: dict[str, Any] = {name: spread(getattr(result, name)) for name in NUMBERS}
    return replace(
        result,
        **numbers,
        columns={name: spread(values) for name, values in result.columns.items()},
        axes=("index", "token"),
    )


@dataclass(frozen=True)
class CounterfactualMemorization(FunctionMetric):
    """Metric of `counterfactual_memorization`; needs `Retrainings`.

    One estimate for each target; NaN for those that are no training points.

    Examples
    --------
    >>> import numpy as np
    >>> member = np.arange(20).reshape(10, 2) % 3 == 0
    >>> result = CounterfactualMemorization()(Retrainings(member * 1.0, member))
    >>> result.estimate
    array([1., 1.])
    """

    confidence: float = 0.95
    minimum: float = 0.0
    interval: Interval = "automatic"

    name: ClassVar[str] = "counterfactual_memorization"
    function = staticmethod(counterfactual_memorization)
