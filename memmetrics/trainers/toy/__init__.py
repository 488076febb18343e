"""The ReLU-output toy model of superposition and memorization, and its training."""

from __future__ import annotations

from memmetrics.trainers.toy.data import sparse_features as sparse_features
from memmetrics.trainers.toy.fresh import FreshSamples as FreshSamples
from memmetrics.trainers.toy.stack import ToyStack as ToyStack
from memmetrics.trainers.toy.trainer import ToyTrainer as ToyTrainer

__all__ = ["FreshSamples", "ToyStack", "ToyTrainer", "sparse_features"]
