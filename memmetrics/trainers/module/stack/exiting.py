"""Training that ends before the interpreter does.

A thread that is inside torch when the interpreter goes (after Ctrl-C, say) takes the
whole process down with it. So at exit every training stops at its next step, and is
waited for.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_WAIT_SECONDS = 60.0  # a step that takes longer is left to its fate


class ExitingError(RuntimeError):
    """The interpreter is about to end."""


class _Trainings:
    """How many trainings are under way, and whether they are to stop."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.under_way = 0
        self.exiting = False


_trainings = _Trainings()


@contextmanager
def before_exit() -> Iterator[None]:
    """Have the interpreter wait, at exit, for the end of the body."""
    with _trainings.changed:
        stop_if_exiting()  # the next task of a thread would begin anew
        _trainings.under_way += 1
    try:
        yield
    finally:
        with _trainings.changed:
            _trainings.under_way -= 1
            _trainings.changed.notify_all()


def stop_if_exiting() -> None:
    """Raise ExitingError if the interpreter waits for the end of this training."""
    if _trainings.exiting:
        raise ExitingError("the interpreter is about to end")


@atexit.register
def _stop() -> None:
    with _trainings.changed:
        _trainings.exiting = True
        _trainings.changed.wait_for(lambda: not _trainings.under_way, _WAIT_SECONDS)
