"""What a report shows beside the scores: texts, or pictures small enough for a page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import to_numpy
from memmetrics.plotting.frame import shortened

__all__ = ["examples_iv", "shown_example"]

_LETTERS = 600
_SMALL = 64  # pixels; smaller pictures are shown as they are
_REDUCED = 128
_CHANNELS = (1, 3, 4)


def examples_iv(points: Any, count: int, name: str = "points") -> Sequence[Any]:
    """Return examples as a sequence of texts or of arrays, one for each of `count`.

    `name` is what the caller calls them.

    Raises
    ------
    TypeError, ValueError
        If there are more or fewer, or the first is neither a text nor a picture.

    Examples
    --------
    >>> examples_iv(("a", "b"), 2)
    ['a', 'b']
    >>> examples_iv(np.zeros((2, 784)), 2)
    Traceback (most recent call last):
    ValueError: `points` must be texts, or pictures (points, rows, columns) ...
    """
    if isinstance(points, str) or not hasattr(points, "__len__"):
        raise TypeError(
            f"`{name}` must be a sequence of texts or an array of pictures; got "
            f"{type(points).__name__}"
        )
    if len(points) != count:
        raise ValueError(
            f"`{name}` must have one example for each of the {count} {name}; "
            f"got {len(points)}"
        )
    # Of a pandas Series, [0] is the label 0; a list knows places only.
    examples = points if hasattr(points, "ndim") and points.ndim > 1 else list(points)
    if isinstance(examples[0], str):
        if not all(isinstance(text, str) for text in examples):
            raise TypeError(f"`{name}` must be all texts or all pictures; got both")
    else:
        _picture(examples[0], name)
    return examples


def shown_example(example: Any, scale: tuple[float, float] | None) -> str | bytes:
    """Return a text of bearable length, or the content of a PNG or JPEG file.

    Parameters
    ----------
    example : str or array (rows, columns[, channels]) or (channels, rows, columns)
        One of the points.
    scale : pair of float, or None
        What is black and what is white, where pixels are no bytes; None for the
        smallest and the largest of this picture.
    """
    if isinstance(example, str):
        return shortened(example, _LETTERS)
    # Pillow comes with matplotlib, which is asked for before.
    from PIL import Image

    image = Image.fromarray(_bytes(_picture(example), scale))
    file = io.BytesIO()
    if max(image.size) <= _SMALL:
        image.save(file, format="PNG", optimize=True)
    else:
        image.thumbnail((_REDUCED, _REDUCED))
        image.convert("L" if image.mode == "L" else "RGB").save(file, format="JPEG")
    return file.getvalue()


def pixel_range(examples: Sequence[Any]) -> tuple[float, float] | None:
    """Return the smallest and the largest finite pixel of some pictures."""
    pixels = [np.asarray(_picture(example), dtype=np.float64) for example in examples]
    finite = [image[np.isfinite(image)] for image in pixels]
    lows, highs = zip(*((x.min(), x.max()) for x in finite if x.size), strict=True)
    return float(min(lows)), float(max(highs))


def _picture(example: Any, name: str = "points") -> npt.NDArray[Any]:
    """Return an example as `(rows, columns)` or `(rows, columns, 3 or 4)`."""
    image = to_numpy(example)
    if image.ndim == 3 and image.shape[-1] not in _CHANNELS:
        image = np.moveaxis(image, 0, -1)  # channels first, as torch has them
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    fits = image.ndim == 2 or (image.ndim == 3 and image.shape[-1] in _CHANNELS)
    if not fits or image.dtype.kind not in "biuf" or 0 in image.shape:
        raise ValueError(
            f"`{name}` must be texts, or pictures (points, rows, columns) or (points, "
            "rows, columns, channels) with 1, 3 or 4 channels; the first is of shape "
            f"{image.shape} and dtype {image.dtype}"
        )
    return image


def _bytes(
    image: npt.NDArray[Any], scale: tuple[float, float] | None
) -> npt.NDArray[np.uint8]:
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    low, high = scale or (0.0, 1.0)
    values = np.nan_to_num(image.astype(np.float64), nan=low, posinf=high, neginf=low)
    # Halves, so that the difference of two large numbers does not overflow.
    part = (values / 2 - low / 2) / ((high / 2 - low / 2) or 1.0)
    return np.round(255 * part.clip(0, 1)).astype(np.uint8)
