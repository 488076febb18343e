"""The training loops: a stack of runs in one, or one run after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from memmetrics.trainers.exiting import stop_if_exiting
from memmetrics.trainers.module.layers.attention import plain_attention
from memmetrics.trainers.module.layers.randomness import (
    derived_seed,
    private_randomness,
)
from memmetrics.trainers.module.stack.batches import batch_lengths, batches
from memmetrics.trainers.module.stack.examples import Examples
from memmetrics.trainers.module.stack.leaves import Leaves
from memmetrics.trainers.module.stack.losses import example_means, stacked_losses
from memmetrics.trainers.module.stack.models import (
    StackedModels,
    build_module,
    build_stackable,
    constants,
    stack_tensors,
    trainable,
)
from memmetrics.trainers.module.stack.optimizers import build_optimizer, build_schedule
from memmetrics.trainers.module.stack.recipe import Recipe


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


class StackedRuns:
    """Runs that train together; every run's loss and gradient are its own.

    Parameters
    ----------
    recipe : Recipe
        How to train.
    modules : sequence of torch.nn.Module
        One for each run, untrained.
    layout : mapping of names to tuples
        For each parameter, the order of its axes in memory.
    merged : bool
        Whether the loss takes the examples of all runs at once.
    """

    def __init__(
        self,
        recipe: Recipe,
        modules: Sequence[torch.nn.Module],
        *,
        layout: Mapping[str, tuple[int, ...]],
        merged: bool,
    ) -> None:
        parameters = stack_tensors([trainable(module) for module in modules])
        self.constant = stack_tensors([constants(module) for module in modules])
        self.leaves = Leaves(parameters, layout)
        self.root = modules[0].train()
        self._optimizer = build_optimizer(
            recipe, trainable(self.root), self.leaves.flat
        )
        self._schedule = build_schedule(recipe, self._optimizer)
        self._per_example = stacked_losses(recipe, self.root, merged=merged)
        self.finite = torch.ones(len(modules), dtype=torch.bool, device=recipe.device)

    def step(
        self, batch: Examples, mask: torch.Tensor | None, weights: torch.Tensor
    ) -> torch.Tensor:
        """Train on one batch of each run and return the losses, (runs,)."""
        values = self._per_example(
            self.leaves.views, self.constant, batch.inputs, batch.target
        )
        # values: (runs, width) or (runs, width, tokens)
        losses = (weights * example_means(values, mask, axes=2)).sum(1)  # (runs,)
        self.finite &= losses.detach().isfinite()
        # The sum over runs: no run's loss touches another's parameters.
        self.leaves.set_gradients(losses.sum())
        self._optimizer.step()
        if self._schedule is not None:
            self._schedule.step()
        return losses

    def models(self) -> StackedModels:
        """Return what has been trained."""
        return StackedModels(self.root, self.leaves.values(), self.constant)


class LoneRun:
    """One run in the plain loop, which any module and optimizer bear."""

    def __init__(self, recipe: Recipe, module: torch.nn.Module) -> None:
        self.module = module.train()
        self._recipe = recipe
        self._optimizer = build_optimizer(recipe, trainable(module))
        self._schedule = build_schedule(recipe, self._optimizer)
        self.finite = torch.ones((), dtype=torch.bool, device=recipe.device)

    def step(self, batch: Examples, mask: torch.Tensor | None) -> torch.Tensor:
        """Train on one batch, (1, length, ...), and return its loss."""
        loss = torch.zeros(())

        def loss_and_gradient() -> float:
            nonlocal loss
            self._optimizer.zero_grad()
            output = self.module(*(array[0] for array in batch.inputs))
            values = self._recipe.loss_of(output, batch.target[0])
            loss = example_means(values[None], mask, axes=2).mean()
            loss.backward()
            self.finite.logical_and_(loss.detach().isfinite())
            return loss.item()

        self._optimizer.step(loss_and_gradient)
        if self._schedule is not None:
            self._schedule.step()
        return loss


def train_stack(
    recipe: Recipe,
    task: Task,
    *,
    width: int,
    layout: Mapping[str, tuple[int, ...]],
    merged: bool,
) -> tuple[StackedModels, torch.Tensor]:
    """Train runs together, on batches padded to `width` rows; see `StackedRuns`.

    Returns
    -------
    models : StackedModels
    finite : bool tensor, (runs,)
        Whether all losses and final parameters are finite.
    """
    modules = [build_stackable(recipe, seed) for seed in task.seeds]
    runs = StackedRuns(recipe, modules, layout=layout, merged=merged)
    like = next(iter(runs.leaves.flat.values()))
    weights = padding_weights(task, recipe.batch_size, width, like)  # (runs, width)
    with plain_attention():
        for batch, mask in task.batches(recipe, width):
            stop_if_exiting()
            runs.step(batch, mask, weights)
    models, finite = runs.models(), runs.finite
    for value in models.trained.values():
        finite &= value.reshape(len(value), -1).isfinite().all(1)
    return models, finite


def train_alone(
    recipe: Recipe, task: Task, run: int
) -> tuple[torch.nn.Module, torch.Tensor]:
    """Train one run by the plain loop.

    Returns
    -------
    module : torch.nn.Module
    finite : bool tensor, ()
    """
    task = task.choose([run])
    seed = task.seeds[0]
    alone = LoneRun(recipe, build_module(recipe, seed))
    # Dropout and the like draw from the global generator, here the run's own.
    with private_randomness(derived_seed(seed, "noise"), recipe.device):
        for batch, mask in task.batches(recipe, width=None):
            stop_if_exiting()
            alone.step(batch, mask)
    for parameter in trainable(alone.module).values():
        alone.finite &= parameter.detach().isfinite().all()
    return alone.module, alone.finite


def padding_weights(
    task: Task, batch_size: int | None, width: int, like: torch.Tensor
) -> torch.Tensor:
    """Return 1 / length for each run's own rows, 0 for padding: (runs, width)."""
    lengths = torch.tensor(batch_lengths(task.own, batch_size))[:, None]
    inside = torch.arange(width) < lengths
    return inside.to(like) / lengths.to(like)
