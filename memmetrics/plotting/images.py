"""A training example as a small picture with its score underneath."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from memmetrics.plotting.frame import (
    LARGEST,
    axes_or_current,
    note_if_empty,
    plain,
    size_in_points,
    wrapped,
)
from memmetrics.plotting.shared_words import with_shared_words


@with_shared_words
def draw_image(
    pixels: npt.ArrayLike, *, ax: Axes | None = None, caption: str = ""
) -> Axes:
    """Draw a gray image, dark on light, with a caption underneath.

    Parameters
    ----------
    pixels : array_like, shape (rows, columns)
        Brightness; the smallest is drawn white and the largest black.
    $ax
    caption : str, optional
        Text below the image.

    $returns

    Raises
    ------
    ValueError
        If `pixels` does not have two axes.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = draw_image(np.eye(8), ax=Figure().add_subplot(), caption="0.41")
    >>> ax.get_xlabel()
    '0.41'
    """
    ax = axes_or_current(ax)
    image = np.asarray(pixels, dtype=float)
    if image.ndim != 2:
        raise ValueError(
            f"`pixels` must have shape (rows, columns); received {image.shape}"
        )
    image = np.where(np.abs(image) <= LARGEST, image, np.nan)
    if np.isfinite(image).any():
        # Colors are computed from differences, which must not overflow.
        ax.imshow(image, cmap="gray_r", interpolation="nearest")
    ax.set_xlabel(
        wrapped(plain(caption), max(size_in_points(ax)[0], 100.0), 8), fontsize=8
    )
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color="#CCCCCC")
    ax.grid(visible=False)
    return note_if_empty(ax, "no finite pixel")
