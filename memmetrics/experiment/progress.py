"""Runs done, time left, and how sure we are so far: a bar on the standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics.designs import Bools
from memmetrics.statistics import Arms, difference_interval

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
        self.arms: Arms | None = None

    def skip(self, runs: int) -> None:
        """Count runs that were finished before, without taking them for speed."""
        if self.bar is not None:
            self.bar.n = self.bar.initial = runs
            self.bar.refresh()

    def recall(self, member: Bools, scores: npt.NDArray[Any]) -> None:
        """Take scores (runs, points) of earlier runs into account, already counted."""
        if self.bar is not None:
            points = min(member.shape[1], _SHOWN_POINTS)
            arms = Arms.from_scores(scores[:, :points], member[:, :points])
            self.arms = arms if self.arms is None else self.arms.merge(arms)

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
            self.recall(member, scores)
            self.bar.set_postfix_str(f"median ±{self.half_width():.3g}")
        self.bar.update(len(member))

    def half_width(self) -> float:
        """Return the median half-width of 95 % intervals so far, NaN if there is none.

        Those of `memmetrics.statistics.difference_interval`.
        """
        if self.arms is None:
            return float("nan")
        interval = difference_interval(*self.arms, confidence=0.95)
        widths = (np.asarray(interval.high) - np.asarray(interval.low)) / 2
        known = widths[np.isfinite(widths)]
        return float(np.median(known)) if known.size else float("nan")


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
