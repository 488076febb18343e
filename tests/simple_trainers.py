"""Trainers small enough to reason about, for tests of the harness.

A module of its own, so that worker processes can import it.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch


@dataclass(frozen=True)
class NearestMean:
    """Score of a point: minus its distance to the mean of a run's points, plus noise.

    Both the membership and the seed of a run show in its scores, and nothing else.
    """

    noise: float = 0.1
    delay: float = 0.0
    outputs: tuple[str, ...] = ()

    def fit(self, data, member, *, seeds):
        time.sleep(self.delay)
        centers = np.stack([data[row].mean(axis=0) for row in member])
        noise = np.array([np.random.default_rng(seed).normal() for seed in seeds])

        def scores(targets):
            distance = np.abs(targets - centers[:, np.newaxis]).sum(-1)
            return -distance + self.noise * noise[:, np.newaxis]

        stack = SimpleNamespace(scores=scores)
        if "weights" in self.outputs:
            stack.weights = np.tile(centers[:, :, np.newaxis], 2)
        if "hidden" in self.outputs:
            stack.hidden = lambda points: np.stack([points @ c for c in stack.weights])
        return stack


@dataclass(frozen=True)
class Failing:
    """A nearest mean that goes wrong for chosen runs, known by their seeds.

    `how`: "raise", "exit" (the process dies) or "diverge"; `times` counts, in files of
    `directory`, how often; without the directory, nothing goes wrong.
    """

    bad_seeds: tuple[int, ...]
    how: str
    directory: str
    times: int = 10**6

    def fit(self, data, member, *, seeds):
        bad = [seed in self.bad_seeds for seed in seeds]
        if any(bad) and self.how != "diverge" and self._again():
            if self.how == "exit":
                os._exit(13)
            raise RuntimeError("the bad run is in this stack")
        stack = NearestMean().fit(data, member, seeds=seeds)
        stack.diverged = np.array(bad) & (self.how == "diverge")
        return stack

    def _again(self):
        directory = Path(self.directory)
        if not directory.is_dir() or len(list(directory.iterdir())) >= self.times:
            return False
        (directory / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        return True


@dataclass(frozen=True)
class ThreadCounting:
    """Scores are the number of torch's threads, the process and the thread."""

    thread_invariant: bool = False
    may_share_process: bool = False

    def fit(self, data, member, *, seeds):
        time.sleep(0.05)
        product = torch.ones(300, 300) @ torch.ones(300, 300)
        assert product[0, 0] == 300
        counts = np.full((len(seeds), len(data)), float(torch.get_num_threads()))
        counts[:, 1] = os.getpid()
        counts[:, 2] = threading.get_ident()
        return SimpleNamespace(scores=lambda targets: counts)


@dataclass(frozen=True)
class Counting:
    """A nearest mean that leaves a file in `directory` for each stack it trains."""

    directory: str
    delay: float = 0.0

    def configuration(self):
        return {}

    def fit(self, data, member, *, seeds):
        (Path(self.directory) / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(self.delay)
        return NearestMean().fit(data, member, seeds=seeds)
