"""Does an object behave as a metric must? The checks that every plug-in should pass."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from typing import Any

import joblib
import numpy as np
import torch

from memmetrics.evidence import Evidence, Fit, Losses, OneRun, Retrainings
from memmetrics.metrics.base import Metric
from memmetrics.metrics.registry import get_metric
from memmetrics.result import Result
from memmetrics.testing.answers import (
    Answer,
    about_others,
    difference,
    faults,
    has_infinite,
    numbers_of,
)
from memmetrics.testing.generators import (
    drawn_from_global_generators,
    global_generators,
)
from memmetrics.testing.sample import sample_evidence
from memmetrics.testing.variants import (
    arrays_of,
    axes_of,
    changed,
    in_layouts,
    in_precision,
    other_values,
    possible_orders,
    reordered,
)

__all__ = ["check_metric"]

# Different lengths of all axes, so that a result tells by its length what it is about.
_SIZES = {
    Fit: {"points": 11, "features": 7, "hidden": 3},
    Losses: {"points": 11, "test_points": 13},
    OneRun: {"items": 41},
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
    evidence : Fit, Losses, OneRun or Retrainings, optional
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
        - Estimates are finite or NaN, and not all NaN. Intervals are finite or NaN and
          contain the estimate; standard errors and counts are not negative; no more
          runs are counted than there are.
        - The whole answer (estimates, intervals, counts, columns) is the same when
          computed again, whatever was computed in between, and no earlier answer
          changes. Global random generators are neither used nor changed.
        - Other evidence of the same shape gets an answer of its own.
        - The evidence is left as it was, and may be read-only or laid out otherwise in
          memory.
        - Points in another order have the same answer in that order; the order of
          runs does not matter.
        - Float32 gives what float64 gives, within its precision; estimates from
          float64 are float64.
        - What cannot be estimated is NaN, never 0 or infinite, and spoils no other
          estimate: a point in no run's training set or in all, a run that diverged, a
          zero vector.
        - It can be sent to a worker process, and there gives the same.

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
    unused = _copy(subject)
    _check_unchanged(subject, evidence)
    result: Result = _call(subject, evidence, "the evidence")
    for fault in faults(result, subject.name, evidence):
        _require(subject, condition=False, message=fault)
    answer = numbers_of(result)
    _check_repeatable(subject, evidence, answer)
    _check_values_matter(subject, evidence, answer)
    _check_history(subject, evidence, unused)
    _require(
        subject,
        not difference(numbers_of(result), answer, 0),
        "an answer must not change when others are computed; give each its own arrays",
    )
    _check_memory(subject, evidence, answer)
    _check_order(subject, evidence, answer)
    _check_precision(subject, evidence, answer)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # telling the user of what is missing is welcome
        _check_missing(subject, evidence, answer)
    if tensors:
        _check_devices(subject, evidence, answer)
    _check_repeatable(subject, evidence, answer)
    if worker:
        _check_worker(subject, evidence, answer)


def _require(metric: Metric, condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(f"{metric.name}: {message}")


def _call(metric: Metric, evidence: Evidence, case: str) -> Any:
    try:
        return metric(evidence)
    except Exception as error:
        raise AssertionError(
            f"{metric.name}: {case} must do; got {type(error).__name__}: {error}"
        ) from error


def _answer(metric: Metric, evidence: Evidence, case: str) -> Answer:
    return numbers_of(_call(metric, evidence, case))


def _require_same(
    metric: Metric,
    answer: Answer,
    expected: Answer,
    message: str,
    tolerance: float = 1e-6,
) -> None:
    name = difference(answer, expected, tolerance)
    _require(metric, not name, f"{message}; `{name}` differs")


def _copy(metric: Metric) -> Metric | None:
    try:
        return copy.deepcopy(metric)
    except Exception:  # noqa: BLE001, whether it can be copied is for the worker to say
        return None


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


def _check_repeatable(metric: Metric, evidence: Evidence, answer: Answer) -> None:
    message = (
        "the same evidence must give the same estimates again; draw random numbers "
        "from a seed of your own"
    )
    with drawn_from_global_generators():
        before = global_generators()
        again = _answer(metric, evidence, "the same evidence again")
        untouched = before == global_generators()
    _require_same(metric, again, answer, message, tolerance=0)
    _require(metric, untouched, "global random generators must be left as they were")


def _check_values_matter(metric: Metric, evidence: Evidence, answer: Answer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for other in other_values(evidence):
            try:
                found = numbers_of(metric(other))
            except Exception:  # noqa: BLE001, a refusal depends on the values, too
                return
            if difference(found, answer, 0):
                return
    raise AssertionError(
        f"{metric.name}: other evidence of the same shape must not get the very same "
        "answer; what is kept from call to call must be told apart by values"
    )


def _check_history(metric: Metric, evidence: Evidence, unused: Metric | None) -> None:
    if unused is None:
        return
    other = next(other_values(evidence))
    _require_same(
        metric,
        _answer(metric, other, "other values"),
        _answer(unused, other, "other values"),
        "what was computed before must not change an answer",
    )


def _check_unchanged(metric: Metric, evidence: Evidence) -> None:
    copies = {name: array.copy() for name, array in arrays_of(evidence)}
    _call(metric, changed(evidence, copies), "the evidence")
    for name, array in arrays_of(evidence):
        _require(
            metric,
            np.array_equal(copies[name], array, equal_nan=array.dtype.kind == "f"),
            f"`{name}` of the evidence was changed; work on a copy",
        )


def _check_memory(metric: Metric, evidence: Evidence, answer: Answer) -> None:
    copies = {name: array.copy() for name, array in arrays_of(evidence)}
    for array in copies.values():
        array.flags.writeable = False
    case = "read-only arrays, such as joblib gives to workers,"
    found = _answer(metric, changed(evidence, copies), case)
    _require_same(metric, found, answer, f"{case} must give the same estimates")
    for layout, laid_out in in_layouts(evidence):
        found = _answer(metric, laid_out, f"arrays {layout}")
        message = f"arrays {layout} must give the same estimates"
        _require_same(metric, found, answer, message)


def _check_order(metric: Metric, evidence: Evidence, answer: Answer) -> None:
    rng = np.random.default_rng(0)
    for axis, arrays, length in axes_of(evidence):
        order = rng.permutation(length)
        case = f"{axis} in another order"
        found = _answer(metric, reordered(evidence, arrays, order), case)
        if axis == "runs":
            message = f"{case} must have the same estimates"
            _require_same(metric, found, answer, message)
            continue
        names = [difference(found, each) for each in possible_orders(answer, order)]
        # Of the ways in which estimates may follow, the one that fits best.
        name = (
            "" if "" in names else next((n for n in names if n != "estimate"), names[0])
        )
        message = f"{case} must have the same estimates, in that order"
        _require(metric, not name, f"{message}; `{name}` differs")


def _check_precision(metric: Metric, evidence: Evidence, answer: Answer) -> None:
    wide = _answer(metric, in_precision(evidence, np.float64), "float64")
    kind = wide["estimate"].dtype
    _require(
        metric, kind == np.float64, f"estimates from float64 must be so; got {kind}"
    )
    narrow = _answer(metric, in_precision(evidence, np.float32), "float32")
    message = "float32 evidence must give nearly what float64 gives"
    _require_same(metric, _numbers(narrow), _numbers(answer), message, tolerance=1e-3)


def _numbers(answer: Answer) -> Answer:
    """Leave out columns: a verdict may turn with the last digits."""
    return {name: array for name, array in answer.items() if "[" not in name}


def _check_missing(metric: Metric, evidence: Evidence, answer: Answer) -> None:
    if isinstance(evidence, Retrainings):
        _check_diverged_run(metric, evidence, answer)
        _check_empty_arms(metric, evidence, answer)
    elif isinstance(evidence, Fit):
        _check_zero_vectors(metric, evidence, answer)


def _check_diverged_run(metric: Metric, evidence: Retrainings, answer: Answer) -> None:
    scores = np.concatenate(
        [evidence.scores, np.full_like(evidence.scores[:1], np.nan)]
    )
    member = np.concatenate([evidence.member, evidence.member[:1]])
    seeds = evidence.seeds
    if seeds is not None:
        seeds = np.concatenate([seeds, seeds[:1]])
    more = dataclasses.replace(evidence, scores=scores, member=member, seeds=seeds)
    message = "a run that diverged (its scores are all NaN) must be left out"
    _require_same(metric, _answer(metric, more, "a run that diverged"), answer, message)


def _check_empty_arms(metric: Metric, evidence: Retrainings, answer: Answer) -> None:
    for everywhere in (False, True):
        member = evidence.member.copy()
        member[:, 0] = everywhere
        case = f"with a point in {'all runs' if everywhere else 'no run'}"
        found = _answer(metric, changed(evidence, {"member": member}), case)
        estimate, before = found["estimate"], answer["estimate"]
        others = about_others(estimate, member.shape[1])
        _require(
            metric,
            not (estimate[~others] == 0).any() and not has_infinite(found),
            f"{case}, what cannot be estimated must be NaN, not 0 or infinite",
        )
        _require(
            metric,
            not (np.isnan(estimate) & ~np.isnan(before) & others).any(),
            f"{case}, no estimate of another point may become NaN",
        )


def _check_zero_vectors(metric: Metric, evidence: Fit, answer: Answer) -> None:
    zeros = {
        name: array.copy()
        for name, array in arrays_of(evidence)
        if name in {"weights", "hidden"}
    }
    for array in zeros.values():
        array[..., 0, :] = 0
    found = _answer(metric, changed(evidence, zeros), "a zero vector")
    # One number is about all vectors, and may well need each.
    estimate, before = (np.atleast_1d(each["estimate"]) for each in (found, answer))
    spoiled = np.isnan(estimate[..., 1:]) & ~np.isnan(before[..., 1:])
    _require(
        metric,
        not has_infinite(found) and not spoiled.any(),
        "a zero vector must not make other estimates NaN, nor any infinite",
    )


def _check_devices(metric: Metric, evidence: Evidence, answer: Answer) -> None:
    if isinstance(evidence, (OneRun, Retrainings)):
        return  # these hold NumPy arrays only
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        tensors = {
            name: torch.tensor(array, device=device)
            for name, array in arrays_of(evidence)
            if array.dtype.kind == "f"
        }
        result = _call(metric, changed(evidence, tensors), f"tensors on {device}")
        estimate = result.estimate
        _require(
            metric,
            isinstance(estimate, torch.Tensor) and estimate.device.type == device,
            f"tensors on {device} must give tensors there; got {type(estimate)}",
        )
        found = numbers_of(result)
        _require_same(metric, found, answer, f"{device} gives other estimates")


def _check_worker(metric: Metric, evidence: Evidence, answer: Answer) -> None:
    # In reverse: what a process keeps from its first call differs from here.
    other = next(other_values(evidence))
    try:
        with joblib.parallel_config(backend="loky"):
            found = joblib.Parallel(n_jobs=2)(
                joblib.delayed(metric)(each) for each in (other, evidence)
            )
    except Exception as error:
        raise AssertionError(
            f"{metric.name}: it must be possible to send the metric to a worker "
            f"process (pickle it) and to call it there; got {type(error).__name__}: "
            f"{error}"
        ) from error
    expected = _answer(metric, other, "other values"), answer
    for result, here in zip(found, expected, strict=True):
        message = "a worker process must give the same estimates"
        _require_same(metric, numbers_of(result), here, message)
