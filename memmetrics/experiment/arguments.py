"""Checks of what an experiment is given: one clear error, before any work."""

from __future__ import annotations

import operator
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from memmetrics._seeds import RNG, entropy_from
from memmetrics.trainers.base import Trainer

__all__ = [
    "group_numbers",
    "keep_iv",
    "n_jobs_iv",
    "rng_iv",
    "store_iv",
    "trainer_iv",
]

_MOST_JOBS = 10_000
_KEPT = ("hidden", "weights")


def trainer_iv(trainer: object) -> Trainer:
    """Return `trainer` if it has a ``fit`` to call."""
    if isinstance(trainer, type) or not callable(getattr(trainer, "fit", None)):
        raise TypeError(
            "`trainer` must be an object with a method "
            f"`fit(data, member, *, seeds)`; got {trainer!r}"
        )
    return cast("Trainer", trainer)


def group_numbers(labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return integers for the labels of groups: themselves, or places in their order.

    Designs are drawn by them, and stores known by them.
    """
    if labels.dtype.kind in "iu" and labels.max() <= np.iinfo(np.int64).max:
        return labels.astype(np.int64)
    try:
        return np.unique(labels, return_inverse=True)[1].astype(np.int64)
    except TypeError:
        raise TypeError(
            f"`groups` must be integers or strings; got {labels[0]!r} and others"
        ) from None


def n_jobs_iv(n_jobs: Any) -> int | None:
    """Return a number of jobs as joblib understands it."""
    if n_jobs is None:
        return None
    try:
        jobs = operator.index(n_jobs)
    except TypeError:
        jobs = None
    if jobs is None or isinstance(n_jobs, bool):
        raise TypeError(f"`n_jobs` must be a whole number or None; got {n_jobs!r}")
    if jobs == 0:
        raise ValueError("`n_jobs` must not be 0; -1 takes every processor")
    if abs(jobs) > _MOST_JOBS:
        raise ValueError(f"`n_jobs` must be at most {_MOST_JOBS:,}; got {jobs}")
    return jobs


def rng_iv(rng: RNG, store: object) -> int:
    """Return the seed as one integer; a store must be able to ask for it again."""
    if rng is None and store is not None:
        raise ValueError(
            "`rng=None` draws new seeds with every call, so that a `store` could never "
            "be resumed; give an integer"
        )
    return entropy_from(rng)


def store_iv(store: Any) -> Path | None:
    """Return the store as a path to what is, or can become, a directory."""
    if store is None:
        return None
    try:
        path = Path(store)
    except TypeError as error:
        raise TypeError(f"`store` must be a path; got {store!r}") from error
    if not str(store) or "\0" in str(store):
        raise ValueError(f"`store` must be the path of a directory; got {store!r}")
    try:
        kind = path.stat().st_mode
    except OSError:
        if os.path.islink(path):  # noqa: PTH114 - the method raises for odd names
            raise ValueError(
                f"`store` must be a directory; {path} is a link that leads nowhere"
            ) from None
        return path  # yet to be created; if it cannot be, that is an error of its own
    if not stat.S_ISDIR(kind):
        raise ValueError(f"`store` must be a directory; {path} is a file")
    return path


def keep_iv(keep: Any) -> tuple[str, ...]:
    """Return the names of what is kept beside the scores."""
    names = (keep,) if isinstance(keep, str) else tuple(cast("Iterable[str]", keep))
    unknown = [name for name in names if name not in _KEPT]
    if unknown:
        raise ValueError(f"`keep` may name {' and '.join(_KEPT)}; got {unknown[0]!r}")
    return tuple(sorted(set(names)))
