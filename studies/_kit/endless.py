"""Networks that never see a point twice: the paper's data without end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from memmetrics.trainers import FreshSamples
from studies._kit.randomness import run_seeds
from studies._kit.toy import Cell
from studies._kit.trainings import Training

_ENDLESS = 3


@dataclass(frozen=True)
class Endless(Cell):
    """A cell with fresh points at every step: `points` are those of one step.

    A "data set" is a stream of points of its own. Rows of the table have infinitely
    many points; train losses are those of points that it might have seen next.
    """

    def conditions(self) -> dict[str, object]:
        """Columns of the table that say which cell a row comes from."""
        own = {"points": np.inf, "points_per_step": self.points}
        return super().conditions() | own

    def name(self) -> str:
        """Words for the progress bar."""
        return f"{self.points:,} fresh points a step of {self.features:,}"

    def data(self, seed: int, stream: int) -> sparse.csr_array:
        """Return the points of the step after the last, (points, features)."""
        own = self._seeds(seed, stream)[0]
        return self._samples().batch(own, self.trainer.steps)

    def training(self, seed: int, stream: int) -> Training:
        """Say what to train: one network a start."""
        return Training(self.trainer, self._samples(), self._seeds(seed, stream))

    def _samples(self) -> FreshSamples:
        return FreshSamples(self.features, self.sparsity, self.points)

    def _seeds(self, seed: int, stream: int) -> list[int]:
        return run_seeds(seed, stream, _ENDLESS, self.data_set, runs=self.starts)
