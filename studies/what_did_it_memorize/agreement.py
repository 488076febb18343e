"""Whether four definitions of memorization agree on which points were memorized.

The comments on the paper put definitions side by side: the geometry inside the network
(datapoint dimensionality, and the leverage that bounds it from above), the behavior of
one network (train/test gap), and the behavior of networks trained with and without a
point (counterfactual memorization, Zhang et al. 2021). Nothing says that they must
agree. The toy model, with everything known, is the place to look.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd
from scipy.sparse import csr_array

import memmetrics as mm
from studies._kit.chapter import Begin, Chapter, Settings
from studies._kit.randomness import generator
from studies._kit.trainings import retraining_seconds
from studies.what_did_it_memorize import agreement_pictures as pictures
from studies.what_did_it_memorize.points import (
    POINT_METRICS,
    clearly_memorized,
    measure_points,
    rank_correlations,
)

_DATA, _TEST, _MEASURE = range(3)
_STREAM = 2

_TEXT = """
Networks with five hidden dimensions are trained on three sizes of data set. For each,
some networks see all the points: these give datapoint dimensionality, leverage and the
gap between the mean held-out loss and a point's own loss. Many more see a random half
each: the mean score of a point over the networks that saw it, less that over the
networks that did not, is its counterfactual memorization, with its interval.

Feature dimensionality is a property of features; a point gets the average over its own
features, weighted with the squares of its values, which sum to 1. In the table, ρ is
Spearman's rank correlation of a definition with counterfactual memorization.
"""


@dataclass(frozen=True)
class Agreement:
    """The scale at which to look: fields are sizes, steps and numbers of networks."""

    sizes: tuple[int, ...]
    runs: int
    features: int = 1000
    sparsity: float = 0.99
    hidden: int = 5
    steps: int = 2000
    # Five times the paper's rate gets as far in far fewer steps (Hobbhahn's setting).
    learning_rate: float = 5e-3
    fits: int = 4
    test_points: int = 1000

    def check(self, settings: Settings) -> None:
        """Nothing outside the program can go wrong here."""

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of the trainings at each size."""
        return {
            _named(points): retraining_seconds(
                self._trainer(settings),
                self._sample(settings, points, _DATA, of=points),
                runs=self.runs,
                fits=self.fits,
            )
            for points in self.sizes
        }

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Measure every point of each data set by every definition."""
        tables = []
        for points in self.sizes:
            begin(_named(points))
            table = measure_points(
                self._trainer(settings),
                self._sample(settings, points, _DATA, of=points),
                self._sample(settings, self.test_points, _TEST, of=points),
                runs=self.runs,
                fits=self.fits,
                rng=generator(settings.seed, _STREAM, _MEASURE, points),
                store=settings.store_of("agreement", points),
            )
            tables.append(table.assign(points=points))
        table = pd.concat(tables, ignore_index=True).assign(
            features=self.features, hidden=self.hidden
        )
        return self._chapter(table)

    def _trainer(self, settings: Settings) -> mm.ToyTrainer:
        return mm.ToyTrainer(
            hidden=self.hidden,
            steps=self.steps,
            learning_rate=self.learning_rate,
            threads=settings.n_jobs,
        )

    def _sample(
        self, settings: Settings, count: int, purpose: int, *, of: int
    ) -> csr_array:
        """Sample `count` points for the data set of `of` points."""
        rng = generator(settings.seed, _STREAM, purpose, of)
        return mm.sparse_features(count, self.features, self.sparsity, rng=rng)

    def _chapter(self, table: pd.DataFrame) -> Chapter:
        summary = summarize(table)
        return Chapter(
            name="agreement",
            title="Four definitions against one another",
            text=_TEXT,
            table=table,
            summary=summary,
            pictures=[
                pictures.ranking(table, summary),
                pictures.correlations(table),
                pictures.pairs(table),
            ],
            configuration=asdict(self),
        )


def _named(points: int) -> str:
    return f"agreement, {points} points"


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """One row a size: losses apart, and rank correlations with memorization."""
    rows = []
    for points, at_size in table.groupby("points"):
        means = at_size.groupby("metric")["estimate"].mean()
        correlations = rank_correlations(at_size)
        rows.append(
            {
                "points": points,
                "train/test gap": means["train_test_gap"],
                "mean memorization": means[POINT_METRICS[0]],
                "clearly memorized (share)": clearly_memorized(at_size),
                **{
                    f"ρ, {name.replace('_', ' ')}": value
                    for name, value in correlations.items()
                },
            }
        )
    return pd.DataFrame(rows).round(3)
