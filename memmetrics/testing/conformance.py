"""Does an object behave as a metric must? The checks that every plug-in should pass."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import joblib
import numpy as np
import torch

from memmetrics._validation import to_numpy
from memmetrics.evidence import Evidence, Fit, Losses, Retrainings
from memmetrics.metrics.base import Metric
from memmetrics.metrics.registry import get_metric
from memmetrics.result import COLUMNS, Result
from memmetrics.testing.sample import sample_evidence
from memmetrics.testing.variants import (
    arrays_of,
    axes_of,
    changed,
    in_precision,
    possible_orders,
    reordered,
    same,
)

__all__ = ["check_metric"]

# Different lengths of all axes, so that a result tells by its length what it is about.
_SIZES = {
    Fit: {"points": 11, "features": 7, "hidden": 3},
    Losses: {"points": 11, "test_points": 13},
    Retrainings: {"runs": 24, "points": 10},
}


def check_metric(
    metric: Metric | type[Metric] | str,
    evidence: Evidence | None = None,
    *,
    tensors: bool = False,
    worker: bool = True,
) -> None:
    """Fail unless an object behaves as a metric must.

    Parameters
    ----------
    metric : Metric, class of one, or str
        What to check.
    evidence : Fit, Losses or Retrainings, optional
        NumPy evidence to check it on. Default: a small random one.
    tensors : bool
        Whether it has to take tensors too, and answer beside them: on the CPU, and on
        a GPU where there is one.
    worker : bool
        Whether to run it in a worker process of joblib, which takes a few seconds.

    Raises
    ------
    AssertionError
        With what is wrong and what is expected, at the first of these that fails:

        - It has a name, a version and a need; the call returns a `Result` under that
          name, with a unit, whose table has the common columns and types.
        - Estimates are finite or NaN, and the same when computed again.
        - The evidence is left as it was, and may be read-only.
        - Points in another order have the same estimates in that order; the order of
          runs does not matter.
        - Float32 gives what float64 gives, within its precision; estimates from
          float64 are float64.
        - What cannot be estimated is NaN, never 0 or infinite, and spoils no other
          estimate: a point in no run's training set or in all, a run that diverged, a
          zero vector.
        - It works in a worker process, and there gives the same.

    TypeError, ValueError
        If no metric of the name is installed.

    Examples
    --------
    >>> check_metric("leverage", worker=False)
    >>> import memmetrics as mm
    >>> class FirstLoss:
    ...     name, version, needs = "first_loss", 1, mm.Losses
    ...
    ...     def __call__(self, evidence):
    ...         return mm.Result(self.name, "loss", estimate=evidence.train[0])
    >>> check_metric(FirstLoss(), worker=False)
    Traceback (most recent call last):
        ...
    AssertionError: first_loss: points in another order must have the same ...
    """
    subject = _check_protocol(metric)
    if evidence is None:
        evidence = sample_evidence(subject.needs, _SIZES[subject.needs], rng=1)
    _check_unchanged(subject, evidence)
    result = _check_result(subject, evidence)
    _check_repeatable(subject, evidence, result)
    _check_read_only(subject, evidence, result)
    _check_order(subject, evidence, result)
    _check_precision(subject, evidence, result)
    _check_missing(subject, evidence, result)
    if tensors:
        _check_devices(subject, evidence, result)
    if worker:
        _check_worker(subject, evidence, result)


def _require(metric: Metric, condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(f"{metric.name}: {message}")


def _check_protocol(metric: Metric | type[Metric] | str) -> Metric:
    try:
        subject: Any = get_metric(metric)
    except TypeError as error:
        raise AssertionError(str(error)) from error
    if not isinstance(subject.name, str) or not subject.name:
        raise AssertionError(f"`name` must be a string; got {subject.name!r}")
    version = subject.version
    good = isinstance(version, int) and version >= 1
    _require(subject, good, f"`version` must be an integer from 1; got {version!r}")
    conforming: Metric = subject
    return conforming


def _check_result(metric: Metric, evidence: Evidence) -> Result:
    result: Any = metric(evidence)
    kind = type(result).__name__
    _require(
        metric, isinstance(result, Result), f"the call must return a Result; got {kind}"
    )
    _require(
        metric,
        result.metric == metric.name,
        f"the result must carry the metric's name; got {result.metric!r}",
    )
    _require(
        metric,
        isinstance(result.unit, str) and result.unit,
        f"the result must state its unit; got {result.unit!r}",
    )
    frame = result.to_frame()
    _require(
        metric,
        tuple(frame.columns[: len(COLUMNS)]) == COLUMNS and frame.columns.is_unique,
        f"the table must begin with the columns {COLUMNS}; got {tuple(frame.columns)}",
    )
    _require(metric, len(frame), "the table must have a row; got none")
    number = frame["estimate"].dtype
    _require(metric, number.kind == "f", f"estimates must be floats; got {number}")
    infinite = int(np.isinf(frame["estimate"]).sum())
    _require(metric, not infinite, f"{infinite} estimates are infinite; NaN is missing")
    conforming: Result = result
    return conforming


def _check_repeatable(metric: Metric, evidence: Evidence, result: Result) -> None:
    _require(
        metric,
        same(metric(evidence).estimate, result.estimate, tolerance=0),
        "the same evidence must give the same estimates again; draw random numbers "
        "from a seed of your own",
    )


def _check_unchanged(metric: Metric, evidence: Evidence) -> None:
    copies = {name: array.copy() for name, array in arrays_of(evidence)}
    metric(changed(evidence, copies))
    for name, array in arrays_of(evidence):
        _require(
            metric,
            np.array_equal(copies[name], array, equal_nan=array.dtype.kind == "f"),
            f"`{name}` of the evidence was changed; work on a copy",
        )


def _check_read_only(metric: Metric, evidence: Evidence, result: Result) -> None:
    copies = {name: array.copy() for name, array in arrays_of(evidence)}
    for array in copies.values():
        array.flags.writeable = False
    try:
        estimate = metric(changed(evidence, copies)).estimate
    except ValueError as error:
        raise AssertionError(
            f"{metric.name}: read-only arrays, such as joblib gives to workers, must "
            f"do; got {error}"
        ) from error
    _require(
        metric,
        same(estimate, result.estimate),
        "read-only evidence must give the same estimates",
    )


def _check_order(metric: Metric, evidence: Evidence, result: Result) -> None:
    rng = np.random.default_rng(0)
    for axis, arrays, length in axes_of(evidence):
        order = rng.permutation(length)
        estimate = metric(reordered(evidence, arrays, order)).estimate
        if axis == "runs":
            expected = "runs in another order must have the same estimates"
            _require(metric, same(estimate, result.estimate), expected)
            continue
        _require(
            metric,
            any(same(estimate, each) for each in possible_orders(result, order)),
            f"{axis} in another order must have the same estimates, in that order",
        )


def _check_precision(metric: Metric, evidence: Evidence, result: Result) -> None:
    wide = in_precision(evidence, np.float64)
    kind = to_numpy(metric(wide).estimate).dtype
    _require(
        metric, kind == np.float64, f"estimates from float64 must be so; got {kind}"
    )
    _require(
        metric,
        same(
            metric(in_precision(evidence, np.float32)).estimate, result.estimate, 1e-3
        ),
        "float32 evidence must give nearly what float64 gives",
    )


def _check_missing(metric: Metric, evidence: Evidence, result: Result) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # telling the user of them is welcome
        if isinstance(evidence, Retrainings):
            _check_diverged_run(metric, evidence, result)
            _check_empty_arms(metric, evidence)
        elif isinstance(evidence, Fit):
            _check_zero_vectors(metric, evidence, result)


def _check_diverged_run(metric: Metric, evidence: Retrainings, result: Result) -> None:
    scores = np.concatenate(
        [evidence.scores, np.full_like(evidence.scores[:1], np.nan)]
    )
    member = np.concatenate([evidence.member, evidence.member[:1]])
    seeds = evidence.seeds
    if seeds is not None:
        seeds = np.concatenate([seeds, seeds[:1]])
    more = dataclasses.replace(evidence, scores=scores, member=member, seeds=seeds)
    _require(
        metric,
        same(metric(more).estimate, result.estimate),
        "a run that diverged (its scores are all NaN) must be left out",
    )


def _check_empty_arms(metric: Metric, evidence: Retrainings) -> None:
    for everywhere in (False, True):
        member = evidence.member.copy()
        member[:, 0] = everywhere
        estimate = to_numpy(metric(changed(evidence, {"member": member})).estimate)
        which = "all runs" if everywhere else "no run"
        zero = any(
            (np.take(estimate, 0, axis=axis) == 0).any()
            for axis, length in enumerate(estimate.shape)
            if length == member.shape[1]
        )
        _require(
            metric,
            not zero and not np.isinf(estimate).any(),
            f"with a point in {which}, what cannot be estimated must be NaN, not 0 or "
            "infinite",
        )


def _check_zero_vectors(metric: Metric, evidence: Fit, result: Result) -> None:
    zeros = {
        name: array.copy()
        for name, array in arrays_of(evidence)
        if name in {"weights", "hidden"}
    }
    for array in zeros.values():
        array[..., 0, :] = 0
    estimate = to_numpy(metric(changed(evidence, zeros)).estimate)
    before = to_numpy(result.estimate)
    spoiled = np.isnan(estimate[..., 1:]) & ~np.isnan(before[..., 1:])
    _require(
        metric,
        not np.isinf(estimate).any() and not spoiled.any(),
        "a zero vector must not make other estimates NaN, nor any infinite",
    )


def _check_devices(metric: Metric, evidence: Evidence, result: Result) -> None:
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        tensors = {
            name: torch.tensor(array, device=device)
            for name, array in arrays_of(evidence)
            if array.dtype.kind == "f"
        }
        if isinstance(evidence, Retrainings):
            continue  # these hold NumPy arrays only
        estimate = metric(changed(evidence, tensors)).estimate
        _require(
            metric,
            isinstance(estimate, torch.Tensor) and estimate.device.type == device,
            f"tensors on {device} must give tensors there; got {type(estimate)}",
        )
        _require(
            metric, same(estimate, result.estimate), f"{device} gives other estimates"
        )


def _check_worker(metric: Metric, evidence: Evidence, result: Result) -> None:
    with joblib.parallel_config(backend="loky"):
        answers = joblib.Parallel(n_jobs=2)(
            joblib.delayed(metric)(evidence) for _ in range(2)
        )
    for answer in answers:
        _require(
            metric,
            same(answer.estimate, result.estimate),
            "a worker process must give the same estimates",
        )
