"""memmetrics itself, with each of its backends."""

from __future__ import annotations

import dataclasses
import shutil

import torch

from benchmarks.peers.base import Trained, is_installed
from benchmarks.tasks import Task

__all__ = ["Ours"]


@dataclasses.dataclass(frozen=True)
class Ours:
    """`memmetrics.ToyTrainer` with one backend, on one device and so many threads."""

    backend: str
    device: str = "cpu"
    threads: int | None = None

    @property
    def name(self) -> str:
        """How tables and pictures call it."""
        parts = [f"memmetrics {self.backend}"]
        if self.device != "cpu":
            parts.append(self.device)
        if self.threads:
            parts.append(
                "one thread" if self.threads == 1 else f"{self.threads} threads"
            )
        return ", ".join(parts)

    def available(self) -> bool:
        """Whether numba, or a compiler for torch, is there."""
        if self.device == "cuda" and not torch.cuda.is_available():
            return False
        needs_compiler = self.backend == "compiled" and self.device == "cpu"
        if needs_compiler and not any(shutil.which(name) for name in ("g++", "clang")):
            return False
        return self.backend != "fused" or is_installed("numba")

    def train(self, task: Task) -> Trained:
        """Train every model of the task from its starting values."""
        trainer = dataclasses.replace(
            task.trainer,
            backend=self.backend,
            device=self.device,
            threads=self.threads,
        )
        stack = trainer.fit(
            task.data,
            task.member,
            seeds=range(task.runs),
            init=(task.weights, task.bias),
        )
        return Trained(
            task.member, stack.weights.cpu().numpy(), stack.bias.cpu().numpy()
        )
