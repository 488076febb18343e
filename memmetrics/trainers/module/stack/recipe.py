"""What a training run of a module is made of: the options, checked once."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.validation import Array, to_numpy
from memmetrics.trainers.dataset import pack

# (output of the module, target) -> one value per example, (batch,) or (batch, tokens)
PerExample: TypeAlias = Callable[[Any, torch.Tensor], torch.Tensor]
# {name: parameter} -> parameter groups, in the form that torch optimizers take
ParameterGroups: TypeAlias = Callable[
    [Mapping[str, torch.Tensor]], Iterable[dict[str, Any]]
]
Schedule: TypeAlias = Callable[
    [torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler
]

# Of the options that are called, those that may be None.
_OPTIONAL = ("loss", "schedule", "parameter_groups")
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True, eq=False)
class Recipe:
    """Options of `ModuleTrainer`, which documents them."""

    factory: Callable[[], torch.nn.Module]
    _: KW_ONLY
    score: PerExample
    steps: int
    batch_size: int | None = None
    loss: PerExample | None = None
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW
    optimizer_options: Mapping[str, Any] = field(default_factory=dict)
    parameter_groups: ParameterGroups | None = None
    schedule: Schedule | None = None
    loss_mask: Array | None = None
    hidden: str | None = None
    weights: str | None = None
    dtype: str | None = None
    device: str = "cpu"
    stacked: bool | None = None

    def __post_init__(self) -> None:
        """Check every option and bring it into its plain form."""
        for name in ("factory", "score", "optimizer", *_OPTIONAL):
            value = getattr(self, name)
            if not callable(value) and not (value is None and name in _OPTIONAL):
                kind = type(value).__name__
                raise TypeError(f"`{name}` must be callable; got {kind}")
        _set(self, "steps", _positive_integer(self.steps, "steps"))
        if self.batch_size is not None:
            size = _positive_integer(self.batch_size, "batch_size")
            _set(self, "batch_size", size)
        if not isinstance(self.optimizer_options, Mapping):
            raise TypeError(
                "`optimizer_options` must be a mapping of names to values; "
                f"got {type(self.optimizer_options).__name__}"
            )
        _set(self, "optimizer_options", dict(self.optimizer_options))
        if self.dtype is not None and self.dtype not in _DTYPES:
            raise ValueError(
                f"`dtype` must be one of {sorted(_DTYPES)} or None; got {self.dtype!r}"
            )
        _set(self, "device", _device_iv(self.device))
        if self.loss_mask is not None:
            _set(self, "loss_mask", _loss_mask_iv(self.loss_mask))

    @property
    def torch_dtype(self) -> torch.dtype | None:
        """The floating-point type asked for; None leaves the factory's."""
        return None if self.dtype is None else _DTYPES[self.dtype]

    def loss_of(self, output: Any, target: torch.Tensor) -> torch.Tensor:
        """Return the training loss of every example: `loss`, or minus the score."""
        if self.loss is None:
            return -self.score(output, target)
        return self.loss(output, target)


def _set(recipe: Recipe, name: str, value: object) -> None:
    object.__setattr__(recipe, name, value)  # the dataclass is frozen


def _positive_integer(value: int, name: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"`{name}` must be an integer; got {type(value).__name__}"
        ) from None
    if number < 1:
        raise ValueError(f"`{name}` must be at least 1; got {number}")
    return number


def _device_iv(device: str) -> str:
    """Return the name of a device that is there."""
    try:
        found = torch.device(device)
        if found.type != "cpu":
            torch.zeros((), device=found).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"`device` must name a device that torch can train on; got {device!r}: "
            f"{reason}"
        ) from error
    return str(found)


def _loss_mask_iv(loss_mask: Array) -> npt.NDArray[Any]:
    """Return the mask as a float array, so that it can weigh losses."""
    packed = pack(to_numpy(loss_mask), "loss_mask", nonzero=False)
    mask = packed.leaves[0].astype(np.float64)
    if (mask < 0).any():
        raise ValueError(
            f"`loss_mask` must not be negative; its smallest value is {mask.min()}"
        )
    return mask
