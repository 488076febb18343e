"""What is asked of the arguments of a training."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.validation import as_boolean, to_numpy
from memmetrics.trainers.toy.data import as_points
from memmetrics.trainers.toy.fresh import FreshSamples

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["init_iv", "member_iv", "points_iv", "seeds_iv"]


def points_iv(data: object, device: torch.device) -> scipy.sparse.csr_array:
    """Return the points to train on, as a csr_array of finite numbers."""
    if isinstance(data, torch.Tensor) and data.device.type not in ("cpu", device.type):
        raise ValueError(
            f"`data` must be on the CPU or on the trainer's device {str(device)!r}; "
            f"got {str(data.device)!r}"
        )
    points = as_points(data)
    if not points.data.any():
        raise ValueError(f"`data` must not be all zero; got shape {points.shape}")
    return points


def member_iv(
    member: object, data: scipy.sparse.csr_array | FreshSamples
) -> npt.NDArray[np.bool_]:
    """Return who trains on what: a bool array (runs, points), no row empty."""
    mask: npt.NDArray[np.bool_] = to_numpy(
        as_boolean(member, "member", axes="(runs, points)", ndim=2)
    )
    points = data.shape[0]
    if mask.shape[1] != points:
        raise ValueError(
            f"`member` must have axes (runs, points) with the {points} points of "
            f"`data`; got shape {mask.shape}"
        )
    empty = np.flatnonzero(~mask.any(1))
    if empty.size:
        raise ValueError(
            f"`member` must give every run a point; runs {empty} have none"
        )
    if isinstance(data, FreshSamples) and not mask.all():
        raise ValueError(
            "`member` must be all true with FreshSamples, of which no point comes "
            f"twice; got {(~mask).sum()} that are left out"
        )
    return mask


def seeds_iv(seeds: Sequence[int], runs: int) -> list[int]:
    """Return one seed a run, each in [0, 2**64)."""
    try:
        values = [operator.index(seed) for seed in seeds]
    except TypeError:
        raise TypeError(f"`seeds` must be whole numbers; got {seeds!r}") from None
    if len(values) != runs:
        raise ValueError(
            f"`seeds` must have one seed for each of {runs} runs; got {len(values)}"
        )
    if not all(0 <= seed < 2**64 for seed in values):
        raise ValueError(f"`seeds` must lie in [0, 2**64); got {values}")
    return values


def init_iv(
    init: tuple[Any, Any], shapes: tuple[tuple[int, ...], ...], dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return starting weights and biases as tensors on the CPU."""
    if len(init) != len(shapes):
        raise ValueError(f"`init` must be (weights, bias); got {len(init)} items")
    checked = []
    for name, value, shape in zip(("weights", "bias"), init, shapes, strict=True):
        tensor = torch.as_tensor(value).detach().to("cpu", dtype, copy=True)
        if tuple(tensor.shape) != shape:
            raise ValueError(
                f"`init` {name} must have shape {shape}; got {tuple(tensor.shape)}"
            )
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"`init` {name} must be finite; got NaN or infinity")
        checked.append(tensor)
    return cast("tuple[torch.Tensor, torch.Tensor]", tuple(checked))
