"""Test loss against points and hidden dimensions (Figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

import memmetrics as mm
from studies._kit.chapter import Picture, Study
from studies._kit.estimates import Estimate, best_of_others, chosen, median_of
from studies._kit.grid import Grid
from studies._kit.toy import Cell
from studies._kit.verdicts import Claim

_NAME = "heat_map"
_PAPER = "Henighan et al. 2023, Figure 5"
_REDUCTIONS = ("mean", "sum")
# The paper's cells by hidden dimensions, read off its figure to about 0.005: test loss
# at 2,000, 5,000 and 10,000 points of 10,000 features, means of four networks.
_PUBLISHED_SIZES = (2000, 5000, 10_000)
_PUBLISHED = {
    2: (1.02, 1.00, 1.00),
    3: (1.04, 1.07, 1.00),
    4: (1.04, 1.57, 1.27),
    5: (1.00, 1.24, 1.25),
    6: (1.00, 1.11, 1.27),
    7: (1.00, 1.05, 1.24),
    8: (1.00, 1.01, 1.17),
    9: (1.00, 1.00, 1.06),
    10: (1.00, 1.00, 1.04),
    16: (1.00, 1.00, 1.00),
}


@dataclass(frozen=True)
class Scale:
    """The scale at which to look."""

    sizes: tuple[int, ...] = (60, 120, 240, 480, 960)
    hidden: tuple[int, ...] = (2, 3, 4, 6, 8)
    features: int = 300
    sparsity: float = 0.97
    data_sets: int = 6
    steps: int = 9000

    def cells(self, threads: int) -> list[Cell]:
        """Return every width at every size, both reductions, on every data set."""
        return [
            Cell(
                mm.ToyTrainer(
                    hidden=hidden,
                    steps=self.steps,
                    loss_reduction=reduction,
                    threads=threads,
                ),
                points,
                data_set,
                self.features,
                self.sparsity,
            )
            for hidden in self.hidden
            for points in self.sizes
            for reduction in _REDUCTIONS
            for data_set in range(self.data_sets)
        ]


def part(scale: Scale) -> Grid:
    """Return the study at this scale."""
    return Grid(
        study=_NAME,
        name="map",
        title="The map, both ways",
        text=(
            "Medians of the test loss over data sets, with losses averaged over "
            "features (as in the paper's curves) and summed. A row read from left to "
            "right says what more data do, a column read upwards what more hidden "
            "dimensions do."
        ),
        scale=scale,
        summarize=summarize,
        draw=lambda table, _: [maps(table)],
        test_points=1000,
    )


def losses(table: pd.DataFrame, reduction: str) -> pd.DataFrame:
    """Test losses: one row a data set and width, one column a size."""
    rows = table[
        (table["metric"] == "test_loss") & (table["loss_reduction"] == reduction)
    ]
    return rows.pivot_table(
        index=["data_set", "hidden"], columns="points", values="estimate"
    )


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a reduction and width.

    At the paper's number of features, its own cells stand below ours.
    """
    frames = [
        losses(table, reduction)
        .groupby("hidden")
        .median()
        .round(3)
        .reset_index()
        .assign(reduction=reduction)
        for reduction in _REDUCTIONS
    ]
    if _at_papers_size(table):
        frames.append(_published(frames[0]))
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(0, "reduction", frame.pop("reduction"))
    frame.columns = [
        f"{name:,} points" if isinstance(name, int) else str(name) for name in frame
    ]
    return frame


def _at_papers_size(table: pd.DataFrame) -> bool:
    return bool((table["features"] >= 10_000).all())


