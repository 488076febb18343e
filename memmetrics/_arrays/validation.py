"""Input checks shared by the public functions: one clear error, before any work."""

from __future__ import annotations

import operator
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.mapped import release

Array: TypeAlias = npt.NDArray[Any] | torch.Tensor
ArrayT = TypeVar(
    "ArrayT", npt.NDArray[Any], torch.Tensor, npt.NDArray[Any] | torch.Tensor
)

__all__ = [
    "Array",
    "ArrayT",
    "as_boolean",
    "as_confidence",
    "as_float",
    "as_labels",
    "check_same_kind",
    "count_iv",
    "is_finite",
    "like_original",
    "numbers_iv",
    "refuse_masked",
    "require_finite",
    "safe_exponent",
    "to_numpy",
]

# Bytes that are looked at together: an array may be mapped from a file.
_BLOCK_BYTES = 2**26

# Squares of magnitudes between these neither overflow nor vanish.
_SAFE = (1e-100, 1e100)


def as_float(array: object, name: str, *, axes: str, min_ndim: int) -> Array:
    """Return `array` as a floating-point array or tensor of at least one element.

    Floating-point input is returned as it is, not copied unless torch has no such type;
    integers and booleans become float64 (float32 on devices that have no float64).

    Parameters
    ----------
    array : array-like or tensor
        What the caller received.
    name : str
        Parameter name, for the message.
    axes : str
        The expected axes, for the message, e.g. ``"(..., points, hidden)"``.
    min_ndim : int
        Smallest number of axes allowed.

    Raises
    ------
    TypeError
        If the elements are not real numbers.
    ValueError
        If there are too few axes, or no elements.
    """
    result = _as_float_kind(array, name)
    if result.ndim < min_ndim:
        raise ValueError(
            f"`{name}` must have axes {axes}, at least {min_ndim}; "
            f"got shape {tuple(result.shape)}"
        )
    if 0 in result.shape:
        raise ValueError(f"`{name}` must not be empty; got shape {tuple(result.shape)}")
    return result


def _as_float_kind(array: object, name: str) -> Array:
    if isinstance(array, torch.Tensor):
        if array.layout != torch.strided:
            raise TypeError(f"`{name}` must be dense; got a tensor of {array.layout}")
        if array.is_complex():
            raise TypeError(f"`{name}` must hold real numbers; got dtype {array.dtype}")
        if not array.is_floating_point():
            on_mps = array.device.type == "mps"
            return array.to(torch.float32 if on_mps else torch.float64)
        return array
    refuse_masked(array, name)
    result = np.asarray(array)
    if result.dtype.kind in "iub":
        return result.astype(np.float64)
    if result.dtype.kind != "f":
        raise TypeError(f"`{name}` must hold real numbers; got dtype {result.dtype}")
    if result.dtype.itemsize > 8 or not result.dtype.isnative:
        # Types that torch does not have: wider ones, and the other byte order.
        return result.astype(f"f{min(result.dtype.itemsize, 8)}")
    return result


def refuse_masked(array: object, name: str) -> None:
    """Raise TypeError for a masked array: NumPy would drop the mask without a word."""
    if np.ma.is_masked(array):
        raise TypeError(f"`{name}` must not be masked; got masked values")


def as_boolean(array: object, name: str, *, axes: str, ndim: int) -> Array:
    """Return `array` as a boolean array or tensor with exactly `ndim` axes.

    Raises
    ------
    TypeError
        If the elements are not booleans: a mask of 0 and 1 could as well be a list
        of indices, so it is not guessed at.
    ValueError
        If the number of axes is another, or there are no elements.
    """
    refuse_masked(array, name)
    result = array if isinstance(array, torch.Tensor) else np.asarray(array)
    if result.dtype not in (torch.bool, np.dtype(bool)):
        raise TypeError(f"`{name}` must be boolean; got dtype {result.dtype}")
    if result.ndim != ndim or 0 in result.shape:
        raise ValueError(
            f"`{name}` must have axes {axes} and not be empty; "
            f"got shape {tuple(result.shape)}"
        )
    return result


