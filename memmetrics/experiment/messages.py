"""Run numbers in words."""

from __future__ import annotations

import itertools
from collections.abc import Iterable


def describe_runs(runs: Iterable[int]) -> str:
    """Return run numbers as words, consecutive ones as a range.

    Examples
    --------
    >>> describe_runs([0, 1, 2, 7])
    'runs 0-2, 7'
    """
    ordered = sorted(runs)
    parts = []
    for _, group in itertools.groupby(
        enumerate(ordered), lambda pair: pair[1] - pair[0]
    ):
        members = [run for _, run in group]
        first, last = members[0], members[-1]
        parts.append(f"{first}" if first == last else f"{first}-{last}")
    return ("run " if len(ordered) == 1 else "runs ") + ", ".join(parts)
