"""The identity of points and features against regression by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from studies.duality.ridge import expected_losses, power_law
from studies.duality.roles import compare

LATENTS = 12


def draw(points, features, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(LATENTS, points)), rng.normal(size=(features, LATENTS))


def fitted_losses(points, features, scales, ridge):
    """Errors of scikit-learn's coefficients, one target direction after another.

    A model with coefficients θ answers θ·U x; its error for the target w·x is
    |S (w − Uᵀ θ)|², and what unit noise adds is the sum of |S Uᵀ ∂θ/∂label|².
    """
    latent = (scales[:, None] * points).T  # (points, latents)
    seen = latent @ features.T
    model = Ridge(alpha=ridge, fit_intercept=False, solver="svd", tol=1e-12)
    if ridge == 0:
        model = LinearRegression(fit_intercept=False)
    error = sum(
        np.sum((scales * (np.eye(LATENTS)[k] - features.T @ theta)) ** 2)
        for k in range(LATENTS)
        for theta in [model.fit(seen, latent[:, k]).coef_]
    )
    noise = sum(
        np.sum((scales * (features.T @ theta)) ** 2)
        for label in np.eye(len(seen))
        for theta in [model.fit(seen, label).coef_]
    )
    return error, noise


@pytest.mark.parametrize("ridge", [0.0, 0.3, 5.0])
@pytest.mark.parametrize(("points", "features"), [(4, 9), (9, 4), (6, 6)])
def test_the_loss_is_that_of_fitted_regression(points, features, ridge):
    drawn = draw(points, features)
    scales = power_law(LATENTS, 1.0)
    ours = expected_losses(*drawn, scales, ridge=ridge)
    assert ours == pytest.approx(fitted_losses(*drawn, scales, ridge), rel=1e-7)


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 0.3, 5.0])
@pytest.mark.parametrize("seed", range(5))
def test_exchanging_points_and_features_leaves_fitted_regression_as_it_is(seed, ridge):
    points, features = draw(4, 9, seed)
    scales = power_law(LATENTS, 0.7)
    here = fitted_losses(points, features, scales, ridge)
    there = fitted_losses(features.T, points.T, scales, ridge)
    assert here[0] == pytest.approx(there[0], rel=1e-10)
    assert abs(here[1] / there[1] - 1) > 1e-3
    ours = expected_losses(features.T, points.T, scales, ridge=ridge)
    assert ours[0] == pytest.approx(here[0], rel=1e-10)


def test_the_loss_is_the_error_of_answers_to_new_points():
    points, features = draw(5, 7)
    scales = power_law(LATENTS, 1.0)
    rng = np.random.default_rng(1)
    latent = (scales[:, None] * points).T
    model = Ridge(alpha=0.2, fit_intercept=False).fit(latent @ features.T, latent)
    new = rng.normal(size=(200_000, LATENTS)) * scales
    errors = np.sum((model.predict(new @ features.T) - new) ** 2, axis=1)
    standard_error = errors.std() / np.sqrt(len(errors))
    loss, _ = expected_losses(points, features, scales, ridge=0.2)
    assert loss == pytest.approx(errors.mean(), abs=4 * standard_error)


def test_what_is_dual_is_found_to_be():
    rng = np.random.default_rng(0)
    points, features = rng.random(50), 10 + rng.random(30)

    def noisy(values):
        return values + 1e-3 * rng.random((4, len(values)))

    table = compare(
        {"points": noisy(points), "features": noisy(features)},
        {"points": noisy(features), "features": noisy(points)},
    ).set_index(["metric", "thing"])["estimate"]
    for thing in ("points", "features"):
        assert table["rank_agreement", thing] > 0.99
        assert table["rank_ceiling", thing] > 0.99
        assert table["distance_exchanged", thing] < 0.2
        assert table["distance_same_role", thing] == 1.0
