"""One torch optimizer for a whole stack of runs, where that changes nothing.

An optimizer that treats every number by itself does the same to stacked parameters as
one optimizer a run would. One that takes norms, factors matrices or searches along
lines does not, and its runs are trained one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from memmetrics.trainers.module.stack.recipe import Recipe

_ELEMENTWISE = {
    getattr(torch.optim, name)
    for name in (
        "ASGD",
        "Adadelta",
        "Adagrad",
        "Adam",
        "AdamW",
        "Adamax",
        "NAdam",
        "RAdam",
        "RMSprop",
        "Rprop",
        "SGD",
    )
}
# Those with a fused kernel on the CPU too: one pass over memory in place of a dozen.
_FUSED = {torch.optim.Adagrad, torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD}
_IMPLEMENTATIONS = {"fused", "foreach", "differentiable", "capturable"}


def build_optimizer(
    recipe: Recipe,
    parameters: Mapping[str, torch.Tensor],
    leaves: Mapping[str, torch.Tensor] | None = None,
) -> torch.optim.Optimizer:
    """Return the recipe's optimizer.

    Parameters
    ----------
    recipe : Recipe
        Names the optimizer and its options.
    parameters : mapping of names to tensors
        One module's own, which parameter groups are formed by.
    leaves : mapping of names to tensors, optional
        What the optimizer steps on instead.

    Raises
    ------
    TypeError
        If what should make an optimizer makes something else.
    """
    by_tensor = {
        id(value): value if leaves is None else leaves[name]
        for name, value in parameters.items()
    }
    groups: Any = list(by_tensor.values())
    if recipe.parameter_groups is not None:
        groups = [
            _replaced(group, by_tensor)
            for group in recipe.parameter_groups(dict(parameters))
        ]
    options = dict(recipe.optimizer_options)
    if recipe.optimizer in _FUSED and not _IMPLEMENTATIONS & options.keys():
        options["fused"] = True
    optimizer = recipe.optimizer(groups, **options)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(
            "`optimizer` must return a torch.optim.Optimizer; "
            f"got {type(optimizer).__name__}"
        )
    return optimizer


def _replaced(
    group: Mapping[str, Any], by_tensor: Mapping[int, torch.Tensor]
) -> dict[str, Any]:
    """Return a parameter group with what the optimizer steps on."""
    members = group["params"]
    members = [members] if isinstance(members, torch.Tensor) else list(members)
    if not all(id(member) in by_tensor for member in members):
        raise ValueError(
            "`parameter_groups` must return groups of the parameters that it was "
            "given; one holds another tensor"
        )
    return {**group, "params": [by_tensor[id(member)] for member in members]}


def build_schedule(
    recipe: Recipe, optimizer: torch.optim.Optimizer
) -> torch.optim.lr_scheduler.LRScheduler | None:
    """Return the recipe's schedule for an optimizer, if it has one.

    Raises
    ------
    TypeError
        If it is none, or one that waits for losses, which runs do not share.
    """
    if recipe.schedule is None:
        return None
    schedule = recipe.schedule(optimizer)
    plateau = isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau)
    if plateau or not isinstance(schedule, torch.optim.lr_scheduler.LRScheduler):
        raise TypeError(
            "`schedule` must return a torch.optim.lr_scheduler that follows from the "
            f"number of steps alone; got {type(schedule).__name__}"
        )
    return schedule


def why_not_elementwise(optimizer: torch.optim.Optimizer) -> str | None:
    """Return the reason why one optimizer cannot serve a whole stack, if any."""
    if type(optimizer) in _ELEMENTWISE:
        return None
    return (
        f"the optimizer {type(optimizer).__name__} is not known to treat every "
        "number by itself"
    )
