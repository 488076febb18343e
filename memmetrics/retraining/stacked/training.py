"""The training loops: a stack of runs in one, or one run after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from memmetrics.retraining.stacked.attention import plain_attention
from memmetrics.retraining.stacked.batches import batch_lengths, batches
from memmetrics.retraining.stacked.examples import Examples
from memmetrics.retraining.stacked.leaves import Leaves
from memmetrics.retraining.stacked.losses import example_means, stacked_losses
from memmetrics.retraining.stacked.models import (
    StackedModels,
    build_module,
    build_stackable,
    constants,
    stack_tensors,
    trainable,
)
from memmetrics.retraining.stacked.optimizers import build_optimizer
from memmetrics.retraining.stacked.randomness import derived_seed, private_randomness
from memmetrics.retraining.stacked.recipe import Recipe


@dataclass(frozen=True)
class Task:
    """What a group of runs trains on.

    Parameters
    ----------
    examples : Examples
        All training points.
    mask : tensor or None
        Weight of every point's or token's loss, (points,) or (points, tokens).
    own : list of int64 tensors, (own points,) each
        Rows that each run trains on.
    seeds : list of int
        The runs' seeds.
    """

    examples: Examples
    mask: torch.Tensor | None
    own: Sequence[torch.Tensor]
    seeds: Sequence[int]

    def choose(self, runs: Sequence[int]) -> Task:
        """Return the task of some of the runs."""
        own = [self.own[run] for run in runs]
        return Task(self.examples, self.mask, own, [self.seeds[run] for run in runs])

    def batches(
        self, recipe: Recipe, width: int | None
    ) -> Iterator[tuple[Examples, torch.Tensor | None]]:
        """Yield examples and mask, (runs, width, ...), for one step after another."""
        previous = None
        for rows in batches(
            self.own,
            self.seeds,
            steps=recipe.steps,
            batch_size=recipe.batch_size,
            width=width,
        ):
            if rows is not previous:  # full batches are gathered once
                here = rows.to(recipe.device)
                batch = self.examples.take(here)
                mask = None if self.mask is None else self.mask[here]
                previous = rows
            yield batch, mask


def train_stack(
    recipe: Recipe,
    task: Task,
    *,
    width: int,
    layout: Mapping[str, tuple[int, ...]],
    merged: bool,
) -> tuple[StackedModels, torch.Tensor]:
    """Train runs together; every run's loss and gradient are its own.

    Parameters
    ----------
    recipe, task : Recipe, Task
        How to train, and what on.
    width : int
        Rows in a batch, padding included.
    layout : mapping of names to tuples
        For each parameter, the order of its axes in memory.
    merged : bool
        Whether the loss takes the examples of all runs at once.

    Returns
    -------
    models : StackedModels
    finite : bool tensor, (runs,)
        Whether all losses and final parameters are finite.
    """
    modules = [build_stackable(recipe, seed) for seed in task.seeds]
    constant = stack_tensors([constants(module) for module in modules])
    leaves = Leaves(stack_tensors([trainable(module) for module in modules]), layout)
    root = modules[0].train()
    optimizer = build_optimizer(recipe, trainable(root), leaves.flat)
    schedule = None if recipe.schedule is None else recipe.schedule(optimizer)
    like = next(iter(leaves.flat.values()))
    weights = _padding_weights(task, recipe.batch_size, width, like)  # (runs, width)
    per_example = stacked_losses(recipe, root, merged=merged)
    finite = torch.ones(len(modules), dtype=torch.bool, device=recipe.device)
    with plain_attention():
        for batch, mask in task.batches(recipe, width):
            values = per_example(leaves.views, constant, batch.inputs, batch.target)
            # values: (runs, width) or (runs, width, tokens)
            losses = (weights * example_means(values, mask, axes=2)).sum(1)  # (runs,)
            finite &= losses.detach().isfinite()
            # The sum over runs: no run's loss touches another's parameters.
            leaves.set_gradients(losses.sum())
            optimizer.step()
            if schedule is not None:
                schedule.step()
    trained = leaves.values()
    for value in trained.values():
        finite &= value.reshape(len(value), -1).isfinite().all(1)
    return StackedModels(root, trained, constant), finite


def train_alone(
    recipe: Recipe, task: Task, run: int
) -> tuple[torch.nn.Module, torch.Tensor]:
    """Train one run by the plain loop, which any module and optimizer bear.

    Returns
    -------
    module : torch.nn.Module
    finite : bool tensor, ()
    """
    alone = task.choose([run])
    seed = alone.seeds[0]
    module = build_module(recipe, seed).train()
    parameters = trainable(module)
    optimizer = build_optimizer(recipe, parameters)
    schedule = None if recipe.schedule is None else recipe.schedule(optimizer)
    finite = torch.ones((), dtype=torch.bool, device=recipe.device)
    # Dropout and the like draw from the global generator, here the run's own.
    with private_randomness(derived_seed(seed, "noise"), recipe.device):
        for batch, mask in alone.batches(recipe, width=None):

            def loss_and_gradient(
                batch: Examples = batch, mask: torch.Tensor | None = mask
            ) -> float:
                optimizer.zero_grad()
                output = module(*(array[0] for array in batch.inputs))
                values = recipe.loss_of(output, batch.target[0])
                loss = example_means(values[None], mask, axes=2).mean()
                loss.backward()
                finite.logical_and_(loss.detach().isfinite())
                return loss.item()

            optimizer.step(loss_and_gradient)
            if schedule is not None:
                schedule.step()
    for parameter in parameters.values():
        finite &= parameter.detach().isfinite().all()
    return module, finite


def _padding_weights(
    task: Task, batch_size: int | None, width: int, like: torch.Tensor
) -> torch.Tensor:
    """Return 1 / length for each run's own rows, 0 for padding: (runs, width)."""
    lengths = torch.tensor(batch_lengths(task.own, batch_size))[:, None]
    inside = torch.arange(width) < lengths
    return inside.to(like) / lengths.to(like)
