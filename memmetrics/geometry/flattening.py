"""Activations of more axes than runs, points and hidden: which are one point's."""

from __future__ import annotations

import warnings

import numpy as np

from memmetrics._arrays.validation import ArrayT, count_iv

__all__ = ["flatten_iv"]


def flatten_iv(
    hidden: ArrayT, reference: ArrayT | None, flatten: int | None
) -> tuple[ArrayT, ArrayT | None]:
    """Join the axes that belong to one point's vector, as `flatten` says.

    Activations of a convolution have four axes, and so have those of two axes of runs,
    which are what is read; the others would give numbers that look right.
    """
    if flatten is None:
        if np.ndim(hidden) > 3:
            warnings.warn(
                f"`hidden` of shape {tuple(np.shape(hidden))} is read as (..., points, "
                "hidden); if more of the last axes belong to one point's vector, say "
                "how many, such as flatten=3 for (points, channels, height, width), "
                "and flatten=1 if not",
                UserWarning,
                stacklevel=3,
            )
        return hidden, reference
    axes = count_iv(flatten, "flatten", least=1)
    return _joined(hidden, axes), None if reference is None else _joined(
        reference, axes
    )


def _joined(vectors: ArrayT, axes: int) -> ArrayT:
    if np.ndim(vectors) <= axes:
        raise ValueError(
            f"`flatten` must leave an axis of points; got {axes} for shape "
            f"{tuple(np.shape(vectors))}"
        )
    return vectors.reshape(*vectors.shape[:-axes], -1)
