"""Training data as tensors: what goes into the module, and what it should give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch

from memmetrics._arrays.validation import require_finite
from memmetrics.trainers.base import Data
from memmetrics.trainers.torch_data import as_arrays


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
    data = as_arrays(data, name)
    alone = not isinstance(data, (tuple, list))
    arrays = [data] if alone else list(data)
    if not arrays:
        raise ValueError(f"`{name}` must hold at least one array; got an empty tuple")
    labels = [name if alone else f"{name}[{index}]" for index in range(len(arrays))]
    tensors = [
        _as_tensor(array, label, dtype=dtype, device=device)
        for array, label in zip(arrays, labels, strict=True)
    ]
    lengths = [len(tensor) for tensor in tensors]
    if len(set(lengths)) > 1:
        raise ValueError(f"arrays of `{name}` must be equally long; got {lengths}")
    inputs = tuple(tensors if len(tensors) == 1 else tensors[:-1])
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


def _as_tensor(
    array: Any, label: str, *, dtype: torch.dtype, device: str
) -> torch.Tensor:
    if scipy.sparse.issparse(array):
        raise TypeError(
            f"`{label}` is a sparse array, which modules do not take; "
            "pass its .toarray()"
        )
    if not isinstance(array, torch.Tensor):
        array = np.asarray(array)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"`{label}` must hold numbers; got dtype {array.dtype}")
        array = torch.from_numpy(_plain(array))
    tensor: torch.Tensor = array.detach()
    if tensor.is_complex() or tensor.layout != torch.strided:
        raise TypeError(
            f"`{label}` must be a dense tensor of real numbers; "
            f"got {tensor.dtype}, {tensor.layout}"
        )
    if tensor.ndim < 1 or 0 in tensor.shape:
        raise ValueError(
            f"`{label}` must have a first axis of points and not be empty; "
            f"got shape {tuple(tensor.shape)}"
        )
    if tensor.is_floating_point():
        require_finite(tensor, label)
        return tensor.to(device=device, dtype=dtype)
    if tensor.dtype == torch.bool:
        return tensor.to(device)
    return tensor.to(device=device, dtype=torch.int64)
