"""Does an object behave as a metric must? The checks that every plug-in should pass."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, replace
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
    subject = _conforming(metric)
    if evidence is None:
        evidence = sample_evidence(subject.needs, _SIZES[subject.needs], rng=1)
    unused = _copy(subject)
    check = _Check(subject, evidence, {})
    _check_unchanged(check)
    result: Result = check.call(evidence, "the evidence")
    for fault in faults(result, subject.name, evidence):
        check.require(condition=False, message=fault)
    check.answer.update(numbers_of(result))
    _check_repeatable(check)
    _check_values_matter(check)
    _check_history(check, unused)
    message = (
        "an answer must not change when others are computed; give each its own arrays"
    )
    check.require(not difference(numbers_of(result), check.answer, 0), message)
    _check_memory(check)
    _check_order(check)
    _check_precision(check)
    with warnings.catch_warnings():
        # Telling the user of what is missing is welcome.
        warnings.simplefilter("ignore")
        if isinstance(evidence, Retrainings):
            _check_diverged_run(check, evidence)
            _check_empty_arms(check, evidence)
        elif isinstance(evidence, Fit):
            _check_zero_vectors(check)
    if tensors and isinstance(evidence, (Fit, Losses)):  # others hold NumPy arrays only
        _check_devices(check)
    _check_repeatable(check)
    if worker:
        _check_worker(check)


def _conforming(metric: Metric | type[Metric] | str) -> Metric:
    try:
        subject: Any = get_metric(metric)
    except TypeError as error:
        raise AssertionError(str(error)) from error
    if not isinstance(subject.name, str) or not subject.name:
        raise AssertionError(f"`name` must be a string; got {subject.name!r}")
    version = subject.version
    if not isinstance(version, int) or version < 1:
        raise AssertionError(
            f"{subject.name}: `version` must be an integer from 1; got {version!r}"
        )
    conforming: Metric = subject
    return conforming


def _copy(metric: Metric) -> Metric | None:
    try:
        return copy.deepcopy(metric)
    except Exception:  # noqa: BLE001, whether it can be copied is for the worker to say
        return None


@dataclass(frozen=True, eq=False)
class _Check:
    """A metric, what it is tried on, and its answer to that."""

    metric: Metric
    evidence: Evidence
    answer: Answer

    def require(self, condition: object, message: str) -> None:
        """Fail, with the metric's name, unless the condition holds."""
        if not condition:
            raise AssertionError(f"{self.metric.name}: {message}")

    def call(self, evidence: Evidence, case: str) -> Any:
        """Return the metric of some evidence, which must do."""
        try:
            return self.metric(evidence)
        except Exception as error:
            raise AssertionError(
                f"{self.metric.name}: {case} must do; got {type(error).__name__}: "
                f"{error}"
            ) from error

    def answer_to(self, evidence: Evidence, case: str) -> Answer:
        """Return the numbers of the metric of some evidence."""
        return numbers_of(self.call(evidence, case))

    def require_same(
        self,
        found: Answer,
        message: str,
        *,
        expected: Answer | None = None,
        tolerance: float = 1e-6,
    ) -> None:
        """Fail unless an answer is the one that is expected, this one by default."""
        wanted = self.answer if expected is None else expected
        name = difference(found, wanted, tolerance)
        self.require(not name, f"{message}; `{name}` differs")


def _check_repeatable(check: _Check) -> None:
    message = (
        "the same evidence must give the same estimates again; draw random numbers "
        "from a seed of your own"
    )
    with drawn_from_global_generators():
        before = global_generators()
        again = check.answer_to(check.evidence, "the same evidence again")
        untouched = before == global_generators()
    check.require_same(again, message, tolerance=0)
    check.require(untouched, "global random generators must be left as they were")


def _check_values_matter(check: _Check) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for other in other_values(check.evidence):
            try:
                found = numbers_of(check.metric(other))
            except Exception:  # noqa: BLE001, a refusal depends on the values, too
                return
            if difference(found, check.answer, 0):
                return
    message = (
        "other evidence of the same shape must not get the very same answer; what is "
        "kept from call to call must be told apart by values"
    )
    check.require(condition=False, message=message)


def _check_history(check: _Check, unused: Metric | None) -> None:
    if unused is None:
        return
    other = next(other_values(check.evidence))
    message = "what was computed before must not change an answer"
    fresh = replace(check, metric=unused).answer_to(other, "other values")
    check.require_same(check.answer_to(other, "other values"), message, expected=fresh)


def _check_unchanged(check: _Check) -> None:
    copies = {name: array.copy() for name, array in arrays_of(check.evidence)}
    check.call(changed(check.evidence, copies), "the evidence")
    for name, array in arrays_of(check.evidence):
        same = np.array_equal(copies[name], array, equal_nan=array.dtype.kind == "f")
        check.require(same, f"`{name}` of the evidence was changed; work on a copy")


