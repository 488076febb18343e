"""What one retraining costs, when many are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.clock import Race
from benchmarks.peers import Peer
from benchmarks.tasks import Task

__all__ = ["ModelRace"]

ONE_AT_A_TIME = frozenset({"torch loop", "dattri", "pyDVL"})


class ModelRace:
    """Time several implementations in turn, set-up included; seconds per model.

    Parameters
    ----------
    task : Task
        All models that are wanted.
    peers : sequence of Peer
    few : int
        Models to time of an implementation that trains one after the other: each
        takes as long as the next.
    """

    def __init__(self, task: Task, peers: Sequence[Peer], *, few: int = 2) -> None:
        self.tasks = {
            peer.name: task.first(few) if peer.name in ONE_AT_A_TIME else task
            for peer in peers
        }
        self.race = Race(
            {peer.name: partial(peer.train, self.tasks[peer.name]) for peer in peers}
        )

    def run(self, rounds: int) -> ModelRace:
        """Time every implementation `rounds` times more."""
        self.race.run(rounds)
        return self

    def run_until(self, settled: Callable[[ModelRace], bool]) -> ModelRace:
        """Run until `settled`, see `Race.run_until`."""
        self.race.run_until(lambda _: settled(self))
        return self

    def model(self, name: str) -> float:
        """Seconds of one model."""
        return self.race.best(name) / self.tasks[name].runs

    def ratio(self, slower: str, faster: str) -> float:
        """How many models of `faster` one model of `slower` takes."""
        return self.model(slower) / self.model(faster)
