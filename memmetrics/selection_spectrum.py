"""Selection-function spectrum: the score a point loses as more of its kind is removed.

For a point i and a selection rule R that picks the set R(i), i itself included,

    lost(i, R) = E[score of i | trained on all points]
               − E[score of i | trained on all points but R(i)],

against the share of the data that R(i) is. Along rules of growing breadth, such as the
point, its near-duplicates, its cluster, its class, a curve that is steep at the left
means memorized: without this very point the score is gone. One that rises slowly means
generalized: the score is gone only when everything of its kind is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memmetrics._arrays.validation import as_confidence, count_iv
from memmetrics._seeds import RNG
from memmetrics._selected import select_points
from memmetrics.designs import Bools, Given, Without, draw_members
from memmetrics.evidence import tokens_present
from memmetrics.experiment.retraining import retrain
from memmetrics.metrics.counterfactual import memorization_from_arms
from memmetrics.selection import Rule
from memmetrics.statistics.arms import Arms
from memmetrics.trainers.base import Data, Trainer
from memmetrics.trainers.dataset import pack

__all__ = ["METRIC", "spectrum"]

METRIC = "selection_spectrum"
"""Value of the table's column ``metric``."""


def spectrum(
    trainer: Trainer,
    data: Data,
    rules: Mapping[str, Rule],
    *,
    points: npt.ArrayLike,
    runs: int,
    rng: RNG,
    largest_share: float = 0.5,
    confidence: float = 0.95,
    n_jobs: int | None = None,
    store: str | PathLike[str] | None = None,
    identity: object = None,
    progress: bool = False,
    stack_size: int | None = None,
) -> pd.DataFrame:
    """Score that points lose when what each rule selects is removed from the data.

    Parameters
    ----------
    trainer : Trainer
        How to train, as for `memmetrics.retrain`.
    data : csr_array or array (points, features), or tuple of arrays
        The training points.
    rules : mapping of str to function
        Selection rules by name, in order of growing breadth, see
        `memmetrics.selection`.
    points : int array
        The points to look at, by index.
    runs : int
        How many models to train on all points, and how many without each set, at
        least 2.
    rng : int, numpy.random.Generator, numpy.random.SeedSequence or None
        Seed of everything.
    largest_share : float, default 0.5
        Largest share of the data that a rule may select.
    confidence : float, default 0.95
        Confidence of the intervals.
    n_jobs, store, identity, progress, stack_size
        As for `memmetrics.retrain`.

    Returns
    -------
    DataFrame
        One row for each rule and point: the columns common to all metrics, where
        ``index`` is the point and ``estimate`` the score lost, in the unit of the
        score; ``rule``, ``removed`` (how many points) and ``share_removed``; and
        ``interval``, ``flag`` and ``p_value`` as in counterfactual memorization.
        ``n_in`` counts runs on all points, ``n_out`` those without the set.

    Raises
    ------
    TypeError, ValueError
        For unsuitable arguments, before any training: in particular if a rule leaves
        out the point itself, or selects more than `largest_share` of the data.
    StoreMismatchError, StoreError, RetrainingError
        As for `memmetrics.retrain`.

    Notes
    -----
    Trains ``runs · (1 + distinct sets)`` models: those on all points are shared, and
    so is a set that several rules or points select. Rows are therefore not
    independent of one another. The first rule is usually the point alone, whose
    estimate is counterfactual memorization in the presence of all other points.

    Examples
    --------
    A model that finds the nearest point, and two copies that stand in for each other:

    >>> from memmetrics.trainers.function import FunctionTrainer
    >>> from memmetrics.selection import Within, this_point
    >>> inputs = np.array([[0.0], [0.0], [3.0], [4.0], [5.0]])
    >>> def score(indices, seed):
    ...     return -np.abs(inputs - inputs[indices].T).min(axis=1)
    >>> rules = {"point": this_point, "copies": Within(0.0)}
    >>> table = spectrum(
    ...     FunctionTrainer(score), inputs, rules, points=[0, 2], runs=2, rng=0)
    >>> table[["rule", "index", "share_removed", "estimate"]]
         rule  index  share_removed  estimate
    0   point      0            0.2       0.0
    1   point      2            0.2       1.0
    2  copies      0            0.4       3.0
    3  copies      2            0.2       1.0
    """
    runs = count_iv(runs, "runs", least=2)
    confidence = as_confidence(confidence)
    packed = pack(data, "data")
    chosen = _points_iv(points, packed.points)
    selected = select_points(rules, data, chosen, packed.points, largest_share)
    # (sets, points), and the set of each (rule, point): one set is trained without once
    sets, which = np.unique(selected, axis=0, return_inverse=True)
    evidence = retrain(
        trainer,
        data,
        runs=runs * (1 + len(sets)),
        design=_design(sets, runs, packed.points),
        rng=rng,
        n_jobs=n_jobs,
        store=store,
        identity=identity,
        progress=progress,
        stack_size=stack_size,
    )
    scores = _scores(evidence.scores, chosen)
    frames = [
        _row(scores[:, row % len(chosen)], runs, int(place), confidence)
        for row, place in enumerate(which.ravel())
    ]
    table = pd.concat(frames, ignore_index=True)
    table["index"] = pd.array(np.tile(chosen, len(rules)), dtype="Int64")
    table["rule"] = np.repeat(list(rules), len(chosen))
    table["removed"] = selected.sum(axis=1)
    table["share_removed"] = selected.mean(axis=1)
    return table


