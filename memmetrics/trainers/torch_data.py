"""Datasets of torch and of Hugging Face as arrays, where they can be indexed.

Every point is asked for once, before any training, and runs differ in which points they
train on. So a dataset must have a length and give the same for an index each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

from memmetrics._arrays.validation import to_numpy

__all__ = ["as_arrays"]

_TARGETS = ("label", "labels")


def as_arrays(data: Any, name: str) -> Any:
    """Return a dataset as an array or a tuple of arrays, and anything else as it is.

    Parameters
    ----------
    data : object
        A torch ``Dataset`` with a length, a ``DataLoader`` (its dataset is taken; its
        batches are not), or a dataset of Hugging Face. Examples may be arrays, numbers,
        or tuples or dicts of them. Of dicts, ``label`` or ``labels`` comes last, where
        the target is; otherwise the order is theirs.
    name : str
        Parameter name, for the messages.

    Returns
    -------
    object
        First axis points, in the order of the dataset.

    Raises
    ------
    TypeError
        If a dataset cannot be indexed, a loader chooses or changes examples, or
        examples are not numbers.
    ValueError
        If examples differ in shape or in their parts, or in value from one time to the
        next.

    Examples
    --------
    >>> import torch
    >>> inputs, labels = as_arrays(TensorDataset(torch.eye(3), torch.arange(3)), "data")
    >>> inputs.shape, labels
    ((3, 3), array([0, 1, 2]))
    """
    if isinstance(data, DataLoader):
        data = _dataset_of(data, name)
    if isinstance(data, TensorDataset):
        return tuple(to_numpy(tensor) for tensor in data.tensors)
    if not isinstance(data, Dataset) and not hasattr(data, "column_names"):
        return data
    if isinstance(data, IterableDataset) or not (
        hasattr(data, "__len__") and hasattr(data, "__getitem__")
    ):
        raise TypeError(
            f"`{name}` must be a dataset that can be indexed, since every run trains "
            f"on its own choice of points; got {type(data).__name__}: collect its "
            "examples in arrays"
        )
    if isinstance(data, Mapping):
        raise TypeError(f"`{name}` must be one split; got {', '.join(map(str, data))}")
    if len(data) == 0:
        raise ValueError(f"`{name}` must hold at least one point; got an empty dataset")
    examples = [data[point] for point in range(len(data))]
    return _stacked(examples, data[0], name)


def _dataset_of(loader: DataLoader[Any], name: str) -> Any:
    sampler: Any = loader.sampler
    everything = isinstance(sampler, SequentialSampler) or (
        isinstance(sampler, RandomSampler) and not sampler.replacement
    )
    iterable = isinstance(loader.dataset, IterableDataset)  # which has no sampler
    if not iterable and not (everything and len(sampler) == len(sampler.data_source)):
        raise TypeError(
            f"`{name}` must not be a loader with a sampler of its own, "
            f"{type(sampler).__name__}: pass its dataset, or a Subset of it"
        )
    if loader.collate_fn is not default_collate:
        raise TypeError(
            f"`{name}` must not be a loader with a `collate_fn` of its own: apply it "
            "to all examples, and pass the arrays"
        )
    return loader.dataset


def _stacked(examples: Sequence[Any], first_again: Any, name: str) -> Any:
    first = examples[0]
    keys = _keys(first)
    for point, example in enumerate(examples):
        if type(example) is not type(first) or set(_keys(example)) != set(keys):
            raise ValueError(
                f"examples of `{name}` must have the same parts; the first has "
                f"{_described(first)}, example {point} {_described(example)}"
            )
    arrays = []
    for key in keys:
        label = name if key is None else f"{name}[...][{key!r}]"
        arrays.append(_column([_part(example, key) for example in examples], label))
        again = np.asarray(to_numpy(_part(first_again, key)))
        if not np.array_equal(again, arrays[-1][0], equal_nan=again.dtype.kind == "f"):
            raise ValueError(
                f"`{label}` must give the same for an index each time; the first "
                "example differs between two times (a random transform?)"
            )
    return arrays[0] if keys == [None] else tuple(arrays)


def _keys(example: Any) -> list[Any]:
    """Return what an example's parts are called; None alone if it has no parts."""
    if isinstance(example, Mapping):
        return sorted(example, key=lambda key: key in _TARGETS)
    if isinstance(example, tuple):
        return list(range(len(example)))
    return [None]


def _part(example: Any, key: Any) -> Any:
    return example if key is None else example[key]


def _described(example: Any) -> str:
    keys = _keys(example)
    return type(example).__name__ if keys == [None] else ", ".join(map(str, keys))


def _column(parts: Sequence[Any], label: str) -> npt.NDArray[Any]:
    try:
        arrays = [np.asarray(to_numpy(part)) for part in parts]
        shapes = {array.shape for array in arrays}
    except ValueError as error:  # a list of lists of different lengths
        raise ValueError(f"`{label}` must be an array in every example") from error
    if any(array.dtype.kind not in "biuf" for array in arrays):
        kinds = sorted({type(part).__name__ for part in parts})
        raise TypeError(
            f"`{label}` must hold numbers; got {', '.join(kinds)}: take that part out, "
            "or turn it into numbers (for a trainer that holds the data itself, "
            "numpy.arange(points) will do)"
        )
    if len(shapes) > 1:
        raise ValueError(
            f"`{label}` must have one shape in all examples; got "
            f"{' and '.join(map(str, sorted(shapes)[:2]))}: pad them"
        )
    return np.stack(arrays)
