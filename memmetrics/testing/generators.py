"""The global random generators, which a metric must neither use nor change."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


def global_generators() -> tuple[object, ...]:
    """Return where the global generators of Python, NumPy and torch stand."""
    numpy: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    state = numpy["state"]
    return (
        random.getstate(),
        (state["pos"], state["key"].tobytes(), numpy["has_gauss"]),
        torch.get_rng_state().numpy().tobytes(),
    )


@contextlib.contextmanager
def drawn_from_global_generators() -> Iterator[None]:
    """Let the body find other numbers in the global generators than were there."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        random.random()  # noqa: S311
        np.random.random()  # noqa: NPY002
        torch.rand(1)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
