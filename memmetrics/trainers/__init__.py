"""Recipes: what trains a stack of models, each on its own subset of the points."""

from __future__ import annotations

from memmetrics.trainers.base import (
    BindingTrainer,
    BoundTrainer,
    Data,
    Stack,
    Trainer,
)
from memmetrics.trainers.function import FunctionTrainer
from memmetrics.trainers.module.trainer import ModuleTrainer
from memmetrics.trainers.toy import (
    FreshSamples,
    ToyStack,
    ToyTrainer,
    sparse_features,
)

__all__ = [
    "BindingTrainer",
    "BoundTrainer",
    "Data",
    "FreshSamples",
    "FunctionTrainer",
    "ModuleTrainer",
    "Stack",
    "ToyStack",
    "ToyTrainer",
    "Trainer",
    "sparse_features",
]