def _check_memory(check: _Check) -> None:
    copies = {name: array.copy() for name, array in arrays_of(check.evidence)}
    for array in copies.values():
        array.flags.writeable = False
    read_only = "read-only arrays, such as joblib gives to workers,"
    cases = [(read_only, changed(check.evidence, copies))]
    cases += [(f"arrays {how}", same) for how, same in in_layouts(check.evidence)]
    for case, evidence in cases:
        found = check.answer_to(evidence, case)
        check.require_same(found, f"{case} must give the same estimates")


def _check_order(check: _Check) -> None:
    rng = np.random.default_rng(0)
    for axis, arrays, length in axes_of(check.evidence):
        order = rng.permutation(length)
        case = f"{axis} in another order"
        found = check.answer_to(reordered(check.evidence, arrays, order), case)
        message = f"{case} must have the same estimates"
        if axis == "runs":
            check.require_same(found, message)
            continue
        orders = possible_orders(check.answer, order)
        names = [difference(found, each) for each in orders]
        # Of the ways in which estimates may follow, the one that fits best.
        name = min(names, key=lambda name: (name != "", name == "estimate"))
        check.require(not name, f"{message}, in that order; `{name}` differs")


def _check_precision(check: _Check) -> None:
    wide = check.answer_to(in_precision(check.evidence, np.float64), "float64")
    kind = wide["estimate"].dtype
    message = f"estimates from float64 must be so; got {kind}"
    check.require(kind == np.float64, message)
    narrow = check.answer_to(in_precision(check.evidence, np.float32), "float32")
    message = "float32 evidence must give nearly what float64 gives"
    expected = _numbers(check.answer)
    check.require_same(_numbers(narrow), message, expected=expected, tolerance=1e-3)


def _numbers(answer: Answer) -> Answer:
    """Leave out columns: a verdict may turn with the last digits."""
    return {name: array for name, array in answer.items() if "[" not in name}


def _check_diverged_run(check: _Check, evidence: Retrainings) -> None:
    with_one_more = {
        name: np.concatenate([array, array[:1]])
        for name, array in arrays_of(evidence)
        if name in {"scores", "member", "seeds"}
    }
    with_one_more["scores"][-1] = np.nan
    found = check.answer_to(changed(evidence, with_one_more), "a run that diverged")
    message = "a run that diverged (its scores are all NaN) must be left out"
    check.require_same(found, message)


def _check_empty_arms(check: _Check, evidence: Retrainings) -> None:
    for everywhere in (False, True):
        member = evidence.member.copy()
        member[:, 0] = everywhere
        case = f"with a point in {'all runs' if everywhere else 'no run'}"
        found = check.answer_to(changed(evidence, {"member": member}), case)
        estimate, before = found["estimate"], check.answer["estimate"]
        others = about_others(estimate, member.shape[1])
        check.require(
            not (estimate[~others] == 0).any() and not has_infinite(found),
            f"{case}, what cannot be estimated must be NaN, not 0 or infinite",
        )
        check.require(
            not (np.isnan(estimate) & ~np.isnan(before) & others).any(),
            f"{case}, no estimate of another point may become NaN",
        )


def _check_zero_vectors(check: _Check) -> None:
    zeros = {
        name: array.copy()
        for name, array in arrays_of(check.evidence)
        if name in {"weights", "hidden"}
    }
    for array in zeros.values():
        array[..., 0, :] = 0
    found = check.answer_to(changed(check.evidence, zeros), "a zero vector")
    # One number is about all vectors, and may well need each.
    answers = found, check.answer
    estimate, before = (np.atleast_1d(each["estimate"]) for each in answers)
    spoiled = np.isnan(estimate[..., 1:]) & ~np.isnan(before[..., 1:])
    message = "a zero vector must not make other estimates NaN, nor any infinite"
    check.require(not has_infinite(found) and not spoiled.any(), message)


def _check_devices(check: _Check) -> None:
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        tensors = {
            name: torch.tensor(array, device=device)
            for name, array in arrays_of(check.evidence)
            if array.dtype.kind == "f"
        }
        case = f"tensors on {device}"
        result = check.call(changed(check.evidence, tensors), case)
        estimate = result.estimate
        there = isinstance(estimate, torch.Tensor) and estimate.device.type == device
        check.require(there, f"{case} must give tensors there; got {type(estimate)}")
        check.require_same(numbers_of(result), f"{device} gives other estimates")


def _check_worker(check: _Check) -> None:
    # In reverse: what a process keeps from its first call differs from here.
    other = next(other_values(check.evidence))
    try:
        with joblib.parallel_config(backend="loky"):
            found = joblib.Parallel(n_jobs=2)(
                joblib.delayed(check.metric)(each) for each in (other, check.evidence)
            )
    except Exception as error:
        raise AssertionError(
            f"{check.metric.name}: it must be possible to send the metric to a worker "
            f"process (pickle it) and to call it there; got {type(error).__name__}: "
            f"{error}"
        ) from error
    expected = check.answer_to(other, "other values"), check.answer
    for result, here in zip(found, expected, strict=True):
        message = "a worker process must give the same estimates"
        check.require_same(numbers_of(result), message, expected=here)
