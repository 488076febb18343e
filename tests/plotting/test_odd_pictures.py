"""Every picture of every odd table: no warning, nothing overlaps, nothing outside."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure

from memmetrics.plotting import (
    draw_correlations,
    draw_curve,
    draw_estimates,
    draw_image,
    draw_intervals,
    draw_pair,
    draw_ranking,
    draw_spectrum,
    draw_tail,
    draw_vectors,
    metric_label,
    theme,
)

SIZES = [(6.4, 4.8), (3.2, 2.4)]


def overlapping_ticks(axis):
    """Pairs of tick labels whose texts touch, of those within the limits."""
    low, high = sorted(axis.get_view_interval())
    labels = [
        label
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
        if low <= place <= high and label.get_text()
    ]
    boxes = [
        (label.get_text(), label.get_window_extent().padded(-0.5)) for label in labels
    ]
    return [
        (first, second)
        for (first, one), (second, two) in itertools.combinations(boxes, 2)
        if one.overlaps(two)
    ]


def check(ax):
    """Draw, then look for labels that overlap and for texts outside their axes."""
    ax.figure.draw_without_rendering()
    for axis in (ax.xaxis, ax.yaxis):
        assert overlapping_ticks(axis) == []
    inside = ax.get_window_extent().padded(1)
    for text in ax.texts:
        box = text.get_window_extent()
        assert inside.x0 <= box.x0 <= box.x1 <= inside.x1, text.get_text()
        assert inside.y0 <= box.y0 <= box.y1 <= inside.y1, text.get_text()
    for text in (*ax.texts, ax.xaxis.label, ax.yaxis.label, ax.title):
        assert not is_math_text(text.get_text())
    for artist in (*ax.lines, *ax.collections, *ax.images):
        assert artist.get_clip_on()
    return ax


def axes(size=SIZES[0]):
    with theme():
        return Figure(figsize=size, layout="constrained").add_subplot()


def tidy(estimates, metric="leverage", unit="dimensionless"):
    places = np.arange(len(estimates))
    return pd.DataFrame(
        {
            "metric": metric,
            "unit": unit,
            "index": places,
            "estimate": estimates,
            "low": estimates,
            "high": estimates,
            "points": places + 1,
            "rule": [f"rule {place % 3}" for place in places],
            "share_removed": (places % 3 + 1) / 10,
        }
    )


def two_metrics(table):
    other = table.assign(metric="gap")
    return pd.concat([table.astype({"metric": object}), other], ignore_index=True)


def spectrum_of(table):
    return table.assign(metric="selection_spectrum")


PICTURES = {
    "curve": lambda t, ax: draw_curve(t, "points", metric="leverage", ax=ax),
    "estimates": lambda t, ax: draw_estimates(t, "points", metric="leverage", ax=ax),
    "ranking": lambda t, ax: draw_ranking(t, "leverage", ax=ax),
    "intervals": lambda t, ax: draw_intervals(t, "leverage", names="rule", ax=ax),
    "tail": lambda t, ax: draw_tail(t, "leverage", ax=ax),
    "spectrum": lambda t, ax: draw_spectrum(spectrum_of(t), ax=ax),
    "pair": lambda t, ax: draw_pair(two_metrics(t), "leverage", "gap", ax=ax),
    "correlations": lambda t, ax: draw_correlations(
        two_metrics(t), ["leverage", "gap"], ax=ax
    ),
}
RNG = np.random.default_rng(0)
ODD = {
    "one": [0.3],
    "two": [0.3, 0.4],
    "constant": [0.3] * 5,
    "zeros": [0.0] * 4,
    "missing": [np.nan] * 4,
    "none": pd.Series([None, None], dtype=object),
    "one none": pd.Series([None, 0.2, 0.4, 0.1], dtype=object),
    "nullable": pd.array([1, None, 3, 4], dtype="Int64"),
    "integers": [1, 2, 3, 4],
    "big integers": pd.Series([10**30, 1, 2, 3], dtype=object),
    "category": pd.Categorical([0.1, 0.2, 0.1, 0.4]),
    "booleans": [True, False, True, True],
    "infinite": [np.inf, -np.inf, 0.3, 0.2],
    "only infinite": [np.inf, -np.inf, np.inf],
    "negative": [-1.0, -0.5, -0.01, -3.0],
    "huge": [1e300, -1e300, 5e299, 1.0],
    "largest": [np.finfo(float).max, -np.finfo(float).max, 1.0],
    "tiny": [1e-300, 5e-324, 2e-310, 1e-12],
    "wide": np.geomspace(1e-14, 1, 50),
    "widest": np.geomspace(1e-300, 1e300, 50),
    "near": 0.3 + 1e-9 * np.arange(5),
    "nearest": [1.0, np.nextafter(1.0, 2)],
    "far": 1e9 + np.arange(5),
    "many": RNG.random(1000) * 1e-4,
    "lognormal": np.exp(5 * RNG.standard_normal(300)),
    "half a decade": [0.31, 0.32, 0.335, 0.34],
}


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_of_every_odd_table(name, odd, size):
    ax = PICTURES[name](tidy(ODD[odd]), axes(size))
    check(ax)
    shown = np.asarray(
        [value for value in ODD[odd] if value is not None and value is not pd.NA], float
    )
    if name != "correlations" and not np.isfinite(shown).any():
        assert any("nothing to draw" in text.get_text() for text in ax.texts)


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["curve", "estimates", "ranking", "pair"])
def test_odd_tables_on_logarithmic_axes(name, odd):
    if (name, odd) == ("ranking", "tiny"):
        pytest.xfail("matplotlib warns of one tiny interval on a logarithmic axis")
    ax = axes()
    ax.set(xscale="log", yscale="log")
    check(PICTURES[name](tidy(ODD[odd]), ax))


@pytest.mark.parametrize("name", PICTURES)
def test_a_table_without_rows_is_refused(name):
    with pytest.raises(ValueError, match="`table` must have rows"):
        PICTURES[name](tidy([]), axes())


@pytest.mark.parametrize("name", sorted(set(PICTURES) - {"correlations"}))
def test_the_note_goes_once_something_is_drawn(name):
    ax = axes()
    draw = PICTURES[name]
    draw(tidy([np.nan]), ax)
    draw(tidy([np.nan, np.nan]), ax)
    assert len(ax.texts) == 1
    draw(tidy([0.1, 0.2, 0.3]), ax)
    draw(tidy([np.nan]), ax)
    assert len(ax.texts) == 0
    check(ax)
    (x0, y0), (x1, y1) = ax.dataLim.get_points()
    assert ax.get_xlim()[0] <= x0 <= x1 <= ax.get_xlim()[1]
    bottom, top = sorted(ax.get_ylim())
    assert bottom <= y0 <= y1 <= top


WORDS = [
    "$x$ per $y$",
    "a_b^c",
    r"\alpha",
    r"\$1 and $2",
    "日本 😀",
    "ρ–é°",
    "%",
    "w" * 300,
]


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("name", PICTURES)
def test_words_are_drawn_as_they_stand(name, words):
    table = tidy([0.1, 0.2, 0.3], unit=words)
    check(PICTURES[name](table, axes()))
    assert not is_math_text(metric_label(table, "leverage"))
    named = table.assign(metric=words)
    ax = draw_ranking(named, words, ax=axes(), label=words)
    check(ax)
    legend = ax.legend()
    assert not any(is_math_text(text.get_text()) for text in legend.get_texts())
    check(draw_correlations(named, [words], ax=axes()))
    check(draw_curve(table.assign(**{words: 1}), words, metric="leverage", ax=axes()))
    check(draw_image(np.eye(3), ax=axes(), caption=words))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 3, 6, 12, 30])
@pytest.mark.parametrize("size", [*SIZES, (11, 3)])
@pytest.mark.parametrize("length", [1, 12, 40, 120])
def test_names_of_metrics_do_not_overlap(count, size, length):
    names = [("some_long_name_" * 9)[: length - 1] + chr(65 + i) for i in range(count)]
    table = pd.concat([tidy(RNG.random(5), metric=name) for name in names])
    check(draw_correlations(table, names, ax=axes(size)))


def test_a_later_spectrum_is_not_clipped_by_the_first():
    near = spectrum_of(tidy([0.1, 0.2, 0.3])).assign(share_removed=[0.1, 0.2, 0.3])
    far = near.assign(share_removed=[0.001, 0.5, 0.9])
    for tables in itertools.permutations([near, far]):
        ax = axes()
        for table in tables:
            draw_spectrum(table, ax=ax)
        check(ax)
        left, right = ax.get_xlim()
        assert left == 0.0
        assert right > 0.9
        assert ax.xaxis.get_transform().linthresh == 0.001


@pytest.mark.parametrize("low", [1e-14, 1e-6, 1e-3, 0.9])
@pytest.mark.parametrize("count", [1, 2, 1000, 1_000_000])
def test_tails_have_a_few_ticks_that_can_be_told_apart(low, count):
    ax = draw_tail(tidy(np.geomspace(low, 1, count)), "leverage", ax=axes((4, 3)))
    check(ax)
    assert len(ax.lines[0].get_xdata()) == count
    assert count > 1 or ax.lines[0].get_marker() == "o"
    for axis in (ax.xaxis, ax.yaxis):
        seen = axis.get_view_interval()
        ticks = [place for place in axis.get_ticklocs() if seen[0] <= place <= seen[1]]
        assert 2 <= len(ticks) <= 12 or (count == 2 and axis is ax.yaxis)


IMAGES = [np.zeros((3, 3)), np.full((2, 2), np.nan), np.zeros((0, 4)), [[np.inf, 1.0]]]
IMAGES += [[[1e300, -1e300]], [[1e308, 0.0]], [[None, 1]], [[True]], [[5e-324, 0.0]]]


@pytest.mark.parametrize("pixels", IMAGES)
def test_odd_images(pixels):
    ax = check(draw_image(pixels, ax=axes((1, 1)), caption="0.1\n[-0.123, 0.456]"))
    assert len(ax.images) + len(ax.texts) == 1


@pytest.mark.parametrize("length", [5e-324, 1e-300, 1e-20, 1.0, 1e160, 1e300])
def test_vectors_of_any_length_are_inside(length):
    ax = check(draw_vectors([[length, 0.0], [0.0, -length]], ax=axes()))
    ends = np.asarray(ax.collections[1].get_offsets())
    assert len(ends) == 2
    assert np.abs(ends).max() < ax.get_xlim()[1] < np.inf


def test_nothing_but_numbers_can_be_drawn():
    table = tidy([0.1, 0.2]).assign(points=["few", "many"])
    with pytest.raises(
        ValueError, match="column 'points' of `table` must hold numbers"
    ):
        draw_curve(table, "points", metric="leverage", ax=axes())


def test_a_pair_of_a_metric_with_itself():
    ax = draw_pair(tidy([1.0, 3.0, 2.0]), "leverage", "leverage", ax=axes())
    assert ax.get_title("left") == "rank correlation 1.00"
