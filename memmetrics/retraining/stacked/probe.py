"""A first look at the problem, on two points and untrained models.

Everything that can be wrong with the factory, the score or the data shows here, before
any training; so does whether runs can be stacked, and if not, why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from memmetrics.retraining.base import Data
from memmetrics.retraining.stacked.checks import (
    check_names,
    check_values,
    evaluate,
    fitting_examples,
)
from memmetrics.retraining.stacked.examples import Examples
from memmetrics.retraining.stacked.losses import example_means, stacked_losses
from memmetrics.retraining.stacked.models import (
    StackedModels,
    Tensors,
    build_module,
    build_stackable,
    constants,
    floating_type,
    plain_attention,
    stack_tensors,
    trainable,
)
from memmetrics.retraining.stacked.optimizers import (
    build_optimizer,
    why_not_elementwise,
)
from memmetrics.retraining.stacked.randomness import private_randomness
from memmetrics.retraining.stacked.recipe import Recipe

_SEEDS = (0, 1)  # of the untrained models
# Relative difference that rounding in float32 explains, and a mistake does not.
_TOLERANCE = 1e-3
# From here on (bytes kept for a run's backward pass) a stack's grouped convolutions
# were slower than separate ones: 1.5 times at 3 MB, against 0.4 times at 50 kB.
_LARGE_CONVOLUTION = 2**20
_CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)

Gradients = dict[str, torch.Tensor | None]


@dataclass(frozen=True)
class Probe:
    """What the first look found.

    Parameters
    ----------
    examples : Examples
        The training points as the module takes them.
    float_inputs : bool
        Whether integer inputs had to become floating-point numbers.
    dtype : torch.dtype
        Type of the module's numbers.
    reason : str or None
        Why runs are trained one at a time; None if they are stacked.
    merged : bool
        Whether the score takes the examples of all runs at once.
    layout : mapping of names to tuples
        For each stacked parameter, the order of axes in which its gradient arrives.
    run_bytes : int
        Memory that a run works on in one step.
    """

    examples: Examples
    float_inputs: bool
    dtype: torch.dtype
    reason: str | None
    merged: bool
    layout: Mapping[str, tuple[int, ...]]
    run_bytes: int


def probe(recipe: Recipe, data: Data) -> Probe:
    """Check recipe and data against one another, and see whether runs stack.

    Raises
    ------
    TypeError, ValueError
        Whatever is wrong, with the shapes received.
    """
    with private_randomness(_SEEDS[0], recipe.device):
        module = build_module(recipe, _SEEDS[0])
        dtype = floating_type(module)
        examples, float_inputs = fitting_examples(recipe, module, data, dtype)
        few = examples.first(2)
        check_values(recipe, module, few)
        check_names(recipe, module, few)
        length = min(recipe.batch_size or len(examples), len(examples))
        kept = _kept_bytes(recipe, module, few) * length // 2
        reason = (
            (None if recipe.stacked else "`stacked` is False")
            or why_not_elementwise(build_optimizer(recipe, trainable(module)))
            or _why_not_by_kind(module, kept)
            or _why_not_by_mixing(module, few)
        )
        merged, layout = False, {}
        if reason is None:
            reason, merged, layout = _try_stacks(recipe, few)
    numbers = sum(value.numel() for value in trainable(module).values())
    return Probe(
        examples,
        float_inputs,
        dtype,
        reason,
        merged,
        layout,
        # parameter, gradient and two moments; activations and their gradients
        run_bytes=4 * numbers * dtype.itemsize + 2 * kept,
    )


def _kept_bytes(recipe: Recipe, module: torch.nn.Module, few: Examples) -> int:
    """Count what autograd keeps of the forward pass, parameters aside."""
    known = {parameter.data_ptr() for parameter in module.parameters()}
    kept = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        if tensor.data_ptr() not in known:
            kept += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        recipe.loss_of(module.eval()(*few.inputs), few.target)
    return kept


def _why_not_by_kind(module: torch.nn.Module, kept: int) -> str | None:
    for child in module.modules():
        if isinstance(child, torch.nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
            return (
                f"{type(child).__name__} mixes the examples of a batch, and batches "
                "in a stack are padded"
            )
        if isinstance(child, _CONVOLUTIONS) and kept > _LARGE_CONVOLUTION:
            return "convolutions of this size are faster one model at a time"
    return None


def _why_not_by_mixing(module: torch.nn.Module, few: Examples) -> str | None:
    """Compare the first example alone with the first of two."""
    together, alone = evaluate(module, few), evaluate(module, few.first(1))
    if not isinstance(alone, torch.Tensor) or _close(together[:1], alone):
        return None
    return "an example's output depends on the others of its batch"


def _try_stacks(
    recipe: Recipe, few: Examples
) -> tuple[str | None, bool, dict[str, tuple[int, ...]]]:
    """Find a way to take the gradients of two models at once that gets them right."""
    modules = [build_stackable(recipe, seed) for seed in _SEEDS]
    alone = [_plain_gradients(recipe, module, few) for module in modules]
    reason = None
    for merged in (True, False):
        try:
            found = _stacked_gradients(recipe, modules, few, merged=merged)
        except Exception as error:  # noqa: BLE001 - modules fail in many ways
            first_line = str(error).strip().partition("\n")[0]
            reason = f"torch.func cannot vectorize it: {first_line}"
            continue
        wrong = _first_difference(found, alone)
        if wrong is None:
            return None, merged, _memory_orders(found, trainable(modules[0]))
        reason = f"its vectorized gradient differs in {wrong!r}"
    return reason, False, {}


def _plain_gradients(
    recipe: Recipe, module: torch.nn.Module, few: Examples
) -> Gradients:
    parameters = trainable(module)
    losses = recipe.loss_of(module.eval()(*few.inputs), few.target)
    total = example_means(losses, None, axes=1).sum()
    return _gradients(total, parameters)


def _stacked_gradients(
    recipe: Recipe,
    modules: list[torch.nn.Module],
    few: Examples,
    *,
    merged: bool,
) -> Gradients:
    """Return all gradients, (runs, ...), having tried training and scoring too."""
    parameters = stack_tensors([trainable(module) for module in modules])
    constant = stack_tensors([constants(module) for module in modules])
    leaves = {name: value.requires_grad_() for name, value in parameters.items()}
    inputs = tuple(torch.stack([array] * len(modules)) for array in few.inputs)
    target = torch.stack([few.target] * len(modules))
    root = modules[0]
    losses = stacked_losses(recipe, root, merged=merged)
    with plain_attention():
        root.train()
        losses(leaves, constant, inputs, target)
        root.eval()
        values = losses(leaves, constant, inputs, target)
    StackedModels(root, parameters, constant).ask(
        lambda model, arrays: recipe.score(model(*arrays), few.target), few.inputs
    )
    return _gradients(example_means(values, None, axes=2).sum(), leaves)


def _gradients(total: torch.Tensor, parameters: Tensors) -> Gradients:
    found = torch.autograd.grad(total, list(parameters.values()), allow_unused=True)
    return dict(zip(parameters, found, strict=True))


def _first_difference(together: Gradients, alone: list[Gradients]) -> str | None:
    """Return the name of a parameter whose stacked gradient is not each run's own."""
    for run, gradients in enumerate(alone):
        for name, expected in gradients.items():
            found = together[name]
            if expected is None or found is None:
                if expected is not found:
                    return name
            elif not _close(found[run], expected):
                return name
    return None


def _close(first: Any, second: torch.Tensor) -> bool:
    if first.shape != second.shape or not second.numel():
        return first.shape == second.shape
    difference = (first - second).detach().abs().max()
    return bool(difference <= _TOLERANCE * second.detach().abs().max() + 1e-12)


def _memory_orders(
    gradients: Gradients, parameters: Tensors
) -> dict[str, tuple[int, ...]]:
    """Return for each gradient its axes from slowest to fastest, runs first."""
    orders: dict[str, tuple[int, ...]] = {}
    for name, gradient in gradients.items():
        axes = range(1, parameters[name].ndim + 1)
        strides = (
            range(0, -len(axes) - 1, -1) if gradient is None else gradient.stride()
        )
        orders[name] = (0, *sorted(axes, key=lambda axis: -strides[axis]))
    return orders
