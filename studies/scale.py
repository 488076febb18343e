"""What sets the scale of the transition (Jermyn's comment on the paper)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.plotting import COLORS
from studies._kit.chapter import Picture, Study
from studies._kit.estimates import Estimate, median_of
from studies._kit.grid import Grid, medians
from studies._kit.pictures import BAND, draw_band
from studies._kit.toy import Cell, by_data_set
from studies._kit.verdicts import Claim

_NAME = "scale"
_JERMYN = "Jermyn, comments on the paper"
_COLORS = tuple(COLORS[name] for name in ("blue", "orange", "green", "vermillion"))
_USUAL_DECAY, _USUAL_RATE = 1e-2, 1e-3


@dataclass(frozen=True)
class Scale:
    """The scale at which to look: sizes are given in occurrences of each feature.

    A point has ten features on average at every sparsity, so that features and
    sparsity go together.
    """

    occurrences: tuple[float, ...] = (3, 5, 7, 10, 14, 20)
    features: tuple[int, ...] = (200, 400)
    decays: tuple[float, ...] = (1e-3, 1e-1)
    rates: tuple[float, ...] = (3e-3,)
    active: int = 10
    data_sets: int = 6
    steps: int = 5000

    def cells(self, threads: int) -> list[Cell]:
        """Return all sparsities, then other decays and rates at the middle one."""
        middle = self.features[len(self.features) // 2]
        recipes = [
            *((features, _USUAL_DECAY, _USUAL_RATE) for features in self.features),
            *((middle, decay, _USUAL_RATE) for decay in self.decays),
            *((middle, _USUAL_DECAY, rate) for rate in self.rates),
        ]
        return [
            Cell(
                mm.ToyTrainer(
                    hidden=2,
                    steps=self.steps,
                    weight_decay=decay,
                    learning_rate=rate,
                    threads=threads,
                ),
                round(occurrences * features / self.active),
                data_set,
                features,
                1.0 - self.active / features,
            )
            for features, decay, rate in recipes
            for occurrences in self.occurrences
            for data_set in range(self.data_sets)
        ]


def with_occurrences(table: pd.DataFrame) -> pd.DataFrame:
    """Add how often each feature occurs: points × (1 − sparsity)."""
    each = table["points"] * (1.0 - table["sparsity"])
    return table.assign(occurrences=each.astype(float).round(6))


def part(scale: Scale) -> Grid:
    """Return the study at this scale."""
    return Grid(
        study=_NAME,
        name="onset",
        title="Where features appear",
        text=(
            "Losses are summed over features, as in Jermyn's recipe. Features have "
            "appeared where, from a size on, the largest feature dimensionality stays "
            "above 0.15. Other decays and rates are tried at the middle sparsity."
        ),
        scale=scale,
        summarize=summarize,
        draw=lambda table, _: [onset_picture(with_occurrences(table))],
        test_points=1000,
    )


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a condition and number of occurrences."""
    shown = {
        "largest_feature_dimensionality": "largest feature dimensionality",
        "features_of_their_own": "features above 0.15",
        "test_loss": "test loss",
    }
    conditions = ["features", "weight_decay", "learning_rate", "occurrences"]
    return medians(with_occurrences(table), conditions, shown)


def onset_picture(table: pd.DataFrame) -> Picture:
    """Largest dimensionality against occurrences: sparsities, decays, rates."""
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    usual = (table["weight_decay"] == _USUAL_DECAY) & (
        table["learning_rate"] == _USUAL_RATE
    )
    middle = table["features"] == _middle(table)
    groups = (
        (table[usual], "sparsity"),
        (table[middle & (table["learning_rate"] == _USUAL_RATE)], "weight_decay"),
        (table[middle & (table["weight_decay"] == _USUAL_DECAY)], "learning_rate"),
    )
    for ax, (rows, condition) in zip(axes, groups, strict=True):
        values = np.sort(rows[condition].unique())
        for value, color in zip(values, _COLORS, strict=False):
            draw_band(
                rows[rows[condition] == value],
                "occurrences",
                metric="largest_feature_dimensionality",
                ax=ax,
                color=color,
                label=f"{value:g}",
            )
        ax.legend(title=condition.replace("_", " "))
        ax.set(xlabel="occurrences of each feature", ylabel="")
    axes[0].set_ylabel("largest feature dimensionality")
    onsets = [
        median_of(onsets_of(table[usual & (table["features"] == features)])).value
        for features in np.sort(table["features"].unique())
    ]
    caption = (
        f"{BAND} Occurrences are points × (1 − sparsity). Features appear at "
        f"{', '.join(f'{value:.3g}' for value in onsets)} occurrences, from the least "
        "to the most sparse."
    )
    return Picture("onset", "What moves the onset, and what does not", caption, figure)


