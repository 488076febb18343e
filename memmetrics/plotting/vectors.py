"""Vectors of a model with two hidden dimensions, drawn from the origin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from memmetrics.plotting.frame import axes_or_current, note_if_empty, visible
from memmetrics.plotting.shared_words import with_shared_words
from memmetrics.plotting.theme import COLORS

# Shorter than this, all vectors are points to the computer's arithmetic.
_SHORTEST = 1e-280


@with_shared_words
def draw_vectors(
    vectors: npt.ArrayLike, *, ax: Axes | None = None, color: str = COLORS["blue"]
) -> Axes:
    """Draw each vector as a line from the origin with a dot at its end.

    Vectors with a value that is not finite are left out.

    Parameters
    ----------
    vectors : array_like, shape (vectors, 2)
        Rows of the weights (one a feature) or hidden activations (one a point).
    $ax
        Both axes get the same scale, with the origin in the middle.
    $color

    $returns

    Raises
    ------
    ValueError
        If `vectors` is not of shape (vectors, 2).

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = draw_vectors(np.eye(2), ax=Figure().add_subplot())
    >>> len(ax.collections[0].get_segments())
    2
    """
    ax = axes_or_current(ax)
    ends = np.asarray(vectors, dtype=float)
    if ends.ndim != 2 or ends.shape[1] != 2:
        raise ValueError(
            f"`vectors` must have shape (vectors, 2); received {ends.shape}"
        )
    ends = ends[visible(ax, *ends.T)]
    segments = np.stack([np.zeros_like(ends), ends], axis=1)  # (vectors, 2, 2)
    lengths = np.hypot(*ends.T)  # (vectors,); squares of large values overflow
    longest = float(lengths.max(initial=0.0))
    if longest < _SHORTEST:
        longest = 1.0
    # Many long vectors at full strength would be one blot. Short ones do not count:
    # they are hidden near the origin in any case.
    crowd = float(((lengths / longest) ** 2).sum())
    strength = float(np.clip(30 / max(crowd, 1.0), 0.02, 1.0))
    lines = LineCollection(
        list(segments), colors=color, linewidths=0.9, alpha=strength, rasterized=True
    )
    ax.add_collection(lines)
    ax.scatter(
        ends[:, 0],
        ends[:, 1],
        s=9 if len(ends) < 500 else 4,
        color=color,
        linewidths=0,
        alpha=max(strength**0.5, 0.25),
        rasterized=True,
    )
    limit = 1.1 * longest
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    return note_if_empty(ax, "no finite vector")
