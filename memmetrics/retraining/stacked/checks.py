"""Whether module, score and data fit one another: seen on two points, untrained."""

from __future__ import annotations

from typing import Any

import torch

from memmetrics.retraining.base import Data
from memmetrics.retraining.stacked.examples import Examples, as_examples
from memmetrics.retraining.stacked.models import SeparateModels
from memmetrics.retraining.stacked.recipe import PerExample, Recipe


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
    error = _failure(module, examples)
    if error is None:
        return examples, False
    floats = as_examples(
        data, "data", dtype=dtype, device=recipe.device, float_inputs=True
    )
    # integers are indices first, as for an embedding, and numbers second
    if _failure(module, floats) is None:
        return floats, True
    shapes = [f"{(2, *array.shape[1:])} {array.dtype}" for array in examples.inputs]
    raise ValueError(
        "the module of `factory` failed on two points of `data`, inputs of shape "
        f"{' and '.join(shapes)}: {type(error).__name__}: {error}"
    ) from error


def _failure(module: torch.nn.Module, examples: Examples) -> Exception | None:
    try:
        evaluate(module, examples.first(2))
    except Exception as error:  # noqa: BLE001 - whatever a module may raise
        return error
    return None


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
    if not losses.requires_grad:
        raise ValueError(
            "the training loss must be differentiable with respect to the parameters; "
            "give a `loss` if `score` is not"
        )
    if recipe.loss_mask is not None:
        expected, received = tuple(losses.shape[1:]), tuple(recipe.loss_mask.shape)
        if received[1:] != expected:
            raise ValueError(
                "`loss_mask` must have the shape of the losses, "
                f"{('points', *expected)}; got {received}"
            )


def _check_one(function: PerExample, name: str, output: Any, few: Examples) -> None:
    try:
        values = function(output, few.target)
    except Exception as error:
        raise ValueError(
            f"`{name}` failed on a batch of two points: {type(error).__name__}: {error}"
        ) from error
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
