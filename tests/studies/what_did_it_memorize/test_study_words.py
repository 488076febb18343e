"""Sentences of the study at data for which the usual ones would be false."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from idx_files import NAMES, idx, write_set

from studies._kit.images import load_images
from studies._kit.words import counted, listed, signed
from studies.what_did_it_memorize.dataset_size_pictures import (
    _arrangement,
    _outstanding,
)
from studies.what_did_it_memorize.digit_pictures import _extreme_labels, _is_tied


def test_numbers_with_their_nouns_and_signs():
    assert [counted(n, "feature") for n in (0, 1, 2000)] == [
        "0 features",
        "1 feature",
        "2,000 features",
    ]
    values = [0.5, -0.5, -0.001, np.nan, np.inf]
    assert [signed(value) for value in values] == [
        "+0.50",
        "-0.50",
        "+0.00",
        "undefined",
        "undefined",
    ]
    assert [listed(list(items)) for items in ("a", "ab", "abc")] == [
        "a",
        "a and b",
        "a, b and c",
    ]


def test_a_figure_is_regular_only_if_the_shares_are_equal():
    assert "regular" in _arrangement(pd.Series([0.4] * 5))
    assert "regular" not in _arrangement(pd.Series([0.47, 0.6, 0.94]))
    assert "regular" not in _arrangement(pd.Series([1.0, 1.0]))
    assert _arrangement(pd.Series([0.5])) == (
        "At 1 point the points have dimensionalities of 0.50."
    )


def test_features_that_stand_out_are_counted():
    assert _outstanding(pd.Series([0.01, 0.02])).startswith("no feature stands out")
    assert _outstanding(pd.Series([0.9, 0.02])).startswith("1 feature stands out")
    assert _outstanding(pd.Series([0.9, 0.2])).startswith("2 features stand out")


def test_one_label_is_not_compared_with_itself():
    assert "highest for" not in _extreme_labels(pd.Series([0.5], index=[3]))
    assert "highest for" not in _extreme_labels(pd.Series([0.5, 0.5], index=[3, 4]))
    assert "label 4" in _extreme_labels(pd.Series([0.5, 0.7], index=[3, 4]))


def test_ties_at_the_edge_of_a_gallery_are_seen():
    rows = pd.DataFrame({"estimate": [1.0, 1.0, 0.5, 0.2]})
    assert _is_tied(rows, 1, most=True)
    assert not _is_tied(rows, 2, most=True)
    assert not _is_tied(rows, 4, most=True)
    assert not _is_tied(rows, 1, most=False)


def test_images_of_two_sizes_are_refused(tmp_path):
    write_set(tmp_path)
    (tmp_path / NAMES[2]).write_bytes(idx(np.ones((5, 3, 3), dtype=np.uint8)))
    with pytest.raises(ValueError, match=r"same size .* \(4, 3\) and \(3, 3\)"):
        load_images(tmp_path, np.random.default_rng(0))
