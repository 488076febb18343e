"""Designs that name their points: all, all but some, or whatever you say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.fingerprint import fingerprint
from memmetrics._arrays.validation import as_boolean, to_numpy
from memmetrics.designs.base import Bools

__all__ = ["Everyone", "Given", "Without"]


@dataclass(frozen=True)
class Everyone:
    """Every run trains on all points.

    Examples
    --------
    >>> from memmetrics.designs import draw_members
    >>> draw_members(Everyone(), 0, runs=2, points=3).all()
    np.True_
    """

    block: ClassVar[int] = 1
    of_points: ClassVar[bool] = False

    def members(
        self,
        seed: int,  # noqa: ARG002 - the protocol's
        runs: int,  # noqa: ARG002 - the protocol's
        points: int,  # noqa: ARG002 - the protocol's
        some_runs: range,
        some_points: range,
    ) -> Bools:
        """See `Design`."""
        return np.ones((len(some_runs), len(some_points)), dtype=bool)

    def configuration(self) -> dict[str, Any]:
        """See `Design`; there is nothing to tell apart."""
        return {}


@dataclass(frozen=True, eq=False)
class Given:
    """Membership of your own.

    Parameters
    ----------
    member : bool array (runs, points)
        Who trains on what. There may be more rows than runs are asked for: a `store`
        can then be added to, by a call for more runs.

    Raises
    ------
    TypeError, ValueError
        If it is no such matrix, or a run has no points.

    Examples
    --------
    >>> from memmetrics.designs import draw_members
    >>> member = np.array([[True, True, False], [False, True, True]])
    >>> (draw_members(Given(member), 0, runs=2, points=3) == member).all()
    np.True_
    """

    member: npt.NDArray[np.bool_]
    of_points: ClassVar[bool] = True
    block: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Check the matrix."""
        member = to_numpy(
            as_boolean(self.member, "design", axes="(runs, points)", ndim=2)
        )
        empty = np.flatnonzero(~member.any(axis=1))
        if len(empty):
            raise ValueError(
                f"`design` must give every run a point; run {empty[0]} has none"
            )
        object.__setattr__(self, "member", member)

    def members(
        self,
        seed: int,  # noqa: ARG002 - the protocol's
        runs: int,
        points: int,
        some_runs: range,
        some_points: range,
    ) -> Bools:
        """See `Design`."""
        if len(self.member) < runs or self.member.shape[1] != points:
            raise ValueError(
                f"`design` must say who trains on what in {runs} runs of {points} "
                f"points; its matrix has shape {self.member.shape}"
            )
        rows = self.member[some_runs.start : some_runs.stop]
        return rows[:, some_points.start : some_points.stop].copy()

    def configuration(self) -> dict[str, Any]:
        """See `Design`."""
        return {"design": "given", "members": fingerprint(self.member)}


@dataclass(frozen=True, eq=False)
class Without:
    """Sets of points are left out in turn.

    Runs go round: all points, without the first set, without the second, …, and again.

    Parameters
    ----------
    sets : sequence of int sequences
        Indices of the points of each set.

    Raises
    ------
    TypeError, ValueError
        If there is no set, or one is empty or holds anything but indices.

    Examples
    --------
    >>> from memmetrics.designs import draw_members
    >>> draw_members(Without([[0], [1, 2]]), 0, runs=4, points=3).astype(int)
    array([[1, 1, 1],
           [0, 1, 1],
           [1, 0, 0],
           [1, 1, 1]])
    """

    sets: Sequence[npt.ArrayLike]
    of_points: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the sets."""
        sets = tuple(_set_iv(each, place) for place, each in enumerate(self.sets))
        if not sets:
            raise ValueError("`sets` must hold at least one set of points; got none")
        object.__setattr__(self, "sets", sets)

    @property
    def block(self) -> int:
        """Runs of one round."""
        return 1 + len(self.sets)

    def members(
        self,
        seed: int,  # noqa: ARG002 - the protocol's
        runs: int,  # noqa: ARG002 - the protocol's
        points: int,
        some_runs: range,
        some_points: range,
    ) -> Bools:
        """See `Design`."""
        sets: Any = self.sets
        for place, each in enumerate(sets):
            if each[-1] >= points or len(each) == points:
                raise ValueError(
                    f"`sets` must leave some of the {points} points and name no other; "
                    f"set {place} has {len(each)}, the last of them {each[-1]}"
                )
        member = np.ones((len(some_runs), len(some_points)), dtype=bool)
        for row, run in zip(member, some_runs, strict=True):
            if place := run % self.block:
                left = sets[place - 1]
                here = (some_points.start <= left) & (left < some_points.stop)
                row[left[here] - some_points.start] = False
        return member

    def configuration(self) -> dict[str, Any]:
        """See `Design`."""
        sets: Any = self.sets
        sizes = np.array([len(each) for each in sets])
        return {"design": "without", "sets": fingerprint(sizes, *sets)}


def _set_iv(points: npt.ArrayLike, place: int) -> npt.NDArray[np.int64]:
    """Return the points of a set in order, each once."""
    array = np.asarray(points)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu":
        raise ValueError(
            "`sets` must hold arrays of indices with one axis, not empty; set "
            f"{place} has shape {array.shape} and dtype {array.dtype}"
        )
    if array.min() < 0:
        raise ValueError(f"`sets` must hold no negative index; set {place} does")
    return np.unique(array.astype(np.int64))
