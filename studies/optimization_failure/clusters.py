"""Whether neighbors in the hidden plane are points with features in common."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import sparse

from memmetrics.plotting import COLORS
from studies._kit.chapter import Picture
from studies._kit.pictures import BAND, draw_band
from studies._kit.toy import Floats, Trained
from studies.optimization_failure.chains import Nested

# Two points are neighbors if their hidden vectors are this close in angle (radians).
NEAR = 0.05
# A point is memorized if its own loss is this far below the zero model's 1.
MEMORIZED = 0.8
_PERMUTATIONS = 200


def measure_clusters(networks: Mapping[Nested, Trained]) -> pd.DataFrame:
    """Overlap of neighbors in every network, and in it as it was before training.

    Overlap is the inner product of two points, which have length 1. The ratio is its
    mean over pairs of neighbors over that of all pairs; its p-value comes from giving
    the hidden vectors to the points at random. Any network brings points with a common
    feature together, even one that has learned nothing: so the same ratio is taken
    with starting weights.

    A triangle is a trio of memorized points, next to each other in angle, of which
    each two overlap.
    """
    tables = []
    for cell, trained in networks.items():
        rng = np.random.default_rng(cell.data_set)
        overlap = _overlaps(trained.data)
        hidden = np.asarray(trained.stack.hidden(trained.data)[0])
        shape = (cell.features, cell.trainer.hidden)
        start = np.asarray(trained.data @ rng.normal(size=shape))
        memorized = np.asarray(trained.stack.losses(trained.data)[0]) < MEMORIZED
        ratio, p_value = neighbor_ratio(hidden, overlap, rng)
        trios, by_chance = triangles(hidden, overlap, memorized, rng)
        rows = {
            "overlap_of_neighbors": ("ratio", ratio),
            "overlap_of_neighbors_at_the_start": (
                "ratio",
                neighbor_ratio(start, overlap, rng)[0],
            ),
            "overlap_p_value": ("probability", p_value),
            "memorized_points": ("points", float(memorized.sum())),
            "share_in_triangles": ("share", trios),
            "share_in_triangles_by_chance": ("share", by_chance),
        }
        tables += [
            pd.DataFrame(
                [{"metric": name, "unit": unit, "run": 0, "estimate": value}]
            ).assign(**cell.conditions())
            for name, (unit, value) in rows.items()
            if np.isfinite(value)
        ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _overlaps(data: sparse.csr_array) -> Floats:
    """Inner products of all pairs, (points, points)."""
    return np.asarray((data @ data.T).toarray())


def neighbor_ratio(
    hidden: Floats, overlap: Floats, rng: np.random.Generator
) -> tuple[float, float]:
    """Mean overlap of neighbors in angle over that of all pairs, and its p-value.

    NaN where there are no neighbors, or no two points overlap.
    """
    first, second = neighbors(hidden)
    points = len(overlap)
    everywhere = (overlap.sum() - np.trace(overlap)) / (points * (points - 1))
    if first.size == 0 or everywhere == 0:
        return np.nan, np.nan
    found = overlap[first, second].mean()
    chance = [
        overlap[places[first], places[second]].mean()
        for places in (rng.permutation(points) for _ in range(_PERMUTATIONS))
    ]
    at_least = 1 + int(np.sum(np.asarray(chance) >= found))
    return float(found / everywhere), at_least / (_PERMUTATIONS + 1)


def neighbors(
    hidden: Floats,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of points whose hidden vectors (points, 2) are close in angle."""
    angles = np.arctan2(hidden[:, 1], hidden[:, 0])
    apart = np.abs(np.angle(np.exp(1j * (angles[:, None] - angles))))
    first, second = np.nonzero(np.triu(apart < NEAR, k=1))
    return first, second


