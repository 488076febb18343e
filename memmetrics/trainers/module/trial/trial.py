"""A trial of the training step itself: some runs stacked, and the same ones alone.

Both ways train for a few steps, in training mode, on batches of the real data, from
weights in general position (a layer that begins at zero would hide those before it),
with the recipe's own optimizer and schedule. After every step losses, gradients and
parameters must agree, and in the end buffers and scores. All of it is in float64, where
rounding is far smaller than any mistake; a module that insists on fewer digits, all the
way or in part, is tried in its own type, and with its weights held, as optimizers make
much of rounding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import torch

from memmetrics.trainers.module.layers.attention import plain_attention
from memmetrics.trainers.module.stack.examples import Examples
from memmetrics.trainers.module.stack.models import (
    SeparateModels,
    Tensors,
    build_stackable,
    constants,
    trainable,
)
from memmetrics.trainers.module.stack.recipe import Recipe
from memmetrics.trainers.module.stack.training import (
    LoneRun,
    StackedRuns,
    Task,
    padding_weights,
)
from memmetrics.trainers.module.trial.odd_rows import odd_rows

STEPS = 3
_SEEDS = (0, 1, 2)
# The last run has fewer points than a batch, so that its batches are padded.
_SHARE_OF_SHORT_RUN = 0.6
# Numbers that go into a run in one step of the trial, at most.
_BATCH_NUMBERS = 2**21
_LEAST_ROWS = 64


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a trial runs on.

    Parameters
    ----------
    recipe : Recipe
        In the trial's precision, with as many steps.
    task : Task
        Rows of the data, odd ones among them, and three runs.
    width : int
        Rows in a batch.
    tolerance : float
        Relative difference that is put down to rounding.
    """

    recipe: Recipe
    task: Task
    width: int
    tolerance: float

    def differences(self, *, merged: bool) -> Iterator[str]:
        """Train both ways and yield what differs."""
        modules = [_scattered(self.recipe, seed) for seed in _SEEDS]
        start = [_copies(trainable(module)) for module in modules]
        lone = [LoneRun(self.recipe, module) for module in modules]
        again = [_scattered(self.recipe, seed) for seed in _SEEDS]
        layout = {
            name: tuple(range(value.ndim + 1))
            for name, value in trainable(again[0]).items()
        }
        together = StackedRuns(self.recipe, again, layout=layout, merged=merged)
        task, recipe = self.task, self.recipe
        like = next(iter(together.leaves.flat.values()))
        weights = padding_weights(task, recipe.batch_size, self.width, like)
        alone = [task.choose([run]).batches(recipe, None) for run in range(len(lone))]
        for batch, mask in task.batches(recipe, self.width):
            with plain_attention():
                losses = together.step(batch, mask, weights)
            views, gradients = together.leaves.views, together.leaves.gradients()
            for number, run in enumerate(lone):
                loss = run.step(*next(alone[number]))
                own = trainable(run.module)
                begun = start[number]
                yield from self._compare("loss", {"": losses[number]}, {"": loss})
                yield from self._compare(
                    "gradient",
                    {name: _row(gradients[name], number) for name in own},
                    {name: value.grad for name, value in own.items()},
                )
                yield from self._compare(
                    "step",
                    {name: views[name][number] - begun[name] for name in own},
                    {name: value - begun[name] for name, value in own.items()},
                )
        for number, run in enumerate(lone):
            kept = constants(run.module)
            stacked = {name: together.constant[name][number] for name in kept}
            yield from self._compare("buffer", stacked, kept)
        yield from self._compare_scores(together, lone)

    def _compare_scores(
        self, together: StackedRuns, lone: list[LoneRun]
    ) -> Iterator[str]:
        few = self.task.examples.first(min(self.width, len(self.task.examples)))

        def scores(model: object, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
            return self.recipe.score(model(*inputs), few.target)  # type: ignore[operator]

        found = together.models().ask(scores, few.inputs)
        modules = tuple(run.module for run in lone)
        expected = SeparateModels(modules).ask(scores, few.inputs)
        yield from self._compare("score", {"": found}, {"": expected})

    def _compare(
        self,
        what: str,
        found: Mapping[str, torch.Tensor | None],
        expected: Mapping[str, torch.Tensor | None],
    ) -> Iterator[str]:
        """Yield which tensors differ by more than rounding in the largest explains."""
        # What is zero but for rounding differs by as much as it is; and optimizers
        # that divide by it carry that into their steps.
        largest = max(map(_size, expected.values()), default=0.0)
        floor = largest * self.tolerance ** (1.0 if what == "step" else 1.5)
        for name, value in expected.items():
            bound = self.tolerance * _size(value) + floor
            if not _agree(found[name], value, bound):
                yield f"{what} differs" + (f" in {name!r}" if name else "")


def _row(stacked: torch.Tensor | None, run: int) -> torch.Tensor | None:
    return None if stacked is None else stacked[run]


def _agree(
    first: torch.Tensor | None, second: torch.Tensor | None, bound: float
) -> bool:
    if first is None or second is None:
        return first is second
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    if not second.is_floating_point():
        return torch.equal(first, second)
    # infinities may agree; NaN, of which nothing can be shown, never does
    difference = torch.where(first == second, 0, first - second)
    return _largest(difference) <= bound


def _largest(value: torch.Tensor | None) -> float:
    if value is None or not value.numel():
        return 0.0
    return float(value.detach().abs().max())


def _size(value: torch.Tensor | None) -> float:
    """Return the largest finite magnitude."""
    if value is None:
        return 0.0
    return _largest(value.detach().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0))


