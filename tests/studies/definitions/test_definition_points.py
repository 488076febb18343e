from __future__ import annotations

import numpy as np
import pytest

from studies._kit.images import Images
from studies.definitions.evidence import balanced_blocks
from studies.definitions.points import image_points, toy_points


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, size=(300, 28, 30))
    labels = rng.integers(0, 7, size=300)
    return Images(pixels[:200], labels[:200]), Images(pixels[200:], labels[200:])


def drawn(images, *, labels, seed=1):
    rng = np.random.default_rng(seed)
    return image_points(images, 100, 50, rng, labels=labels)


def test_every_kind_is_planted_as_often_as_said(images):
    points = drawn(images, labels=True)
    kinds, counts = np.unique(points.kinds, return_counts=True)
    found = dict(zip(kinds.tolist(), counts.tolist(), strict=True))
    assert found["repeated"] == found["near-duplicate"] == 10
    assert found["outlier"] == 6
    assert found["mislabelled"] == 8
    assert found["blank"] == 1
    assert found["ordinary"] == 100 - 20 - 6 - 8 - 1
    assert points.inputs.shape == (100, 81)  # 28 rows become 9
    assert points.classes == 7
    assert 0 <= points.labels.min() <= points.labels.max() < 7


def test_copies_are_equal_and_near_duplicates_near(images):
    points = drawn(images, labels=True)
    for kind, low, high in (("repeated", 0, 0), ("near-duplicate", 0.05, 0.4)):
        own = np.flatnonzero(points.kinds == kind)
        rows = points.inputs[own]
        apart = np.linalg.norm(rows[:, None] - rows[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        nearest = apart.argmin(axis=1)
        assert nearest[nearest].tolist() == list(range(len(own)))  # in pairs
        share = apart.min(axis=1) / np.linalg.norm(rows, axis=1)
        assert (low <= share).all()
        assert (share <= high).all()
        assert (points.labels[own] == points.labels[own][nearest]).all()


def test_planted_points_keep_the_length_that_their_kind_has(images):
    points = drawn(images, labels=False)
    lengths = np.linalg.norm(points.inputs, axis=1)
    blank = points.kinds == "blank"
    np.testing.assert_allclose(lengths[~blank], 1.0)
    assert lengths[blank].tolist() == [0.0]
    assert "mislabelled" not in points.kinds
    assert points.classes == 0


def test_toy_points_are_planted_too():
    points = toy_points(40, 30, 0.9, 20, np.random.default_rng(0))
    outliers = points.inputs[points.kinds == "outlier"]
    assert (outliers > 0).all()
    assert points.test_inputs.shape == (20, 30)
    assert (points.kinds == "repeated").sum() == 4


def test_labels_that_no_image_has_are_no_classes(images):
    apart = [Images(part.pixels, 3 + 30 * part.labels) for part in images]
    points, same = drawn(apart, labels=True), drawn(images, labels=True)
    assert points.classes == same.classes == 7
    np.testing.assert_array_equal(points.labels, same.labels)
    np.testing.assert_array_equal(points.test_labels, same.test_labels)


def test_images_that_are_blank_in_the_middle_are_left_out(images):
    for part in images:
        part.pixels[::3, :, 1:28] = 0  # but for one column, which is cut off
        part.pixels[::3, 27] = 0
        part.pixels[::3, :, 28:] = 0
    for labels in (True, False):
        points = drawn(images, labels=labels)
        blank = points.kinds == "blank"
        assert np.isfinite(points.inputs).all()
        assert points.inputs[~blank].any(axis=1).all()
        assert points.test_inputs.any(axis=1).all()


def test_images_too_small_or_of_one_label_are_refused(images):
    thin = [Images(part.pixels[:, :3], part.labels) for part in images]
    with pytest.raises(ValueError, match=r"at least 4 rows and columns.*\(3, 30\)"):
        drawn(thin, labels=True)
    alike = [Images(part.pixels, 0 * part.labels) for part in images]
    with pytest.raises(ValueError, match="at least 2 different labels"):
        drawn(alike, labels=True)


def test_in_every_block_of_runs_a_point_is_in_half():
    member = balanced_blocks(32, 50, np.random.default_rng(0))
    assert (member.reshape(8, 4, 50).sum(axis=1) == 2).all()
    correlation = np.corrcoef(member.T) - np.eye(50)
    assert abs(correlation.mean()) < 0.05
