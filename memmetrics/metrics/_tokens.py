"""Scores with an axis of tokens, as scores of that many more targets, and back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import Array, like_original, to_numpy
from memmetrics.evidence import tokens_present
from memmetrics.result import Result

__all__ = ["FlatTokens", "flat_tokens", "require_one_score"]


class FlatTokens(NamedTuple):
    """Every token that is no padding, as a target of its own."""

    scores: npt.NDArray[Any]  # (runs, tokens of all targets)
    target: npt.NDArray[np.int64]  # (tokens of all targets,)
    present: npt.NDArray[np.bool_]  # (targets, tokens)

    def spread(self, result: Result) -> Result:
        """Return a result for each flat token as one for each (target, token)."""
        names = ("estimate", "standard_error", "low", "high", "n_in", "n_out")
        return Result(
            result.metric,
            result.unit,
            **{name: self._spread(getattr(result, name)) for name in names},
            columns={
                name: self._spread(values) for name, values in result.columns.items()
            },
            axes=("index", "token"),
        )

    def _spread(self, values: Array) -> Array:
        flat = to_numpy(values)
        # Padding has no estimate, no runs and nothing to say.
        padding = np.nan if flat.dtype.kind == "f" else flat.dtype.type()
        places = np.full(self.present.shape, padding, dtype=flat.dtype)
        places[self.present] = flat
        return like_original(places, values)


def flat_tokens(scores: npt.NDArray[Any]) -> FlatTokens:
    """Flatten `scores (runs, targets, tokens)`, of runs that may have failed."""
    present = tokens_present(scores)
    if not present.any():
        raise ValueError(f"`scores` must not be NaN in all {len(scores)} runs")
    return FlatTokens(scores[:, present], np.nonzero(present)[0], present)


def require_one_score(scores: npt.NDArray[Any]) -> None:
    """Raise unless there is one score for each target: `(runs, targets)`."""
    if scores.ndim != 2:
        raise ValueError(
            "`scores` must be (runs, targets) for this metric: average them over "
            f"tokens first; got shape {scores.shape}"
        )
