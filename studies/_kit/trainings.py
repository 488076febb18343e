"""Toy models that a study trains on all points: kept in files, and timed in advance."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

import memmetrics as mm
from memmetrics.trainers import FreshSamples
from memmetrics.trainers.toy.stack import ToyStack
from studies._kit.files import write

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

# Enough to be timed, and few beside the thousands of a study.
_TIMED_STEPS = 20


@dataclass(frozen=True, eq=False)
class Training:
    """A stack of models on all of `data`; `init` has their starting values, if given.

    `data` is (points, features); a point that stands there twice counts twice, and
    `FreshSamples` have new ones at every step. `at` are
    the numbers of steps after which `snapshots` shows the models.
    """

    trainer: mm.ToyTrainer
    data: Any
    seeds: Sequence[int]
    init: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None
    at: tuple[int, ...] = ()

    def run(self, store: Path | None) -> ToyStack:
        """Train, or read from `store` what was trained before."""
        return _stack(self._kept(store, lambda: _arrays(self._fit(self.trainer))))

    def snapshots(self, store: Path | None) -> list[ToyStack]:
        """Return the models after each of the steps `at`, in the same way."""

        def along() -> Arrays:
            stacks = self.trainer.trajectory(
                self.data,
                self._everyone(),
                seeds=self.seeds,
                at=self.at,
                init=self.init,
            )
            each = [_arrays(stack) for stack in stacks]
            return {name: np.stack([it[name] for it in each]) for name in each[0]}

        arrays = self._kept(store, along)
        return [
            _stack({name: values[place] for name, values in arrays.items()})
            for place in range(len(self.at))
        ]

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
        everyone = self._everyone()
        return trainer.fit(self.data, everyone, seeds=self.seeds, init=self.init)

    def _everyone(self) -> npt.NDArray[np.bool_]:
        return np.ones((len(self.seeds), self.data.shape[0]), dtype=bool)

    def _kept(self, store: Path | None, compute: Callable[[], Arrays]) -> Arrays:
        return kept(None if store is None else self._path(store), compute)

    def _path(self, store: Path) -> Path:
        return store / f"{self.identity()}.npz"

    def identity(self) -> str:
        """Return a short hash of all that these models depend on."""
        digest = hashlib.blake2b(digest_size=12)
        facts = {
            "memmetrics": mm.__version__,
            "seeds": list(self.seeds),
            **self.trainer.configuration(),
        }
        if self.at:
            facts["at"] = list(self.at)
        digest.update(json.dumps(facts, sort_keys=True).encode())
        for array in [*_contents(self.data), *(self.init or ())]:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


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


def kept(path: Path | None, compute: Callable[[], Arrays]) -> Arrays:
    """Read arrays from a file, or compute them and write it; no path, no file."""
    if path is None:
        return compute()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = compute()
        write(path, lambda temporary: _save(temporary, arrays))
    with np.load(path, allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}


def _contents(data: Any) -> list[npt.NDArray[Any]]:
    """Return all that a training sees of its data, as arrays."""
    if isinstance(data, FreshSamples):
        return [np.frombuffer(repr(data).encode(), np.uint8)]
    points = sparse.csr_array(data)
    points.sort_indices()
    return [np.asarray(points.shape), points.indptr, points.indices, points.data]


def _save(path: Path, arrays: Arrays) -> None:
    if pickled := [
        name for name, array in arrays.items() if np.asarray(array).dtype.hasobject
    ]:
        raise TypeError(f"{', '.join(pickled)} would have to be pickled")
    named: dict[str, Any] = dict(arrays)
    with path.open("wb") as file:  # a path would get a suffix
        # Not allow_pickle=False, which older versions of NumPy save as one more array.
        np.savez(file, **named)


def _stack(arrays: Arrays) -> ToyStack:
    return ToyStack(
        torch.from_numpy(arrays["weights"]),
        torch.from_numpy(arrays["bias"]),
        backend=str(arrays["backend"]),
    )


def _arrays(stack: ToyStack) -> Arrays:
    return {
        "weights": stack.weights.cpu().numpy(),
        "bias": stack.bias.cpu().numpy(),
        "backend": np.asarray(stack.backend),
    }
