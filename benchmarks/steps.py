"""What one training step costs, by the difference between a long and a short run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.clock import Race, seconds
from benchmarks.peers import Peer
from benchmarks.tasks import Task

__all__ = ["StepRace"]

_SECONDS = 0.4  # what the additional steps of the long run should take
_FEWEST_STEPS, _MOST_STEPS = 5, 1000


class StepRace:
    """Time one step of several implementations in turn.

    Set-up (converting data, starting threads, compiling) is in both the short and the
    long run, so it cancels in the difference.

    Parameters
    ----------
    task : Task
        What to train; its number of steps does not matter.
    peers : sequence of Peer
    """

    def __init__(self, task: Task, peers: Sequence[Peer]) -> None:
        self.steps = {peer.name: _steps_in_time(task, peer) for peer in peers}
        runs = {}
        for peer in peers:
            long = task.with_steps(1 + self.steps[peer.name])
            runs[f"{peer.name}, short"] = partial(peer.train, task.with_steps(1))
            runs[f"{peer.name}, long"] = partial(peer.train, long)
        self.race = Race(runs)

    def run(self, rounds: int) -> StepRace:
        """Time every implementation `rounds` times more."""
        self.race.run(rounds)
        return self

    def run_until(self, settled: Callable[[StepRace], bool]) -> StepRace:
        """Run until `settled`, see `Race.run_until`."""
        self.race.run_until(lambda _: settled(self))
        return self

    def step(self, name: str) -> float:
        """Seconds of one step; counted with set-up where noise hides the difference."""
        long, short = (self.race.best(f"{name}, {kind}") for kind in ("long", "short"))
        return ((long - short) if long > short else long) / self.steps[name]

    def ratio(self, slower: str, faster: str) -> float:
        """How many steps of `faster` one step of `slower` takes."""
        return self.step(slower) / self.step(faster)


def _steps_in_time(task: Task, peer: Peer) -> int:
    """How many steps take long enough to be timed well."""
    few, some = task.with_steps(1), task.with_steps(4)
    peer.train(few)
    peer.train(some)
    short = seconds(partial(peer.train, few))
    estimate = max((seconds(partial(peer.train, some)) - short) / 3, 1e-5)
    return max(_FEWEST_STEPS, min(_MOST_STEPS, int(_SECONDS / estimate)))
