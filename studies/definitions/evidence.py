"""All that is trained on one data set by one recipe, as arrays that a file can hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

import memmetrics as mm
from memmetrics.metrics import self_influence, tracin
from studies._kit.randomness import generator, run_seeds
from studies._kit.trainings import kept
from studies.definitions.points import Points
from studies.definitions.recipes import STACK, Bools, Floats

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

# Within so many runs, every point is in exactly half.
BLOCK = 4
# Random directions that TRAK projects gradients to.
PROJECTED = 32
# Below it one minus a probability is rounding.
_LEAST_DOUBT = 1e-9
REFERENCE, POOL, SHARED = "reference", "pool", "shared"


@dataclass(frozen=True)
class Runs:
    """How many models of each kind are trained on one data set.

    `reference` retrainings say what memorization is, `pool` others predict it, and
    `fits` see all points.
    """

    reference: int = 256
    pool: int = 64
    fits: int = 8

    def shorter(self, warm: bool) -> list[tuple[str, int, float, bool]]:
        """Return name, runs, share of the steps, and whether from a trained model."""
        plain = [
            ("quarter", self.pool, 1 / 4, False),
            ("sixteenth", self.reference, 1 / 16, False),
        ]
        return plain + warm * [
            ("warm quarter", self.pool, 1 / 4, True),
            ("warm sixteenth", self.pool, 1 / 16, True),
        ]


@dataclass(frozen=True, eq=False)
class Cell:
    """One data set and one recipe; `key` is the random stream of both."""

    recipe: Any
    points: Points
    runs: Runs
    seed: int
    key: tuple[int, ...]

    def evidence(self, store: Path | None) -> Arrays:
        """Train all, or read it from `store`."""
        with one_thread():
            return kept(self._path(store), lambda: dict(self._everything()))

    def is_done(self, store: Path | None) -> bool:
        """Whether the store has it."""
        path = self._path(store)
        return path is not None and path.exists()

    def _path(self, store: Path | None) -> Path | None:
        return store and store / f"{self._identity()}.npz"

    def _identity(self) -> str:
        facts = {
            "memmetrics": mm.__version__,
            "recipe": [type(self.recipe).__name__, _plain(self.recipe)],
            "runs": asdict(self.runs),
            "seed": self.seed,
            "key": self.key,
        }
        digest = hashlib.blake2b(digest_size=12)
        digest.update(json.dumps(facts, sort_keys=True).encode())
        for name, array in vars(self.points).items():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def _everything(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        trains_less = bool(self.recipe.history)
        yield from self._retrained(REFERENCE, self.runs.reference)
        yield from self._retrained(POOL, self.runs.pool)
        yield from self._retrained(SHARED, self.runs.pool, together=BLOCK)
        fits = self._fit(1.0)
        yield from self._of_fits(fits)
        if not trains_less:
            return
        yield "untrained", self._untrained()
        start = fits.start(0)
        for name, runs, share, warm in self.runs.shorter(warm=True):
            begun = start if warm else None
            yield from self._retrained(name, runs, share=share, start=begun)
        yield from self._history()

    def _retrained(
        self, name: str, runs: int, *, together: int = 1, **options: Any
    ) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """Yield scores and membership; `together` runs in a row share a seed."""
        member = balanced_blocks(runs, len(self.points), self._rng(name))
        different = self._seeds(name, runs // together)
        seeds = [seed for seed in different for _ in range(together)]
        scores = [
            self.recipe.train(
                self.points, member[rows], seeds[rows], **options
            ).scores()
            for rows in (slice(i, i + STACK) for i in range(0, runs, STACK))
        ]
        yield f"{name} scores", np.concatenate(scores)
        yield f"{name} member", member

    def _untrained(self) -> Floats:
        """Scores of the first block of the pool before training."""
        member = balanced_blocks(BLOCK, len(self.points), self._rng(POOL))
        seeds = self._seeds(POOL, BLOCK)
        models = self.recipe.train(self.points, member, seeds, untrained=True)
        scores: Floats = models.scores()
        return scores

    def _fit(self, share: float) -> Any:
        everyone = np.ones((self.runs.fits, len(self.points)), dtype=bool)
        seeds = self._seeds("fits", self.runs.fits)
        options = {} if share == 1 else {"share": share}
        return self.recipe.train(self.points, everyone, seeds, **options)

    def _of_fits(self, fits: Any) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        hidden = fits.hidden()
        yield "dimensionality", mm.datapoint_dimensionality(hidden)
        yield "leverage", mm.leverage(hidden)
        yield "gap", fits.test_loss()[:, np.newaxis] - fits.losses()
        # Of a length that rounding could have left: zero, and where is a matter of bias
        lengths = np.linalg.norm(hidden, axis=2)
        yield "at zero", lengths <= 1e-6 * lengths.max(axis=1, keepdims=True)

    def _history(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """Losses, hits and gradients of the fits along the way."""
        losses, right, gradients = [], [], []
        for share in self.recipe.history:
            models = self._fit(share)
            losses.append(models.losses())
            right.append(models.right())
            found = [models.gradients(run) for run in range(self.runs.fits)]
            gradients.append(np.stack(found))
        yield "losses", np.stack(losses, axis=1)  # (runs, checkpoints, points)
        steps = np.diff([0.0, *self.recipe.history])
        rates = self.recipe.learning_rate * self.recipe.steps * steps
        yield "tracin", tracin(np.stack(gradients, axis=1), rates)
        yield "self influence", self_influence(gradients[-1])
        if right[0] is not None:
            yield "right", np.stack(right, axis=1)
            yield "trak", self._trak(gradients[-1], losses[-1])

    def _trak(self, gradients: Floats, losses: Floats) -> Floats:
        """Diagonal of TRAK: leverage of projected gradients of log-odds, times 1 − p.

        With ℓ = −log p the gradient of log p − log(1 − p) is −∇ℓ / (1 − p).
        """
        doubt = np.maximum(-np.expm1(-losses), _LEAST_DOUBT)  # 1 − p
        rng = self._rng("trak")
        directions = rng.normal(size=(gradients.shape[-1], PROJECTED))
        projected = gradients / doubt[..., np.newaxis] @ directions
        return self_influence(projected, damping=0.0) * doubt

    def _rng(self, name: str) -> np.random.Generator:
        return generator(self.seed, *self.key, *name.encode())

    def _seeds(self, name: str, runs: int) -> list[int]:
        return run_seeds(self.seed, *self.key, *name.encode(), 0, runs=runs)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: workers share the cores, and sums stay the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def balanced_blocks(runs: int, points: int, rng: np.random.Generator) -> Bools:
    """Return membership (runs, points): in each block of runs, a point is in half."""
    keys = rng.random((runs // BLOCK, BLOCK, points))
    places = keys.argsort(axis=1).argsort(axis=1)
    member: Bools = (places < BLOCK // 2).reshape(runs, points)
    return member


def _plain(recipe: Any) -> Mapping[str, Any]:
    """Fields of a recipe as plain values: of a function its name."""
    values = vars(recipe)
    return {
        name: value if isinstance(value, int | float | str) else value.__name__
        for name, value in values.items()
    }
