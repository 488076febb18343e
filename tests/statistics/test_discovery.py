from __future__ import annotations

import numpy as np
import pytest
from arms import arm
from hypothesis import given, strategies as st

from memmetrics.result import Result
from memmetrics.statistics.discovery import discoveries
from memmetrics.statistics.intervals import difference_interval


def result(p_value, **columns):
    p_value = np.asarray(p_value, dtype=float)
    return Result(
        "memorization",
        unit="score",
        estimate=np.zeros(p_value.shape),
        columns={"p_value": p_value, **columns},
    )


def step_up(p_value, rate, penalty=1.0):
    """Benjamini and Hochberg, word for word."""
    points = len(p_value)
    order = sorted(range(points), key=lambda point: p_value[point])
    last = 0
    for rank, point in enumerate(order, start=1):
        if p_value[point] <= rank / points * rate / penalty:
            last = rank
    found = np.zeros(points, dtype=bool)
    found[order[:last]] = True
    return found


# Example of Benjamini and Hochberg (1995), section 3.3: four finds at 5 %.
PUBLISHED = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
PUBLISHED += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]


def test_published_example():
    assert discoveries(result(PUBLISHED)).nonzero()[0].tolist() == [0, 1, 2, 3]


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.sampled_from([0.01, 0.1, 0.4]),
)
def test_is_the_step_up_procedure(p_value, rate):
    p_value = np.round(p_value, 6) * 0.99 + 1e-9  # none within rounding of a threshold
    found = discoveries(result(p_value), false_discovery_rate=rate)
    np.testing.assert_array_equal(found, step_up(p_value, rate))
    penalty = (1 / np.arange(1, len(p_value) + 1)).sum()
    found = discoveries(result(p_value), false_discovery_rate=rate, any_dependence=True)
    np.testing.assert_array_equal(found, step_up(p_value, rate, penalty))


def test_points_without_a_p_value_are_neither_found_nor_counted():
    with_gaps = np.insert(np.array(PUBLISHED), [0, 3, 15], np.nan)
    found = discoveries(result(with_gaps))
    assert found.nonzero()[0].tolist() == [1, 2, 3, 5]
    assert not discoveries(result([np.nan, np.nan])).any()


def test_keeps_the_shape():
    p_value = np.array([[1e-9, 0.9], [0.8, 1e-9]])
    found = discoveries(result(p_value))
    np.testing.assert_array_equal(found, np.eye(2, dtype=bool))


@pytest.mark.parametrize("two_valued", [False, True])
def test_rate_of_false_discoveries(two_valued):
    rng = np.random.default_rng(0)
    memorized = np.arange(400) < 80
    shares = []
    for _ in range(60):
        outside = rng.normal(size=(30, 400))
        inside = rng.normal(size=(30, 400)) + 1.2 * memorized
        if two_valued:
            inside, outside = inside > 0.3, outside > 0.3
        p_value = difference_interval(
            arm(inside), arm(outside), confidence=0.95
        ).p_value
        found = discoveries(result(p_value), false_discovery_rate=0.1)
        shares.append((found & ~memorized).sum() / max(found.sum(), 1))
        assert (found & memorized).sum() > 20
    assert np.mean(shares) < 0.1


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_bad_rate(rate):
    with pytest.raises(ValueError, match="`false_discovery_rate` must lie strictly"):
        discoveries(result([0.1]), false_discovery_rate=rate)


def test_no_p_values():
    bare = Result("gap", unit="loss", estimate=[0.1], columns={"flag": [""]})
    with pytest.raises(ValueError, match=r"must have a column 'p_value'.*\['flag'\]"):
        discoveries(bare)


@pytest.mark.parametrize("p_value", [-0.1, 1.1])
def test_p_values_that_are_none(p_value):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]; got values from"):
        discoveries(result([0.5, np.nan, p_value]))
