"""Arrays of unusual types, layouts and sizes, and labels of any kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings, strategies as st
from simple_trainers import NearestMean

import memmetrics as mm
from memmetrics._selected import select_points
from memmetrics.metrics.group_memorization import (
    GroupMemorization,
    group_memorization,
)
from memmetrics.metrics.likelihood_ratio import likelihood_ratios, logit
from memmetrics.metrics.linear_datamodel_score import linear_datamodel_score
from memmetrics.selection import Same, Within, near_duplicate_families

RNG = np.random.default_rng(0)
MEMBER = np.array([RNG.permutation(12) < 6 for _ in range(6)]).T  # (runs, points)
PAIRS = MEMBER[:, [0, 0, 2, 2, 4, 4]]
FUNCTIONS = {
    "datapoint_dimensionality": mm.datapoint_dimensionality,
    "held-out dimensionality": lambda x: mm.datapoint_dimensionality(x, reference=x),
    "leverage": mm.leverage,
    "held-out leverage": lambda x: mm.leverage(x, reference=x),
    "merged leverage": lambda x: mm.leverage(x, duplicates="merge"),
    "gap": lambda x: mm.train_test_gap(x[:5], x[:5] + x[5:10]).estimate,
    "likelihood ratio": lambda x: likelihood_ratios(x, MEMBER),
    "group memorization": lambda x: (
        group_memorization(x, PAIRS, np.array([0, 0, 1, 1, 2, 2])).estimate
    ),
    "datamodel score": lambda x: linear_datamodel_score(x[:6], x, MEMBER).estimate,
}
LAYOUTS = {
    "other byte order": lambda x: x.astype(">f8"),
    "negative strides": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "columns": np.asfortranarray,
    "extended": lambda x: x.astype(np.longdouble),
    "half": lambda x: x.astype(np.float16),
    "single of other byte order": lambda x: x.astype(">f4"),
    "tensor": torch.tensor,
    "tensor of columns": lambda x: torch.tensor(x).t().contiguous().t(),
}
VALUES = np.round(RNG.normal(size=(12, 6)) * 8) / 8  # exact in every type


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_layout_and_type_do_not_matter(function, layout):
    result = FUNCTIONS[function](LAYOUTS[layout](VALUES))
    atol = 1e-3 if result.dtype in (np.float16, np.float32) else 1e-12
    np.testing.assert_allclose(
        np.asarray(result), FUNCTIONS[function](VALUES), rtol=0, atol=atol
    )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_integer_tensors_keep_their_digits(function):
    numbers = 2**25 + RNG.integers(0, 100, (12, 6))
    result = FUNCTIONS[function](torch.tensor(numbers))
    np.testing.assert_array_equal(np.asarray(result), FUNCTIONS[function](numbers))


@pytest.mark.parametrize("scale", [1e-305, 1e-160, 1e160, 1e300])
@pytest.mark.parametrize("function", [*list(FUNCTIONS)[:5], "likelihood ratio"])
def test_the_unit_does_not_matter(function, scale):
    expected = FUNCTIONS[function](VALUES)
    result = FUNCTIONS[function](VALUES * scale)
    np.testing.assert_allclose(result, expected, rtol=1e-9)


def test_the_gap_of_enormous_and_tiny_losses():
    for scale in (1e-300, 1e300):
        gap = mm.train_test_gap(VALUES[0] * scale, VALUES[1] * scale)
        plain = mm.train_test_gap(VALUES[0], VALUES[1])
        for name in ("estimate", "standard_error", "low", "high"):
            expected = getattr(plain, name) * scale
            np.testing.assert_allclose(getattr(gap, name), expected, rtol=1e-9)


@pytest.mark.parametrize(
    "function",
    ["leverage", "merged leverage", "likelihood ratio", "group memorization"],
)
@pytest.mark.parametrize(
    ("array", "match"),
    [
        (VALUES + 0j, "real numbers"),
        (VALUES.astype(str), "real numbers"),
        (np.ma.masked_greater(VALUES, 0), "must not be masked"),
        (torch.tensor(VALUES).to_sparse(), "must be dense"),
    ],
)
def test_what_is_no_array_of_real_numbers_is_refused(function, array, match):
    with pytest.raises(TypeError, match=match):
        FUNCTIONS[function](array)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_logit_of_certainty_is_finite(dtype):
    result = logit(torch.tensor([0.0, 0.5, 1.0], dtype=dtype))
    assert result.dtype == dtype
    assert torch.isfinite(result).all()
    assert result[0] < result[1] == 0 < result[2]


class TestLabels:
    scores = np.array([[1.0, 0.5, 0.2], [0.0, 0.25, 0.8], [1, 1, 1], [0, 1, 0.5]])
    member = np.array([[1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0]], dtype=bool)

    @pytest.mark.parametrize(
        "labels",
        [
            [2**60, 2**60, 2**60 + 1],
            [2**60, 2**60, 2**63 + 1],
            [2**70, 2**70, 2**70 + 1],
            ["b", "b", "ba"],
            [True, True, False],
            np.array([2**63, 2**63, 2**63 + 1], dtype=np.uint64),
            torch.tensor([2**60, 2**60, 2**60 + 1]),
            pd.Series(["b", "b", "a"]),
        ],
    )
    def test_labels_come_back_as_they_are(self, labels):
        kept = [label.item() if hasattr(label, "item") else label for label in labels]
        evidence = mm.Retrainings(self.scores, self.member, groups=labels)
        frame = GroupMemorization()(evidence).to_frame()
        assert frame["group"].tolist() == sorted(set(kept))
        other = mm.Result("other", "score", [0.5]).to_frame()
        joined = pd.concat([frame, other], ignore_index=True)
        assert joined["group"].dropna().tolist() == sorted(set(kept))

    def test_retrain_keeps_them(self):
        def score(indices, seed):
            return np.isin(np.arange(4), indices) + seed % 7 / 10

        for labels in (["b", "b", "a", "c"], [2**60, 2**60, 2**60 + 1, 2**60 + 2]):
            evidence = mm.retrain(
                mm.FunctionTrainer(score),
                np.arange(1.0, 5.0)[:, np.newaxis],
                runs=8,
                rng=0,
                groups=labels,
            )
            assert evidence.groups.tolist() == labels
            frame = GroupMemorization()(evidence).to_frame()
            assert frame["group"].tolist() == sorted(set(labels))

    @pytest.mark.parametrize("labels", [["a", 1, 2], [None, "a", "b"], [0j, 1, 2]])
    def test_labels_of_several_kinds_are_refused(self, labels):
        labels = np.array(labels, dtype=object)
        with pytest.raises(TypeError, match="`groups` must be integers or strings"):
            group_memorization(self.scores, self.member, labels)
        with pytest.raises(TypeError, match="`groups` must be integers or strings"):
            mm.Retrainings(self.scores, self.member, groups=labels)

    def test_same_tells_large_numbers_apart(self):
        rule = Same([2**60, 2**60 + 1, 2**63 + 1])
        assert rule(np.eye(3), 0).tolist() == [True, False, False]


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), unit=st.sampled_from([0.1, 0.3, 1.0, 1e-3]))
def test_ties_in_the_datamodel_score_are_those_of_exact_sums(seed, unit):
    rng = np.random.default_rng(seed)
    whole = rng.integers(-3, 4, (8, 5))  # sums of these are exact
    member, scores = rng.random((30, 8)) < 0.5, rng.normal(size=(30, 5))
    expected = linear_datamodel_score(whole, scores, member).estimate
    result = linear_datamodel_score(whole * unit, scores, member).estimate
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), unit=st.sampled_from([0.1, 0.3, 1.0]))
def test_families_are_linked_by_within(seed, unit):
    rng = np.random.default_rng(seed)
    inputs = rng.integers(-4, 5, (12, rng.integers(1, 4))) * unit
    distance = float(rng.choice(np.linalg.norm(inputs - inputs[0], axis=1)))
    families = near_duplicate_families(inputs, distance)
    linked = np.stack([Within(distance)(inputs, point) for point in range(12)])
    reached = np.linalg.matrix_power(linked.astype(float), 12) > 0
    np.testing.assert_array_equal(families[:, None] == families, reached)
    assert list(dict.fromkeys(families.tolist())) == list(range(families.max() + 1))


def test_copies_take_no_memory_for_their_pairs():
    inputs = np.repeat(np.arange(3.0), 100_000)[:, np.newaxis]
    families = near_duplicate_families(inputs, 0.5)  # pairs of copies: 240 GB
    assert np.bincount(families).tolist() == [100_000] * 3
    assert near_duplicate_families(inputs[::1000], np.inf).max() == 0
    with pytest.raises(ValueError, match="`data` must be finite"):
        near_duplicate_families(np.array([[np.nan], [1.0]]), 0.5)


def test_a_mask_of_integers_is_refused():
    def mask(data, point):
        return (np.arange(len(data)) == point).astype(int)

    with pytest.raises(ValueError, match="'mask' must return a mask as booleans"):
        select_points({"mask": mask}, np.eye(4), np.array([1]), 4, 0.9)


MASKED = np.ma.array(np.arange(12), mask=np.arange(12) == 2)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        (
            "member",
            lambda: mm.Retrainings(VALUES, np.ma.masked_equal(VALUES > 0, True)),
        ),
        ("data", lambda: mm.retrain(NearestMean(), MASKED[:, None], runs=4, rng=0)),
        (
            "groups",
            lambda: mm.retrain(
                NearestMean(), np.ones((12, 1)), runs=4, rng=0, groups=MASKED
            ),
        ),
    ],
)
def test_a_mask_is_never_dropped_without_a_word(name, call):
    with pytest.raises(TypeError, match=f"`{name}` must not be masked"):
        call()
