"""Training that ends before the interpreter does.

A thread that is inside torch when the interpreter goes (after Ctrl-C, say) takes the
whole process down with it, and freeing a tensor is enough to be inside. So at exit
every training stops at its next step and is waited for, and a thread that is through
frees nothing any more: it stays where it is.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ExitingError", "before_exit", "stop_if_exiting"]

_WAIT_SECONDS = 60.0  # a step that takes longer is left to its fate


class ExitingError(RuntimeError):
    """The interpreter is about to end."""


class _Trainings:
    """Which threads are training, and whether they are to stop."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.threads = set[int]()
        self.exiting = False


_trainings = _Trainings()


@contextmanager
def before_exit() -> Iterator[None]:
    """Have the interpreter wait, at exit, for the end of the body.

    A body inside another counts as part of it.
    """
    thread = threading.get_ident()
    outermost = thread not in _trainings.threads
    with _trainings.changed:
        _trainings.threads.add(thread)
    try:
        stop_if_exiting()  # the next task of a thread would begin anew
        yield
    finally:
        if outermost:
            with _trainings.changed:
                _trainings.threads.remove(thread)
                _trainings.changed.notify_all()
            if _trainings.exiting and threading.current_thread().daemon:
                threading.Event().wait()  # for the end of the process


def stop_if_exiting() -> None:
    """Raise ExitingError if the interpreter waits for the end of this training."""
    if _trainings.exiting:
        raise ExitingError("the interpreter is about to end")


@atexit.register
def _stop() -> None:
    with _trainings.changed:
        _trainings.exiting = True
        _trainings.changed.wait_for(lambda: not _trainings.threads, _WAIT_SECONDS)
