"""Leverage of images trained on and of images held out, on real images."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import memmetrics as mm
from memmetrics.plotting import COLORS, draw_image, draw_tail
from studies._kit.chapter import Begin, Chapter, Picture, Settings, Study
from studies._kit.estimates import Estimate, median_of
from studies._kit.images import Images, load_images
from studies._kit.pictures import BAND, draw_band
from studies._kit.randomness import generator, run_seeds, stream_of
from studies._kit.toy import by_data_set
from studies._kit.trainings import Training, kept
from studies._kit.verdicts import Claim

_NAME = "real_images"
_STREAM = stream_of(_NAME)
_SPLIT, _TRAIN, _TEST, _TRAINING = range(4)
MODELS = ("classifier", "autoencoder")
_LABELS = {"training": COLORS["blue"], "held out": COLORS["vermillion"]}
_SHOWN = 10


@dataclass(frozen=True)
class Curves:
    """The scale at which to look; hidden units of the classifier and autoencoder."""

    sizes: tuple[int, ...] = (150, 300, 600, 1100)
    units: int = 64
    hidden: int = 8
    epochs: int = 150
    steps: int = 2000
    test_points: int = 500
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Read the images, so that what is wrong with them is known at once."""
        self._images(settings, max(self.sizes), 0)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds at each size: one data set, timed with a tenth of the work."""
        costs = {}
        for points in self.sizes:
            train, _ = self._images(settings, points, 0)
            training = self._autoencoder(settings, train, points, 0)
            if training.is_done(settings.store):
                costs[_named(points)] = 0.0
                continue
            started = time.perf_counter()
            _classifier(train, self.units, max(self.epochs // 10, 1), seed=0)
            classifier = 10 * (time.perf_counter() - started)
            autoencoder = training.seconds(settings.store)
            costs[_named(points)] = self.data_sets * (classifier + autoencoder)
        return costs

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Measure all images by their leverage, in both models."""
        tables = []
        for points in self.sizes:
            begin(_named(points))
            for data_set in range(self.data_sets):
                table = self._measure(settings, points, data_set)
                tables.append(table.assign(points=points, data_set=data_set))
        table = pd.concat(tables, ignore_index=True)
        train, _ = self._images(settings, max(self.sizes), 0)
        return Chapter(
            name="curves",
            title="The curve of held-out images",
            text=_TEXT,
            table=table,
            summary=summarize(table),
            pictures=[tails(table), ratios(table), gallery(table, train)],
            configuration=vars(self),
        )

    def _images(
        self, settings: Settings, points: int, data_set: int
    ) -> tuple[Images, Images]:
        def stream(purpose: int) -> np.random.Generator:
            return generator(settings.seed, _STREAM, purpose, data_set)

        train, test = load_images(settings.data, stream(_SPLIT))
        return (
            train.sample(points, stream(_TRAIN)),
            test.sample(self.test_points, stream(_TEST)),
        )

    def _autoencoder(
        self, settings: Settings, train: Images, points: int, data_set: int
    ) -> Training:
        trainer = mm.ToyTrainer(
            hidden=self.hidden,
            steps=self.steps,
            learning_rate=5e-3,
            threads=settings.n_jobs,
        )
        key = (_TRAINING, data_set, points)
        seeds = run_seeds(settings.seed, _STREAM, *key, runs=1)
        return Training(trainer, train.unit_rows(), seeds)

    def _measure(self, settings: Settings, points: int, data_set: int) -> pd.DataFrame:
        """Leverages in both models, with the classifier's accuracies."""
        train, test = self._images(settings, points, data_set)
        training = self._autoencoder(settings, train, points, data_set)
        autoencoder = training.run(settings.store)
        weights, bias, *accuracies = self._classified(settings, train, test, training)
        frames = [
            _leverages(
                "classifier",
                np.maximum(train.unit_rows() @ weights + bias, 0),
                np.maximum(test.unit_rows() @ weights + bias, 0),
            ),
            _leverages(
                "autoencoder",
                np.asarray(autoencoder.hidden(train.unit_rows())[0], dtype=float),
                np.asarray(autoencoder.hidden(test.unit_rows())[0], dtype=float),
            ),
        ]
        frames += [
            pd.DataFrame({"metric": [name], "estimate": [value], "model": MODELS[0]})
            for name, value in zip(
                ("train_accuracy", "test_accuracy"), accuracies, strict=True
            )
        ]
        return pd.concat(frames).assign(run=0)

    def _classified(
        self, settings: Settings, train: Images, test: Images, training: Training
    ) -> tuple[Any, Any, float, float]:
        """Return weights and bias of the hidden layer, and the two accuracies."""
        path: Path | None = None
        if settings.store is not None:
            recipe = f"units{self.units}-epochs{self.epochs}-tests{self.test_points}"
            path = settings.store / f"{training.identity()}-{recipe}.npz"
        fit = partial(_classifier, train, self.units, self.epochs, training.seeds[0])

        def compute() -> dict[str, npt.NDArray[Any]]:
            model = fit()
            return {
                "weights": model.coefs_[0],
                "bias": model.intercepts_[0],
                "accuracies": np.array(
                    [
                        model.score(part.unit_rows(), part.labels)
                        for part in (train, test)
                    ]
                ),
            }

        arrays = kept(path, compute)
        on_training, on_test = arrays["accuracies"].tolist()
        return arrays["weights"], arrays["bias"], on_training, on_test


