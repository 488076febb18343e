"""The runs that can be used: all but those that diverged."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memmetrics.evidence import Retrainings
from memmetrics.metrics._tokens import require_one_score
from memmetrics.metrics.counterfactual import warn_of_failed
from memmetrics.statistics.arms import failed_runs

__all__ = ["Finished", "finished_runs"]


class Finished(NamedTuple):
    """Retrainings without those that diverged."""

    scores: npt.NDArray[Any]  # (runs, targets)
    member: npt.NDArray[np.bool_]  # (runs, points)
    own: npt.NDArray[np.int64]  # (targets,)

    @property
    def trained_on(self) -> npt.NDArray[np.bool_]:
        """Whether the target itself was trained on: (runs, targets)."""
        if np.array_equal(self.own, np.arange(self.member.shape[1])):
            return self.member
        return self.member[:, self.own] & (self.own >= 0)


def finished_runs(
    scores: npt.NDArray[Any],
    member: npt.NDArray[np.bool_],
    own: npt.NDArray[np.int64] | None,
    *,
    least: int,
) -> Finished:
    """Check the arrays as `Retrainings` does, and leave out the rows of NaN.

    Parameters
    ----------
    scores : array (runs, targets)
        Higher is better.
    member : bool array (runs, points)
        Who was trained on.
    own : int array (targets,) or None
        The training point that each target is, or -1.
    least : int
        How many finished runs there must be.

    Returns
    -------
    Finished

    Raises
    ------
    TypeError, ValueError
        As for `Retrainings`, or if fewer than `least` runs finished.

    Warns
    -----
    RuntimeWarning
        If runs are left out.

    Examples
    --------
    >>> member = np.array([[True], [False], [True]])
    >>> finished_runs(np.ones((3, 1)), member, None, least=2).own
    array([0])
    """
    evidence = Retrainings(scores=scores, member=member, own=own)
    require_one_score(evidence.scores)
    own = np.asarray(evidence.own)
    failed = failed_runs(evidence.scores)
    warn_of_failed(failed)
    finished = len(failed) - int(failed.sum())
    if finished < least:
        raise ValueError(
            f"`scores` must have at least {least} runs that are not NaN throughout; "
            f"got {finished}"
        )
    if finished == len(failed):
        return Finished(evidence.scores, evidence.member, own)
    return Finished(evidence.scores[~failed], evidence.member[~failed], own)
