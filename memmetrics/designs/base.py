"""What a design is, and how it is drawn: whole, or some runs for some points."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Design", "draw_members"]

Bools: TypeAlias = npt.NDArray[np.bool_]


class Design(Protocol):
    """Who trains on what: any object of this shape will do."""

    @property
    def block(self) -> int:
        """Runs are best added in whole multiples of it."""
        ...

    @property
    def of_points(self) -> bool:
        """Whether it names points, and so cannot be drawn for groups instead."""
        ...

    def members(
        self, seed: int, runs: int, points: int, some_runs: range, some_points: range
    ) -> Bools:
        """Return who trains on what in a block of runs, for a range of points.

        Parameters
        ----------
        seed : int
            The measurement's seed.
        runs, points : int
            How many there are altogether.
        some_runs, some_points : range
            Which of them are asked for, without gaps.

        Returns
        -------
        bool array, (some runs, some points)
        """
        ...

    def configuration(self) -> dict[str, Any]:
        """Return what a store knows the design by, as plain JSON values."""
        ...


def draw_members(
    design: Design,
    seed: int,
    *,
    runs: int,
    points: int,
    groups: npt.NDArray[np.int64] | None = None,
    some_runs: slice = slice(None),
    some_points: slice = slice(None),
) -> Bools:
    """Return who trains on what: all of it, or a block of runs for a range of points.

    Parameters
    ----------
    design : Design
        See the module's docstring.
    seed : int
        The measurement's seed.
    runs, points : int
        Number of runs and of training points.
    groups : int array (points,), optional
        Points of one group enter and leave together.
    some_runs, some_points : slice, optional
        Which of them to draw. The rest is neither drawn nor kept.

    Returns
    -------
    bool array, (runs, points)
        No run is without points.

    Raises
    ------
    ValueError
        If the design leaves runs empty, does not fit the numbers of runs and points, or
        tears groups apart.

    Examples
    --------
    >>> from memmetrics.designs import Balanced
    >>> member = draw_members(Balanced(0.5), 0, runs=6, points=4)
    >>> member.sum(axis=0)
    array([3, 3, 3, 3])
    >>> some = draw_members(
    ...     Balanced(0.5), 0, runs=6, points=4, some_points=slice(1, 3))
    >>> (some == member[:, 1:3]).all()
    True
    """
    rows = _range(some_runs, runs, "some_runs")
    columns = _range(some_points, points, "some_points")
    if groups is None:
        return design.members(seed, runs, points, rows, columns)
    labels, first, group = np.unique(groups, return_index=True, return_inverse=True)
    if design.of_points:
        whole = design.members(seed, runs, points, rows, range(points))
        if (whole != whole[:, first[group]]).any():
            raise ValueError("`design` must let points of one group enter together")
        return whole[:, columns.start : columns.stop]
    wanted = group[columns.start : columns.stop]
    low, high = (wanted.min(), wanted.max() + 1) if len(wanted) else (0, 0)
    drawn = design.members(seed, runs, len(labels), rows, range(low, high))
    return np.ascontiguousarray(drawn[:, wanted - low])


def _range(part: slice, count: int, name: str) -> range:
    """Return the places that a slice of `count` names."""
    start, stop, step = part.indices(count)
    if step != 1:
        raise ValueError(f"`{name}` must have no gaps; got {part}")
    return range(start, max(start, stop))
