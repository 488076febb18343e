from __future__ import annotations

import functools
import inspect
import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from memmetrics import plotting
from memmetrics.plotting import (
    COLORS,
    by_index,
    draw_correlations,
    draw_curve,
    draw_estimates,
    draw_facets,
    draw_image,
    draw_intervals,
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


def models(**columns):
    names = ["small", "large", "small"]
    estimates = [0.5, 1.0, 0.7]
    table = {"metric": "gap", "unit": "nats", "model": names, "estimate": estimates}
    return pd.DataFrame(table | {"low": 0.4, "high": [0.6, np.nan, 0.8]} | columns)


def test_one_number_is_drawn_with_its_interval(ax):
    draw_intervals(models().head(1), "gap", ax=ax)
    (segment,) = ax.collections[0].get_segments()
    assert segment[:, 0] == pytest.approx([0.4, 0.6])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["gap"]
    assert ax.get_xlabel() == "gap (nats)"


def test_intervals_stand_in_lines_by_name(ax):
    draw_intervals(models(), "gap", names="model", ax=ax)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["small", "large"]
    segments = ax.collections[0].get_segments()
    # The missing end is where the estimate is.
    assert np.stack(segments) == pytest.approx(
        np.array([[[0.4, 0], [0.6, 0]], [[0.4, 1], [1.0, 1]], [[0.4, 0], [0.8, 0]]])
    )
    draw_intervals(models(), "gap", names="model", ax=ax, color=COLORS["green"])
    assert len(ax.get_yticklabels()) == 2
    assert ax.yaxis_inverted()
    with pytest.raises(ValueError, match=r"lacks the columns \['kind'\]"):
        draw_intervals(models(), "gap", names="kind", ax=ax)


def test_facets_have_the_rows_of_one_value_each():
    table = models(index=0)
    figure = Figure()
    draw = functools.partial(draw_curve, condition="index", metric="gap")
    first, second = draw_facets(table, "model", draw, figure=figure)
    assert figure.axes == [first, second]
    assert [ax.get_title() for ax in figure.axes] == ["model small", "model large"]
    assert first.lines[0].get_ydata().tolist() == [0.6]
    assert first.get_ylim() == second.get_ylim()
    assert (first.get_ylabel(), second.get_ylabel()) == ("gap (nats)", "")


def test_facets_keep_words_at_the_margins():
    table = pd.concat([models(place=place, index=0) for place in range(5)])
    draw = functools.partial(draw_curve, condition="index", metric="gap")
    axes = draw_facets(table, "place", draw, across=3, figure=Figure())
    assert [bool(ax.get_xlabel()) for ax in axes] == [False, False, True, True, True]
    assert [bool(ax.get_ylabel()) for ax in axes] == [True, False, False, True, False]


def test_facets_keep_what_a_picture_says_in_its_title():
    table = pd.concat([tidy([1.0, 2.0, 3.0], "a"), tidy([1.0, 2.0, 3.0], "b")])
    with theme():
        draw = functools.partial(draw_pair, horizontal="a", vertical="b")
        (ax,) = draw_facets(table, "points", draw, figure=Figure())
        assert ax.get_title("left") == "points 5\nrank correlation 1.00"


@pytest.mark.parametrize(
    ("column", "across", "message"),
    [("kind", 3, "lacks 'kind'"), ("model", 0, "`across`"), ("empty", 3, "values in")],
)
def test_facets_refuse_what_they_cannot_draw(column, across, message):
    with pytest.raises(ValueError, match=message):
        draw_facets(models(empty=None), column, draw_ranking, across=across)


def test_pyplot_has_the_current_axes():
    _, (left, right) = plt.subplots(ncols=2)
    try:
        assert draw_ranking(tidy([1.0, 2.0]), "leverage") is right
        plt.sca(left)
        assert draw_image(np.eye(2)) is left
    finally:
        plt.close()


@pytest.mark.parametrize("name", plotting.__all__)
def test_docstrings_are_whole(name):
    if callable(getattr(plotting, name)):
        text = getattr(plotting, name).__doc__
        assert "$" not in text
        assert "Returns\n-------\n" in inspect.cleandoc(text)
        assert "Examples\n--------\n" in inspect.cleandoc(text)


@pytest.mark.parametrize(
    ("metric", "entries"),
    [
        ("leverage", "points"),
        ("feature_dimensionality", "features"),
        ("group_memorization", "groups"),
    ],
)
def test_a_tail_says_of_what_it_is_the_share(metric, entries, ax):
    draw_tail(tidy([0.1, 0.2], metric=metric), metric, ax=ax)
    assert ax.get_ylabel() == f"share of {entries} at or above"