def _published(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's cells of the widths and sizes in `frame`."""
    cells = pd.DataFrame.from_dict(_PUBLISHED, "index", columns=list(_PUBLISHED_SIZES))
    own = cells.reindex(frame["hidden"]).reindex(columns=frame.columns[1:-1])
    return own.reset_index().assign(reduction="paper, mean of 4")


def maps(table: pd.DataFrame) -> Picture:
    """One map a reduction, the median in each cell."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    ridges = []
    for ax, reduction in zip(figure.subplots(1, 2), _REDUCTIONS, strict=True):
        medians = losses(table, reduction).groupby("hidden").median()
        values = medians.to_numpy(float)
        # By how far from the lowest loss: their ratios are what can be seen.
        shades = values - values.min() + 0.01
        ax.imshow(shades, cmap="viridis", norm=LogNorm(), origin="lower", aspect="auto")
        limit = np.sqrt(shades.min() * shades.max())
        for row, column in np.ndindex(values.shape):
            ax.text(
                column,
                row,
                f"{values[row, column]:.3g}",
                ha="center",
                va="center",
                fontsize=9,
                color="black" if shades[row, column] > limit else "white",
            )
        ax.set_xticks(range(values.shape[1]), [f"{name:,}" for name in medians.columns])
        ax.set_yticks(range(values.shape[0]), [str(name) for name in medians.index])
        ax.set_xlabel("training points (number)")
        ax.set_title(f"{reduction} over features")
        ax.grid(visible=False)
        ridges.append(
            f"with the {reduction} "
            + ", ".join(f"{points:,}" for points in medians.idxmax(axis=1))
        )
    figure.axes[0].set_ylabel("hidden dimensions (number)")
    caption = (
        "Test loss (squared error), medians over data sets; bright is high. Points at "
        f"which each row is highest, from the bottom: {'; '.join(ridges)}."
    )
    return Picture("maps", "Test loss by points and hidden dimensions", caption, figure)


def _wide(table: pd.DataFrame, reduction: str, hidden: Sequence[int]) -> pd.DataFrame:
    found = losses(table, reduction)
    return found[found.index.get_level_values("hidden").isin(hidden)]


def more_data_hurts(table: pd.DataFrame, reduction: str) -> Estimate:
    """Rise of the test loss along the row where it is largest."""
    return _largest_rise(losses(table, reduction), "points")


def larger_models_hurt(table: pd.DataFrame, reduction: str) -> Estimate:
    """Rise of the test loss along the column where it is largest."""
    return _largest_rise(losses(table, reduction), "hidden")


def _largest_rise(found: pd.DataFrame, along: str) -> Estimate:
    """Each data set's rise between two cells that the other data sets choose.

    The largest rise of each data set by itself, or of the median of all, would be above
    0 by chance alone: there are many pairs of cells.
    """
    across = "hidden" if along == "points" else "points"
    rises = {}
    cells = found.melt(ignore_index=False, value_name="loss").reset_index()
    for place, rows in cells.groupby(across):
        line = rows.pivot_table(index="data_set", columns=along, values="loss")
        for first, last in combinations(line, 2):
            rises[place, first, last] = line[last] - line[first]
    if not rises:  # one row or column alone
        return median_of([])
    by_set = pd.DataFrame(rises)  # (data sets, pairs of cells)
    return chosen(by_set, best_of_others(by_set))


def ridge_moves(table: pd.DataFrame, reduction: str) -> Estimate:
    """Points at the ridge of the most hidden dimensions over those of the fewest."""
    widths = table["hidden"]
    if widths.min() == widths.max():
        return median_of([])
    most = _wide(table, reduction, [widths.max()]).idxmax(axis=1)
    fewest = _wide(table, reduction, [widths.min()]).idxmax(axis=1)
    ratio = most.groupby("data_set").mean() / fewest.groupby("data_set").mean()
    return median_of(ratio)


def _highest(table: pd.DataFrame) -> Estimate:
    found = losses(table, "mean").groupby("data_set").max().max(axis=1)
    return median_of(found)


CLAIMS = (
    Claim(
        "More data hurt: along some row the test loss rises (mean over features; by "
        "how much)",
        _PAPER,
        "0.57 (hidden 4, to 5,000 points)",
        lambda table: more_data_hurts(table, "mean"),
        at_least=0.01,
    ),
    Claim(
        "Larger models hurt: along some column the test loss rises (mean over "
        "features; by how much)",
        _PAPER,
        "0.31 (20,000 points, hidden 4 to 8)",
        lambda table: larger_models_hurt(table, "mean"),
        at_least=0.01,
    ),
    Claim(
        "The ridge moves to more points with more hidden dimensions (mean over "
        "features; points at the widest over those at the narrowest)",
        _PAPER,
        "10 to 50 (hidden 2 against 8 to 16)",
        lambda table: ridge_moves(table, "mean"),
        at_least=1.5,
    ),
    Claim(
        "It moves likewise with the sum over features",
        "this project",
        "above 1",
        lambda table: ridge_moves(table, "sum"),
        at_least=1.5,
    ),
    Claim(
        "The highest cell has a test loss of 1.57",
        _PAPER,
        "1.57",
        _highest,
        at_least=1.3,
        at_most=1.9,
        in_scale=_at_papers_size,
    ),
)

STUDY = Study(
    name=_NAME,
    title="Double descent in points and in hidden dimensions",
    text="""
The paper's heat map (Henighan et al. 2023, Figure 5) has the test loss for 2 to 16
hidden dimensions and 200 to 500,000 points: a ridge runs across it, so that for some
models more data hurt, and for some data sets larger models do.
""",
    presets={
        "quick": (
            part(
                Scale(
                    sizes=(10, 30),
                    hidden=(2, 3),
                    features=40,
                    sparsity=0.9,
                    data_sets=2,
                    steps=100,
                )
            ),
        ),
        "laptop": (part(Scale()),),
        "paper": (
            part(
                Scale(
                    sizes=(200, 500, 1000, 2000, 5000, 10_000),
                    hidden=(4,),
                    features=10_000,
                    sparsity=0.999,
                    data_sets=1,
                    steps=50_000,
                )
            ),
        ),
        # The whole map: some days on two cores.
        "map": (
            part(
                Scale(
                    sizes=(1000, 2000, 5000, 10_000, 20_000),
                    hidden=(2, 3, 4, 5, 6, 7, 8, 9, 10, 16),
                    features=10_000,
                    sparsity=0.999,
                    data_sets=2,
                    steps=50_000,
                )
            ),
        ),
    },
    claims=CLAIMS,
)
