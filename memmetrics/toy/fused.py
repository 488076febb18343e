"""Train with the fused numba kernel: on the CPU, one run at a time in each thread."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import numpy.typing as npt
import torch

from memmetrics.toy._kernel_source import STRIDE, TILE
from memmetrics.toy._kernels import padded_hidden, training_kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse

    from memmetrics.toy.problem import Problem

__all__ = ["train"]

# Compiled code cannot be interrupted, so it is left and entered again this often.
_SECONDS_PER_CALL = 0.2
# Number of parts into which a step's work is divided at most; a constant, so that
# the order of summation does not depend on the number of threads.
_MOST_PARTS = 8
# Numba's thread pool must not be entered by two threads at once.
_pool_lock = threading.Lock()
_numba: Any = numba  # its configuration is set at run time, unknown to its types

Floats = npt.NDArray[Any]


def train(problem: Problem) -> tuple[torch.Tensor, torch.Tensor]:
    """Return trained (weights, bias) of every run."""
    runs, features, hidden = problem.weights.shape
    weights = np.empty((runs, features, hidden), problem.weights.numpy().dtype)
    bias = np.empty((runs, features), weights.dtype)
    parallel = problem.threads > runs
    kernel = training_kernel(padded_hidden(hidden), parallel=parallel)
    schedule = problem.recipe.adamw_schedule().astype(weights.dtype)
    stop = threading.Event()

    def one(run: int) -> None:
        state = _State.start(problem, run, schedule)
        _train_run(state, kernel, problem.recipe.steps, stop)
        weights[run], bias[run] = state.unpack(features, hidden)

    if parallel:
        with _pool_lock:
            _numba.set_num_threads(
                min(problem.threads, _numba.config.NUMBA_NUM_THREADS)
            )
            for run in range(runs):
                one(run)
    else:
        _in_threads(one, runs, problem.threads, stop)
    return torch.from_numpy(weights), torch.from_numpy(bias)


def _in_threads(
    work: Callable[[int], None], runs: int, threads: int, stop: threading.Event
) -> None:
    """Work on every run, `threads` at a time; an interrupt stops them all soon."""
    if threads == 1:
        for run in range(runs):
            work(run)
        return
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        pending = [pool.submit(work, run) for run in range(runs)]
        try:
            # Wait a little at a time: a signal may be handed to another thread, and
            # this one sees to it only when it wakes.
            while any(not future.done() for future in pending):
                concurrent.futures.wait(pending, timeout=_SECONDS_PER_CALL)
            for future in pending:
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _train_run(
    state: _State, kernel: Callable[..., None], steps: int, stop: threading.Event
) -> None:
    done, together = 0, 1
    while done < steps and not stop.is_set():
        upto = min(done + together, steps)
        began = time.perf_counter()
        kernel(*state.arrays, done, upto, *state.settings)
        seconds = max(time.perf_counter() - began, 1e-5)
        together = max(1, int((upto - done) * min(_SECONDS_PER_CALL / seconds, 16)))
        done = upto


@dataclasses.dataclass(frozen=True)
class _State:
    """One run in the layout of the kernel, see `_kernel_source`."""

    arrays: tuple[Floats, ...]
    settings: tuple[Any, ...]

    @classmethod
    def start(cls, problem: Problem, run: int, schedule: Floats) -> _State:
        weights = problem.weights[run].numpy()
        bias = problem.bias[run].numpy()
        recipe, dtype = problem.recipe, weights.dtype.type
        parameters = _pack(weights, bias)
        own = problem.own_points(run)
        return cls(
            arrays=(
                parameters,
                np.zeros_like(parameters),
                np.zeros_like(parameters),
                *_non_zeros(own, parameters.shape[1], dtype),
                schedule,
            ),
            settings=(
                own.shape[1],
                dtype(recipe.gradient_scale(*own.shape)),
                # 1 − β as well: taken from a rounded β it would lose its digits.
                np.array([x for b in recipe.betas for x in (b, 1 - b)], dtype),
                dtype(recipe.adam_epsilon),
                min(len(parameters), _MOST_PARTS),
            ),
        )

    def unpack(self, features: int, hidden: int) -> tuple[Floats, Floats]:
        """Return weights (features, hidden) and bias (features,)."""
        parameters = self.arrays[0]
        tiles = parameters.reshape(len(parameters), -1, STRIDE)[:, :, :TILE]
        rows = tiles.transpose(1, 0, 2).reshape(tiles.shape[1], -1)[:, :features]
        return rows[:hidden].T, rows[-1]


def _pack(weights: Floats, bias: Floats) -> Floats:
    """Tiles of (hidden + 1) rows: one for each hidden unit, then the biases."""
    features, hidden = weights.shape
    rows = padded_hidden(hidden) + 1
    tiles = -(-features // TILE)
    flat = np.zeros((rows, tiles * TILE), weights.dtype)
    flat[:hidden, :features] = weights.T
    flat[-1, :features] = bias
    packed = np.zeros((tiles, rows, STRIDE), weights.dtype)
    packed[:, :, :TILE] = flat.reshape(rows, tiles, TILE).transpose(1, 0, 2)
    return packed.reshape(tiles, rows * STRIDE)


def _non_zeros(
    own: scipy.sparse.csr_array, tile_size: int, dtype: Any
) -> tuple[npt.NDArray[Any], ...]:
    """Return the non-zeros by row and by column, with the way between the two."""
    tile, place = np.divmod(own.indices.astype(np.int64), TILE)
    by_column = np.argsort(own.indices, kind="stable")
    places = np.empty(by_column.size, np.uint32)
    places[by_column] = np.arange(by_column.size, dtype=np.uint32)
    rows = np.repeat(np.arange(own.shape[0], dtype=np.uint32), np.diff(own.indptr))
    column_starts = np.zeros(own.shape[1] + 1, np.int64)
    np.cumsum(np.bincount(own.indices, minlength=own.shape[1]), out=column_starts[1:])
    values = own.data.astype(dtype)
    return (
        own.indptr.astype(np.int64),
        (tile * tile_size + place).astype(np.uint32),
        places,
        values,
        column_starts,
        rows[by_column],
        values[by_column],
    )
