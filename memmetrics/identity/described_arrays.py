"""Arrays, tensors and tables by their content, for the manifest of a store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse
import torch

ARRAYS = (
    np.ndarray,
    np.generic,
    np.dtype,
    torch.Tensor,
    scipy.sparse.sparray,
    scipy.sparse.spmatrix,
    pd.DataFrame,
    pd.Series,
    pd.Index,
    pd.api.extensions.ExtensionArray,
)
Describe = Callable[[Any], Any]


def describe_array(value: Any, describe: Describe) -> dict[str, Any]:
    """Return kind, dtype, shape and a digest of the content, whatever its layout.

    Raises
    ------
    TypeError
        For a kind of array that is not known, such as a quantized tensor.

    Examples
    --------
    >>> describe_array(np.float32(1), describe=repr)
    {'<float32>': '<f4', 'shape': [], 'digest': 'e00e5eb9444182f3'}
    """
    if isinstance(value, np.dtype):
        return {"<dtype>": describe(np.lib.format.dtype_to_descr(value))}
    if isinstance(value, torch.Tensor):
        return _tensor(value, describe)
    if isinstance(value, (scipy.sparse.sparray, scipy.sparse.spmatrix)):
        ordered = value.tocoo(copy=True)
        ordered.sum_duplicates()
        places = [np.asarray(axis, np.int64) for axis in ordered.coords]
        parts = [value.shape, ordered.data, places]
        return {f"<{type(value).__name__}>": describe(parts)}
    if isinstance(value, ARRAYS[6:]):
        return _table(value, describe)
    if type(value) not in (np.ndarray, np.memmap) and not isinstance(value, np.generic):
        return _subclass(value, describe)
    return _array(value, describe)


def _array(value: Any, describe: Describe) -> dict[str, Any]:
    array = np.asarray(value)
    kind = "array" if isinstance(value, np.ndarray) else type(value).__name__
    dtype = array.dtype.newbyteorder("<").str
    described: dict[str, Any] = {f"<{kind}>": dtype, "shape": list(array.shape)}
    if array.dtype.names:  # there may be anything between the fields
        names = array.dtype.names
        return described | {"fields": [[n, describe(array[n])] for n in names]}
    if array.dtype.char in "gG":  # only some of their bytes mean something
        array = array.astype(str)
    if array.dtype.kind in "OT":
        return described | {"items": describe(array.ravel().tolist())}
    return described | {"digest": _digest(array)}


def _subclass(value: Any, describe: Describe) -> dict[str, Any]:
    if isinstance(value, np.ma.MaskedArray):
        parts = [np.asarray(value.data), np.ma.getmaskarray(value), value.fill_value]
        return {"<masked>": describe(parts)}
    if type(value) in (np.matrix, np.recarray):
        return {f"<{type(value).__name__}>": describe(np.asarray(value))}
    raise TypeError(type(value).__name__)


def _tensor(value: torch.Tensor, describe: Describe) -> dict[str, Any]:
    if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.is_quantized:
        raise TypeError(type(value).__name__)
    plain = value.detach().cpu()
    described = {
        f"<{type(value).__name__}>": str(value.dtype),
        "shape": list(value.shape),
        "device": value.device.type,
        "requires_grad": value.requires_grad,
    }
    if value.is_leaf and value.grad is not None:
        described["grad"] = describe(value.grad)
    if plain.layout is torch.sparse_coo:
        plain = plain.coalesce()
        return described | {"sparse": describe([plain.indices(), plain.values()])}
    if plain.layout is not torch.strided:
        raise TypeError(str(plain.layout))
    plain = plain.resolve_conj().resolve_neg().contiguous().reshape(-1)
    content = plain.view(torch.uint8).numpy() if plain.numel() else np.empty(0, "u1")
    return described | {"digest": _digest(content)}


def _table(value: Any, describe: Describe) -> dict[str, Any]:  # noqa: PLR0911
    kind = f"<{type(value).__name__}>"
    if isinstance(value, pd.DataFrame):
        columns = [value.iloc[:, place].array for place in range(value.shape[1])]
        return {kind: describe([value.columns, value.index, columns])}
    if isinstance(value, pd.Series):
        return {kind: describe([value.name, value.index, value.array])}
    if isinstance(value, pd.MultiIndex):
        return {kind: describe([list(value.names), value.tolist()])}
    if isinstance(value, pd.Index):
        return {kind: describe([value.name, value.array])}
    if isinstance(value, pd.Categorical):
        parts = [value.codes, value.categories, value.ordered]
        return {kind: describe(parts)}
    if isinstance(value.dtype, np.dtype):
        return {kind: describe(np.asarray(value))}
    return {kind: describe([str(value.dtype), value.astype(object).tolist()])}


def _digest(array: npt.NDArray[Any]) -> str:
    """Return a digest of the content in C order, the same on any machine."""
    little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    if little.nbytes == 0:
        return hashlib.sha256().hexdigest()[:16]
    content = np.ascontiguousarray(little).reshape(-1).view(np.uint8)
    return hashlib.sha256(content.data).hexdigest()[:16]
