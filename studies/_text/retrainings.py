"""Many small transformers: trained, or read from the store; and how long it takes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import memmetrics as mm
from studies._kit.chapter import Settings
from studies._text.model import text_trainer
from studies._text.texts import Data

# The same whatever the number of jobs, so that numbers are.
STACK = 16
_TIMED_STEPS = 10


def retrained(
    trainer: mm.ModuleTrainer,
    data: Data,
    settings: Settings,
    *names: object,
    **options: Any,
) -> Any:
    """Retrain; `names` are those of the store, `options` those of `mm.retrain`."""
    return mm.retrain(
        trainer,
        data,
        n_jobs=settings.n_jobs,
        store=settings.store_of(*names),
        stack_size=STACK,
        **options,
    )


def is_done(settings: Settings, *names: object) -> bool:
    """Whether the store has begun on it; what is missing is seldom much."""
    store = settings.store_of(*names)
    return store is not None and store.exists()


def seconds_per_step(data: Data) -> float:
    """How long one step of one run takes on one core, from a few of a small stack."""
    trainer = text_trainer(_TIMED_STEPS)
    bound = trainer.bind(data)
    member = np.arange(len(data[0])) % 2 == np.arange(STACK)[:, None] % 2
    started = time.perf_counter()
    bound.fit(member, seeds=list(range(STACK)))
    return (time.perf_counter() - started) / _TIMED_STEPS / STACK
