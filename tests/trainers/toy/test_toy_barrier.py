"""Threads that meet inside compiled code."""

from __future__ import annotations

import concurrent.futures
import time

import numba
import numpy as np

from memmetrics.trainers.toy.kernel.barrier import abandon, new_barrier, pass_barrier


@numba.njit(nogil=True)
def meet(barrier, seen, thread, threads, times):
    """Write one's own place, meet, and read everybody's."""
    wrong = 0
    for time_ in range(times):
        seen[thread] = time_
        if not pass_barrier(barrier, threads):
            return -1
        for other in range(threads):
            wrong += seen[other] != time_
        if not pass_barrier(barrier, threads):
            return -1
    return wrong


def together(threads, times):
    barrier, seen = new_barrier(), np.full(threads, -1)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        pending = [
            pool.submit(meet, barrier, seen, thread, threads, times)
            for thread in range(threads)
        ]
        return [future.result() for future in pending]


def test_nobody_leaves_before_all_have_come():
    assert together(2, 20_000) == [0, 0]


def test_more_threads_than_cores():
    assert together(16, 50) == [0] * 16


def test_who_waits_in_vain_is_let_go():
    barrier = new_barrier()
    meet(new_barrier(), np.zeros(1, int), 0, 1, 1)  # compiled
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(meet, barrier, np.zeros(2, int), 0, 2, 10)
        time.sleep(0.1)
        assert not waiting.done()
        abandon(barrier)
        assert waiting.result(timeout=5) == -1
