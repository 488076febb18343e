"""Counterfactual memorization of images beside their leverage, in the autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.plotting import COLORS, draw_image
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.estimates import Estimate, median_of
from studies._kit.images import Images
from studies._kit.randomness import generator
from studies._kit.toy import by_data_set
from studies._kit.trainings import Training, kept, retraining_seconds
from studies._kit.words import below_a_picture
from studies.real_images.networks import STREAM, autoencoder, images_of

_MEASURE = 4  # beside the purposes of `networks`
_MEMORIZED, _LEVERAGE = "counterfactual_memorization", "mean_leverage"
_SHOWN = 10
_TEXT = """
The tied autoencoder again, trained anew many times, each time on a random half of the
images. An image's counterfactual memorization is its mean score, minus its squared
error, over the networks that saw it, less that over the networks that did not. Its
leverage is the mean over a few networks that saw every image. ρ is Spearman's rank
correlation of the two over the images of one data set. The small table has the
classes of the images, with the most images: means over images and data sets.
"""


@dataclass(frozen=True)
class Retrained:
    """The scale at which to look: networks on halves, and on everything."""

    sizes: tuple[int, ...] = (150, 600)
    runs: int = 128
    fits: int = 4
    hidden: int = 8
    steps: int = 1500
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Read the images, so that what is wrong with them is known at once."""
        self._images(settings, max(self.sizes), 0)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds at each size: one data set, timed with a few steps."""
        costs = {}
        for points in self.sizes:
            train = self._images(settings, points, 0)
            training = self._training(settings, train, 0)
            path = self._path(settings, training)
            costs[_named(points)] = 0.0
            if path is None or not path.exists():
                seconds = retraining_seconds(
                    training.trainer, training.data, runs=self.runs, fits=self.fits
                )
                costs[_named(points)] = self.data_sets * seconds
        return costs

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Measure every image of every data set both ways."""
        tables = []
        for points in self.sizes:
            begin(_named(points))
            for data_set in range(self.data_sets):
                table = self._measure(settings, points, data_set)
                tables.append(table.assign(points=points, data_set=data_set))
        table = pd.concat(tables, ignore_index=True)
        return Chapter(
            name="retrained",
            title="Beside counterfactual memorization",
            text=_TEXT,
            table=table,
            summary=by_class(table),
            pictures=[
                both(table),
                most_memorized(table, self._images(settings, max(self.sizes), 0)),
            ],
            configuration=vars(self),
        )

    def _images(self, settings: Settings, points: int, data_set: int) -> Images:
        return images_of(settings, points, 0, data_set)[0]

    def _training(self, settings: Settings, train: Images, data_set: int) -> Training:
        return autoencoder(
            settings, train, data_set, hidden=self.hidden, steps=self.steps
        )

    def _path(self, settings: Settings, training: Training) -> Path | None:
        recipe = f"retrained-runs{self.runs}-fits{self.fits}"
        name = f"{training.identity()}-{recipe}.npz"
        return settings.store and settings.store / name

    def _measure(self, settings: Settings, points: int, data_set: int) -> pd.DataFrame:
        """One row a metric and image, and the correlation of the two metrics."""
        train = self._images(settings, points, data_set)
        training = self._training(settings, train, data_set)

        def compute() -> dict[str, npt.NDArray[Any]]:
            table = mm.measure(
                training.trainer,
                training.data,
                ["leverage", _MEMORIZED],
                runs=self.runs,
                fits=self.fits,
                rng=generator(settings.seed, STREAM, _MEASURE, data_set, points),
                # Threads do the work: networks this small are trained before workers
                # have started.
                n_jobs=1,
                store=settings.store_of("retrained", training.identity()),
            )
            means = table.groupby(["metric", "index"])["estimate"].mean().astype(float)
            return {
                _MEMORIZED: means[_MEMORIZED].to_numpy(),
                _LEVERAGE: means["leverage"].to_numpy(),
            }

        values = kept(self._path(settings, training), compute)
        frames = [
            mm.Result(name, unit=unit, estimate=values[name])
            .to_frame()
            .assign(shown=train.shown())
            for name, unit in ((_MEMORIZED, "squared error"), (_LEVERAGE, "dimensions"))
        ]
        ranks = [pd.Series(values[name]).rank() for name in (_MEMORIZED, _LEVERAGE)]
        correlation = {
            "metric": "rank_correlation",
            "estimate": ranks[0].corr(ranks[1]),
        }
        table = pd.concat([*frames, pd.DataFrame([correlation])])
        columns = ["metric", "unit", "index", "estimate", "shown"]
        return table[columns].assign(run=0, model="autoencoder")


