"""The study's one part: seven families of models, each on several data sets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy import stats

from studies._kit.chapter import Begin, Chapter, Settings
from studies._kit.images import load_images
from studies._kit.randomness import generator, stream_of
from studies.definitions import pictures, words
from studies.definitions.evidence import Arrays, Cell, Runs, balanced_blocks, one_thread
from studies.definitions.findings import AUTOENCODER, NETWORKS, TOYS, TREE
from studies.definitions.points import Points, image_points, toy_points
from studies.definitions.predictors import predictions
from studies.definitions.recipes import STACK, Network, Toy, Tree, convolutional, mlp
from studies.definitions.scores import (
    LEAST_RELIABILITY,
    MEMORIZATION,
    Score,
    agreement,
    all_scores,
    with_ties,
)
from studies.definitions.tried import ridge_gain, seed_variance_ratio

NAME = "definitions"
_STREAM = stream_of(NAME)
_POINTS, _SPLIT, _TRAINING = range(3)
_TIMED_SHARE = 1 / 4
Draw = Callable[[Settings, int], Points]


@dataclass(frozen=True)
class Definitions:
    """The scale at which to look: fields are sizes, steps and numbers of models."""

    toy_points: tuple[int, int, int] = (24, 96, 320)
    features: int = 64
    sparsity: float = 0.95
    toy_hidden: int = 4
    toy_steps: int = 800
    points: int = 120
    test_points: int = 300
    hidden: int = 8
    steps: int = 800
    units: int = 16
    network_steps: int = 100
    runs: Runs = field(default_factory=Runs)
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Read the images, so that what is wrong with them is known at once."""
        self._images(settings, 0, labels=True)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of each family: a few short trainings of one data set, timed."""
        return {
            family: _seconds(list(self._cells(settings, family)), settings)
            for family in self._families()
        }

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Train all families, and measure what definitions and predictors say."""
        tables = []
        for family in self._families():
            begin(family)
            cells = list(self._cells(settings, family))
            done = all(cell.is_done(settings.store) for cell in cells)
            workers = joblib.Parallel(n_jobs=1 if done else settings.n_jobs)
            found = workers(joblib.delayed(_measure)(c, settings.store) for c in cells)
            tables += [
                rows.assign(family=family, data_set=data_set, points=len(cell.points))
                for data_set, (cell, rows) in enumerate(zip(cells, found, strict=True))
            ]
        table = pd.concat(tables, ignore_index=True)
        return Chapter(
            name=NAME,
            title="Seven definitions, seven families of models",
            text=words.text(table),
            table=table,
            summary=words.summary(table),
            pictures=pictures.all_pictures(table),
            configuration=asdict(self),
        )

    def _families(self) -> Mapping[str, tuple[Any, Draw]]:
        toy = Toy(self.toy_hidden, self.toy_steps, learning_rate=1e-2)
        families: dict[str, tuple[Any, Draw]] = {
            name: (toy, self._toy(count))
            for name, count in zip(TOYS, self.toy_points, strict=True)
        }
        images = {
            AUTOENCODER: Toy(self.hidden, self.steps, learning_rate=1e-2),
            NETWORKS[0]: Network(mlp, "1", self.units, self.network_steps),
            NETWORKS[1]: Network(
                convolutional, "4", self.units, self.network_steps, images=True
            ),
            TREE: Tree(),
        }
        for name, recipe in images.items():
            labels = name != AUTOENCODER
            families[name] = (recipe, self._image_draw(labels))
        return families

    def _toy(self, count: int) -> Draw:
        def draw(settings: Settings, data_set: int) -> Points:
            rng = generator(settings.seed, _STREAM, _POINTS, count, data_set)
            sizes = (count, self.features, self.sparsity, self.test_points)
            return toy_points(*sizes, rng)

        return draw

    def _image_draw(self, labels: bool) -> Draw:
        return lambda settings, data_set: self._images(
            settings, data_set, labels=labels
        )

    def _images(self, settings: Settings, data_set: int, *, labels: bool) -> Points:
        def stream(purpose: int) -> np.random.Generator:
            return generator(settings.seed, _STREAM, purpose, 0, data_set)

        images = load_images(settings.data, stream(_SPLIT), settings.classes)
        sizes = (self.points, self.test_points)
        return image_points(images, *sizes, stream(_POINTS), labels=labels)

    def _cells(self, settings: Settings, family: str) -> Iterator[Cell]:
        recipe, draw = self._families()[family]
        for data_set in range(self.data_sets):
            key = (_STREAM, _TRAINING, data_set)
            points = draw(settings, data_set)
            yield Cell(recipe, points, self.runs, settings.seed, key)


