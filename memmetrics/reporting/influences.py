"""What the scores of held-out targets rest on, before anybody writes it down."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from memmetrics.evidence import Retrainings
from memmetrics.metrics.influence import counterfactual_influence
from memmetrics.metrics.influence_top import top_influences

__all__ = ["Influences", "find_influences"]

_SEARCHED = 2 * 10**10  # runs · points · targets, some seconds
_TARGETS = 8
_POINTS = 4


@dataclass(frozen=True, eq=False)
class Influences:
    """The largest influences of training points on some held-out targets.

    Parameters
    ----------
    held_out, searched : int
        Held-out targets, and those of them whose influences were gone through.
    pairs : int
        Of a training point and a target, among those gone through.
    table : DataFrame
        A row for each pair shown, target by target, the largest influence first:
        ``target``, its place among the held-out targets; ``point``, ``estimate``,
        ``standard_error``, ``low``, ``high``; and ``clear``, whether the influence is
        not 0 by intervals that hold for all pairs gone through at once (Bonferroni).
    """

    held_out: int
    searched: int
    pairs: int
    table: pd.DataFrame


def find_influences(
    evidence: Retrainings, own: npt.NDArray[np.int64], *, confidence: float
) -> Influences | None:
    """Return the largest influences, None if no target is held out.

    Shown are the targets whose largest influence is the most standard errors from 0.

    Parameters
    ----------
    evidence : Retrainings
        With one score for each target.
    own : int array (targets,)
        The training point that each target is, or -1.
    confidence : float
        Of the intervals.
    """
    held_out = np.flatnonzero(own < 0)
    if not len(held_out):
        return None
    most = max(1, _SEARCHED // evidence.member.size)
    points = evidence.member.shape[1]
    places = np.arange(len(held_out))
    if most < len(held_out):
        places = np.unique(np.linspace(0, len(held_out) - 1, most).round().astype(int))
    pairs = points * len(places)
    with warnings.catch_warnings():
        # Said of these runs and points already.
        warnings.simplefilter("ignore", RuntimeWarning)
        top = _top(_scores_of(evidence, held_out[places]))
        shown = places[pd.unique(top["target"])]
        if top.empty:
            return Influences(len(held_out), len(places), pairs, pd.DataFrame())
        table = _with_intervals(
            _scores_of(evidence, held_out[shown]), top, pairs, confidence
        )
    table["target"] = shown[table["target"]]
    return Influences(len(held_out), len(places), pairs, table)


def _scores_of(evidence: Retrainings, targets: npt.NDArray[np.intp]) -> Retrainings:
    """Return the evidence on some held-out targets alone."""
    nobody = np.full(len(targets), -1)
    return Retrainings(evidence.scores[:, targets], evidence.member, own=nobody)


def _top(evidence: Retrainings) -> pd.DataFrame:
    """Return the rows of a few targets, those that stand out most first."""
    top = top_influences(evidence, count=_POINTS, absolute=True)
    away = (top["estimate"] / top["standard_error"]).abs()
    best = away.groupby(top["target"]).max().dropna().nlargest(_TARGETS)
    rows = top[top["target"].isin(best.index)]
    order = rows["target"].map({target: i for i, target in enumerate(best.index)})
    return rows.iloc[np.argsort(order.to_numpy(), kind="stable")]


def _with_intervals(
    evidence: Retrainings, top: pd.DataFrame, pairs: int, confidence: float
) -> pd.DataFrame:
    """Return the rows with intervals; ``target`` counts the targets of `evidence`."""
    each = counterfactual_influence(evidence, confidence=confidence)
    together = 1 - (1 - confidence) / pairs
    all_at_once = counterfactual_influence(evidence, confidence=together)
    target = pd.factorize(top["target"])[0]
    pair = top["index"].to_numpy(np.int64), target
    return pd.DataFrame(
        {
            "target": target,
            "point": pair[0],
            "estimate": np.asarray(each.estimate)[pair],
            "standard_error": np.asarray(each.standard_error)[pair],
            "low": np.asarray(each.low)[pair],
            "high": np.asarray(each.high)[pair],
            "clear": (np.asarray(all_at_once.low)[pair] > 0)
            | (np.asarray(all_at_once.high)[pair] < 0),
        }
    )
