"""What a metric is: any object with a name, a version, a need and a call.

Also what our own ones share: how a function becomes a metric, how it takes evidence in
the place of arrays, and how it tells of runs and points that cannot count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, runtime_checkable

from memmetrics.errors import warn_of
from memmetrics.evidence import Evidence, Fit, Retrainings
from memmetrics.result import Result

__all__ = ["Metric"]

EMPTY_ARM = "points have no run in one of the two arms; their estimate is NaN"
INFINITE = "points have an infinite score in some run; their estimate is NaN"


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


def rates_iv(rates: Sequence[float]) -> list[float]:
    """Return false-positive rates once each lies within (0, 1)."""
    if not isinstance(rates, Iterable):
        raise TypeError(
            f"`false_positive_rates` must be a sequence of numbers; got {rates!r}"
        )
    values = [float(rate) for rate in rates]
    for value in values:
        if not 0 < value < 1:
            raise ValueError(
                "`false_positive_rates` must lie strictly between 0 and 1; "
                f"got {value!r}"
            )
    return values


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
    scores: object, member: object, own: object = None, *, runs: int = 2
) -> Retrainings:
    """Return evidence of scores and memberships, or the evidence given as `scores`.

    There must be at least so many runs.

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
    if len(evidence.scores) < runs:
        raise ValueError(
            f"`scores` must hold at least {runs} runs; got {len(evidence.scores)}"
        )
    return evidence


def usable_iv(
    scores: object,
    member: object,
    own: object = None,
    *,
    runs: int = 2,
    finished: int = 1,
    tokens: bool = False,
) -> Retrainings:
    """Do as `retrainings_iv`, and warn of runs that failed, which are left out.

    Raises
    ------
    TypeError, ValueError
        Also if there are several scores for a target, unless `tokens` are allowed, or
        fewer than so many runs `finished`.
    """
    evidence = retrainings_iv(scores, member, own, runs=runs)
    if evidence.scores.ndim != 2 and not tokens:
        raise ValueError(
            "`scores` must be (runs, targets) for this metric: average them over "
            f"tokens first; got shape {evidence.scores.shape}"
        )
    failed = evidence.failed
    left = int((~failed).sum())
    if not left:
        raise ValueError(f"`scores` must not be NaN in all {failed.size} runs")
    warn_of(
        failed, "runs have only NaN scores (they failed or diverged) and are left out"
    )
    if left < finished:
        raise ValueError(
            f"`scores` must have at least {finished} runs that are not NaN throughout; "
            f"got {left}"
        )
    return evidence
