"""Likelihood ratio of membership, from scores with and without each point (LiRA).

For every run k and point i, with Gaussians fitted to the point's scores x in all
*other* runs that had it (IN) and that had it not (OUT),

    Λ_ki = log N(x_ki; μ_in, σ_in²) − log N(x_ki; μ_out, σ_out²).

Positive means that the score looks like that of a model which was trained on the point.
"""

from __future__ import annotations

from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.validation import ArrayT, as_float, is_finite, to_numpy
from memmetrics.errors import warn_of
from memmetrics.evidence import Retrainings
from memmetrics.metrics.base import usable_iv
from memmetrics.statistics.likelihood_ratio import LEAST_RUNS, NO_RATIO, gaussian_ratios

__all__ = ["likelihood_ratios", "logit"]

Floats: TypeAlias = npt.NDArray[np.float64]


@overload
def logit(probability: Retrainings) -> Retrainings: ...
@overload
def logit(probability: ArrayT) -> ArrayT: ...
def logit(probability: Any) -> Any:
    r"""Log-odds of probabilities, a score that is close to Gaussian over runs.

    .. math:: \phi(p) = \log(p / (1 - p))

    Parameters
    ----------
    probability : Retrainings, or array or tensor
        Within [0, 1], such as the probability of the correct class, or evidence with
        such scores. NaN, as of a run that did not score a target, stays.

    Returns
    -------
    Retrainings, or array or tensor
        Of the same shape, evidence with all else as it was. 0 and 1 count as the
        nearest numbers that the type can tell from them, half its spacing at 1, so that
        the result is finite.

    Raises
    ------
    TypeError, ValueError
        If the values are not real numbers within [0, 1].

    References
    ----------
    Carlini et al. (2022), arXiv 2112.03570, equation 3.

    Examples
    --------
    >>> logit(np.array([0.5, 0.9])).round(4)
    array([0.    , 2.1972])
    """
    if isinstance(probability, Retrainings):
        evidence = probability
        return Retrainings(
            _log_odds(evidence.scores),
            evidence.member,
            evidence.own,
            evidence.groups,
            evidence.seeds,
        ).with_attrs(evidence.attrs)
    return _log_odds(probability)


def _log_odds(probability: Any) -> Any:
    values: Any = as_float(probability, "probability", axes="(...)", min_ndim=0)
    plain = to_numpy(values)
    if ((plain < 0) | (plain > 1)).any():
        raise ValueError(
            "`probability` must lie within [0, 1]; "
            f"got values from {np.nanmin(plain)} to {np.nanmax(plain)}"
        )
    tensor = isinstance(values, torch.Tensor)  # which may be of a type of its own
    kind = torch.finfo(values.dtype) if tensor else np.finfo(values.dtype)
    margin = float(kind.eps) / 2
    inner = values.clip(margin, 1 - margin)
    odds = inner / (1 - inner)
    return odds.log() if tensor else np.log(odds)


def likelihood_ratios(
    scores: Retrainings | npt.NDArray[Any],
    member: npt.NDArray[np.bool_] | None = None,
    *,
    own: npt.ArrayLike | None = None,
    pooled: bool | None = None,
) -> Floats:
    """Log-likelihood ratio of membership of every (run, target) pair.

    Parameters
    ----------
    scores : Retrainings or array (runs, targets)
        Evidence, or scores. They should be roughly Gaussian over the runs of one arm:
        a loss that is summed or averaged over many outputs as it is (with its sign
        turned), a probability after `logit`, without which the attack is much weaker.
        NaN where the run did not score the target.
    member : bool array (runs, points)
        Whether the point was in the run's training set. Not with evidence.
    own : int array (targets,), optional
        The training point that each target is, or -1. Default: target `i` is point
        `i`. Not with evidence.
    pooled : bool, optional
        Whether all points share one variance in each arm, which is the better choice
        for few runs, or none does. Default: all below 64 runs; from there on, those
        without a variance of their own, since an arm's other scores are all alike.

    Returns
    -------
    float64 array (runs, targets)
        In nats. NaN for held-out targets, which nothing trained on, for points with
        fewer than 3 scores in an arm or an infinite one, where the run did not score
        the target, and with ``pooled=False`` for points without a variance of their
        own.

    Raises
    ------
    TypeError, ValueError
        As for `Retrainings`, or if no score differs from another of its arm.

    Warns
    -----
    RuntimeWarning
        If a run was left out, a point has an infinite score, or, with
        ``pooled=False``, no variance of its own.

    Notes
    -----
    No run's score is in the Gaussians that it is judged by, nor in the pooled
    variance: both follow in closed form from each arm's sums. Costs
    O(runs · targets).

    References
    ----------
    Carlini et al., "Membership inference attacks from first principles" (2022), arXiv
    2112.03570, algorithm 1 (online attack) and section VI.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> member = rng.random((64, 5)) < 0.5
    >>> ratio = likelihood_ratios(rng.normal(size=(64, 5)) + 3 * member, member)
    >>> bool(ratio[member].mean() > 2), bool(ratio[~member].mean() < -2)
    (True, True)
    """
    evidence = usable_iv(scores, member, own, finished=2 * LEAST_RUNS)
    runs = evidence.finished
    own = np.asarray(runs.own)
    if not is_finite(runs.scores):
        infinite = np.isinf(runs.scores).any(axis=0) & (own >= 0)
        warn_of(infinite, NO_RATIO.format("an infinite score"))
    if pooled is None:
        return evidence.likelihood_ratios.copy()
    return gaussian_ratios(runs.scores, runs.member, own, pooled=pooled)
