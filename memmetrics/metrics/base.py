"""What a metric is: any object with a name, a version, a need and a call.

Also what our own ones share: how a function becomes a metric, how it takes evidence in
the place of arrays, and how it tells of runs and points that cannot count.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from memmetrics.evidence import Evidence, Fit, Retrainings
from memmetrics.result import Result
from memmetrics.statistics.arms import Arms

__all__ = [
    "FitMetric",
    "FunctionMetric",
    "Metric",
    "hidden_of",
    "require_one_score",
    "retrainings_iv",
    "warn_of_empty",
    "warn_of_failed",
    "warn_of_infinite",
    "warn_of_points",
]


@runtime_checkable
class Metric(Protocol):
    """A pure function of evidence, with a name.

    Any object of this shape is a metric; nothing has to be inherited or registered.

    Attributes
    ----------
    name : str
        Unique name, also the value of the `metric` column.
    version : int
        Raised whenever the numbers change.
    needs : type
        `memmetrics.Fit`, `memmetrics.Losses`, `memmetrics.Retrainings` or
        `memmetrics.OneRun`: what the call takes. Nothing is trained that no
        metric needs.

    Notes
    -----
    Two more attributes are read where an object has them. ``unit`` is the unit of the
    estimates. ``cost`` is the law by which the time grows, in terms of the sizes of
    the evidence (``runs, points, targets, features, hidden, test_points, items``), for
    instance ``"points * hidden**2"``; `memmetrics.testing.check_cost` holds the
    metric to it.

    Examples
    --------
    >>> import numpy as np
    >>> import memmetrics as mm
    >>> class LargestLoss:
    ...     name, version, needs = "largest_loss", 1, mm.Losses
    ...
    ...     def __call__(self, evidence):
    ...         largest = evidence.train.max(-1)
    ...         return mm.Result(metric=self.name, unit="loss", estimate=largest)
    >>> isinstance(LargestLoss(), mm.Metric)
    True
    """

    @property
    def name(self) -> str:
        """Unique name of the metric."""
        ...

    @property
    def version(self) -> int:
        """Version of the numbers."""
        ...

    @property
    def needs(self) -> type[Evidence]:
        """Kind of evidence that the call takes."""
        ...

    def __call__(self, evidence: Any, /) -> Result:
        """Return the metric of `evidence`."""
        ...


@dataclass(frozen=True)
class FunctionMetric:
    """A metric that calls its `function` of evidence, with its fields as options.

    A subclass adds the fields and the class variables `name` and `function`, and those
    of the others that differ.
    """

    name: ClassVar[str]
    function: ClassVar[Callable[..., Any]]
    version: ClassVar[int] = 1
    needs: ClassVar[type[Any]] = Retrainings
    unit: ClassVar[str] = "score"
    cost: ClassVar[str] = "runs * targets"

    @property
    def options(self) -> dict[str, Any]:
        """Options of the function."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __call__(self, evidence: Any) -> Result:
        """Return the metric of `evidence`."""
        result: Result = type(self).function(evidence, **self.options)
        return result


@dataclass(frozen=True)
class FitMetric(FunctionMetric):
    """A metric whose `function` takes a `Fit` and returns an array."""

    needs: ClassVar[type[Any]] = Fit
    unit: ClassVar[str] = "dimensionless"
    cost: ClassVar[str] = "points * hidden**2"

    def __call__(self, evidence: Fit) -> Result:
        """Return the metric of every vector."""
        estimate = type(self).function(evidence, **self.options)
        return Result(metric=self.name, unit=self.unit, estimate=estimate)


def hidden_of(hidden: object, reference: object) -> tuple[Any, Any]:
    """Return activations and those of the training set: as given, or from a `Fit`.

    Raises
    ------
    TypeError
        If `reference` is given beside a Fit.
    ValueError
        If the Fit has no activations.
    """
    if not isinstance(hidden, Fit):
        return hidden, reference
    if reference is not None:
        raise TypeError("`reference` belongs into the Fit that is given as `hidden`")
    if hidden.hidden is None:
        raise ValueError("the Fit given here needs `hidden`, which is None")
    return hidden.hidden, hidden.reference


def retrainings_iv(
    scores: object, member: object, own: object = None, *, least: int = 2
) -> Retrainings:
    """Return evidence of scores and memberships, or the evidence given as `scores`.

    There must be at least `least` runs.

    Raises
    ------
    TypeError, ValueError
        If evidence and arrays are mixed, `member` is missing, or as for `Retrainings`.
    """
    if isinstance(scores, Retrainings):
        if member is not None or own is not None:
            raise TypeError(
                "`member` and `own` are in the evidence that is given as `scores`; "
                "give them with arrays only"
            )
        evidence = scores
    elif member is None:
        raise TypeError("`member` must be given with `scores`, or Retrainings alone")
    else:
        arrays: dict[str, Any] = {"scores": scores, "member": member, "own": own}
        evidence = Retrainings(**arrays)
    if len(evidence.scores) < least:
        raise ValueError(
            f"`scores` must hold at least {least} runs; got {len(evidence.scores)}"
        )
    return evidence


def require_one_score(evidence: Retrainings) -> None:
    """Raise unless there is one score for each target: `(runs, targets)`."""
    if evidence.scores.ndim != 2:
        raise ValueError(
            "`scores` must be (runs, targets) for this metric: average them over "
            f"tokens first; got shape {evidence.scores.shape}"
        )


def warn_of_failed(failed: npt.NDArray[np.bool_], *, least: int = 1) -> None:
    """Warn of runs that are left out; raise ValueError if fewer than `least` are left.

    `failed (runs,)` says which they are.
    """
    if failed.all():
        raise ValueError(f"`scores` must not be NaN in all {failed.size} runs")
    if failed.any():
        warnings.warn(
            f"{failed.sum()} of {failed.size} runs have only NaN scores (they failed "
            "or diverged) and are left out",
            RuntimeWarning,
            stacklevel=3,
        )
    if failed.size - failed.sum() < least:
        raise ValueError(
            f"`scores` must have at least {least} runs that are not NaN throughout; "
            f"got {failed.size - failed.sum()}"
        )


def warn_of_points(arms: Arms, held_out: npt.NDArray[np.bool_] | None = None) -> None:
    """Warn of points that have no estimate, save those that are held out."""
    empty = (arms.inside.count == 0) | (arms.outside.count == 0)
    infinite = arms.inside.infinite | arms.outside.infinite
    if held_out is not None:
        empty, infinite = empty & ~held_out, infinite & ~held_out
    warn_of_empty(empty)
    warn_of_infinite(infinite)


def warn_of_empty(empty: npt.NDArray[np.bool_]) -> None:
    """Warn of points with no run in one of the two arms."""
    _warn_of(empty, "no run in one of the two arms")


def warn_of_infinite(infinite: npt.NDArray[np.bool_]) -> None:
    """Warn of points with an infinite score."""
    _warn_of(infinite, "an infinite score in some run")


def _warn_of(points: npt.NDArray[np.bool_], what: str) -> None:
    if points.any():
        warnings.warn(
            f"{points.sum()} of {points.size} points have {what}; their estimate is "
            "NaN",
            RuntimeWarning,
            stacklevel=4,
        )
