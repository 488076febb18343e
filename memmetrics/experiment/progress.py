"""Runs done, time left, and how sure we are so far: a bar on the standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.stats

from memmetrics.designs import Bools

_SHOWN_POINTS = 10_000  # enough for a median


class Progress:
    """A bar that does nothing until it is given one.

    Parameters
    ----------
    bar : tqdm or None
        None shows nothing, and computes nothing either.
    """

    def __init__(self, bar: Any = None) -> None:
        self.bar = bar
        self.spread = _Spread()

    def skip(self, runs: int) -> None:
        """Count runs that were finished before, without taking them for speed."""
        if self.bar is not None:
            self.bar.n = self.bar.initial = runs
            self.bar.refresh()

    def recall(self, member: Bools, scores: npt.NDArray[Any]) -> None:
        """Take scores (runs, points) of earlier runs into account, already counted."""
        if self.bar is not None:
            self.spread.add(member, scores)

    def update(self, member: Bools, scores: npt.NDArray[Any] | None) -> None:
        """Count finished runs.

        Parameters
        ----------
        member : bool array (runs, points)
            Who trained on what in them.
        scores : array (runs, points) or None
            Scores of the training points, if they are scored.
        """
        if self.bar is None:
            return
        if scores is not None:
            self.spread.add(member, scores)
            self.bar.set_postfix_str(f"median ±{self.spread.half_width():.3g}")
        self.bar.update(len(member))


@contextmanager
def progress_bar(show: bool, *, total: int, description: str) -> Iterator[Progress]:
    """Give a bar of `total` runs, closed at the end.

    Raises
    ------
    ImportError
        If one is to be shown and tqdm is not installed.
    """
    if not show:
        yield Progress()
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=description, unit="run", dynamic_ncols=True) as bar:
        yield Progress(bar)


def check_progress(show: bool) -> bool:
    """Return `show`; raise ImportError, saying what to install, if there is no tqdm."""
    if show:
        try:
            import tqdm.auto  # noqa: F401
        except ImportError as error:
            raise ImportError(
                '`progress=True` needs tqdm: pip install "memmetrics[progress]"'
            ) from error
    return bool(show)


class _Spread:
    """Count, mean and summed squares of each arm, for a median half-width in passing.

    The table's own intervals are computed elsewhere, and better.
    """

    def __init__(self) -> None:
        self.count = self.mean = self.squares = np.zeros((2, 0))

    def add(self, member: Bools, scores: npt.NDArray[Any]) -> None:
        points = min(member.shape[1], _SHOWN_POINTS)
        if self.count.shape[1] == 0:
            shape = (2, points)
            self.count, self.mean = np.zeros(shape), np.zeros(shape)
            self.squares = np.zeros(shape)
        for inside, row in zip(member[:, :points], scores[:, :points], strict=True):
            columns = np.flatnonzero(np.isfinite(row))
            arm, values = inside[columns].astype(np.intp), row[columns]  # 1 is IN
            self.count[arm, columns] += 1
            step = values - self.mean[arm, columns]
            self.mean[arm, columns] += step / self.count[arm, columns]
            self.squares[arm, columns] += step * (values - self.mean[arm, columns])

    def half_width(self) -> float:
        """Return the median half-width of Welch's 95 % intervals, NaN if none yet."""
        enough = (self.count >= 2).all(axis=0)
        if not enough.any():
            return float("nan")
        count, squares = self.count[:, enough], self.squares[:, enough]
        error = squares / (count - 1) / count
        total = error.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            freedom = total**2 / (error**2 / (count - 1)).sum(axis=0)
        quantile = scipy.stats.t.ppf(0.975, np.where(total > 0, freedom, 1.0))
        return float(np.median(quantile * np.sqrt(total)))
