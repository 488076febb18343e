"""Timing by the minimum of interleaved repeats: what noise cannot make smaller."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

__all__ = ["Race", "seconds"]


def seconds(work: Callable[[], object]) -> float:
    """Time one call, with the garbage collector held back."""
    gc.collect()
    gc.disable()
    try:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began
    finally:
        gc.enable()


class Race:
    """Time several callables in turn, so that all see the same weather.

    Each is called once beforehand, untimed: compilers and caches warm up. The minimum
    over rounds counts, because whatever else the machine does only adds time.

    Parameters
    ----------
    entrants : mapping of str to callable
        What to time, by name.
    """

    def __init__(self, entrants: Mapping[str, Callable[[], object]]) -> None:
        self.entrants = dict(entrants)
        self.times: dict[str, list[float]] = {name: [] for name in entrants}
        for work in self.entrants.values():
            work()

    def run(self, rounds: int) -> Race:
        """Time every entrant `rounds` times more."""
        for _ in range(rounds):
            for name, work in self.entrants.items():
                self.times[name].append(seconds(work))
        return self

    def run_until(self, settled: Callable[[Race], bool], *, most: int = 12) -> Race:
        """Run three rounds, then one at a time until `settled` or `most` rounds.

        A disturbed machine costs more rounds instead of a false alarm; what is truly
        slow stays slow however often it is timed.
        """
        self.run(3)
        for _ in range(3, most):
            if settled(self):
                break
            self.run(1)
        return self

    def best(self, name: str) -> float:
        """Shortest time of one entrant in seconds."""
        return min(self.times[name])
