from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from memmetrics.plotting import (
    COLORS,
    by_index,
    draw_correlations,
    draw_curve,
    draw_estimates,
    draw_image,
    draw_pair,
    draw_ranking,
    draw_tail,
    draw_vectors,
    metric_label,
    theme,
)


@pytest.fixture
def ax():
    with theme():
        yield Figure().add_subplot()


def tidy(values, metric="leverage", *, runs=1, width=0.1, points=5):
    values = np.asarray(values, dtype=float)
    frame = pd.DataFrame(
        {
            "metric": metric,
            "unit": "dimensionless",
            "run": pd.array(np.repeat(np.arange(runs), len(values)), dtype="Int64"),
            "index": pd.array(np.tile(np.arange(len(values)), runs), dtype="Int64"),
            "estimate": np.tile(values, runs),
            "points": points,
        }
    )
    return frame.assign(low=frame.estimate - width, high=frame.estimate + width)


TABLE_PICTURES = [
    lambda table, ax: draw_curve(table, "points", metric="leverage", ax=ax),
    lambda table, ax: draw_estimates(table, "points", metric="leverage", ax=ax),
    lambda table, ax: draw_ranking(table, "leverage", ax=ax),
    lambda table, ax: draw_tail(table, "leverage", ax=ax),
    lambda table, ax: draw_pair(
        pd.concat([table, table.replace("leverage", "gap")]), "leverage", "gap", ax=ax
    ),
]


@pytest.mark.parametrize("draw", TABLE_PICTURES)
@pytest.mark.parametrize(
    "values", [[0.3], [0.1, np.nan, 0.3], [0.0, 0.0], [np.nan, np.nan], range(1, 98)]
)
def test_odd_tables_are_drawn_with_labels(draw, values, ax):
    assert draw(tidy(values), ax) is ax
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    ax.figure.savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize("draw", TABLE_PICTURES)
def test_an_unknown_metric_is_refused_by_name(draw, ax):
    with pytest.raises(ValueError, match=r"must be one of \['loss'\].*'leverage'"):
        draw(tidy([1.0], metric="loss"), ax)


@pytest.mark.parametrize("draw", TABLE_PICTURES)
def test_a_missing_column_is_named(draw, ax):
    table = tidy([1.0, 2.0])
    for column in ("metric", "estimate"):
        with pytest.raises(ValueError, match=rf"lacks the columns \['{column}'\]"):
            draw(table.drop(columns=column), ax)


def test_label_has_the_unit(ax):
    draw_ranking(tidy([1.0, 2.0]), "leverage", ax=ax)
    assert ax.get_ylabel() == "leverage (dimensionless)"
    assert metric_label(pd.DataFrame({"metric": ["a_b"]}), "a_b") == "a b"


def test_curve_goes_through_the_means_in_order(ax):
    table = pd.concat([tidy([4.0], points=10), tidy([1.0, 3.0], points=2)])
    draw_curve(table, "points", metric="leverage", ax=ax)
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), [[2, 2], [10, 4]])


def test_estimates_keep_their_height_and_spread_only_sideways(ax):
    table = tidy(np.linspace(0, 1, 50), points=100)
    draw_estimates(table, "points", metric="leverage", ax=ax, spread=0.2)
    offsets = np.asarray(ax.collections[0].get_offsets())
    np.testing.assert_allclose(offsets[:, 1], table.estimate)
    assert np.abs(offsets[:, 0] - 100).max() <= 10
    assert len(np.unique(offsets[:, 0])) == 50


def test_missing_estimates_get_no_dot(ax):
    draw_estimates(tidy([0.1, np.nan, 0.3]), "points", metric="leverage", ax=ax)
    assert len(ax.collections[0].get_offsets()) == 2


def test_vectors_start_at_the_origin_on_equal_scales(ax):
    vectors = [[1.0, 0.0], [0.0, -3.0], [np.nan, 1.0], [np.inf, 1.0]]
    draw_vectors(vectors, ax=ax)
    segments = np.asarray(ax.collections[0].get_segments())
    np.testing.assert_array_equal(segments, [[[0, 0], [1, 0]], [[0, 0], [0, -3]]])
    assert ax.get_aspect() == 1
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_xlim()[1] > 3


@pytest.mark.parametrize("vectors", [np.zeros((0, 2)), np.zeros((4, 2))])
def test_vectors_without_length_are_drawn(vectors, ax):
    draw_vectors(vectors, ax=ax)
    picture = io.BytesIO()
    ax.figure.savefig(picture, format="png")
    assert picture.getvalue().startswith(b"\x89PNG")
    assert ax.get_xlim()[0] < 0 < ax.get_xlim()[1]


