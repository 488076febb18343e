"""Whether two implementations trained the same models."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers import Peer, Trained
from benchmarks.peers.torch_loop import TorchLoop
from benchmarks.tasks import Task

__all__ = ["largest_difference", "scores"]


def largest_difference(peer: Peer, task: Task) -> float:
    """Largest difference of any point's score from what the plain loop gives it.

    Scores are of order 1: a point has length one. The loop starts from the same
    weights and trains on the subsets that the peer trained on.
    """
    trained = peer.train(task)
    reference = TorchLoop().train(task.on_subsets(trained.member))
    return float(np.abs(scores(task, trained) - scores(task, reference)).max())


def scores(task: Task, trained: Trained) -> npt.NDArray[Any]:
    """Score of every point under every trained model, (runs, points)."""
    result = np.empty(trained.member.shape)
    for run, (weights, bias) in enumerate(
        zip(trained.weights, trained.bias, strict=True)
    ):
        output = np.maximum(task.dense @ weights @ weights.T + bias, 0)
        result[run] = -np.square(output - task.dense).sum(1)
    return result
