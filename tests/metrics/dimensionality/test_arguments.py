"""What dimensionality and leverage take and refuse, and the metrics that call them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from dimensionality_reference import by_definition

import memmetrics as mm
from memmetrics import (
    DatapointDimensionality,
    FeatureDimensionality,
    Fit,
    datapoint_dimensionality,
    feature_dimensionality,
)


class TestInput:
    def test_read_only_strided_and_foreign_byte_order(self):
        vectors = np.random.default_rng(0).normal(size=(20, 6))
        vectors.flags.writeable = False
        view = vectors[::-2, ::2]
        expected = by_definition(view)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_allclose(datapoint_dimensionality(view), expected)
        swapped = view.astype(view.dtype.newbyteorder())
        np.testing.assert_allclose(datapoint_dimensionality(swapped), expected)
        longer = view.astype(np.longdouble)
        assert datapoint_dimensionality(longer).dtype == np.float64

    def test_lists(self):
        assert feature_dimensionality([[1, 0], [0, 1]]).tolist() == [1, 1]

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("kind", [np.array, torch.tensor])
    def test_not_finite(self, bad, kind):
        with pytest.raises(
            ValueError, match=r"`hidden` must be finite; got 1 .*\(1, 0"
        ):
            datapoint_dimensionality(kind([[1.0, 2.0], [bad, 0.0]]))

    @pytest.mark.parametrize(
        ("hidden", "error", "match"),
        [
            (np.ones(3), ValueError, r"`hidden` must have axes .*got shape \(3,\)"),
            (np.ones((0, 3)), ValueError, r"`hidden` must not be empty.*\(0, 3\)"),
            (np.ones((3, 0)), ValueError, r"`hidden` must not be empty"),
            (np.ones((3, 2), complex), TypeError, "`hidden` must hold real numbers"),
            (np.array([["a"]]), TypeError, "`hidden` must hold real numbers"),
            (torch.ones(2, 2, dtype=torch.complex64), TypeError, "real numbers"),
        ],
    )
    def test_bad_hidden(self, hidden, error, match):
        with pytest.raises(error, match=match):
            datapoint_dimensionality(hidden)

    @pytest.mark.parametrize(
        ("reference", "error", "match"),
        [
            (np.ones((4, 3)), ValueError, r"same leading axes .*\(2, 2\) and \(4, 3\)"),
            (np.ones((1, 4, 2)), ValueError, "same leading axes"),
            (
                torch.ones(4, 2),
                TypeError,
                "must be of one kind; got ndarray and Tensor",
            ),
            (np.full((4, 2), np.nan), ValueError, "`reference` must be finite"),
        ],
    )
    def test_bad_reference(self, reference, error, match):
        with pytest.raises(error, match=match):
            datapoint_dimensionality(np.ones((2, 2)), reference=reference)

    def test_bad_duplicates(self):
        with pytest.raises(ValueError, match="`duplicates` must be 'count' or 'merge'"):
            feature_dimensionality(np.eye(2), duplicates="drop")

    def test_different_devices(self):
        elsewhere = torch.ones(2, 2, device="meta")
        with pytest.raises(ValueError, match="one device; got cpu and meta"):
            datapoint_dimensionality(torch.ones(2, 2), reference=elsewhere)


class TestMetrics:
    fit = Fit(
        weights=np.arange(6.0).reshape(3, 2),
        hidden=np.arange(8.0).reshape(4, 2),
        reference=np.arange(10.0).reshape(5, 2),
    )

    def test_features(self):
        result = FeatureDimensionality()(self.fit)
        np.testing.assert_allclose(result.estimate, by_definition(self.fit.weights))
        assert (result.metric, result.unit) == (
            "feature_dimensionality",
            "dimensionless",
        )

    def test_held_out_points(self):
        result = DatapointDimensionality()(self.fit)
        expected = by_definition(self.fit.hidden, self.fit.reference)
        np.testing.assert_allclose(result.estimate, expected)

    def test_option(self):
        twice = Fit(hidden=np.ones((2, 1)))
        merged = DatapointDimensionality("merge")(twice).estimate
        assert merged == pytest.approx([1, 1])

    def test_what_is_missing_is_said(self):
        with pytest.raises(ValueError, match="needs `weights`"):
            FeatureDimensionality()(Fit(hidden=np.eye(2)))
        with pytest.raises(ValueError, match="needs `hidden`"):
            DatapointDimensionality()(Fit(weights=np.eye(2)))


class TestFlatten:
    """Four axes may be those of a convolution, or two of runs: it has to be said."""

    @pytest.mark.parametrize("function", [mm.datapoint_dimensionality, mm.leverage])
    @pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
    def test_says_what_is_meant(self, function, kind):
        images = np.random.default_rng(0).normal(size=(10, 3, 4, 5))
        hidden = kind(images)
        with pytest.warns(UserWarning, match=r"\(10, 3, 4, 5\) is read as .*flatten=3"):
            as_ever = function(hidden)
        np.testing.assert_array_equal(
            function(hidden, flatten=3), function(kind(images.reshape(10, 60)))
        )
        of_runs = function(hidden, flatten=1)
        assert of_runs.shape == (10, 3, 4)
        np.testing.assert_array_equal(of_runs, as_ever)
        np.testing.assert_allclose(of_runs[7, 2], function(kind(images[7, 2])))
        held_out = function(hidden[:2], reference=hidden, flatten=3)
        assert held_out.shape == (2,)

    def test_is_not_needed_with_one_axis_of_runs(self):
        hidden = np.random.default_rng(0).normal(size=(3, 8, 2))
        assert mm.datapoint_dimensionality(hidden).shape == (3, 8)
        assert mm.datapoint_dimensionality(hidden, flatten=2).shape == (3,)

    @pytest.mark.parametrize(
        ("flatten", "error", "match"),
        [
            (0, ValueError, "`flatten` must be at least 1; got 0"),
            (1.5, TypeError, "`flatten` must be a whole number"),
            (2, ValueError, r"must leave an axis of points; got 2 for shape \(4, 2\)"),
        ],
    )
    def test_nonsense(self, flatten, error, match):
        with pytest.raises(error, match=match):
            mm.leverage(np.ones((4, 2)), flatten=flatten)

    @pytest.mark.parametrize("metric", [mm.DatapointDimensionality, mm.Leverage])
    def test_metrics_take_it(self, metric):
        hidden = np.random.default_rng(0).normal(size=(6, 2, 2, 2))
        fit = mm.Fit(hidden=hidden)
        assert metric(flatten=3)(fit).estimate.shape == (6,)
        with pytest.warns(UserWarning, match="flatten=3 for"):
            assert metric()(fit).estimate.shape == (6, 2, 2)
