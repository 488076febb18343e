"""What a campaign of retrainings leaves behind: evidence, with its record."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.mapped import release
from memmetrics.errors import RetrainingError
from memmetrics.evidence import Retrainings
from memmetrics.experiment.campaign import Campaign
from memmetrics.experiment.messages import describe_runs
from memmetrics.trainers.base import Bools, StoppingRule

logger = logging.getLogger("memmetrics")


@dataclass(frozen=True, eq=False)
class RecordedRetrainings(Retrainings):
    """Retrainings, with the record of how they came about.

    Parameters
    ----------
    kept : mapping of str to array, runs first
        What ``keep=`` asked for.
    diverged : bool array (runs,)
        Runs whose scores are NaN because training did not end in finite numbers: the
        model says so, or no score is finite. Of any other run, a score that is not
        finite is kept and concerns its own target.
    stack_size : int
        Runs that were trained together.
    """

    kept: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    diverged: Bools | None = None
    stack_size: int = 1

    def blocks(self) -> Iterator[tuple[npt.NDArray[Any], Bools]]:
        """Yield scores and membership of a few runs at a time.

        Scores that are mapped from disk take the memory of one block only.

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
            release(self.scores)


@dataclass(frozen=True)
class Preparation:
    """Retrainings that are checked and can begin.

    Parameters
    ----------
    campaign : Campaign
        What to train.
    own : int array (targets,)
        The training point that each target is, or -1.
    groups : int or str array (points,) or None
        Points that enter and leave together.
    """

    campaign: Campaign
    own: npt.NDArray[np.int64]
    groups: npt.NDArray[Any] | None

    def train(self, runs: int) -> RecordedRetrainings:
        """Finish the first `runs` runs and return them as evidence."""
        evidence = self._train(runs)
        _warn_of_diverged(evidence)
        return evidence

    def train_until(
        self, rule: StoppingRule, runs: int, block: int
    ) -> RecordedRetrainings:
        """Add runs until `rule` is satisfied, or allows no more; warn of the latter."""
        looks = list(rule.looks(runs, block))
        if not looks or looks[0] < 2 or sorted(set(looks)) != looks:
            raise ValueError(
                f"`until` must look after rising numbers of runs; got {looks}"
            )
        satisfied = False
        for look in looks:
            evidence = self._train(look)
            satisfied = rule.satisfied(evidence)
            logger.info(
                "%d runs: %s", look, "enough" if satisfied else "not yet enough"
            )
            if satisfied:
                break
        _warn_of_diverged(evidence)
        if not satisfied:
            warnings.warn(
                f"`until` is not satisfied after {looks[-1]} runs, the most it allows",
                stacklevel=3,
            )
        return evidence

    def _train(self, runs: int) -> RecordedRetrainings:
        member, seeds = self.campaign.train(runs)
        names = self.campaign.job.outputs
        outputs = {name: self.campaign.output(name) for name in names}
        scores = outputs.pop("scores")
        diverged = diverged_runs(scores, self.campaign.output("diverged"))
        if diverged.all():
            raise RetrainingError("every run diverged: no score is finite")
        if diverged.any():
            scores[diverged] = np.nan
        evidence = RecordedRetrainings(
            scores=scores,
            member=member,
            own=self.own,
            groups=self.groups,
            seeds=np.array(seeds, dtype=np.uint64),
            kept=outputs,
            diverged=diverged,
            stack_size=self.campaign.stack_size,
        )
        release(scores)
        return evidence


def diverged_runs(scores: npt.NDArray[Any], diverged: Bools) -> Bools:
    """Return which runs diverged: their stack said so, or no score is finite."""
    diverged = diverged.copy()
    for run, row in enumerate(scores):  # one by one: they may be mapped from disk
        if not np.isfinite(row).any():
            diverged[run] = True
        release(scores)
    return diverged


def _warn_of_diverged(evidence: RecordedRetrainings) -> None:
    diverged = np.asarray(evidence.diverged)
    if diverged.any():
        warnings.warn(
            f"{describe_runs(np.flatnonzero(diverged))} of {len(diverged)} diverged: "
            "left out of every estimate",
            stacklevel=4,
        )
    if missing := _missing_scores(evidence.scores, diverged):
        warnings.warn(
            f"{missing} scores of runs that did not diverge are NaN: these runs do not "
            "count for these targets",
            stacklevel=4,
        )


def _missing_scores(scores: npt.NDArray[Any], diverged: Bools) -> int:
    """Count the scores that are NaN, other than padding, which is so in every run."""
    missing = np.zeros(scores.shape[1:], dtype=np.int64)
    for run in np.flatnonzero(~diverged):
        missing += np.isnan(scores[run])
        release(scores)
    return int(missing[missing < (~diverged).sum()].sum())
