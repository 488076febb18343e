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
    from collections.abc import Callable, Iterable

    from memmetrics.trainers.toy.problem import Problem

__all__ = ["train"]

# Compiled code cannot be interrupted, so it is left and entered again this often.
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
        state = State.start(problem, run, schedule)
        done = 0
        for place, upto in enumerate(problem.kept):
            steps = range(done, upto)
            if problem.fresh:
                _train_fresh(state.on_fresh(problem, run, steps), kernel, stop)
            else:
                _train_run(state, kernel, steps, team, stop)
            weights[place, run], bias[place, run] = state.unpack(features, hidden)
            done = upto

    _in_threads(one, range(runs), problem.threads // team, stop.set)
    return torch.from_numpy(weights), torch.from_numpy(bias)


def _train_run(
    state: State,
    kernel: Callable[..., None],
    steps: range,
    team: int,
    stop: threading.Event,
) -> None:
    """Take these steps, some at a time, with a team of threads."""
    done, together = steps.start, 1
    while done < steps.stop and not stop.is_set():
        upto = min(done + together, steps.stop)
        began = time.perf_counter()
        _steps_together(state, kernel, done, upto, team)
        seconds = max(time.perf_counter() - began, 1e-5)
        together = max(1, int((upto - done) * min(_SECONDS_PER_CALL / seconds, 16)))
        done = upto


def _train_fresh(
    states: Iterable[tuple[int, State]],
    kernel: Callable[..., None],
    stop: threading.Event,
) -> None:
    """Take one step on the points of each state, all of one run."""
    for step, state in states:
        if stop.is_set():
            return
        _steps_together(state, kernel, step, step + 1, team=1)


def _steps_together(
    state: State, kernel: Callable[..., None], first: int, last: int, team: int
) -> None:
    barrier = new_barrier()

    def member(thread: int) -> None:
        kernel(*state.arrays, barrier, *state.settings, first, last, thread, team)

    _in_threads(member, range(team), team, functools.partial(abandon, barrier))


def _in_threads(
    work: Callable[[int], None],
    items: Iterable[int],
    threads: int,
    give_up: Callable[[], object],
) -> None:
    """Work on every item, `threads` at a time; an interrupt stops them all soon."""
    if threads == 1:
        for item in items:
            work(item)
        return
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        try:
            waiting = {pool.submit(work, item) for item in items}
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
