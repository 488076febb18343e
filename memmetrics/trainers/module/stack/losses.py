"""From the outputs of a stack of models to one loss for each run and example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.func import functional_call

from memmetrics.trainers.module.stack.models import Tensors
from memmetrics.trainers.module.stack.recipe import Recipe


def stacked_losses(
    recipe: Recipe, root: torch.nn.Module, *, merged: bool
) -> Callable[..., torch.Tensor]:
    """Return the function that gives every run's losses.

    Parameters
    ----------
    recipe : Recipe
        Its loss is per example.
    root : torch.nn.Module
        A module of the runs' architecture.
    merged : bool
        Call the loss once, on the examples of all runs, rather than vectorize it as
        well: some losses, cross entropy among them, vectorize slowly.

    Returns
    -------
    callable
        Of parameters, frozen parameters and buffers, (runs, ...) each, and of inputs
        and target, (runs, batch, ...); returns (runs, batch) or (runs, batch, tokens).
    """

    def output(state: Tensors, inputs: tuple[torch.Tensor, ...]) -> Any:
        return functional_call(root, state, inputs)

    def losses(
        state: Tensors, inputs: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        return recipe.loss_of(output(state, inputs), target)

    def vectorized(
        parameters: Tensors,
        constant: Tensors,
        inputs: tuple[torch.Tensor, ...],
        target: torch.Tensor,
    ) -> torch.Tensor:
        state = parameters | constant
        if not merged:
            values: torch.Tensor = torch.vmap(losses)(state, inputs, target)
            return values
        # (runs, batch, ...)
        outputs: torch.Tensor = torch.vmap(output)(state, inputs)
        together = recipe.loss_of(outputs.flatten(0, 1), target.flatten(0, 1))
        return together.reshape(*target.shape[:2], *together.shape[1:])

    return vectorized


def example_means(
    values: torch.Tensor, mask: torch.Tensor | None, *, axes: int
) -> torch.Tensor:
    """Return each example's loss: masked, and averaged over all of its tokens.

    A masked token adds nothing and is counted all the same, so that the gradient from
    the other tokens stays what it is without a mask.

    Parameters
    ----------
    values : tensor, (..., examples) or (..., examples, tokens)
        Losses.
    mask : tensor or None
        Weights, in the shape of `values`.
    axes : int
        Number of axes up to that of the examples.
    """
    if mask is not None:
        # zero times an infinite loss would be NaN
        values = torch.where(mask == 0, torch.zeros_like(values), values * mask)
    return values if values.ndim == axes else values.flatten(axes).mean(axes)