def _named(points: int) -> str:
    return f"retrained, {points:,} images"


def by_class(table: pd.DataFrame) -> pd.DataFrame:
    """Means of both metrics, one row a class, with the most images."""
    rows = table[(table["points"] == table["points"].max()) & table["shown"].notna()]
    frame = rows.pivot_table(index="shown", columns="metric", values="estimate")
    counts = rows[rows["metric"] == _MEMORIZED].groupby("shown").size()
    frame.insert(0, "images", counts)
    return (
        frame.sort_values(_MEMORIZED, ascending=False)
        .round(4)
        .rename_axis("class", axis=0)
        .rename(columns=lambda name: name.replace("_", " "))
        .reset_index()
    )


def agreement(table: pd.DataFrame) -> Estimate:
    """Rank correlation of leverage and memorization with the most images."""
    found = by_data_set(table, "rank_correlation", "points")
    return median_of(found.iloc[:, -1]) if found.size else median_of([])


def both(table: pd.DataFrame) -> Picture:
    """Memorization against leverage, a dot an image, one panel a size."""
    sizes = sorted(table["points"].unique())
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, len(sizes), squeeze=False)[0]
    correlations = by_data_set(table, "rank_correlation", "points")
    said = []
    for ax, points in zip(axes, sizes, strict=True):
        rows = table[(table["points"] == points) & table["index"].notna()]
        values = rows.pivot_table(
            index=["data_set", "index"], columns="metric", values="estimate"
        )
        ax.plot(
            values[_LEVERAGE],
            values[_MEMORIZED],
            ".",
            markersize=3,
            alpha=0.4,
            color=COLORS["blue"],
            rasterized=True,
        )
        ax.axhline(0.0, linewidth=1, linestyle="--", color=COLORS["gray"])
        ax.set(title=f"{points:,} images", xlabel="leverage (dimensions)")
        estimate = median_of(correlations[points])
        said.append(
            f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}] with "
            f"{points:,}"
        )
    axes[0].set_ylabel("counterfactual memorization\n(squared error)")
    caption = (
        "A dot is an image; all data sets. Spearman's ρ of one data set, the median "
        f"with its interval over data sets: {'; '.join(said)} images."
    )
    return Picture("both", "Memorization against leverage", caption, figure)


def most_memorized(table: pd.DataFrame, images: Images) -> Picture:
    """Images with the largest and the smallest counterfactual memorization."""
    rows = table[(table["points"] == len(images)) & (table["data_set"] == 0)]
    values = rows.pivot_table(index="index", columns="metric", values="estimate")
    ordered = values.sort_values(_MEMORIZED)
    names = images.shown()
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    axes = figure.subplots(2, _SHOWN)
    for row, chosen in zip(
        axes, (ordered[::-1][:_SHOWN], ordered[:_SHOWN]), strict=True
    ):
        for ax, (place, score) in zip(row, chosen.iterrows(), strict=True):
            index = int(np.int64(place))
            lines = (
                below_a_picture(names[index]),
                f"{round(score[_MEMORIZED], 3) + 0.0:.3f}",  # no minus before 0
                f"leverage {score[_LEVERAGE]:.3f}",
            )
            draw_image(images.pixels[index], ax=ax, caption="\n".join(lines))
    axes[0, 0].set_ylabel("most")
    axes[1, 0].set_ylabel("least")
    caption = (
        f"Of the {len(images):,} images of the first data set: what the image shows, "
        "its counterfactual memorization and its leverage. The median leverage is "
        f"{values[_LEVERAGE].median():.3f}."
    )
    return Picture("most_memorized", "Most and least memorized", caption, figure)
