"""Times against sizes, one curve for each implementation; plain enough for JSON."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Curves", "by_size", "collect"]

# By implementation: [size, seconds] pairs.
Curves = dict[str, list[list[float]]]


def by_size(curves: Curves) -> dict[str, dict[int, float]]:
    """Return seconds by implementation and size."""
    return {
        name: {int(size): seconds for size, seconds in curve}
        for name, curve in curves.items()
    }


def collect(measured: Iterable[tuple[int, dict[str, float]]]) -> Curves:
    """Turn (size, seconds by implementation) into curves."""
    curves: Curves = {}
    for size, seconds in measured:
        for name, value in seconds.items():
            curves.setdefault(name, []).append([size, value])
    return curves
