"""A first look at the problem, on untrained models.

Everything that can be wrong with the factory, the score or the data shows here, before
any training; so does whether runs can be stacked, and if not, why.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from memmetrics.trainers.base import Data
from memmetrics.trainers.module.layers.attention import plain_attention
from memmetrics.trainers.module.layers.randomness import private_randomness
from memmetrics.trainers.module.stack.examples import Examples
from memmetrics.trainers.module.stack.losses import example_means, stacked_losses
from memmetrics.trainers.module.stack.models import (
    StackedModels,
    Tensors,
    build_module,
    build_stackable,
    constants,
    floating_type,
    stack_tensors,
    trainable,
)
from memmetrics.trainers.module.stack.optimizers import (
    build_optimizer,
    why_not_elementwise,
)
from memmetrics.trainers.module.stack.recipe import Recipe
from memmetrics.trainers.module.trial.checks import (
    check_apart,
    check_names,
    check_schedule,
    check_step,
    check_values,
    evaluate,
    fitting_examples,
    mask_iv,
)
from memmetrics.trainers.module.trial.purity import why_not_pure
from memmetrics.trainers.module.trial.trial import prepare_trial

_SEEDS = (0, 1)  # of the untrained models
# Relative difference that rounding in float32 explains, and a mistake does not.
_TOLERANCE = 1e-3
# Bytes that a run works on in one step from which a stack is no faster per run than
# one run after another: at 0.2 MB it took a sixth to a half of the time, at 4 MB as
# much, at 10 MB up to 1.4 times (measured on two cores; see `_STACK_BYTES` for caches).
_STACKABLE_BYTES = 2**22
# Stacked, convolutions become grouped ones, which lose earlier: at 1 MB half the time,
# at 8 MB 1.5 times.
_STACKABLE_CONVOLUTION_BYTES = 2**21
_CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)


@dataclass(frozen=True)
class Verdict:
    """What the first look found out: a few numbers, which travel with the trainer.

    Parameters
    ----------
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
    by_choice : bool
        Whether runs could be stacked, but are faster, or wanted, one at a time.
    """

    float_inputs: bool
    dtype: torch.dtype
    reason: str | None
    merged: bool
    layout: Mapping[str, tuple[int, ...]]
    run_bytes: int
    by_choice: bool


def probe(recipe: Recipe, data: Data) -> tuple[Verdict, Examples]:
    """Check recipe and data against one another, and see whether runs stack.

    Raises
    ------
    TypeError, ValueError
        Whatever is wrong, with the shapes received.
    """
    with private_randomness(_SEEDS[0], recipe.device):
        module, other = (build_module(recipe, seed) for seed in _SEEDS)
        check_apart(module, other)
        dtype = floating_type(module)
        examples, float_inputs = fitting_examples(recipe, module, data, dtype)
        few = examples.first(2)
        check_values(recipe, module, few)
        mask = mask_iv(recipe, examples, dtype)
        check_names(recipe, module, few)
        check_schedule(recipe, module)
        check_step(recipe, examples, mask)
        length = min(recipe.batch_size or len(examples), len(examples))
        run_bytes = _run_bytes(recipe, module, few, length)
        choice = _why_not_wanted(recipe, module, run_bytes)
        reason = choice or _why_not_possible(recipe, module, few)
        merged, layout = False, dict[str, tuple[int, ...]]()
        if reason is None:
            reason, merged, layout = _try_stacks(recipe, examples, mask, dtype)
    verdict = Verdict(
        float_inputs,
        dtype,
        reason,
        merged,
        layout,
        run_bytes,
        by_choice=choice is not None,
    )
    return verdict, examples


def _run_bytes(
    recipe: Recipe, module: torch.nn.Module, few: Examples, length: int
) -> int:
    """Count parameter, gradient and two moments; activations and their gradients."""
    numbers = sum(value.numel() for value in trainable(module).values())
    kept = _kept_bytes(recipe, module, few) * length // len(few)
    return 4 * numbers * floating_type(module).itemsize + 2 * kept


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


def _why_not_wanted(
    recipe: Recipe, module: torch.nn.Module, run_bytes: int
) -> str | None:
    if recipe.stacked is not None:
        return None if recipe.stacked else "`stacked` is False"
    convolves = any(isinstance(child, _CONVOLUTIONS) for child in module.modules())
    most = _STACKABLE_CONVOLUTION_BYTES if convolves else _STACKABLE_BYTES
    if run_bytes <= most:
        return None
    return f"a step works on {run_bytes / 1e6:.1f} MB, too much for stacking to pay"


def _why_not_possible(
    recipe: Recipe, module: torch.nn.Module, few: Examples
) -> str | None:
    for child in module.modules():
        if isinstance(child, torch.nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
            return (
                f"{type(child).__name__} mixes the examples of a batch, and batches "
                "in a stack are padded"
            )
    optimizer = build_optimizer(recipe, trainable(module))
    return (
        why_not_elementwise(optimizer)
        or _why_not_by_mixing(module, few)
        or why_not_pure(recipe, few)
    )


def _why_not_by_mixing(module: torch.nn.Module, few: Examples) -> str | None:
    """Compare the first example alone with the first of two."""
    together, alone = evaluate(module, few), evaluate(module, few.first(1))
    if not isinstance(alone, torch.Tensor) or _close(together[:1], alone):
        return None
    return "an example's output depends on the others of its batch"


def _try_stacks(
    recipe: Recipe,
    examples: Examples,
    mask: torch.Tensor | None,
    dtype: torch.dtype,
) -> tuple[str | None, bool, dict[str, tuple[int, ...]]]:
    """Find a way to train runs at once that gets right what each does alone."""
    reason = None
    for merged in (True, False):
        try:
            with warnings.catch_warnings():
                # torch's way to say that it would loop over the runs
                warnings.filterwarnings("error", message="There is a performance drop")
                layout = _layout(recipe, examples.first(2), merged=merged)
                trial = prepare_trial(recipe, examples, mask, dtype)
                difference = next(trial.differences(merged=merged), None)
        except Exception as error:  # noqa: BLE001 - modules fail in many ways
            first_line = str(error).strip().partition("\n")[0]
            reason = f"torch.func cannot vectorize it: {first_line}"
            continue
        if difference is None:
            return None, merged, layout
        reason = f"stacked, its {difference}"
    return reason, False, {}


def _layout(
    recipe: Recipe, few: Examples, *, merged: bool
) -> dict[str, tuple[int, ...]]:
    """Return for each gradient its axes from slowest to fastest, runs first.

    Raises
    ------
    Exception
        Of any kind, where torch cannot vectorize the module, or only by a loop.
    """
    modules = [build_stackable(recipe, seed) for seed in _SEEDS]
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
    total = example_means(values, None, axes=2).sum()
    found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    gradients = dict(zip(leaves, found, strict=True))
    return _memory_orders(gradients, trainable(root))


def _close(first: Any, second: torch.Tensor) -> bool:
    if first.shape != second.shape or not second.numel():
        return bool(first.shape == second.shape)
    difference = (first - second).detach().abs().max()
    return bool(difference <= _TOLERANCE * second.detach().abs().max() + 1e-12)


def _memory_orders(
    gradients: Mapping[str, torch.Tensor | None], parameters: Tensors
) -> dict[str, tuple[int, ...]]:
    orders: dict[str, tuple[int, ...]] = {}
    for name, gradient in gradients.items():
        axes = range(1, parameters[name].ndim + 1)
        strides = (
            range(0, -len(axes) - 1, -1) if gradient is None else gradient.stride()
        )
        orders[name] = (0, *sorted(axes, key=lambda axis: -strides[axis]))
    return orders
