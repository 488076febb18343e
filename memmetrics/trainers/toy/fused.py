"""Train with the fused numba kernel, on the CPU.

Each run is trained by a team of threads: of one as long as there are runs for all
threads, of more where there are fewer. Compiled code runs without the interpreter's
lock, so ordinary threads do.
"""

from __future__ import annotations

import concurrent.futures
import functools
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from memmetrics.trainers.toy.kernel.barrier import abandon, new_barrier
from memmetrics.trainers.toy.kernel.compiling import padded_hidden, training_kernel
from memmetrics.trainers.toy.layout import State, division, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from memmetrics.trainers.toy.problem import Problem

__all__ = ["train"]

# Compiled code is left and entered again this often.
_SECONDS_PER_CALL = 0.2


def train(problem: Problem) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (weights, bias) of every run after each of the steps that are kept."""
    runs, features, hidden = problem.weights.shape
    kept = len(problem.kept)
    weights = np.empty((kept, runs, features, hidden), problem.weights.numpy().dtype)
    bias = np.empty((kept, runs, features), weights.dtype)
    kernel = training_kernel(padded_hidden(hidden), kind_of(problem))
    schedule = problem.recipe.adamw_schedule().astype(weights.dtype)
    parts, chunks = division(problem.data.shape[0], features, hidden)
    # A step on fresh points is over before a team has come together.
    most = 1 if problem.fresh else parts * chunks
    team = max(1, min(problem.threads // runs, most))
    stop = threading.Event()

    def one(run: int) -> None:
        state, done = State.start(problem, run, schedule), 0
        for place, upto in enumerate(problem.kept):
            for first, last in _calls(range(done, upto), 1 if problem.fresh else upto):
                if stop.is_set():
                    return
                if problem.fresh:
                    state = state.on_points_of(problem, run, first)
                barrier = new_barrier()
                steps = functools.partial(kernel, *state, barrier, first, last)
                if team == 1:
                    steps(0, 1)
                else:
                    threads = [functools.partial(steps, k, team) for k in range(team)]
                    _in_threads(threads, team, functools.partial(abandon, barrier))
            weights[place, run], bias[place, run] = state.unpack(features, hidden)
            done = upto

    if (side_by_side := problem.threads // team) == 1:
        for run in range(runs):
            one(run)
    else:
        trainings = [functools.partial(one, run) for run in range(runs)]
        _in_threads(trainings, side_by_side, stop.set)
    return torch.from_numpy(weights), torch.from_numpy(bias)


def _calls(steps: range, most: int) -> Iterator[tuple[int, int]]:
    """Yield first and last step of each call, by how long the one before took.

    Compiled code cannot be interrupted, so it is left and entered again now and then.
    """
    first, together = steps.start, 1
    while first < steps.stop:
        last = min(first + min(together, most), steps.stop)
        began = time.perf_counter()
        yield first, last
        seconds = max(time.perf_counter() - began, 1e-5)
        together = max(1, int((last - first) * min(_SECONDS_PER_CALL / seconds, 16)))
        first = last


def _in_threads(
    tasks: Iterable[Callable[[], None]], threads: int, give_up: Callable[[], object]
) -> None:
    """Do all tasks, `threads` at a time; an interrupt stops them all soon."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        try:
            waiting = {pool.submit(task) for task in tasks}
            while waiting:
                # A little at a time: a signal may be handed to another thread, and
                # this one sees to it only when it wakes.
                done, waiting = concurrent.futures.wait(
                    waiting, _SECONDS_PER_CALL, concurrent.futures.FIRST_EXCEPTION
                )
                for future in done:
                    future.result()
        except BaseException:
            give_up()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
