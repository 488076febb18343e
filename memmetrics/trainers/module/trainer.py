"""Retraining of any torch module, many runs stacked into one computation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import torch

from memmetrics._arrays.fingerprint import fingerprint
from memmetrics._arrays.validation import to_numpy
from memmetrics.designs import Bools
from memmetrics.identity.describe import describe_all
from memmetrics.trainers.base import Data
from memmetrics.trainers.exiting import before_exit
from memmetrics.trainers.function import member_iv
from memmetrics.trainers.module.stack.batches import padded_width
from memmetrics.trainers.module.stack.examples import Examples, as_examples
from memmetrics.trainers.module.stack.models import (
    SeparateModels,
    StackedModels,
    build_module,
)
from memmetrics.trainers.module.stack.recipe import Recipe
from memmetrics.trainers.module.stack.trained import ModuleStack, ObservedStack
from memmetrics.trainers.module.stack.training import Task, train_alone, train_stack
from memmetrics.trainers.module.trial.checks import mask_iv
from memmetrics.trainers.module.trial.probe import Verdict, probe

logger = logging.getLogger("memmetrics")

# Memory that a stack works on in one step. The more runs, the less of the time goes to
# calling torch; but beyond 16 MB that is little: on two cores a 784-128-10 network,
# 1.9 MB a run, takes 480 µs of processor time a step in stacks of 8, 460 in stacks of
# 16 and 430 in stacks of 32.
_STACK_BYTES = 2**26
_MOST_RUNS = 128
# Small stacks waste the vectorization, few stacks leave workers idle.
_FEWEST_RUNS, _STACKS = 16, 6

_told: set[str] = set()


class ModuleTrainer(Recipe):
    """Train copies of a torch module, each on its own subset of the points.

    The training loss of a run is the mean, over a batch of its own points, of
    ``loss(output, target)``, by default −score. Runs are independent: each has its own
    subset, initial weights, batch order and dropout, all drawn from its own seed.
    Runs are stacked with ``torch.func`` wherever that leaves their numbers as they
    are, and trained one at a time where not.

    Parameters
    ----------
    factory : callable
        Called without arguments, returns a new module. It is called once for each run,
        with torch's global generator seeded from the run's seed and restored after;
        randomness from elsewhere (NumPy, `random`) is not controlled.
    score : callable
        ``score(output, target)`` returns one number per example, (batch,), or one per
        token, (batch, tokens): higher is better, in any unit. Each example's number
        must depend on that example alone.
    steps : int
        Optimizer steps of a run.
    batch_size : int, optional
        Points in a batch. A run goes through its own points in one permutation after
        another and cuts that sequence into batches of exactly this length, so that a
        batch may span two epochs. A run with fewer points takes all of them at every
        step, as does every run if this is None.
    loss : callable, optional
        ``loss(output, target)``, per example or per token, to be minimized.
    optimizer : callable, default torch.optim.AdamW
        ``optimizer(parameters, **optimizer_options)``. Optimizers of torch that treat
        every number by itself (SGD, Adam, RMSprop, …) serve a whole stack at once.
    optimizer_options : mapping, optional
        Such as ``{"lr": 1e-2}``. AdamW, Adam, SGD and Adagrad run as ``fused=True``
        unless the options say otherwise.
    parameter_groups : callable, optional
        Takes ``{name: parameter}``, returns the groups that torch optimizers take,
        for options that differ between parameters.
    schedule : callable, optional
        Takes the optimizer, returns a ``torch.optim.lr_scheduler``; stepped after each
        step.
    loss_mask : array, (points,) or (points, tokens), optional
        Multiplies the losses in training: a run that holds a document learns nothing
        from its tokens of weight 0. The mean still counts all tokens, so the others'
        gradient is unchanged. Scores are not masked.
    hidden : str, optional
        Name of the submodule whose output is ``stack.hidden(points)``.
    weights : str, optional
        Name of the Linear or Embedding whose weights are ``stack.weights``.
    dtype : {"float32", "float64"}, optional
        Type of parameters and data; by default the factory's.
    device : str, default "cpu"
        Where to train. "cuda" is every GPU that there is, if there are several workers;
        "cuda:1" is that one.
    stacked : bool, optional
        By default runs are stacked where that is faster, which the size of the problem
        decides. True stacks them wherever possible, False never.

    Raises
    ------
    TypeError, ValueError
        For options that make no sense; and, before any training, if module, score and
        data do not fit one another.

    See Also
    --------
    FunctionTrainer : for what is not a torch module.

    Notes
    -----
    *Data* are a tuple ``(*inputs, target)`` of arrays or tensors with one first axis,
    or one array that is both. Floating-point arrays take the module's type; integers
    become int64, and floating-point inputs where the module refuses integers.

    *Stacked or not.* Before anything is trained, three runs make a few steps both
    stacked and alone, on whole batches of the data with their odd rows, in training
    mode and in float64. Unless losses, gradients, parameters, buffers and scores agree
    to rounding, runs are trained *one at a time*, with the reason logged once and kept
    as ``stack.one_at_a_time``. So are batch normalization and all else that mixes the
    examples of a batch; modules that change as they are called, or keep what differs
    between runs, outside their parameters; what ``torch.func.vmap`` cannot vectorize
    (recurrent layers, control flow that depends on the data, random numbers other than
    those of ``torch.nn.Dropout``); embeddings with ``max_norm``, ``sparse`` or
    ``scale_grad_by_freq``; parameters with hooks; optimizers that look beyond single
    numbers (LBFGS); and models so large that it is faster. Stacked, dropout draws other
    masks than alone.

    *Reproducibility.* A run's numbers follow from its row of ``member`` and its seed.
    They do not depend on the runs that share its stack, but for rounding in layers
    (such as convolutions) whose kernels depend on the size of the stack; networks of
    linear layers are equal bit by bit on the CPU, as long as each weight of a run fills
    whole units of 16 bytes.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from torch.nn import functional
    >>> trainer = ModuleTrainer(
    ...     lambda: torch.nn.Linear(4, 2),
    ...     score=lambda output, target: -functional.cross_entropy(
    ...         output, target, reduction="none"
    ...     ),
    ...     optimizer_options={"lr": 1e-2},
    ...     steps=20,
    ...     batch_size=8,
    ... )
    >>> inputs = np.random.default_rng(0).normal(size=(30, 4))
    >>> data = inputs, (inputs[:, 0] > 0).astype(int)
    >>> member = np.random.default_rng(1).random((3, 30)) < 0.5
    >>> stack = trainer.fit(data, member, seeds=[0, 1, 2])
    >>> stack.scores(data).shape
    (3, 30)
    >>> stack.parameters["weight"].shape
    torch.Size([3, 2, 4])
    """

    # Stacks spend most of their time in torch, which releases the interpreter's lock.
    may_share_process: ClassVar[bool] = True

    def configuration(self) -> dict[str, Any]:
        """Return the recipe as plain JSON values."""
        module = build_module(self, 0)
        shapes = {name: list(value.shape) for name, value in module.named_parameters()}
        described, libraries = describe_all(
            {field.name: getattr(self, field.name) for field in fields(Recipe)}
        )
        return {
            "trainer": "ModuleTrainer",
            "parameters": shapes,
            "<libraries>": libraries,
            **described,
        }

    def stack_size(self, data: Data, runs: int) -> int:
        """Return how many runs to train together: as many as caches and memory bear.

        Raises
        ------
        TypeError, ValueError
            If module, score and data do not fit one another.
        """
        found, _ = self._look_at(data)
        if found.reason is not None:
            return 1
        by_memory = _STACK_BYTES // found.run_bytes
        by_runs = max(_FEWEST_RUNS, -(-runs // _STACKS))
        return max(1, min(by_memory, by_runs, _MOST_RUNS, runs))

    def fit(self, data: Data, member: Bools, *, seeds: Sequence[int]) -> ModuleStack:
        """Train one model for each row of `member`.

        Parameters
        ----------
        data : array or tuple of arrays, (points, ...) each
            All training points: inputs, and the target last.
        member : bool array, (runs, points)
            Which points each run trains on.
        seeds : sequence of int, (runs,)
            One seed in [0, 2**64) for each run.

        Returns
        -------
        ModuleStack

        Raises
        ------
        TypeError, ValueError
            If module, score, data, `member` and `seeds` do not fit one another.
        """
        return self.bind(data).fit(member, seeds=seeds)

    def bind(self, data: Data) -> BoundModuleTrainer:
        """Return a trainer of these data, which has looked at them once.

        Its ``fit(member, *, seeds)`` is this one's, without the data.

        Raises
        ------
        TypeError, ValueError
            If module, score and data do not fit one another.
        """
        with before_exit():
            return BoundModuleTrainer(self, *self._look_at(data))

    def _fit(
        self, found: Verdict, examples: Examples, member: Bools, seeds: Sequence[int]
    ) -> ModuleStack:
        member = member_iv(member, points=len(examples), seeds=seeds)
        mask = mask_iv(self, examples, found.dtype)
        own = [torch.from_numpy(np.flatnonzero(row)) for row in member]
        task = Task(examples, mask, own, [int(seed) for seed in seeds])
        models, finite = (
            _fit_stacked(self, found, task)
            if found.reason is None
            else _fit_separately(self, task)
        )
        kind = ModuleStack if self.hidden is None else ObservedStack
        return kind(
            recipe=self,
            models=models,
            diverged=~finite.cpu().numpy(),
            one_at_a_time=found.reason,
            dtype=found.dtype,
            float_inputs=found.float_inputs,
        )

    def _look_at(self, data: Data) -> tuple[Verdict, Examples]:
        """Return what the first look at the data finds, now or before."""
        key = _key(data)
        # Kept in the instance, and so sent to other processes with it.
        known: dict[str | None, Verdict] = self.__dict__.setdefault("_verdicts", {})
        found = None if key is None else known.get(key)
        if found is not None:
            return found, as_examples(
                data,
                "data",
                dtype=found.dtype,
                device=self.device,
                float_inputs=found.float_inputs,
            )
        found, examples = probe(self, data)
        known[key] = found
        if found.reason is not None and found.reason not in _told:
            _told.add(found.reason)
            level = logging.INFO if found.by_choice else logging.WARNING
            logger.log(level, "runs are trained one at a time: %s", found.reason)
        return found, examples


@dataclass(frozen=True)
class BoundModuleTrainer:
    """A `ModuleTrainer` that has seen its data."""

    trainer: ModuleTrainer
    found: Verdict
    examples: Examples

    def fit(self, member: Bools, *, seeds: Sequence[int]) -> ModuleStack:
        """Train one model for each row of `member`, see `ModuleTrainer.fit`."""
        with before_exit():
            return self.trainer._fit(  # noqa: SLF001 - one class in two
                self.found, self.examples, member, seeds
            )


def _key(data: Data) -> str | None:
    """Return a hash of the data, if they are such that one can be taken."""
    arrays = data if isinstance(data, (tuple, list)) else (data,)
    if not all(isinstance(array, (np.ndarray, torch.Tensor)) for array in arrays):
        return None
    try:
        return fingerprint(*map(to_numpy, arrays))
    except (TypeError, ValueError, RuntimeError):
        return None  # and the first look will say what is wrong


def _fit_stacked(
    recipe: Recipe, found: Verdict, task: Task
) -> tuple[StackedModels, torch.Tensor]:
    """Train together the runs whose batches have one width."""
    points = len(task.examples)
    widths = [padded_width(len(rows), points, recipe.batch_size) for rows in task.own]
    order: list[int] = []
    parts: list[StackedModels] = []
    finite: list[torch.Tensor] = []
    for width in sorted(set(widths)):
        runs = [run for run, theirs in enumerate(widths) if theirs == width]
        models, fine = train_stack(
            recipe,
            task.choose(runs),
            width=width,
            layout=found.layout,
            merged=found.merged,
        )
        order += runs
        parts.append(models)
        finite.append(fine)
    back = torch.tensor(order, device=recipe.device).argsort()
    trained, constant = (
        {name: torch.cat([each[name] for each in kind])[back] for name in kind[0]}
        for kind in zip(*((part.trained, part.constant) for part in parts), strict=True)
    )
    joined = StackedModels(parts[0].root, trained, constant)
    return joined, torch.cat(finite)[back]


def _fit_separately(recipe: Recipe, task: Task) -> tuple[SeparateModels, torch.Tensor]:
    runs = [train_alone(recipe, task, run) for run in range(len(task.own))]
    modules = tuple(module for module, _ in runs)
    return SeparateModels(modules), torch.stack([finite for _, finite in runs])
