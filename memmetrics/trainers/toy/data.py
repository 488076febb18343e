"""The paper's data: a finite set of sparse, unit-norm points."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch

__all__ = ["as_points", "check_sizes", "sparse_features"]


def sparse_features(
    points: int,
    features: int,
    sparsity: float,
    *,
    rng: int | np.random.Generator | np.random.SeedSequence | None,
) -> scipy.sparse.csr_array:
    r"""Draw points whose features are mostly zero, each scaled to length one.

    Independently for every point and feature, :math:`x_{pf} = 0` with probability
    `sparsity` and otherwise uniform on (0, 1]; then every point is divided by its
    Euclidean norm. A point in which no feature is active stays zero.

    Parameters
    ----------
    points, features : int
        Size of the data set, both at least 1.
    sparsity : float
        Probability that a feature is zero, in [0, 1).
    rng : int, Generator, SeedSequence or None
        Source of randomness, as for :func:`numpy.random.default_rng`.

    Returns
    -------
    csr_array of float32, (points, features)
        Sorted indices. Time and memory grow with the non-zeros only.

    Raises
    ------
    TypeError, ValueError
        If a size is below 1, `sparsity` is outside [0, 1), or `rng` is no seed.

    References
    ----------
    Henighan et al., *Superposition, Memorization, and Double Descent* (2023),
    section "Experiment setup".

    Examples
    --------
    >>> import memmetrics as mm
    >>> data = mm.sparse_features(5, 1000, 0.99, rng=0)
    >>> data.shape
    (5, 1000)
    >>> data.multiply(data).sum(axis=1).round(5)
    array([1., 1., 1., 1., 1.], dtype=float32)
    """
    check_sizes(sparsity, points=points, features=features)
    try:
        generator = np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"`rng` must be a seed of at least 0, a Generator, a SeedSequence or None; "
            f"got {rng!r}"
        ) from error
    places = _bernoulli_places(points * features, 1 - sparsity, generator)
    rows, columns = np.divmod(places, features)
    values = 1 - generator.random(places.size)
    norms = np.sqrt(np.bincount(rows, weights=values**2, minlength=points))
    starts = np.zeros(points + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=points), out=starts[1:])
    unit = (values / norms[rows]).astype(np.float32)
    return scipy.sparse.csr_array((unit, columns, starts), shape=(points, features))


def check_sizes(sparsity: float = 0.0, **sizes: int) -> None:
    """Raise ValueError unless sizes are integers above 0, and a sparsity in [0, 1)."""
    for name, value in sizes.items():
        if not isinstance(value, numbers.Integral) or value < 1:
            raise ValueError(
                f"`{name}` must be an integer of at least 1; got {value!r}"
            )
    if not 0 <= sparsity < 1:
        raise ValueError(f"`sparsity` must lie in [0, 1); got {sparsity!r}")


def _bernoulli_places(
    size: int, probability: float, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Which of `size` independent trials succeed, by the gaps between successes."""
    blocks, last = [], -1
    while last < size - 1:
        expected = (size - 1 - last) * probability
        gaps = rng.geometric(probability, int(expected + 4 * expected**0.5) + 8)
        block = last + np.cumsum(gaps)
        blocks.append(block)
        last = int(block[-1])
    places = np.concatenate(blocks) if blocks else np.empty(0, np.int64)
    return places[places < size]


def as_points(data: object, *, features: int | None = None) -> scipy.sparse.csr_array:
    """Check `data` and return it as a csr_array (points, features), indices sorted.

    Parameters
    ----------
    data : csr_array, dense array or tensor, (points, features)
        Any real dtype.
    features : int, optional
        The number of features that a trained model expects.

    Raises
    ------
    TypeError
        If the elements are not real numbers.
    ValueError
        If the number of axes or features is wrong, `data` is empty, or a value is
        NaN or infinite.
    """
    array = _as_array(data)
    if array.ndim != 2:
        raise ValueError(
            f"`data` must have axes (points, features); got shape {array.shape}"
        )
    if 0 in array.shape:
        raise ValueError(f"`data` must not be empty; got shape {array.shape}")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"`data` must hold real numbers; got dtype {array.dtype}")
    if features is not None and array.shape[1] != features:
        raise ValueError(
            f"`data` must have the {features} features that the model was trained on; "
            f"got shape {array.shape}"
        )
    points = scipy.sparse.csr_array(array)
    if array.dtype.kind != "f":
        points = points.astype(np.float64)
    if not np.isfinite(points.data).all():
        bad = int((~np.isfinite(points.data)).sum())
        raise ValueError(f"`data` must be finite; got {bad} NaN or infinite values")
    if not points.has_canonical_format:
        points = points.copy()
        points.sum_duplicates()
    return points


def _as_array(data: object) -> Any:
    if isinstance(data, torch.Tensor):
        if data.layout != torch.strided:
            data = data.to_dense()
        return data.detach().cpu().numpy()
    return data if scipy.sparse.issparse(data) else np.asarray(data)
