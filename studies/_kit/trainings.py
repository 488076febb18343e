"""Toy models that a study trains on all points: kept in files, and timed in advance."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

import memmetrics as mm
from memmetrics.trainers.toy.stack import ToyStack
from studies._kit.files import write

# Enough to be timed, and few beside the thousands of a study.
_TIMED_STEPS = 20


@dataclass(frozen=True, eq=False)
class Training:
    """A stack of models on all of `data`; `init` has their starting values, if given.

    `data` is (points, features); a point that stands there twice counts twice.
    """

    trainer: mm.ToyTrainer
    data: Any
    seeds: Sequence[int]
    init: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None

    def run(self, store: Path | None) -> ToyStack:
        """Train, or read from `store` what was trained before."""
        if store is None:
            return self._fit(self.trainer)
        path = self._path(store)
        if not path.exists():
            stack = self._fit(self.trainer)
            store.mkdir(parents=True, exist_ok=True)
            write(path, lambda to: _save(stack, to))
        with np.load(path, allow_pickle=False) as saved:
            return ToyStack(
                torch.from_numpy(saved["weights"]),
                torch.from_numpy(saved["bias"]),
                backend=str(saved["backend"]),
            )

    def is_done(self, store: Path | None) -> bool:
        """Whether the store has it."""
        return store is not None and self._path(store).exists()

    def seconds(self, store: Path | None) -> float:
        """How long it will take, from a few steps of it; nothing if it is done."""
        if self.is_done(store):
            return 0.0
        few = replace(self.trainer, steps=_TIMED_STEPS)
        self._fit(few)  # compiles, and fills caches
        started = time.perf_counter()
        self._fit(few)
        elapsed = time.perf_counter() - started
        return elapsed * self.trainer.steps / _TIMED_STEPS

    def _fit(self, trainer: mm.ToyTrainer) -> ToyStack:
        everyone = np.ones((len(self.seeds), self.data.shape[0]), dtype=bool)
        return trainer.fit(self.data, everyone, seeds=self.seeds, init=self.init)

    def _path(self, store: Path) -> Path:
        """File of these models: its name says all that they depend on."""
        digest = hashlib.blake2b(digest_size=12)
        facts = {
            "memmetrics": mm.__version__,
            "seeds": list(self.seeds),
            **self.trainer.configuration(),
        }
        digest.update(json.dumps(facts, sort_keys=True).encode())
        points = sparse.csr_array(self.data)
        points.sort_indices()
        arrays = [np.asarray(points.shape), points.indptr, points.indices, points.data]
        for array in [*arrays, *(self.init or ())]:
            digest.update(np.ascontiguousarray(array).tobytes())
        return store / f"{digest.hexdigest()}.npz"


def retraining_seconds(
    trainer: mm.ToyTrainer, data: Any, *, runs: int, fits: int
) -> float:
    """How long `memmetrics.measure` will take: `runs` on half of the points, `fits`."""
    points = data.shape[0]
    half = Training(trainer, data[: max(points // 2, 1)], range(min(runs, 16)))
    whole = Training(trainer, data, range(min(fits, 16)))
    return half.seconds(None) * max(runs / 16, 1) + whole.seconds(None) * max(
        fits / 16, 1
    )


def _save(stack: ToyStack, path: Path) -> None:
    with path.open("wb") as file:
        np.savez(
            file,
            weights=stack.weights.cpu().numpy(),
            bias=stack.bias.cpu().numpy(),
            backend=np.asarray(stack.backend),
        )
