"""The plain way to dimensionality: its definition, point by point."""

from __future__ import annotations

import numpy as np


def by_definition(vectors, reference=None):
    """D_i = |h_i|² / Σ_j (ĥ_i·h_j)², points by points, in float64."""
    vectors = np.asarray(vectors, dtype=np.float64)
    among = vectors if reference is None else np.asarray(reference, dtype=np.float64)
    result = np.zeros(len(vectors))
    for i, vector in enumerate(vectors):
        length = np.sqrt((vector**2).sum())
        if length > 0:
            overlap = ((among @ (vector / length)) ** 2).sum()
            own = 0 if reference is None else length**2
            result[i] = length**2 / (overlap + own)
    return result
