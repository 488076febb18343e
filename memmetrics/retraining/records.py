"""What a campaign of retrainings leaves behind: evidence, with its record."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics.evidence import Retrainings
from memmetrics.retraining.base import Bools
from memmetrics.retraining.campaign import Campaign
from memmetrics.retraining.errors import RetrainingError
from memmetrics.retraining.execution import describe_runs


@dataclass(frozen=True, eq=False)
class RecordedRetrainings(Retrainings):
    """Retrainings, with the record of how they came about.

    Parameters
    ----------
    kept : mapping of str to array, runs first
        What ``keep=`` asked for.
    diverged : bool array (runs,)
        Runs whose scores are NaN because training did not end in finite numbers.
    stack_size : int
        Runs that were trained together.
    """

    kept: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    diverged: Bools | None = None
    stack_size: int = 1

    def blocks(self) -> Iterator[tuple[npt.NDArray[Any], Bools]]:
        """Yield scores and membership of a few runs at a time.

        Examples
        --------
        >>> import numpy as np
        >>> member = np.array([[True, False], [False, True], [True, True]])
        >>> runs = RecordedRetrainings(np.zeros((3, 2)), member, stack_size=2)
        >>> [len(scores) for scores, _ in runs.blocks()]
        [2, 1]
        """
        for start in range(0, len(self.scores), self.stack_size):
            rows = slice(start, start + self.stack_size)
            yield self.scores[rows], self.member[rows]


@dataclass(frozen=True)
class Preparation:
    """Retrainings that are checked and can begin.

    Parameters
    ----------
    campaign : Campaign
        What to train.
    own : int array (targets,)
        The training point that each target is, or -1.
    groups : int array (points,) or None
        Points that enter and leave together.
    """

    campaign: Campaign
    own: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64] | None

    def train(self, runs: int) -> RecordedRetrainings:
        """Finish the first `runs` runs and return them as evidence."""
        member, seeds = self.campaign.train(runs)
        names = self.campaign.job.outputs
        outputs = {name: self.campaign.output(name) for name in names}
        scores = outputs.pop("scores")
        return RecordedRetrainings(
            scores=scores,
            member=member,
            own=self.own,
            groups=self.groups,
            seeds=np.array(seeds, dtype=np.uint64),
            kept=outputs,
            diverged=mark_diverged(scores, self.campaign.output("diverged")),
            stack_size=self.campaign.stack_size,
        )


def mark_diverged(scores: npt.NDArray[Any], diverged: Bools) -> Bools:
    """Make rows of NaN of the runs that diverged, and warn with their numbers."""
    diverged = diverged.copy()
    for run, row in enumerate(scores):
        if not np.isfinite(row).all():
            diverged[run] = True
    if diverged.all():
        raise RetrainingError("every run diverged: no score is finite throughout")
    if diverged.any():
        scores[diverged] = np.nan
        warnings.warn(
            f"{describe_runs(np.flatnonzero(diverged))} of {len(scores)} diverged: "
            "left out of every estimate",
            stacklevel=4,
        )
    return diverged
