"""One answer of a metric: whether it is sound by itself, and whether two agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import to_numpy
from memmetrics.evidence import Evidence, Retrainings
from memmetrics.result import COLUMNS, Result

Answer: TypeAlias = dict[str, npt.NDArray[Any]]
_INTERVAL = ("standard_error", "low", "high")
_COUNTS = ("n_in", "n_out")


def numbers_of(result: Result) -> Answer:
    """Return copies of all that a result holds, by name; what is missing is left out.

    Copies, since a metric may use one array for all of its answers.
    """
    held = {name: getattr(result, name) for name in ("estimate", *_INTERVAL, *_COUNTS)}
    held |= {f"columns[{name!r}]": value for name, value in result.columns.items()}
    return {
        name: np.array(to_numpy(value))
        for name, value in held.items()
        if value is not None
    }


def faults(result: Any, name: str, evidence: Evidence) -> Iterator[str]:
    """Yield what is wrong with the answer to `evidence` of the metric called `name`."""
    if not isinstance(result, Result):
        yield f"the call must return a Result; got {type(result).__name__}"
        return
    if result.metric != name:
        yield f"the result must carry the metric's name; got {result.metric!r}"
    unit: Any = result.unit
    if not isinstance(unit, str) or not unit:
        yield f"the result must state its unit; got {unit!r}"
    numbers = numbers_of(result)
    if not numbers["estimate"].size:
        yield "the table must have a row; got none"
    for field in ("estimate", *_INTERVAL, *_COUNTS):
        if field in numbers and numbers[field].dtype.kind not in "fiu":
            yield f"`{field}` must hold numbers; got {numbers[field].dtype}"
            return
    if numbers["estimate"].dtype.kind != "f":
        yield f"estimates must be floats; got {numbers['estimate'].dtype}"
    yield from _unsound_numbers(numbers)
    yield from _unsound_counts(numbers, evidence)
    yield from _unsound_table(result)


def _unsound_numbers(numbers: Answer) -> Iterator[str]:
    estimate = numbers["estimate"]
    for name in ("estimate", *_INTERVAL):
        infinite = int(np.isinf(numbers.get(name, np.nan)).sum())
        if infinite:
            subject = "estimates" if name == "estimate" else f"of `{name}`"
            yield f"{infinite} {subject} are infinite; NaN is missing"
    if np.isnan(estimate).all():
        yield "all estimates are NaN; complete evidence must give some"
    if (numbers.get("standard_error", np.zeros(1)) < 0).any():
        yield "a `standard_error` must not be negative"
    rounding = 1e-6 * np.abs(estimate)
    low, high = (numbers.get(name, np.array(np.nan)) for name in ("low", "high"))
    # Comparisons with NaN are false: what is missing is on no side.
    if (low > high).any():
        yield "`low` must not lie above `high`"
    if (low > estimate + rounding).any() or (high < estimate - rounding).any():
        yield "the interval must contain the estimate"


def _unsound_counts(numbers: Answer, evidence: Evidence) -> Iterator[str]:
    counts = [numbers[name] for name in _COUNTS if name in numbers]
    for name in _COUNTS:
        count = numbers.get(name, np.zeros(1))
        whole = np.isnan(count) | (count == np.round(count))
        if (count < 0).any() or not whole.all():
            yield f"`{name}` must hold counts, from 0; got {count.min():g} and more"
    if counts and isinstance(evidence, Retrainings):
        runs, points = evidence.member.shape
        targets = evidence.scores.shape[1]
        # What is about all points together may count each of them in every run.
        single = {points, targets} & set(counts[0].shape)
        allowed = runs if single else runs * targets
        most = np.nanmax(np.sum(counts, axis=0), initial=0)
        if most > allowed:
            yield f"`n_in` and `n_out` must be at most {allowed} in sum; got {most:g}"


def _unsound_table(result: Result) -> Iterator[str]:
    try:
        columns = result.to_frame().columns
    except (TypeError, ValueError) as error:
        yield f"the table must be possible; got {error}"
        return
    if tuple(columns[: len(COLUMNS)]) != COLUMNS or not columns.is_unique:
        yield f"the table must begin with the columns {COLUMNS}; got {tuple(columns)}"


def difference(
    first: Mapping[str, object], second: Mapping[str, object], tolerance: float = 1e-6
) -> str:
    """Return the name of what differs between two answers, or no name at all."""
    names = sorted(first.keys() | second.keys(), key=lambda name: name != "estimate")
    for name in names:
        both = name in first and name in second
        if not both or not _same(first[name], second[name], tolerance):
            return name
    return ""


def _same(first: object, second: object, tolerance: float) -> bool:
    """Whether numbers agree, to a tolerance in units of the largest.

    What is no floating-point number must be equal.
    """
    one, other = to_numpy(first), to_numpy(second)
    if one.shape != other.shape:
        return False
    if one.dtype.kind != "f" or other.dtype.kind != "f":
        return bool(np.array_equal(one, other))
    finite = np.abs(other[np.isfinite(other)])
    scale = float(finite.max(initial=0)) or 1.0
    return bool(np.allclose(one, other, rtol=0, atol=tolerance * scale, equal_nan=True))


def has_infinite(answer: Answer) -> bool:
    """Whether an estimate, a standard error or the end of an interval is infinite."""
    return any(
        np.isinf(answer.get(name, np.nan)).any() for name in ("estimate", *_INTERVAL)
    )


def about_others(estimate: npt.NDArray[Any], points: int) -> npt.NDArray[np.bool_]:
    """Return which estimates are not about the first of so many points."""
    others = np.ones(estimate.shape, dtype=bool)
    for axis, length in enumerate(estimate.shape):
        if length == points:
            np.moveaxis(others, axis, 0)[0] = False
    return others
