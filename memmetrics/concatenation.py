"""Retrainings from several places as one: their runs follow one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics.evidence import Retrainings

__all__ = ["concatenate"]


def concatenate(evidences: Iterable[Retrainings]) -> Retrainings:
    """Join retrainings of the same points and targets, runs after runs.

    Parameters
    ----------
    evidences : iterable of Retrainings
        At least one. All are of the same points, in the same order, and score the same
        targets in the same unit.

    Returns
    -------
    Retrainings
        Scores of tokens are padded with NaN to the widest. Seeds are kept if all have
        them; ``attrs`` lists those of the parts.

    Raises
    ------
    TypeError
        If something else is among them.
    ValueError
        If there are none; if points, targets, ``own`` or ``groups`` do not fit, or
        tables named their points differently; or if runs are there twice: two parts
        share seeds or, without seeds, are equal.

    Examples
    --------
    >>> member = np.array([[True, False], [False, True]])
    >>> halves = [Retrainings(scores=member + k, member=member) for k in (0.0, 1.0)]
    >>> concatenate(halves).scores
    array([[1., 0.],
           [0., 1.],
           [2., 1.],
           [1., 2.]])
    """
    if isinstance(evidences, Retrainings) or not isinstance(evidences, Iterable):
        raise TypeError(
            "`evidences` must be several Retrainings, in a list; got a "
            f"{type(evidences).__name__}"
        )
    parts = list(evidences)
    if not parts:
        raise ValueError("`evidences` must hold at least one; got none")
    for place, part in enumerate(parts):
        if not isinstance(part, Retrainings):
            raise TypeError(
                f"`evidences` must be Retrainings; evidences[{place}] is a "
                f"{type(part).__name__}"
            )
        _check_fits(parts[0], part, place)
    names = _same_names(parts)
    _refuse_twice(parts)
    return Retrainings(
        scores=_joined_scores([part.scores for part in parts]),
        member=np.concatenate([part.member for part in parts]),
        own=parts[0].own,
        groups=parts[0].groups,
        seeds=_joined_seeds(parts),
    ).with_attrs({"parts": [part.attrs for part in parts], **names})


def _check_fits(first: Retrainings, other: Retrainings, place: int) -> None:
    for name, ours, theirs in (
        ("points", first.member.shape[1], other.member.shape[1]),
        ("targets", first.scores.shape[1], other.scores.shape[1]),
        ("axes of scores", first.scores.ndim, other.scores.ndim),
    ):
        if ours != theirs:
            raise ValueError(
                f"`evidences` must have the same number of {name}; evidences[0] has "
                f"{ours}, evidences[{place}] {theirs}"
            )
    for name in ("own", "groups"):
        ours, theirs = getattr(first, name), getattr(other, name)
        one_lacks = (ours is None) != (theirs is None)
        if one_lacks or not np.array_equal(ours, theirs):
            raise ValueError(
                f"`evidences` must have the same `{name}`; that of evidences[0] and "
                f"that of evidences[{place}] differ"
            )


def _same_names(parts: Sequence[Retrainings]) -> dict[str, str]:
    """Return what the names of the points are known by, where tables gave any."""
    key = "hash_of_names"
    named = {
        place: part.attrs[key] for place, part in enumerate(parts) if key in part.attrs
    }
    if not named:
        return {}
    first, names = next(iter(named.items()))
    for place, others in named.items():
        if others != names:
            raise ValueError(
                "`evidences` must be of the same points; the names in the tables of "
                f"evidences[{first}] and of evidences[{place}] differ"
            )
    return {key: names}


def _refuse_twice(parts: Sequence[Retrainings]) -> None:
    """Refuse runs that are there twice: they would count as twice the evidence."""
    known: dict[int, int] = {}
    for place, part in enumerate(parts):
        if part.seeds is None:
            continue
        seeds = {int(seed) for seed in part.seeds}
        if shared := sorted(seeds & known.keys()):
            raise ValueError(
                f"`evidences` must not share runs; the seed {shared[0]} is in "
                f"evidences[{known[shared[0]]}] and evidences[{place}], and "
                f"{len(shared)} in all are in both (if these are different runs, leave "
                "`seeds` out)"
            )
        known.update(dict.fromkeys(seeds, place))
    for (before, first), (place, second) in combinations(enumerate(parts), 2):
        alike = np.array_equal(first.member, second.member)
        alike = alike and not first.failed.all()  # NaN throughout says nothing
        if alike and np.array_equal(first.scores, second.scores, equal_nan=True):
            raise ValueError(
                f"`evidences` must not share runs; evidences[{before}] and "
                f"evidences[{place}] are equal"
            )


def _joined_scores(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    if parts[0].ndim == 2:
        return np.concatenate(parts)
    widest = max(part.shape[2] for part in parts)
    shape = (sum(map(len, parts)), parts[0].shape[1], widest)
    joined = np.full(shape, np.nan, np.result_type(*parts))
    start = 0
    for part in parts:
        joined[start : start + len(part), :, : part.shape[2]] = part
        start += len(part)
    return joined


def _joined_seeds(parts: Sequence[Retrainings]) -> npt.NDArray[Any] | None:
    seeds = [part.seeds for part in parts if part.seeds is not None]
    if len(seeds) < len(parts):
        return None
    joined = np.concatenate(seeds)
    if joined.dtype.kind != "f":
        return joined
    # Signed and unsigned integers of 64 bits have only an inexact type in common.
    return np.array([int(seed) for some in seeds for seed in some], dtype=object)