def _design(sets: Bools, runs: int, points: int) -> Given:
    """Return all runs on all points, then all without the first set, and so on.

    `Without` goes round instead; but runs are numbered so since there is a spectrum,
    and their seeds go by their numbers.
    """
    without = Without([np.flatnonzero(each) for each in sets])
    count = runs * without.block
    member = draw_members(without, 0, runs=count, points=points)
    return Given(member[np.arange(count).reshape(runs, -1).T.ravel()])


def _points_iv(points: npt.ArrayLike, count: int) -> npt.NDArray[np.int64]:
    chosen = np.asarray(points)
    if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu":
        raise ValueError(
            "`points` must be an array of indices with one axis, not empty; "
            f"got shape {chosen.shape} and dtype {chosen.dtype}"
        )
    if chosen.min() < 0 or chosen.max() >= count:
        raise ValueError(
            f"`points` must lie between 0 and {count - 1}; "
            f"got values from {chosen.min()} to {chosen.max()}"
        )
    if len(np.unique(chosen)) < len(chosen):
        raise ValueError("`points` must name each point once; got some twice")
    return chosen.astype(np.int64)


def _scores(
    scores: npt.NDArray[Any], chosen: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the mean score of the tokens of each chosen point, (all runs, chosen)."""
    values: npt.NDArray[np.float64] = scores[:, chosen].astype(np.float64)
    values = values.reshape(*values.shape[:2], -1)  # (all runs, chosen, tokens, if any)
    present = tokens_present(values)
    with np.errstate(invalid="ignore"):  # of a point without tokens
        mean: npt.NDArray[np.float64] = np.where(present, values, 0).sum(axis=-1)
        mean /= present.sum(axis=-1)
    return mean


def _row(
    scores: npt.NDArray[np.float64], runs: int, place: int, confidence: float
) -> pd.DataFrame:
    """Compare runs on all points with those without one set; scores (all runs,)."""
    without = runs * (1 + place)
    both = np.concatenate([scores[:runs], scores[without : without + runs]])
    kept = np.arange(2 * runs) < runs
    both, kept = both[:, np.newaxis], kept[:, np.newaxis]
    # A run that diverged is NaN, and does not count.
    result = memorization_from_arms(Arms.from_scores(both, kept), confidence=confidence)
    return replace(result, metric=METRIC).to_frame()
