"""Whether module, score and data fit one another: seen on two points, untrained."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch.nn.utils.parametrize import is_parametrized

from memmetrics.trainers.base import Data
from memmetrics.trainers.module.stack.examples import Examples, as_examples
from memmetrics.trainers.module.stack.models import (
    SeparateModels,
    build_module,
    trainable,
)
from memmetrics.trainers.module.stack.optimizers import build_optimizer, build_schedule
from memmetrics.trainers.module.stack.recipe import PerExample, Recipe
from memmetrics.trainers.module.stack.training import LoneRun

# Steps of a schedule that are tried; beyond, its own word is taken.
_SCHEDULE_STEPS = 10_000


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """Say what failed in the body, whatever it raises."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"{what}: {type(error).__name__}: {error}") from error


def evaluate(module: torch.nn.Module, few: Examples) -> Any:
    """Return the module's output in evaluation mode."""
    with torch.no_grad():
        return module.eval()(*few.inputs)


def fitting_examples(
    recipe: Recipe, module: torch.nn.Module, data: Data, dtype: torch.dtype
) -> tuple[Examples, bool]:
    """Return the points in a type that the module takes.

    Returns
    -------
    examples : Examples
    float_inputs : bool
        Whether integer inputs had to become floating-point numbers.

    Raises
    ------
    ValueError
        If the module fails on the first points.
    """
    examples = as_examples(data, "data", dtype=dtype, device=recipe.device)
    shapes = [f"{(2, *array.shape[1:])} {array.dtype}" for array in examples.inputs]
    with _blamed(
        "the module of `factory` failed on two points of `data`, inputs of shape "
        f"{' and '.join(shapes)}"
    ):
        try:
            evaluate(module, examples.first(2))
        except Exception:
            # integers are indices first, as for an embedding, and numbers second
            floats = as_examples(
                data, "data", dtype=dtype, device=recipe.device, float_inputs=True
            )
            with suppress(Exception):
                evaluate(module, floats.first(2))
                return floats, True
            raise
    return examples, False


def check_values(recipe: Recipe, module: torch.nn.Module, few: Examples) -> None:
    """Check what score and loss return for a batch of two.

    Raises
    ------
    TypeError, ValueError
        If it is not one number per example or token, or cannot be trained on.
    """
    _check_one(recipe.score, "score", evaluate(module, few), few)
    if recipe.loss is not None:
        _check_one(recipe.loss, "loss", evaluate(module, few), few)
    losses = recipe.loss_of(module.eval()(*few.inputs), few.target)
    _check_mask_shape(recipe, losses)
    if not losses.requires_grad:
        raise ValueError(
            "the training loss must be differentiable with respect to the parameters; "
            "give a `loss` if `score` is not"
        )


def _check_mask_shape(recipe: Recipe, losses: torch.Tensor) -> None:
    if recipe.loss_mask is not None:
        expected, received = tuple(losses.shape[1:]), tuple(recipe.loss_mask.shape)
        if received[1:] != expected:
            raise ValueError(
                "`loss_mask` must have the shape of the losses, "
                f"{('points', *expected)}; got {received}"
            )


def mask_iv(
    recipe: Recipe, examples: Examples, dtype: torch.dtype
) -> torch.Tensor | None:
    """Return the weights of the losses, if there are any.

    Raises
    ------
    ValueError
        If they do not fit the points.
    """
    if recipe.loss_mask is None:
        return None
    if len(recipe.loss_mask) != len(examples):
        raise ValueError(
            f"`loss_mask` must have {len(examples)} rows, one per point of "
            f"`data`; got shape {tuple(recipe.loss_mask.shape)}"
        )
    return torch.as_tensor(recipe.loss_mask, dtype=dtype, device=recipe.device)


def check_apart(module: torch.nn.Module, other: torch.nn.Module) -> None:
    """Check that two runs' modules share nothing that is trained.

    Raises
    ------
    ValueError
        If they do: each run would go on from where another ended.
    """
    own = {value.data_ptr() for value in module.parameters() if value.numel()}
    for name, value in trainable(other).items():
        if value.data_ptr() in own and value.numel():
            raise ValueError(
                "`factory` must return a new module each time; two of them share the "
                f"parameter {name!r}"
            )


def check_schedule(recipe: Recipe, module: torch.nn.Module) -> None:
    """Check that the schedule lasts as long as training does.

    Raises
    ------
    ValueError
        If a step of it fails.
    """
    schedule = build_schedule(recipe, build_optimizer(recipe, trainable(module)))
    if schedule is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the optimizer makes no steps here
        for step in range(min(recipe.steps, _SCHEDULE_STEPS)):
            with _blamed(f"`schedule` failed at step {step + 1} of {recipe.steps}"):
                schedule.step()
    lasts = getattr(schedule, "total_steps", recipe.steps)
    if lasts < recipe.steps:
        raise ValueError(
            f"`schedule` must last for {recipe.steps} steps; {type(schedule).__name__} "
            f"has {lasts}"
        )


def check_step(recipe: Recipe, examples: Examples, mask: torch.Tensor | None) -> None:
    """Check that a run makes its first step.

    Raises
    ------
    ValueError
        If module, loss or optimizer fail.
    """
    length = min(recipe.batch_size or len(examples), len(examples))
    rows = torch.arange(length, device=recipe.device)[None]
    run = LoneRun(recipe, build_module(recipe, 0))
    with _blamed(f"training failed in its first step, on {length} points of `data`"):
        run.step(examples.take(rows), None if mask is None else mask[rows])


def _check_one(function: PerExample, name: str, output: Any, few: Examples) -> None:
    with _blamed(f"`{name}` failed on a batch of two points"):
        values = function(output, few.target)
    if not isinstance(values, torch.Tensor):
        raise TypeError(f"`{name}` must return a tensor; got {type(values).__name__}")
    if values.ndim < 1 or len(values) != 2 or 0 in values.shape:
        raise ValueError(
            f"`{name}` must return one value per example, shape (batch,) or "
            f"(batch, tokens); for a batch of 2 it gave {tuple(values.shape)}"
        )


def check_names(recipe: Recipe, module: torch.nn.Module, few: Examples) -> None:
    """Check that `hidden` and `weights` name what they should.

    Raises
    ------
    ValueError
        If they do not.
    """
    names = dict(module.named_modules())
    for option in ("hidden", "weights"):
        name = getattr(recipe, option)
        if name is not None and name not in names:
            known = ", ".join(repr(known) for known in names if known)
            raise ValueError(
                f"`{option}` must name a submodule, one of {known}; got {name!r}"
            )
    if recipe.hidden is not None:
        SeparateModels((module,)).hear(recipe.hidden, few.inputs)
    if recipe.weights is not None:
        layer = names[recipe.weights]
        if not isinstance(layer, (torch.nn.Linear, torch.nn.Embedding)):
            raise ValueError(
                "`weights` must name a Linear or an Embedding; "
                f"{recipe.weights!r} is a {type(layer).__name__}"
            )
        if not isinstance(layer.weight, torch.nn.Parameter) and not is_parametrized(
            layer, "weight"
        ):
            raise ValueError(
                "`weights` must name a layer whose weight is a parameter, or made by "
                f"torch.nn.utils.parametrizations; that of {recipe.weights!r} is "
                "computed by a hook"
            )
