"""Training data as tensors: what goes into the module, and what it should give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memmetrics.trainers.base import Data
from memmetrics.trainers.dataset import pack


@dataclass(frozen=True)
class Examples:
    """Points as tensors that share their first axis.

    Parameters
    ----------
    inputs : tuple of tensors, (points, ...)
        Arguments of the module.
    target : tensor, (points, ...)
        Second argument of the score.
    """

    inputs: tuple[torch.Tensor, ...]
    target: torch.Tensor

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.target)

    def take(self, rows: torch.Tensor) -> Examples:
        """Return the points at `rows`, whose axes replace the first one."""
        return Examples(
            tuple(_take(array, rows) for array in self.inputs),
            _take(self.target, rows),
        )

    def first(self, count: int) -> Examples:
        """Return the first points; the only one twice if there is but one."""
        rows = torch.arange(count, device=self.target.device) % len(self)
        return self.take(rows)

    def example_numbers(self) -> int:
        """Count the input numbers of one example."""
        return sum(array[0].numel() for array in self.inputs)


def _take(array: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    # index_select is three times as fast as indexing with a tensor
    taken = array.index_select(0, rows.reshape(-1))
    return taken.view(*rows.shape, *array.shape[1:])


def as_examples(
    data: Data,
    name: str,
    *,
    dtype: torch.dtype,
    device: str,
    float_inputs: bool = False,
) -> Examples:
    """Turn data into tensors, as a module takes them.

    Floating-point arrays become `dtype`; integers become int64, as embeddings and
    class labels want them, unless `float_inputs` asks for floating-point inputs.
    A single array is both input and target.

    Raises
    ------
    TypeError
        If an array is sparse or does not hold numbers.
    ValueError
        If there are no points, the lengths differ, or values are NaN or infinite.
    """
    packed = pack(data, name, nonzero=False)
    for place, shape in enumerate(packed.shapes):
        if shape is not None:
            label = name if packed.alone else f"{name}[{place}]"
            raise TypeError(
                f"`{label}` is a sparse array, which modules do not take; "
                "pass its .toarray()"
            )
    tensors = [_as_tensor(array, dtype).to(device) for array in packed.leaves]
    inputs = tuple(tensors if packed.alone else tensors[:-1] or tensors)
    if float_inputs:
        inputs = tuple(array.to(dtype) for array in inputs)
    return Examples(inputs, tensors[-1])


def _plain(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array as torch takes it: its types, byte order, strides, writeable."""
    dtype = array.dtype.newbyteorder("=")
    if dtype.kind == "f" and dtype.itemsize > 8:
        dtype = np.dtype(np.float64)
    array = array.astype(dtype, copy=False)
    # joblib maps arrays read-only into its workers, which from_numpy warns about
    forward = all(stride >= 0 for stride in array.strides)
    return array if array.flags.writeable and forward else array.copy()


def _as_tensor(array: npt.NDArray[Any], dtype: torch.dtype) -> torch.Tensor:
    tensor = torch.from_numpy(_plain(array))
    if tensor.is_floating_point():
        return tensor.to(dtype)
    return tensor if tensor.dtype == torch.bool else tensor.to(torch.int64)
