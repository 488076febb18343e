"""Recipes: what trains a stack of models, each on its own subset of the points."""

from __future__ import annotations

from memmetrics.trainers.base import (
    BindingTrainer as BindingTrainer,
    BoundTrainer as BoundTrainer,
    Data as Data,
    Stack as Stack,
    Trainer as Trainer,
)
from memmetrics.trainers.function import FunctionTrainer as FunctionTrainer
from memmetrics.trainers.module.trainer import ModuleTrainer as ModuleTrainer
from memmetrics.trainers.toy import (
    ToyStack as ToyStack,
    ToyTrainer as ToyTrainer,
    sparse_features as sparse_features,
)

__all__ = [
    "BindingTrainer",
    "BoundTrainer",
    "Data",
    "FunctionTrainer",
    "ModuleTrainer",
    "Stack",
    "ToyStack",
    "ToyTrainer",
    "Trainer",
    "sparse_features",
]
