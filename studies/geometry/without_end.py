"""Points without end: features take the directions that few points had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.plotting import COLORS, draw_vectors
from studies._kit.chapter import Picture
from studies._kit.endless import Endless
from studies._kit.estimates import Estimate, median_of
from studies._kit.grid import Grid, Networks
from studies._kit.toy import OWN_DIRECTION, Floats
from studies._kit.verdicts import Claim

_PAPER = "Henighan et al. 2023"
_PENTAGON = 5
_SHOWN = 12

_TEXT = """
Every step has points of its own, so that nothing can be memorized. Losses are averaged
over features. The angles are those between neighbors among the features with a
dimensionality above 0.15; where there are five, a regular pentagon has 72 degrees.
"""


@dataclass(frozen=True)
class Stream:
    """The scale at which to look."""

    points_per_step: int = 500
    features: int = 1000
    sparsity: float = 0.99
    data_sets: int = 6
    steps: int = 10_000

    def cells(self, threads: int) -> list[Endless]:
        """Return one network for every stream of points."""
        trainer = mm.ToyTrainer(
            hidden=2, steps=self.steps, loss_reduction="mean", threads=threads
        )
        return [
            Endless(trainer, self.points_per_step, stream, self.features, self.sparsity)
            for stream in range(self.data_sets)
        ]


def endless(scale: Stream) -> Grid:
    """Return the part of the study at this scale."""
    return Grid(
        study="geometry",
        name="without_end",
        title="Points without end",
        text=(
            f"{scale.features:,} features with sparsity {scale.sparsity:g}, "
            f"{scale.points_per_step:,} new points at each of {scale.steps:,} steps. "
            + _TEXT.strip()
        ),
        scale=scale,
        summarize=summarize,
        draw=lambda _, networks: [pentagons(networks)],
        measure=measure,
        test_points=4000,
    )


def _dimensionalities(weights: Floats) -> Floats:
    return np.asarray(mm.feature_dimensionality(weights))


def widest_gap(weights: Floats) -> float:
    """Largest angle, in degrees, between neighbors among features of their own.

    Exactly 72 for a regular pentagon. NaN for fewer than two features.
    """
    own = weights[_dimensionalities(weights) > OWN_DIRECTION]
    if len(own) < 2:
        return float("nan")
    angles = np.sort(np.degrees(np.arctan2(own[:, 1], own[:, 0])))
    return float(np.diff(np.append(angles, angles[0] + 360.0)).max())


def measure(networks: Networks) -> pd.DataFrame:
    """Fifth dimensionality and widest gap between features, one row a network each."""
    rows = []
    for cell, network in networks.items():
        weights = np.asarray(network.stack.weights[0])
        fifth = np.sort(_dimensionalities(weights))[-_PENTAGON]
        for metric, unit, value in (
            ("fifth_feature_dimensionality", "dimensions", fifth),
            ("widest_gap", "degrees", widest_gap(weights)),
        ):
            if np.isfinite(value):
                own = {"metric": metric, "unit": unit, "run": 0, "estimate": value}
                rows.append(own | cell.conditions())
    return pd.DataFrame(rows)


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """One row a stream of points."""
    shown = {
        "features_of_their_own": "features above 0.15",
        "largest_feature_dimensionality": "largest dimensionality",
        "fifth_feature_dimensionality": "fifth largest",
        "widest_gap": "widest gap (degrees)",
        "weight_length": "length of weights",
        "train_loss": "train loss",
        "test_loss": "test loss",
        "test_loss_above_constant": "test loss above constant",
    }
    frame = table.pivot_table(index="data_set", columns="metric", values="estimate")
    frame = frame.reindex(columns=list(shown)).rename(columns=shown).round(4)
    return frame.rename_axis("stream of points").reset_index()


def pentagons(networks: Networks) -> Picture:
    """Features of every stream's network, and their dimensionalities in order."""
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    axes = figure.subplots(2, len(networks), squeeze=False)
    counts = []
    for (above, below), (cell, network) in zip(axes.T, networks.items(), strict=True):
        weights = np.asarray(network.stack.weights[0])
        ordered = np.sort(_dimensionalities(weights))[::-1]
        counts.append(int((ordered > OWN_DIRECTION).sum()))
        draw_vectors(weights, ax=above, color=COLORS["vermillion"])
        above.set_title(f"stream {cell.data_set}", loc="center")
        ranks = np.arange(1, min(_SHOWN, len(ordered)) + 1)
        below.bar(ranks, ordered[: len(ranks)], color=COLORS["vermillion"])
        below.axhline(2 / _PENTAGON, linestyle=":", color=COLORS["black"])
        below.set(xlabel="rank of feature", ylim=(0.0, 0.45))
    axes[0, 0].set_ylabel("features")
    axes[1, 0].set_ylabel("dimensionality")
    caption = (
        "Above, the vectors of all features, one network for each stream of points; "
        f"below, the {_SHOWN} largest dimensionalities, of which "
        f"{', '.join(map(str, counts))} are above {OWN_DIRECTION}. The dotted line is "
        "at 2/5, what five features "
        "would have if no other had any length."
    )
    return Picture("without_end", "Features of points without end", caption, figure)


def _of(table: pd.DataFrame, metric: str) -> Estimate:
    """Return one metric of the networks without end, over streams of points."""
    chosen = (table["part"] == "without_end") & (table["metric"] == metric)
    rows = table[chosen]
    return median_of(rows.groupby("data_set")["estimate"].mean())


def _at_papers_size(table: pd.DataFrame) -> bool:
    rows = table[table["part"] == "without_end"]
    return bool(len(rows)) and bool((rows["features"] >= 10_000).all())


def pentagon_length(table: pd.DataFrame) -> Estimate:
    """‖W‖ in units of √5, that of five vectors of length 1."""
    found = _of(table, "weight_length")
    unit = np.sqrt(_PENTAGON)
    return Estimate(found.value / unit, found.low / unit, found.high / unit)


CLAIMS = (
    Claim(
        "Without end, five features have a direction of their own (number with "
        "dimensionality above 0.15)",
        f"{_PAPER}, Figure 1",
        "5",
        lambda table: _of(table, "features_of_their_own"),
        at_least=5,
        at_most=5,
    ),
    Claim(
        "They form a regular pentagon (widest angle between neighbors, degrees)",
        f"{_PAPER}, Figure 1",
        "72",
        lambda table: _of(table, "widest_gap"),
        at_least=72.0 - 1e-6,
        at_most=82.0,
    ),
    Claim(
        "The five largest dimensionalities are about 0.255, not 2/5 (the fifth)",
        f"{_PAPER}, Figure 3",
        "0.255",
        lambda table: _of(table, "fifth_feature_dimensionality"),
        at_least=0.22,
        at_most=0.29,
        in_scale=_at_papers_size,
    ),
    Claim(
        "The weights are about as long as those of five unit vectors (ratio to √5)",
        f"{_PAPER}, Figure 4",
        "close to 1",
        pentagon_length,
        at_least=0.8,
        at_most=1.2,
    ),
    Claim(
        "Without end the test loss is 0.9987",
        f"{_PAPER}, Figure 3, read off",
        "0.9987",
        lambda table: _of(table, "test_loss"),
        at_least=0.9984,
        at_most=0.9990,
        in_scale=_at_papers_size,
    ),
    Claim(
        "Without end the test loss is below that of the best constant answer "
        "(difference)",
        "Olah in the thread",
        "below 0",
        lambda table: _of(table, "test_loss_above_constant"),
        at_most=0.0,
    ),
)
