"""What ``design=`` takes: a name, a design, or a matrix."""

from __future__ import annotations

from collections.abc import Callable

from memmetrics.designs.base import Design
from memmetrics.designs.drawn import Balanced, Bernoulli, Exact
from memmetrics.designs.named import Everyone, Given

__all__ = ["as_design"]

_NAMED: dict[str, Callable[[float], Design]] = {
    "balanced": Balanced,
    "bernoulli": Bernoulli,
    "exact": Exact,
}


def as_design(design: object, fraction: float | None = None) -> Design:
    """Return the design of that name, of that matrix, or the design itself.

    Parameters
    ----------
    design : {"balanced", "bernoulli", "exact", "everyone"}, Design or bool array
        What ``design=`` takes; a matrix (runs, points) stands for `Given`.
    fraction : float, optional
        Of the first three names; 0.5 if it is not given.

    Raises
    ------
    ValueError, TypeError
        If there is no such design, or it takes no `fraction`.

    Examples
    --------
    >>> as_design("exact", 0.7)
    Exact(fraction=0.7)
    """
    if isinstance(design, str):
        if design in _NAMED:
            return _NAMED[design](0.5 if fraction is None else fraction)
        if design != "everyone":
            known = ", ".join([*_NAMED, "everyone"])
            raise ValueError(f"unknown `design` {design!r}; there are {known}")
        design = Everyone()
    if fraction is not None:
        raise ValueError(
            "`fraction` goes with the names of designs that are drawn; give the share "
            f"to the design itself, as in Balanced({fraction!r})"
        )
    if isinstance(design, type):
        raise TypeError(f"`design` must be a design, not a class; got {design!r}")
    if callable(getattr(design, "members", None)):
        return design  # type: ignore[return-value]  # any object of this shape
    return Given(design)  # type: ignore[arg-type]  # which checks it