def _seconds(cells: list[Cell], settings: Settings) -> float:
    """How long the cells that are not done will take, with all workers."""
    waiting = [cell for cell in cells if not cell.is_done(settings.store)]
    if not waiting:
        return 0.0
    cell = waiting[0]
    rng = np.random.default_rng(0)
    timed = min(STACK, cell.runs.pool)
    member = balanced_blocks(timed, len(cell.points), rng)
    options = {"share": _TIMED_SHARE} if cell.recipe.history else {}
    for _ in range(2):  # the first compiles, and fills caches
        started = time.perf_counter()
        with one_thread():
            cell.recipe.train(cell.points, member, range(timed), **options).scores()
        elapsed = time.perf_counter() - started
    runs = cell.runs
    trainings: float = runs.reference + 2 * runs.pool + 2 * runs.fits
    if cell.recipe.history:
        trainings += sum(n * share for _, n, share, _ in runs.shorter(warm=True))
        trainings += 2 * runs.fits * sum(cell.recipe.history)
        elapsed /= _TIMED_SHARE
    total = elapsed / timed * trainings * len(waiting)
    return float(total / min(settings.n_jobs, len(waiting)))


def _measure(cell: Cell, store: Path | None) -> pd.DataFrame:
    """Return the rows of one data set."""
    arrays = cell.evidence(store)
    scores = all_scores(arrays)
    rows = [*_agreements(cell, arrays, scores), *_predicted(cell, arrays, scores)]
    rows.append(
        {"metric": "seed_variance_ratio", "estimate": seed_variance_ratio(arrays)}
    )
    rows.append({"metric": "ridge_gain", "estimate": ridge_gain(arrays)})
    rows.append({"metric": "mean_gap", "estimate": float(arrays["gap"].mean())})
    table = pd.DataFrame(rows)
    return table[np.isfinite(table["estimate"].to_numpy(float))]


def _agreements(
    cell: Cell, arrays: Arrays, scores: Mapping[str, Score]
) -> Iterator[dict[str, Any]]:
    """Yield reliabilities, agreements of all pairs, and mean ranks of each kind."""
    for name, score in scores.items():
        yield {"metric": "reliability", "first": name, "estimate": score.reliability}
        ranks = stats.rankdata(score.points, nan_policy="omit") - 0.5
        ranks = ranks / np.isfinite(score.points).sum()
        if np.ptp(score.points) == 0:
            continue
        for kind in np.unique(cell.points.kinds):
            own = cell.points.kinds == kind
            yield {
                "metric": "mean_rank",
                "first": name,
                "kind": str(kind),
                "estimate": float(np.nanmean(ranks[own])),
            }
        at_zero = arrays["at zero"].all(axis=0)
        if at_zero.any():
            yield {
                "metric": "mean_rank",
                "first": name,
                "kind": "zero hidden vector",
                "estimate": float(np.nanmean(ranks[at_zero])),
            }
    for first, second in combinations(scores, 2):
        pair = {"first": first, "second": second}
        one, other = scores[first].points, scores[second].points
        tau = stats.kendalltau(one, other, nan_policy="omit").statistic
        yield {"metric": "kendall", "estimate": float(tau), **pair}
        for metric, estimate in agreement(scores[first], scores[second]).items():
            yield {"metric": metric, "estimate": estimate, **pair}


def _predicted(
    cell: Cell, arrays: Arrays, scores: Mapping[str, Score]
) -> Iterator[dict[str, Any]]:
    """Yield the rank correlation of each predictor with memorization, and its cost."""
    memorization = scores[MEMORIZATION]
    reliable = memorization.reliability >= LEAST_RELIABILITY
    bound = memorization.reliability**0.5 if reliable else float("nan")
    for prediction in predictions(cell, arrays):
        agreements = [
            _spearman(with_ties(row), memorization.points) for row in prediction.scores
        ]
        seen = float(np.mean(agreements))
        labels = {
            "group": prediction.group,
            "predictor": prediction.name,
            "cost": float(prediction.cost),
        }
        yield {"metric": "prediction", "estimate": seen, **labels}
        yield {"metric": "share_of_bound", "estimate": seen / bound, **labels}


def _spearman(first: Any, second: Any) -> float:
    known = ~(np.isnan(first) | np.isnan(second))
    if known.sum() < 3 or np.ptp(first[known]) == 0 or np.ptp(second[known]) == 0:
        return float("nan")
    return float(stats.spearmanr(first[known], second[known]).statistic)
