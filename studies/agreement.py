"""Whether four definitions of memorization agree on which points were memorized.

The comments on the paper put definitions side by side: the geometry inside the network
(datapoint dimensionality, and the leverage that bounds it from above), the behavior of
one network (train/test gap), and the behavior of networks trained with and without a
point (counterfactual memorization, Zhang et al. 2021). Nothing says that they must
agree. The toy model, with everything known, is the place to look.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

import memmetrics as mm
from studies import agreement_pictures as pictures
from studies.chapter import Advance, Chapter, Settings, configuration_of
from studies.points import (
    POINT_METRICS,
    clearly_memorized,
    measure_points,
    rank_correlations,
)
from studies.randomness import generator

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

    def cost(self, settings: Settings) -> float:
        """Elements of all reconstructions in all steps."""
        del settings
        return sum(self._cost(points) for points in self.sizes)

    def run(self, settings: Settings, advance: Advance) -> Chapter:
        """Measure every point of each data set by every definition."""
        trainer = mm.ToyTrainer(
            hidden=self.hidden,
            steps=self.steps,
            learning_rate=self.learning_rate,
            threads=settings.n_jobs,
        )
        tables = []
        for points in self.sizes:
            advance(f"agreement, {points} points", 0.0)
            data, test = (
                mm.sparse_features(
                    count,
                    self.features,
                    self.sparsity,
                    rng=generator(settings.seed, _STREAM, purpose, points),
                )
                for count, purpose in ((points, _DATA), (self.test_points, _TEST))
            )
            table = measure_points(
                trainer,
                data,
                test,
                runs=self.runs,
                fits=self.fits,
                rng=generator(settings.seed, _STREAM, _MEASURE, points),
            )
            tables.append(table.assign(points=points))
            advance(f"agreement, {points} points", self._cost(points))
        table = pd.concat(tables, ignore_index=True).assign(
            features=self.features, hidden=self.hidden
        )
        return self._chapter(table)

    def _cost(self, points: int) -> float:
        trained = (self.runs / 2 + self.fits) * points
        # Small problems are bound by the steps themselves, hence the constant.
        elements = trained * self.features * self.hidden
        return self.steps * (elements + (self.runs + self.fits) * 80_000) / 1e9

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
            configuration=configuration_of(self),
        )


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