def _middle(table: pd.DataFrame) -> int:
    """Features at which all decays were tried."""
    return int(table.groupby("features")["weight_decay"].nunique().idxmax())


def onsets_of(rows: pd.DataFrame) -> pd.Series:
    """Occurrences from which on some feature has a direction, for each data set.

    A data set that has none at the most occurrences gets twice these: it is beyond.
    """
    learned = by_data_set(rows, "features_of_their_own", "occurrences") >= 1
    stays = learned.iloc[:, ::-1].cummin(axis=1).iloc[:, ::-1]
    first = stays.idxmax(axis=1).astype(float)
    return first.where(stays.any(axis=1), 2.0 * float(learned.columns.max()))


def _onsets(table: pd.DataFrame, **conditions: float) -> pd.Series:
    rows = with_occurrences(table)
    usual = {"weight_decay": _USUAL_DECAY, "learning_rate": _USUAL_RATE}
    for name, value in ({"features": _middle(table)} | usual | conditions).items():
        rows = rows[np.isclose(rows[name], value)]
    return onsets_of(rows)


def onset(table: pd.DataFrame) -> Estimate:
    """Onset at the middle sparsity, in occurrences."""
    return median_of(_onsets(table))


def collapse(table: pd.DataFrame) -> Estimate:
    """Onset at the most sparse data over that at the least, in occurrences."""
    most = _onsets(table, features=table["features"].max())
    return median_of(most / _onsets(table, features=table["features"].min()))


def moved_by(table: pd.DataFrame, condition: str) -> Estimate:
    """Onset at the highest value of a condition over that at the lowest."""
    values = table.loc[table["features"] == _middle(table), condition]
    most = _onsets(table, **{condition: values.max()})
    return median_of(most / _onsets(table, **{condition: values.min()}))


CLAIMS = (
    Claim(
        "Features appear at about ten occurrences of each",
        _JERMYN,
        "about 10",
        onset,
        at_least=5.0,
        at_most=20.0,
    ),
    Claim(
        "In occurrences of each feature the onset is the same at every sparsity "
        "(most over least sparse)",
        _JERMYN,
        "1",
        collapse,
        # If the number of points decided, it would be the ratio of the densities.
        at_least=1 / 1.5,
        at_most=1.5,
    ),
    Claim(
        "Weight decay does not move the onset (highest over lowest decay)",
        _JERMYN,
        "1",
        lambda table: moved_by(table, "weight_decay"),
        at_least=0.5,
        at_most=2.0,
    ),
    Claim(
        "The learning rate does: with a larger one, memorizing goes on to more points "
        "(highest over lowest rate)",
        "Henighan et al., update of July 2023",
        "above 1",
        lambda table: moved_by(table, "learning_rate"),
        at_least=1.2,
    ),
)

STUDY = Study(
    name=_NAME,
    title="What sets the scale",
    text="""
Jermyn's comment on the paper asks what decides from how many points on features are
learned. Weight decay does not, it finds; what counts is how often each feature occurs
in the training set: at about ten occurrences features appear, whatever the sparsity.
The authors' update of July 2023 adds that a larger learning rate lets memorizing
solutions win up to more points.
""",
    presets={
        "quick": (
            part(
                Scale(
                    occurrences=(2, 5),
                    features=(20, 40),
                    decays=(1e-1,),
                    rates=(1e-2,),
                    active=4,
                    data_sets=2,
                    steps=200,
                )
            ),
        ),
        "laptop": (part(Scale()),),
        "paper": (
            part(
                Scale(
                    occurrences=(5, 7, 10, 14, 20, 28),
                    features=(1000, 3000, 10_000),
                    rates=(3e-4, 3e-3, 1e-2),
                    data_sets=4,
                    steps=50_000,
                )
            ),
        ),
    },
    claims=CLAIMS,
)