_TEXT = """
Two networks are trained on images scaled to length 1: a classifier with one hidden
layer, as in Olah's comment on the paper, and the tied autoencoder of the toy model.
The maximal datapoint dimensionality of an image is its leverage h (HᵀH)⁺ h in the
hidden layer: how much of a direction it can have to itself. Of a held-out image it is
what the image would have if it were added to the training set. If the network treated
training images like any others, both curves would be one. A held-out image with a
leverage of 1 uses a direction that no training image does. Each data set is another
split of the images, so that their intervals are somewhat too narrow.
"""


def _named(points: int) -> str:
    return f"images, {points:,} points"


def _classifier(images: Images, units: int, epochs: int, seed: int) -> MLPClassifier:
    model = MLPClassifier(
        (units,),
        max_iter=epochs,
        alpha=0.0,
        learning_rate_init=5e-3,
        batch_size=min(64, len(images)),
        tol=0.0,
        n_iter_no_change=epochs,
        random_state=seed % 2**32,
    )
    with warnings.catch_warnings():
        # The number of epochs is what is asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(images.unit_rows(), images.labels)


def _leverages(model: str, train: Any, test: Any) -> pd.DataFrame:
    """Leverage of every image; `train` and `test` are (images, hidden)."""
    frames = [
        mm.Result(name, unit="dimensions", estimate=values).to_frame()
        for name, values in (
            ("leverage", mm.leverage(train)),
            ("held_out_leverage", mm.leverage(test, reference=train)),
        )
    ]
    return pd.concat(frames)[["metric", "unit", "index", "estimate"]].assign(
        model=model
    )


def tops(table: pd.DataFrame, metric: str) -> pd.Series:
    """Leverage that one image in a hundred exceeds, by model, points, data set."""
    rows = table[table["metric"] == metric]
    return rows.groupby(["model", "points", "data_set"])["estimate"].quantile(0.99)


def tail_ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Top leverage of training images over that of held-out ones, a tidy table."""
    ratio = tops(table, "leverage") / tops(table, "held_out_leverage")
    return ratio.rename("estimate").reset_index().assign(metric="tail_ratio")


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a model and size."""
    columns = {
        "training, top 1%": tops(table, "leverage"),
        "held out, top 1%": tops(table, "held_out_leverage"),
        "largest over median": _outliers(table),
    }
    frame = pd.DataFrame(columns).groupby(["model", "points"]).median()
    frame["ratio of tops"] = (
        tail_ratios(table).groupby(["model", "points"])["estimate"].median()
    )
    for name in ("train_accuracy", "test_accuracy"):
        rows = table[table["metric"] == name]
        frame[name.replace("_", " ")] = rows.groupby(["model", "points"])[
            "estimate"
        ].median()
    return frame.round(4).reset_index()


def _outliers(table: pd.DataFrame) -> pd.Series:
    """Largest leverage of a training image over the median one."""
    groups = table[table["metric"] == "leverage"].groupby(
        ["model", "points", "data_set"]
    )["estimate"]
    return groups.max() / groups.median()


def tails(table: pd.DataFrame) -> Picture:
    """Share of images above each leverage, at the smallest and largest size."""
    sizes = sorted({table["points"].min(), table["points"].max()})
    figure = Figure(figsize=(10, 7), layout="constrained")
    axes = figure.subplots(len(MODELS), len(sizes), squeeze=False)
    for row, model in zip(axes, MODELS, strict=True):
        for ax, points in zip(row, sizes, strict=True):
            rows = table[(table["model"] == model) & (table["points"] == points)]
            for metric, label in zip(
                ("leverage", "held_out_leverage"), _LABELS, strict=True
            ):
                draw_tail(rows, metric, ax=ax, color=_LABELS[label], label=label)
            ax.set(title=f"{model}, {points:,} images", xlabel="leverage (dimensions)")
            ax.legend()
    caption = (
        "Share of images whose leverage is at least as large, all data sets together. "
        "Where the training curve reaches further right, the network gives training "
        "images directions that images like them do not get."
    )
    return Picture("tails", "Images trained on and images held out", caption, figure)


