"""What happens inside a worker: train one stack, take what is wanted, forget the rest.

Everything here is pickled to other processes or machines, so it is plain functions and
frozen dataclasses of plain arrays.
"""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import to_numpy
from memmetrics.experiment.execution.threads import single_threaded
from memmetrics.trainers.base import Bools, Data, Stack, Trainer
from memmetrics.trainers.dataset import Packed
from memmetrics.trainers.exiting import before_exit

OUTPUTS = ("scores", "weights", "hidden", "train_losses", "test_losses")


class MissingOutputError(TypeError):
    """A trainer's stack cannot give what was asked for: no retry can help."""


@dataclass(frozen=True)
class Job:
    """One kind of training, the same for all stacks.

    Parameters
    ----------
    trainer : Trainer
        The recipe.
    outputs : tuple of str
        What to take from each stack, among `OUTPUTS`.
    optional : tuple of str
        Those of `outputs` that a stack may lack.
    targets_begin_with_points : bool
        Whether the first of other targets are the training points.
    """

    trainer: Trainer
    outputs: tuple[str, ...]
    optional: tuple[str, ...] = ()
    targets_begin_with_points: bool = False


@dataclass(frozen=True)
class Task:
    """The runs of one stack.

    Parameters
    ----------
    runs : tuple of int
        Numbers of the runs.
    member : bool array (runs, points)
        Who trains on what.
    seeds : tuple of int
        One for each run.
    """

    runs: tuple[int, ...]
    member: Bools
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Finished:
    """What one stack gave: every array has the runs first.

    Parameters
    ----------
    runs : tuple of int
        Its runs.
    arrays : dict of arrays
        What was asked for.
    diverged : bool array (runs,)
        Runs whose numbers are not to be used.
    seconds, busy_seconds : float
        How long it took, and for how long of it its thread was at work.
    """

    runs: tuple[int, ...]
    arrays: dict[str, npt.NDArray[Any]]
    diverged: Bools
    seconds: float = 0.0
    busy_seconds: float = 0.0


@dataclass(frozen=True)
class Failed:
    """A stack that raised, or killed its worker.

    Parameters
    ----------
    runs : tuple of int
        Its runs.
    reason : str
        One line.
    details : str
        The whole traceback.
    hopeless : bool
        Whether it would fail again for certain.
    killed : bool
        Whether the worker died of it.
    """

    runs: tuple[int, ...]
    reason: str
    details: str = ""
    hopeless: bool = False
    killed: bool = False


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
    data, targets = _unpack(layouts, leaves)
    with single_threaded() if one_thread else nullcontext(), _quiet(leaves):
        try:
            stack = job.trainer.fit(data, task.member, seeds=list(task.seeds))
            arrays, diverged = _collect(job, task, stack, data, targets)
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
    job: Job, task: Task, stack: Stack, data: Data, targets: Data
) -> tuple[dict[str, npt.NDArray[Any]], Bools]:
    arrays = {}
    for name in job.outputs:
        value = _output(name, stack, data, targets)
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


def _output(name: str, stack: Stack, data: Data, targets: Data) -> Any:
    """Take one output; None where the stack has no such thing."""
    others = data if targets is None else targets
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
