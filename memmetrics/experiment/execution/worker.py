"""What happens inside a worker: train one stack, take what is wanted, forget the rest.

A trainer with ``bind`` sees the data once in each process, not once for each stack.
"""

from __future__ import annotations

import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import to_numpy
from memmetrics.designs import Bools
from memmetrics.experiment.execution.gpus import own_gpu
from memmetrics.experiment.execution.stacks import (
    Failed,
    Finished,
    Job,
    MissingOutputError,
    Task,
)
from memmetrics.experiment.execution.threads import single_threaded
from memmetrics.trainers.base import BindingTrainer, Data, Stack, Trainer
from memmetrics.trainers.dataset import Packed
from memmetrics.trainers.exiting import before_exit

__all__ = ["forget", "train_stack"]


@dataclass(frozen=True)
class _Seen:
    """The data as a trainer takes them, and how to train on them."""

    data: Data
    targets: Data
    fit: Callable[..., Stack]


# At most one key, for what this process trains on now: the data on each of its GPUs.
_bound: dict[str, dict[int, _Seen]] = {}
_binding = threading.Lock()


def train_stack(
    job: Job,
    task: Task,
    layouts: tuple[Packed | None, Packed | None],
    one_thread: bool,
    *leaves: npt.NDArray[Any],
) -> Finished | Failed:
    """Train one stack and return its arrays, or the reason why not.

    Parameters
    ----------
    job, task : Job, Task
        How to train, and which runs.
    layouts : pair of Packed or None
        Layout of the data, and of the targets if these are other points.
    one_thread : bool
        Whether to limit the threads: other tasks run beside this one, or the number
        of threads would show in the last bits.
    *leaves : arrays
        All arrays of the two, as arguments of their own: joblib maps or scatters
        large arguments once instead of pickling them with every task.
    """
    # What shares the process may be interrupted with it. The wait is for all that a
    # stack leaves behind too, such as the tensors in the traceback of a failure.
    shares = getattr(job.trainer, "may_share_process", False)
    with before_exit() if shares else nullcontext():
        return _train_stack(job, task, layouts, one_thread, leaves)


def _train_stack(
    job: Job,
    task: Task,
    layouts: tuple[Packed | None, Packed | None],
    one_thread: bool,
    leaves: tuple[npt.NDArray[Any], ...],
) -> Finished | Failed:
    began, busy = time.perf_counter(), time.thread_time()
    with single_threaded() if one_thread else nullcontext(), _quiet(leaves):
        try:
            with own_gpu(job.trainer) as gpu:
                seen = _see(job, layouts, leaves, gpu)
                stack = seen.fit(task.member, seeds=list(task.seeds))
                arrays, diverged = _collect(job, task, stack, seen)
        except Exception as error:  # noqa: BLE001 - whatever a trainer may raise
            return Failed(
                task.runs,
                reason=f"{type(error).__name__}: {error}",
                details=traceback.format_exc(),
                hopeless=isinstance(error, MissingOutputError),
            )
    return Finished(
        task.runs,
        arrays,
        diverged,
        seconds=time.perf_counter() - began,
        busy_seconds=time.thread_time() - busy,
    )


@contextmanager
def _quiet(leaves: tuple[npt.NDArray[Any], ...]) -> Iterator[None]:
    """Silence torch's word on read-only arrays: joblib maps them so on purpose."""
    if all(leaf.flags.writeable for leaf in leaves):
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        yield


def _see(
    job: Job,
    layouts: tuple[Packed | None, ...],
    leaves: tuple[npt.NDArray[Any], ...],
    gpu: int,
) -> _Seen:
    """Return the data, bound to the trainer now or by an earlier stack."""
    if not _binds(job.trainer):
        data, targets = _unpack(layouts, leaves)
        return _Seen(data, targets, partial(job.trainer.fit, data))
    with _binding:
        if job.key not in _bound:
            _bound.clear()
            _bound[job.key] = {}
        bound = _bound[job.key]
        if gpu not in bound:
            data, targets = _unpack(layouts, leaves)
            bound[gpu] = _Seen(data, targets, job.trainer.bind(data).fit)
        return bound[gpu]


def _binds(trainer: Trainer) -> TypeGuard[BindingTrainer]:
    """Whether a trainer has ``bind``, and no ``fit`` that was written over it since."""
    for kind in type(trainer).__mro__:
        if "bind" in vars(kind) or "fit" in vars(kind):
            return "bind" in vars(kind)
    return False


def forget(job: Job) -> None:
    """Let go of the data, if this process has bound them."""
    _bound.pop(job.key, None)


def _unpack(
    layouts: tuple[Packed | None, ...], leaves: tuple[npt.NDArray[Any], ...]
) -> list[Data]:
    found: list[Data] = []
    start = 0
    for layout in layouts:
        if layout is None:
            found.append(None)
            continue
        stop = start + sum(1 if shape is None else 3 for shape in layout.shapes)
        found.append(Packed(leaves[start:stop], layout.shapes, layout.alone).unpack())
        start = stop
    return found


def _collect(
    job: Job, task: Task, stack: Stack, seen: _Seen
) -> tuple[dict[str, npt.NDArray[Any]], Bools]:
    arrays = {}
    for name in job.outputs:
        value = _output(name, stack, seen)
        if value is not None:
            arrays[name] = _checked(name, value, len(task.runs))
        elif name not in job.optional:
            raise MissingOutputError(
                f"the stack of {type(job.trainer).__name__} has no "
                f"`{name.removeprefix('train_').removeprefix('test_')}`, which is "
                "asked for"
            )
    diverged = np.zeros(len(task.runs), dtype=bool)
    if getattr(stack, "diverged", None) is not None:
        diverged |= to_numpy(stack.diverged).astype(bool)  # type: ignore[attr-defined]
    return arrays, diverged


def _output(name: str, stack: Stack, seen: _Seen) -> Any:
    """Take one output; None where the stack has no such thing."""
    data = seen.data
    others = data if seen.targets is None else seen.targets
    if name == "scores":
        return stack.scores(others)
    if name == "weights":
        return getattr(stack, "weights", None)
    if name == "hidden":
        return stack.hidden(data) if hasattr(stack, "hidden") else None
    points = others if name == "test_losses" else data
    if hasattr(stack, "losses"):
        return stack.losses(points)
    # A score is a loss with its sign turned, by this package's convention.
    return -to_numpy(stack.scores(points))


def _checked(name: str, value: Any, runs: int) -> npt.NDArray[Any]:
    array = to_numpy(value)
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    if array.ndim < 2 or len(array) != runs or array.dtype.kind != "f":
        raise ValueError(
            f"a stack's `{name}` must be numbers with {runs} runs on the first of two "
            f"axes or more; got shape {array.shape} and dtype {array.dtype}"
        )
    return array
