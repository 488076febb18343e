"""Random-feature ridge regression, and its exact loss (Maloney et al. 2022).

A point is x = S z with z standard normal and S the square root of the spectrum's
eigenvalues; what is to be learned is linear, w·x with w standard normal; the model
sees the random features U x and no more. With T points Z (latents, T), N features
U (N, latents) and P the ridge inverse of U S Z, the squared error, averaged over x and
w, is ‖S − S Z P U S‖² + σ² ‖P U S‖², Frobenius norms, σ the noise of the labels.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]


def power_law(latents: int, exponent: float) -> Floats:
    """Return S, the square roots of the eigenvalues i^−(1 + exponent), (latents,)."""
    ranks = np.arange(1.0, latents + 1)
    scales: Floats = ranks ** (-(1 + exponent) / 2)
    return scales


def ridge_inverse(matrix: Floats, ridge: float) -> Floats:
    """Return (AᵀA + ridge)⁻¹ Aᵀ; without a ridge its limit, the pseudo-inverse."""
    if ridge == 0:
        inverse: Floats = np.linalg.pinv(matrix)
    else:
        left, lengths, right = np.linalg.svd(matrix, full_matrices=False)
        inverse = (right.T * (lengths / (lengths**2 + ridge))) @ left.T
    return inverse


def expected_losses(
    points: Floats, features: Floats, scales: Floats, *, ridge: float
) -> tuple[float, float]:
    """Return the squared error, and what labels with noise of variance 1 add to it.

    `points` is (latents, points), `features` (features, latents), `scales` (latents,).
    """
    seen, asked = scales[:, np.newaxis] * points, features * scales
    inverse = ridge_inverse(features @ seen, ridge)  # (points, features)
    fitted = seen @ inverse  # (latents, features)
    # ‖S − F A‖² by its parts: (latents, latents) is too large to form.
    explained = scales @ np.einsum("lf,fl->l", fitted, asked)
    of_asked = asked @ asked.T
    length = np.sum((fitted.T @ fitted) * of_asked)
    error = np.sum(scales**2) - 2 * explained + length
    of_noise = np.sum((inverse.T @ inverse) * of_asked)
    return float(error), float(of_noise)