def _copies(tensors: Tensors) -> Tensors:
    return {name: value.detach().clone() for name, value in tensors.items()}


def _scattered(recipe: Recipe, seed: int) -> torch.nn.Module:
    """Return a run's module with its weights a little off, zeros too."""
    module = build_stackable(recipe, seed)
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in trainable(module).values():
            noise = torch.randn(value.shape, generator=draws).to(value)
            value.add_(torch.where(value == 0, 0.01 * noise, 0.1 * noise * value))
    return module


def _coarsest_type(recipe: Recipe, few: Examples, dtype: torch.dtype) -> torch.dtype:
    """Return the least precise type that autograd sees of a module in float64."""
    found = [torch.float64]

    def look(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_floating_point():
            found.append(tensor.dtype)
        return tensor

    module = build_stackable(dataclasses.replace(recipe, dtype="float64"), _SEEDS[0])
    few = _converted(few, torch.float64)
    try:
        with torch.autograd.graph.saved_tensors_hooks(look, lambda tensor: tensor):
            losses = recipe.loss_of(module.train()(*few.inputs), few.target)
    except RuntimeError:
        return dtype
    found.append(losses.dtype)
    return max(found, key=lambda kind: torch.finfo(kind).eps)


def prepare_trial(
    recipe: Recipe, examples: Examples, mask: torch.Tensor | None, dtype: torch.dtype
) -> Trial:
    """Choose rows and runs: odd rows in every run, the others apart.

    Parameters
    ----------
    recipe, examples, mask
        The problem.
    dtype : torch.dtype
        Type of the module's numbers.
    """
    precision = _coarsest_type(recipe, examples.first(2), dtype)
    if precision == torch.float64:
        recipe, dtype = dataclasses.replace(recipe, dtype="float64"), precision
    else:
        recipe = dataclasses.replace(
            recipe,
            optimizer=torch.optim.SGD,
            optimizer_options={"lr": 0.0},
            parameter_groups=None,
            schedule=None,
        )
    most = max(_LEAST_ROWS, _BATCH_NUMBERS // examples.example_numbers())
    if recipe.batch_size is None:
        length = own = min(len(examples), most)
    else:
        length = min(recipe.batch_size, len(examples), most)
        own = min(len(examples), STEPS * length)
    odd = odd_rows(examples)[: max(1, own // 2)]
    rest = torch.ones(len(examples), dtype=torch.bool)
    rest[odd] = False
    others = rest.nonzero()[:, 0]
    others = others[torch.randperm(len(others), generator=torch.Generator())]
    rows = torch.cat([odd, others[: 2 * (own - len(odd))]]).to(recipe.device)
    second = [*range(len(odd)), *range(len(rows) - own + len(odd), len(rows))]
    short = max(1, int(_SHARE_OF_SHORT_RUN * length))
    runs = [range(own), second, range(0, own, max(1, own // short))[:short]]
    task = Task(
        _converted(examples.take(rows), dtype),
        None if mask is None else mask[rows].to(dtype),
        [torch.tensor(list(run)) for run in runs],
        list(_SEEDS),
    )
    trial = dataclasses.replace(
        recipe,
        steps=min(STEPS, recipe.steps),
        batch_size=None if recipe.batch_size is None else length,
    )
    return Trial(trial, task, length, torch.finfo(precision).eps ** 0.5)


def _converted(examples: Examples, dtype: torch.dtype) -> Examples:
    *inputs, target = (
        array.to(dtype) if array.is_floating_point() else array
        for array in (*examples.inputs, examples.target)
    )
    return Examples(tuple(inputs), target)