@pytest.mark.parametrize("shape", [(2,), (4, 3), (2, 4, 2)])
def test_vectors_of_another_shape_are_refused(shape, ax):
    with pytest.raises(ValueError, match=r"`vectors` must have shape \(vectors, 2\)"):
        draw_vectors(np.zeros(shape), ax=ax)


def test_pairs_join_points_by_index_and_average_runs(ax):
    first = tidy([1.0, 2.0, 3.0, 4.0], runs=3)
    second = tidy([9.0, 4.0, 1.0], metric="gap")
    second["index"] = [3, 2, 1]
    draw_pair(pd.concat([first, second]), "leverage", "gap", ax=ax)
    offsets = np.asarray(ax.collections[0].get_offsets())
    assert sorted(offsets.tolist()) == [[2, 1], [3, 4], [4, 9]]
    assert ax.get_title("left") == "rank correlation 1.00"


def test_rank_correlation_agrees_with_scipy(ax):
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    first, second = rng.normal(size=40), rng.integers(0, 5, size=40)
    table = pd.concat([tidy(first, "a"), tidy(second, "b")])
    expected = f"{spearmanr(first, second).statistic:.2f}"
    draw_pair(table, "a", "b", ax=ax)
    assert ax.get_title("left") == f"rank correlation {expected}"
    draw_correlations(table, ["a", "b"], ax=Figure().add_subplot())
    grid = draw_correlations(table, ["a", "b"], ax=Figure().add_subplot())
    assert [text.get_text() for text in grid.texts][1] == expected


def test_what_never_varies_has_no_rank_correlation(ax):
    table = pd.concat([tidy([1.0, 1.0, 1.0], "a"), tidy([1.0, 2.0, 3.0], "b")])
    draw_pair(table, "a", "b", ax=ax)
    assert ax.get_title("left") == "rank correlation undefined"
    grid = draw_correlations(table, ["a", "b"], ax=Figure().add_subplot())
    assert [text.get_text() for text in grid.texts] == ["–", "–", "–", "1.00"]


def test_ranking_keeps_points_without_an_interval(ax):
    table = tidy([1.0, 3.0, 2.0])
    table.loc[1, ["low", "high"]] = np.nan
    draw_ranking(table, "leverage", ax=ax)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [3, 2, 1])
    drawn = np.array(ax.collections[0].get_segments())  # (intervals, 2, 2)
    np.testing.assert_allclose(drawn[:, :, 1], [[1.9, 2.1], [0.9, 1.1]])


def test_tail_is_the_share_at_or_above(ax):
    draw_tail(tidy([0.4, 0.1, 0.2, 0.0]), "leverage", ax=ax)
    np.testing.assert_allclose(
        ax.lines[0].get_xydata(), [[0.1, 0.75], [0.2, 0.5], [0.4, 0.25]]
    )


def test_image_is_dark_on_light_with_its_caption(ax):
    draw_image(np.eye(3, dtype=np.uint8), ax=ax, caption="0.25\n[0.1, 0.4]")
    assert ax.get_xlabel() == "0.25\n[0.1, 0.4]"
    assert ax.images[0].get_cmap().name == "gray_r"
    with pytest.raises(ValueError, match=r"`pixels` must have shape .* \(9,\)"):
        draw_image(np.zeros(9), ax=ax)


def test_by_index_leaves_missing_points_missing():
    table = pd.concat([tidy([1.0, 2.0], "a"), tidy([5.0], "b")])
    assert by_index(table, ["b", "a"]).columns.tolist() == ["b", "a"]
    assert np.isnan(by_index(table, ["b", "a"]).loc[1, "b"])


def test_colors_differ_in_lightness_or_hue():
    colors = np.array([to_rgb(color) for color in COLORS.values()])
    distances = np.linalg.norm(colors[:, None] - colors[None], axis=-1)
    assert distances[~np.eye(len(colors), dtype=bool)].min() > 0.2


def test_theme_is_left_behind():
    import matplotlib as mpl

    before = mpl.rcParams["axes.grid"]
    with theme():
        assert mpl.rcParams["axes.grid"] is True
    assert mpl.rcParams["axes.grid"] == before


def test_importing_the_package_leaves_matplotlib_alone():
    code = "import memmetrics, sys; sys.exit('matplotlib' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], check=False)
    assert finished.returncode == 0