def triangles(
    hidden: Floats,
    overlap: Floats,
    memorized: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Share of memorized points in a triangle, and its mean over random orders.

    NaN with fewer than three memorized points.
    """
    own = np.flatnonzero(memorized)
    if len(own) < 3:
        return np.nan, np.nan
    order = own[np.argsort(np.arctan2(hidden[own, 1], hidden[own, 0]))]
    chance = [_in_trios(overlap, rng.permutation(own)) for _ in range(_PERMUTATIONS)]
    return _in_trios(overlap, order), float(np.mean(chance))


def _in_trios(overlap: Floats, order: npt.NDArray[np.int64]) -> float:
    """Share of points of a ring that lie in a trio of neighbors that all overlap."""
    one, two, three = order, np.roll(order, -1), np.roll(order, -2)
    trio = (overlap[one, two] > 0) & (overlap[two, three] > 0)
    trio &= overlap[one, three] > 0
    return float((trio | np.roll(trio, 1) | np.roll(trio, 2)).mean())


def _draw_plane(ax: Axes, trained: Trained) -> None:
    """Hidden vectors by loss; memorized neighbors that overlap are joined."""
    hidden = np.asarray(trained.stack.hidden(trained.data)[0])
    losses = np.asarray(trained.stack.losses(trained.data)[0])
    overlap = _overlaps(trained.data)
    own = np.flatnonzero(losses < MEMORIZED)
    order = own[np.argsort(np.arctan2(hidden[own, 1], hidden[own, 0]))]
    for one, two in zip(order, np.roll(order, -1), strict=True):
        if overlap[one, two] > 0:
            ends = hidden[[one, two]]
            ax.plot(ends[:, 0], ends[:, 1], color=COLORS["vermillion"], linewidth=1)
    drawn = ax.scatter(hidden[:, 0], hidden[:, 1], c=losses, s=9, zorder=3)
    ax.figure.colorbar(drawn, ax=ax, label="loss of the point")
    ax.set(aspect="equal", xlabel="hidden 1", ylabel="hidden 2")


def draw_clusters(
    table: pd.DataFrame, networks: Mapping[Nested, Trained], branch: str
) -> Picture:
    """Hidden vectors of one network of `branch`, and overlaps of all against points."""
    figure = Figure(figsize=(13, 4), layout="constrained")
    plane, overlaps, trios = figure.subplots(1, 3)
    sizes = sorted({cell.points for cell in networks if cell.branch == branch})
    shown = sizes[len(sizes) // 3]
    cell, trained = next(
        (cell, trained)
        for cell, trained in networks.items()
        if (cell.points, cell.data_set, cell.branch) == (shown, 0, branch)
    )
    _draw_plane(plane, trained)
    plane.set_title(f"{cell.points:,} points, {cell.branch}")
    for each, color in zip(
        sorted({cell.branch for cell in networks}, reverse=True),
        (COLORS["vermillion"], COLORS["blue"]),
        strict=False,
    ):
        rows = table[table["branch"] == each]
        name = each.split(",")[0]
        for ax, metric, label in (
            (overlaps, "overlap_of_neighbors", name),
            (trios, "share_in_triangles", name),
        ):
            draw_band(rows, "points", metric=metric, ax=ax, color=color, label=label)
    rows = table[table["branch"] == branch]
    for ax, metric, label in (
        (overlaps, "overlap_of_neighbors_at_the_start", "before training"),
        (trios, "share_in_triangles_by_chance", "memorizing, random order"),
    ):
        gray = COLORS["gray"]
        draw_band(rows, "points", metric=metric, ax=ax, color=gray, label=label)
    overlaps.set_ylabel("overlap of neighbors / of all pairs")
    trios.set_ylabel("memorized points in triangles (share)")
    for ax in (overlaps, trios):
        ax.set_xlabel("training points (number)")
        ax.legend()
    at_shown = rows[rows["points"] == shown].groupby("metric")["estimate"].median()
    found = {
        name: at_shown.get(name, np.nan)
        for name in (
            "overlap_of_neighbors",
            "overlap_of_neighbors_at_the_start",
            "share_in_triangles",
            "share_in_triangles_by_chance",
        )
    }
    nearby, before, trio, chance = found.values()
    caption = (
        "Left, the hidden vectors of one network; a line joins memorized points (loss "
        f"below {MEMORIZED}) that are next to each other in angle and overlap. {BAND} "
        f"At {shown:,} points neighbors within {NEAR} radians overlap {nearby:.3g} "
        f"times as much as all pairs, before training {before:.3g} times; of the "
        f"memorized points {trio:.0%} lie in triangles, {chance:.0%} in random order."
    )
    return Picture("clusters", "Clusters of points that overlap", caption, figure)
