"""What a report has to say, before anybody writes it down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memmetrics.evidence import Retrainings, own_iv, tokens_present
from memmetrics.metrics.counterfactual import CounterfactualMemorization
from memmetrics.reporting.influences import Influences, find_influences
from memmetrics.result import Result
from memmetrics.statistics.arms import failed_runs
from memmetrics.statistics.discovery import discoveries

__all__ = ["Findings", "find"]


@dataclass(frozen=True, eq=False)
class Findings:
    """Memorization of every training point that was scored, and what it rests on.

    Parameters
    ----------
    evidence : Retrainings
        With one score for each target.
    metric : CounterfactualMemorization
        With its confidence and its minimum.
    false_discovery_rate : float
        Of `memorized`.
    tokens : int
        Tokens of a target, whose mean is its score; 0 where there is no such axis.
    table : DataFrame
        A row for each target that is a training point, the largest estimate first:
        the columns of `Result.to_frame`, ``point`` and ``memorized``.
    memorized_any_dependence : int
        Points memorized at the same rate, whatever the dependence between points.
    influences : Influences or None
        On held-out targets, if there are any.
    """

    evidence: Retrainings
    metric: CounterfactualMemorization
    false_discovery_rate: float
    tokens: int
    table: pd.DataFrame
    memorized_any_dependence: int
    influences: Influences | None

    @property
    def left_out(self) -> int:
        """Runs that are NaN throughout."""
        return int(failed_runs(self.evidence.scores).sum())

    @property
    def held_out(self) -> int:
        """Targets that are no training points."""
        targets: int = self.evidence.scores.shape[1]
        return targets - len(self.table)

    @property
    def missing(self) -> int:
        """Scores that are missing in runs that are not left out."""
        counted = self.table["n_in"].sum() + self.table["n_out"].sum()
        runs = len(self.evidence.scores) - self.left_out
        return runs * len(self.table) - int(counted)

    def summary(self) -> dict[str, float | int | None]:
        """Return the numbers that limits can be set to; None where there is none."""
        estimates = _finite(self.table["estimate"])
        widths = _finite((self.table["high"] - self.table["low"]) / 2)
        memorized = int(self.table["memorized"].sum())
        tested = int(np.isfinite(self.table["p_value"]).sum())
        return {
            "estimated": len(estimates),
            "tested": tested,
            "memorized": memorized if tested else None,
            "share": memorized / tested if tested else None,
            "memorized_any_dependence": self.memorized_any_dependence
            if tested
            else None,
            "largest_estimate": float(estimates.max()) if len(estimates) else None,
            "mean_estimate": float(estimates.mean()) if len(estimates) else None,
            "median_half_width": float(np.median(widths)) if len(widths) else None,
        }


def find(
    evidence: Retrainings, *, metric: CounterfactualMemorization, rate: float
) -> Findings:
    """Measure, and decide what is memorized.

    Parameters
    ----------
    evidence : Retrainings
        Scores of tokens are averaged first; a run that lacks one of a target's tokens
        did not score the target.
    metric : CounterfactualMemorization
        What to measure.
    rate : float
        False-discovery rate.

    Raises
    ------
    ValueError
        If there are fewer than two runs, or no target is a training point.
    """
    if len(evidence.scores) < 2:
        raise ValueError("`evidence` must hold at least 2 runs; got 1")
    tokens = evidence.scores.shape[2] if evidence.scores.ndim == 3 else 0
    evidence = _one_score_each(evidence)
    own = own_iv(
        evidence.own, targets=evidence.scores.shape[1], points=evidence.member.shape[1]
    )
    if (own < 0).all():
        raise ValueError(
            "`evidence` must have training points among its targets; all are held out"
        )
    result = metric(evidence)
    cautious = discoveries(result, false_discovery_rate=rate, any_dependence=True)
    return Findings(
        evidence=evidence,
        metric=metric,
        false_discovery_rate=rate,
        tokens=tokens,
        table=_table(result, own, discoveries(result, false_discovery_rate=rate)),
        memorized_any_dependence=int(cautious[own >= 0].sum()),
        influences=find_influences(evidence, own, confidence=metric.confidence),
    )


def _one_score_each(evidence: Retrainings) -> Retrainings:
    scores = evidence.scores
    if scores.ndim == 2:
        return evidence
    present = tokens_present(scores)  # (targets, tokens)
    total = np.where(present, scores, 0).sum(axis=2)
    count = present.sum(axis=1)
    mean = np.divide(
        total, count, out=np.full(total.shape, np.nan), where=count > 0
    )  # NaN where the run lacks a token
    return Retrainings(
        mean,
        evidence.member,
        evidence.own,
        evidence.groups,
        evidence.seeds,
    ).with_attrs(evidence.attrs)


def _table(
    result: Result, own: npt.NDArray[np.int64], memorized: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    frame = result.to_frame().assign(point=own, memorized=memorized)
    frame = frame[frame["point"] >= 0]
    return frame.sort_values("estimate", ascending=False, kind="stable")


def _finite(column: Any) -> npt.NDArray[np.float64]:
    values = np.asarray(column, dtype=np.float64)
    return values[np.isfinite(values)]
