"""What can go wrong once the input has been found good."""

from __future__ import annotations

import warnings
from typing import Any

import numpy.typing as npt

__all__ = [
    "RetrainingError",
    "StoreError",
    "StoreMismatchError",
    "UnidentifiedError",
    "warn_of",
]


class RetrainingError(RuntimeError):
    """Some runs could not be trained; everything that finished is in the store."""


class StoreError(RuntimeError):
    """The store cannot be read or written."""


class StoreMismatchError(StoreError, ValueError):
    """The store holds runs of another configuration, or of other data."""


class UnidentifiedError(TypeError):
    """Something in a recipe cannot be known by its content, so a store cannot be used.

    Parameters
    ----------
    where : str
        What it is in the recipe.
    why : str
        What it is instead of plain values, functions and objects.
    """

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"`store` cannot tell this recipe from others: {where} cannot be "
            f"identified, {why}; give the trainer a method `configuration()`, or give "
            "`identity=`, a value that changes whenever the numbers do"
        )


def warn_of(which: npt.NDArray[Any], words: str, *, stacklevel: int = 3) -> None:
    """Warn of those that a mask marks, if any: "2 of 7 points have no run"."""
    if which.any():
        message = f"{which.sum()} of {which.size} {words}"
        warnings.warn(message, RuntimeWarning, stacklevel=stacklevel)
