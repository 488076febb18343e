"""What a metric is: any object with a name, a version, a need and a call."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from memmetrics.evidence import Evidence
from memmetrics.result import Result

__all__ = ["Metric"]


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
