"""What weight decay and training time do to the bump (the paper's appendix)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.plotting import COLORS
from studies._kit.chapter import Picture, Study
from studies._kit.estimates import Estimate, median_of
from studies._kit.grid import Grid, medians
from studies._kit.pictures import BAND, draw_band, log_from_one
from studies._kit.toy import Cell, by_data_set
from studies._kit.verdicts import Claim

_NAME = "decay_and_epochs"
_PAPER = "Henighan et al. 2023, appendix"
_COLORS = tuple(COLORS[name] for name in ("blue", "green", "orange", "vermillion"))


@dataclass(frozen=True)
class Scale:
    """The scale at which to look: decays at `steps`, then other numbers of steps."""

    sizes: tuple[int, ...] = (50, 100, 200, 300, 500)
    decays: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0)
    steps: int = 3000
    other_steps: tuple[int, ...] = (1000, 9000)
    decay: float = 1e-2
    features: int = 300
    sparsity: float = 0.97
    hidden: int = 4
    data_sets: int = 6

    def cells(self, threads: int) -> list[Cell]:
        """Return every recipe at every size on every data set."""
        recipes = [(decay, self.steps) for decay in self.decays]
        recipes += [(self.decay, steps) for steps in self.other_steps]
        return [
            Cell(
                mm.ToyTrainer(
                    hidden=self.hidden,
                    steps=steps,
                    weight_decay=decay,
                    loss_reduction="mean",
                    threads=threads,
                ),
                points,
                data_set,
                self.features,
                self.sparsity,
            )
            for decay, steps in recipes
            for points in self.sizes
            for data_set in range(self.data_sets)
        ]


def part(scale: Scale) -> Grid:
    """Return the study at this scale."""
    return Grid(
        study=_NAME,
        name="bumps",
        title="The bump against weight decay and steps",
        text=(
            "Every recipe sees the same data sets from the same starting weights; "
            "losses are averaged over features, as in the published curves. The height "
            "of a bump is the highest test loss over the sizes, less the zero model's "
            "loss of 1."
        ),
        scale=scale,
        summarize=lambda table: medians(
            table,
            ["weight_decay", "steps", "points"],
            {"train_loss": "train loss", "test_loss": "test loss"},
        ),
        draw=lambda table, _: [bumps(table, scale)],
    )


def bumps(table: pd.DataFrame, scale: Scale) -> Picture:
    """Test loss against points, a line a decay and a line a number of steps."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    at_steps = table[table["steps"] == scale.steps]
    for decay, color in zip(scale.decays, _COLORS, strict=False):
        rows = at_steps[at_steps["weight_decay"] == decay]
        draw_band(
            rows, "points", metric="test_loss", ax=left, color=color, label=f"{decay:g}"
        )
    at_decay = table[table["weight_decay"] == scale.decay]
    for steps, color in zip(sorted(at_decay["steps"].unique()), _COLORS, strict=False):
        rows = at_decay[at_decay["steps"] == steps]
        label = f"{steps:,}"
        draw_band(
            rows, "points", metric="test_loss", ax=right, color=color, label=label
        )
    left.legend(title=f"weight decay, {scale.steps:,} steps")
    right.legend(title=f"steps, decay {scale.decay:g}")
    log_from_one(left, linear=0.02)
    for ax in (left, right):
        ax.axhline(1.0, linestyle="--", color=COLORS["gray"])
        ax.set_xlabel("training points (number)")
    right.set_ylabel("")
    heights = ", ".join(
        f"{median_of(bump_heights(table, decay, scale.steps)).value:.3g} at {decay:g}"
        for decay in scale.decays
    )
    return Picture(
        "bumps",
        "Test loss for every recipe",
        f"{BAND} Height of the bump by weight decay: {heights}.",
        figure,
    )


def bump_heights(table: pd.DataFrame, decay: float, steps: int) -> pd.Series:
    """Highest test loss over the sizes less 1, for each data set."""
    rows = table[(table["weight_decay"] == decay) & (table["steps"] == steps)]
    return by_data_set(rows, "test_loss", "points").max(axis=1) - 1.0


def _middle_steps(table: pd.DataFrame) -> int:
    """Return the steps at which all decays were trained."""
    decays = table.groupby("steps")["weight_decay"].nunique()
    return int(decays.idxmax())


def _sole_decay(table: pd.DataFrame) -> float:
    """Return the weight decay at which all numbers of steps were trained."""
    return float(table.groupby("weight_decay")["steps"].nunique().idxmax())


def by_decay(table: pd.DataFrame, lower: float, higher: float) -> Estimate:
    """Height of the bump at one decay less that at a higher one."""
    steps = _middle_steps(table)
    tried = table["weight_decay"].unique()
    if lower not in tried or higher not in tried:
        return median_of([])
    return median_of(
        bump_heights(table, lower, steps) - bump_heights(table, higher, steps)
    )


def with_full_decay(table: pd.DataFrame) -> Estimate:
    """Height of the bump with weight decay 1."""
    return median_of(bump_heights(table, 1.0, _middle_steps(table)))


def by_steps(table: pd.DataFrame) -> Estimate:
    """Height of the bump with the most steps less that with the fewest."""
    decay = _sole_decay(table)
    steps = table.loc[table["weight_decay"] == decay, "steps"]
    most = bump_heights(table, decay, steps.max())
    return median_of(most - bump_heights(table, decay, steps.min()))


CLAIMS = (
    Claim(
        "Lower weight decay makes the bump bigger (height at 0.01 less that at 0.1)",
        _PAPER,
        "above 0",
        partial(by_decay, lower=1e-2, higher=1e-1),
        at_least=1e-6,
    ),
    Claim(
        "and a decay lower still (height at 0.001 less that at 0.01)",
        _PAPER,
        "above 0",
        partial(by_decay, lower=1e-3, higher=1e-2),
        at_least=1e-6,
    ),
    Claim(
        "Weight decay 1 removes the bump (its height above the zero model)",
        _PAPER,
        "0",
        with_full_decay,
        at_most=1e-3,
    ),
    Claim(
        "More epochs make the bump bigger (height with the most less that with the "
        "fewest steps)",
        _PAPER,
        "above 0",
        by_steps,
        at_least=1e-6,
    ),
)

STUDY = Study(
    name=_NAME,
    title="Weight decay and epochs",
    text="""
The appendix of the paper (Henighan et al. 2023) says, for four hidden dimensions, that
lower weight decay makes the bump of the test loss bigger, that a decay of 1 removes it,
and that more epochs make it bigger. Its grids are not known; these are ours.
""",
    presets={
        "quick": (
            part(
                Scale(
                    sizes=(10, 40),
                    decays=(1e-2, 1e-1, 1.0),
                    steps=200,
                    other_steps=(50,),
                    features=60,
                    sparsity=0.9,
                    data_sets=2,
                )
            ),
        ),
        "laptop": (part(Scale()),),
        "paper": (
            part(
                Scale(
                    sizes=(1000, 2000, 5000, 10_000, 20_000),
                    steps=50_000,
                    other_steps=(12_500, 200_000),
                    features=10_000,
                    sparsity=0.999,
                    data_sets=4,
                )
            ),
        ),
    },
    claims=CLAIMS,
)