def ratios(table: pd.DataFrame) -> Picture:
    """Ratio of the tops against the size of the training set."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    ax = figure.subplots()
    found = tail_ratios(table)
    for model, color in zip(MODELS, (COLORS["blue"], COLORS["green"]), strict=True):
        rows = found[found["model"] == model]
        draw_band(rows, "points", metric="tail_ratio", ax=ax, color=color, label=model)
    ax.axhline(1.0, linestyle="--", color=COLORS["gray"])
    ax.set(xlabel="training images (number)", ylabel="top 1%, training over held out")
    ax.legend()
    ends = [f"{model} {_ratio(table, model).value:.3g}" for model in MODELS]
    caption = (
        f"{BAND} The leverage that one image in a hundred exceeds, of training images "
        f"over held-out ones. With the most images: {', '.join(ends)}."
    )
    return Picture("ratios", "How much further the training tail goes", caption, figure)


def gallery(table: pd.DataFrame, images: Images) -> Picture:
    """Training images with the largest and the smallest leverage in the classifier."""
    chosen = table[
        (table["metric"] == "leverage")
        & (table["model"] == MODELS[0])
        & (table["points"] == table["points"].max())
        & (table["data_set"] == 0)
    ].sort_values("estimate")
    figure = Figure(figsize=(11, 3), layout="constrained")
    axes = figure.subplots(2, _SHOWN)
    ends = (chosen[::-1][:_SHOWN], chosen[:_SHOWN])
    for row, rows in zip(axes, ends, strict=True):
        for ax, score in zip(row, rows.to_dict("records"), strict=True):
            pixels = images.pixels[int(score["index"])]
            draw_image(pixels, ax=ax, caption=f"{score['estimate']:.3f}")
    axes[0, 0].set_ylabel("largest")
    axes[1, 0].set_ylabel("smallest")
    return Picture(
        "gallery",
        "Training images with the largest and the smallest leverage",
        "In the classifier of the first data set with the most images; the number is "
        f"the leverage. The median is {chosen['estimate'].median():.3f}.",
        figure,
    )


def _ratio(table: pd.DataFrame, model: str) -> Estimate:
    """Ratio of the tops with the most images."""
    found = tail_ratios(table)
    rows = found[found["model"] == model]
    return median_of(by_data_set(rows, "tail_ratio", "points").iloc[:, -1])


def shrinks(table: pd.DataFrame) -> Estimate:
    """Ratio of the tops with the fewest images over that with the most."""
    found = tail_ratios(table)
    by_size = by_data_set(found[found["model"] == MODELS[0]], "tail_ratio", "points")
    return median_of(by_size.iloc[:, 0] / by_size.iloc[:, -1])


def outliers(table: pd.DataFrame) -> Estimate:
    """Largest leverage over the median one, in the classifier with the most images."""
    found = _outliers(table)[MODELS[0]]
    return median_of(found[found.index.get_level_values("points").max()])


CLAIMS = (
    Claim(
        "Held-out images lack the upper tail of the classifier's training images "
        "(top 1% of leverage, training over held out)",
        "Greenblatt in the thread, on Olah's comment",
        "above 1, if it shows memorization",
        lambda table: _ratio(table, MODELS[0]),
        at_least=1.1,
    ),
    Claim(
        "They lack that of the tied autoencoder's (same ratio)",
        "Greenblatt in the thread",
        "above 1, if it shows memorization",
        lambda table: _ratio(table, MODELS[1]),
        at_least=1.1,
    ),
    Claim(
        "The difference between the tails shrinks with more images (ratio with the "
        "fewest over that with the most, classifier)",
        "this project",
        "above 1",
        shrinks,
        at_least=1.05,
    ),
    Claim(
        "The largest leverage is about a hundred times the typical one (classifier)",
        "Olah's comment on the paper (MNIST, 512 units)",
        "about 100",
        outliers,
        at_least=30.0,
        at_most=300.0,
        in_scale=lambda table: bool(table["points"].max() >= 10_000),
    ),
)

STUDY = Study(
    name=_NAME,
    title="Real images: the curve that the thread asked for",
    text="""
Olah's comment on the paper sorts the training images of MNIST by their maximal
datapoint dimensionality and finds outliers that look odd. Greenblatt asks in the thread
for the same curve on validation images, which nobody showed: if the measure shows
memorization, images never seen should lack the upper tail. Here it is, on the small
digits that come with scikit-learn, or on any images in MNIST's format (`--data`).
""",
    presets={
        "quick": (
            Curves(
                sizes=(40, 80),
                units=16,
                hidden=4,
                epochs=20,
                steps=100,
                test_points=100,
                data_sets=2,
            ),
        ),
        "laptop": (Curves(),),
        # For MNIST or Fashion-MNIST by --data: the built-in digits are too few.
        "paper": (
            Curves(
                sizes=(1000, 10_000, 60_000),
                units=512,
                hidden=16,
                epochs=50,
                test_points=10_000,
                data_sets=4,
            ),
        ),
    },
    claims=CLAIMS,
)
