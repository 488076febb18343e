from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from memmetrics.statistics._student import student_quantile, student_tail


@pytest.mark.parametrize("probability", [0.5, 0.75, 0.975, 0.9995, 1 - 1e-9, 1 - 1e-13])
def test_quantile_is_that_of_scipy(probability):
    degrees = np.r_[np.linspace(0.5, 40, 500), np.geomspace(40, 1e9, 500), 1e15]
    np.testing.assert_allclose(
        student_quantile(degrees, probability),
        special.stdtrit(degrees, probability),
        rtol=1e-10,
        atol=1e-12,
    )


def test_tail_is_that_of_scipy():
    degrees = np.r_[np.linspace(0.5, 120, 200), np.geomspace(120, 1e6, 100)]
    distance = np.r_[0, np.linspace(0, 8, 97), 50, 1e200]
    degrees, distance = (grid.ravel() for grid in np.meshgrid(degrees, distance))
    np.testing.assert_allclose(
        student_tail(degrees, distance), special.stdtr(degrees, -distance), rtol=1e-10
    )


def test_a_value_does_not_depend_on_those_beside_it():
    degrees = np.random.default_rng(0).uniform(5, 500, size=2000)
    distance = degrees / 100
    some = slice(100, 900, 3)
    for function, other in ((student_quantile, 0.975), (student_tail, distance)):
        few = other if np.isscalar(other) else other[some]
        np.testing.assert_array_equal(
            function(degrees, other)[some], function(degrees[some], few)
        )


def test_what_is_not_a_number_stays_so():
    degrees = np.r_[np.nan, np.full(99, 200.0)]
    assert np.isnan(student_quantile(degrees, 0.9)).sum() == 1
    assert np.isnan(student_tail(degrees, np.r_[1.0, np.nan, np.ones(98)])).sum() == 2
