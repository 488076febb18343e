"""What can go wrong once the input has been found good."""

from __future__ import annotations


class RetrainingError(RuntimeError):
    """Some runs could not be trained; everything that finished is in the store."""


class StoreError(RuntimeError):
    """The store cannot be read or written."""


class StoreMismatchError(StoreError, ValueError):
    """The store holds runs of another configuration, or of other data."""
