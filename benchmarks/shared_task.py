"""The same question put to pyDVL and to memmetrics, with the answer known.

How much does each training point of a ridge regression change its error on held-out
points? With half of all subsets as good as the other half, pyDVL's Banzhaf value by
maximum sample reuse and counterfactual influence on a held-out target are the same
expectation. There are few enough points to go through all subsets.
"""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import memmetrics as mm
from memmetrics.metrics.registry import get_metric

__all__ = ["Answer", "ask_memmetrics", "ask_pydvl", "exact_answer", "largest_gap"]

POINTS = 12
_PENALTY = 0.1

Floats = npt.NDArray[np.float64]

_rng = np.random.default_rng(0)
_INPUTS, _HELD_OUT = _rng.normal(size=(POINTS, 3)), _rng.normal(size=(100, 3))
_SLOPES = np.array([1.0, -1.0, 0.5])
_LABELS = _INPUTS @ _SLOPES + _rng.normal(scale=0.5, size=POINTS)
_TRUTH = _HELD_OUT @ _SLOPES


class Answer(NamedTuple):
    """Value and standard error of every point, and what they took.

    Attributes
    ----------
    value, standard_error : float array, (points,)
    retrainings : int
    seconds : float
        Of one retraining, harness included.
    """

    value: Floats
    standard_error: Floats
    retrainings: int
    seconds: float


def utility(indices: npt.NDArray[Any]) -> float:
    """Minus the mean squared error on held-out points; without points, of zero."""
    x, y = _INPUTS[indices], _LABELS[indices]
    slopes = np.linalg.solve(x.T @ x + _PENALTY * np.eye(x.shape[1]), x.T @ y)
    return -float(np.square(_HELD_OUT @ slopes - _TRUTH).mean())


def exact_answer() -> Floats:
    """Return the values by going through all subsets, (points,)."""
    member = (np.arange(2**POINTS)[:, np.newaxis] >> np.arange(POINTS)) & 1 > 0
    scores = np.array([utility(np.flatnonzero(row)) for row in member])
    return np.array([scores[row].mean() - scores[~row].mean() for row in member.T])


def ask_pydvl(updates: int) -> Answer:
    """Return Banzhaf values by maximum sample reuse, after so many updates of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydvl.valuation import Dataset, MSRBanzhafValuation
        from pydvl.valuation.stopping import MaxUpdates
        from pydvl.valuation.utility.base import UtilityBase

        calls = 0

        class Counted(UtilityBase):  # type: ignore[misc]  # pyDVL has no hints
            def __call__(self, sample: Any) -> float:
                nonlocal calls  # pyDVL works on copies of its utility
                calls += 1
                empty = sample is None or len(sample.subset) == 0
                return utility(np.array([], int) if empty else sample.subset)

        valuation = MSRBanzhafValuation(Counted(), MaxUpdates(updates), seed=0)
        began = time.perf_counter()
        valuation.fit(Dataset(_INPUTS, _LABELS))
        seconds = time.perf_counter() - began
        found = valuation.result.sort(key="index")
    return Answer(
        np.asarray(found.values),
        np.asarray(found.stderr),
        calls,
        seconds / calls,
    )


def largest_gap(first: Answer, second: Answer) -> float:
    """Largest difference between two answers, in standard errors of both."""
    together = np.hypot(first.standard_error, second.standard_error)
    return float((np.abs(first.value - second.value) / together).max())


def ask_memmetrics(retrainings: int) -> Answer:
    """Return counterfactual influence on one target: the held-out points together."""
    trainer = mm.FunctionTrainer(lambda indices, _: np.array([utility(indices)]))
    began = time.perf_counter()
    evidence = mm.retrain(
        trainer,
        _INPUTS,
        targets=_INPUTS[:1],  # their number counts: the function knows what to score
        include_points=False,
        runs=retrainings,
        rng=0,
    )
    result = get_metric("counterfactual_influence")(evidence)
    seconds = time.perf_counter() - began
    return Answer(
        np.ravel(result.estimate),
        np.ravel(result.standard_error),
        retrainings,
        seconds / retrainings,
    )