def is_finite(array: Array) -> bool:
    """Whether no element is NaN or infinite, without a temporary copy in memory.

    A sum of finite numbers is finite unless it overflows, and a sum that meets a NaN
    or an infinity never is: one cheap pass settles nearly every case.
    """
    if isinstance(array, torch.Tensor):
        detached = array.detach()
        if bool(torch.isfinite(detached.sum())):
            return True
        return bool(torch.isfinite(detached).all())
    rows = array.reshape(1) if array.ndim == 0 else array
    size = max(1, _BLOCK_BYTES * len(rows) // max(array.nbytes, 1))
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        with np.errstate(over="ignore", invalid="ignore"):
            total = block.sum()
        if not np.isfinite(total) and not np.isfinite(block).all():
            return False
        release(array)
    return True


def require_finite(array: Array, name: str) -> None:
    """Raise ValueError, with the count and the first place, for NaN or infinity."""
    if is_finite(array):
        return
    bad = ~np.isfinite(to_numpy(array))
    first = tuple(int(axis[0]) for axis in np.nonzero(bad))
    raise ValueError(
        f"`{name}` must be finite; got {int(bad.sum())} NaN or infinite values "
        f"in shape {tuple(array.shape)}, the first at index {first}"
    )


def check_same_kind(first: Array, second: Array, names: tuple[str, str]) -> None:
    """Raise unless both are NumPy arrays, or both tensors on one device."""
    if isinstance(first, torch.Tensor) != isinstance(second, torch.Tensor):
        raise TypeError(
            f"`{names[0]}` and `{names[1]}` must be of one kind; "
            f"got {type(first).__name__} and {type(second).__name__}"
        )
    if (
        isinstance(first, torch.Tensor)
        and isinstance(second, torch.Tensor)
        and first.device != second.device
    ):
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must be on one device; "
            f"got {first.device} and {second.device}"
        )


def as_confidence(confidence: float) -> float:
    """Return `confidence` as a float; it must lie strictly between 0 and 1."""
    value = float(confidence)
    if not 0 < value < 1:
        raise ValueError(
            f"`confidence` must lie strictly between 0 and 1; got {confidence!r}"
        )
    return value


def count_iv(value: Any, name: str, *, least: int) -> int:
    """Return a whole number that is not below `least`."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be a whole number; got {value!r}") from None
    if isinstance(value, bool) or count < least:
        raise ValueError(f"`{name}` must be at least {least}; got {value!r}")
    return count


def numbers_iv(values: object, name: str) -> npt.NDArray[np.float64]:
    """Return real numbers of any kind as float64; what is missing is NaN.

    Raises
    ------
    TypeError
        If they are no real numbers, or masked.
    """
    refuse_masked(values, name)
    array = to_numpy(values)
    kept = array if isinstance(values, torch.Tensor) else values
    try:
        if array.dtype.kind in "iubfO":
            return np.asarray(kept, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    raise TypeError(f"`{name}` must hold real numbers; got dtype {array.dtype}")


def safe_exponent(*arrays: npt.NDArray[Any]) -> int:
    """Return a power of two to divide by where squares would overflow or vanish.

    0 for magnitudes that need none. Values that are not finite do not count.
    """
    largest = max(max(-float(array.min()), float(array.max())) for array in arrays)
    if not np.isfinite(largest):
        finite = [array[np.isfinite(array)] for array in arrays]
        largest = max((float(np.abs(f).max()) for f in finite if f.size), default=0.0)
    safe = largest == 0 or _SAFE[0] < largest < _SAFE[1]
    return 0 if safe else int(np.frexp(largest)[1])


def to_numpy(array: object) -> npt.NDArray[Any]:
    """Return `array` as a NumPy array on the CPU, detached, without a copy if it can.

    NumPy has no bfloat16, so such tensors come back as float32.
    """
    if isinstance(array, torch.Tensor):
        detached = array.detach().cpu()
        if detached.dtype == torch.bfloat16:
            detached = detached.float()
        return detached.numpy()
    return np.asarray(array)


def as_labels(labels: object, name: str) -> npt.NDArray[Any]:
    """Return labels, such as those of groups, as an array that keeps each as it is.

    Raises
    ------
    TypeError, ValueError
        If they are not all whole numbers, all strings, all booleans or all real
        numbers, or some are NaN.
    """
    refuse_masked(labels, name)
    array = to_numpy(labels)
    if array.dtype.kind == "f" and not hasattr(labels, "dtype"):
        # A list of whole numbers may need more than 64 bits, or more than a float has.
        array = np.array(labels, dtype=object)
    kinds = {type(item) for item in array.flat} if array.dtype == object else set()
    if kinds and all(issubclass(kind, (float, np.floating)) for kind in kinds):
        array = array.astype(np.float64)
    alike = any(all(issubclass(k, kind) for k in kinds) for kind in (int, str))
    if array.dtype.kind not in "biufUSTO" or (array.dtype == object and not alike):
        raise TypeError(
            f"`{name}` must be integers or strings; got dtype {array.dtype}"
            + "".join(sorted(f", {kind.__name__}" for kind in kinds))
        )
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"`{name}` must not be NaN; some are")
    return array


def like_original(values: npt.NDArray[Any], original: object) -> Array:
    """Return `values` as they are, or as a tensor beside `original` if that is one.

    Statistics stay in float64, whatever the scores are in, where the device has it.
    """
    if not isinstance(original, torch.Tensor):
        return values
    tensor = torch.from_numpy(np.array(values))
    if original.device.type == "mps" and tensor.dtype == torch.float64:
        tensor = tensor.float()
    return tensor.to(original.device)
