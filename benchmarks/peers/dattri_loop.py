"""dattri's `retrain_lds`: random halves, one model after the other, models on disk.

It draws the subsets itself; what it drew is read back from the files that it writes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers.base import Trained, is_installed
from benchmarks.peers.torch_loop import train_one
from benchmarks.tasks import Task

__all__ = ["DattriLoop"]


@dataclasses.dataclass(frozen=True)
class DattriLoop:
    """The plain loop under dattri's harness."""

    name: str = "dattri"

    def available(self) -> bool:
        """Whether dattri is installed."""
        return is_installed("dattri")

    def train(self, task: Task) -> Trained:
        """Train as many models as the task has, on subsets of dattri's choice."""
        run = itertools.count()

        def train_model(loader: Any, **_: Any) -> torch.nn.Module:
            (data,) = next(iter(loader))
            start = torch.from_numpy(task.weights[next(run)].copy())
            weights, bias = train_one(data, start, task.recipe)
            model = torch.nn.Module()
            model.register_buffer("weights", torch.from_numpy(weights))
            model.register_buffer("bias", torch.from_numpy(bias))
            return model

        points = torch.utils.data.TensorDataset(torch.from_numpy(task.dense))
        loader = torch.utils.data.DataLoader(points, batch_size=len(points))
        with tempfile.TemporaryDirectory() as folder:
            # Its progress bars are not part of the race.
            with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from dattri.model_util.retrain import retrain_lds

                retrain_lds(train_model, loader, folder, num_subsets=task.runs, seed=0)
            return _read(Path(folder), task)


def _read(folder: Path, task: Task) -> Trained:
    member = np.zeros((task.runs, task.data.shape[0]), bool)
    weights, bias = np.empty_like(task.weights), np.empty_like(task.bias)
    for run in range(task.runs):
        member[run, np.loadtxt(folder / str(run) / "indices.txt", dtype=int)] = True
        saved = torch.load(folder / str(run) / "model_weights_0.pt", weights_only=True)
        weights[run], bias[run] = saved["weights"], saved["bias"]
    return Trained(member, weights, bias)
