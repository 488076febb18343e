"""Opening a campaign: the stack size is chosen, the store opened, nothing trained."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memmetrics.experiment import arguments
from memmetrics.experiment.campaign import Campaign
from memmetrics.experiment.execution.worker import Job
from memmetrics.experiment.progress import check_progress
from memmetrics.experiment.store.directory import DirectoryStore
from memmetrics.experiment.store.manifest import trainer_configuration
from memmetrics.experiment.store.memory import MemoryStore
from memmetrics.trainers.base import Trainer
from memmetrics.trainers.dataset import Packed

logger = logging.getLogger("memmetrics")

DEFAULT_STACK_SIZE = 16


def choose_stack_size(
    trainer: Trainer, data: Packed, runs: int, stack_size: int | None
) -> int:
    """Return how many runs to train together: what is asked for, or what suits.

    From the problem alone, never from the number of jobs: results must not depend on
    where they are computed.
    """
    if stack_size is None and hasattr(trainer, "stack_size"):
        stack_size = int(trainer.stack_size(data.unpack(), runs))
        chosen = "chosen by the trainer"
    else:
        chosen = "the default" if stack_size is None else "as asked for"
    size = max(1, stack_size or DEFAULT_STACK_SIZE)
    logger.info("stacks of %d runs (%s)", size, chosen)
    return size


def open_campaign(
    job: Job,
    data: Packed,
    targets: Packed | None,
    *,
    runs: int,
    n_jobs: int | None,
    store: Path | None,
    configuration: Mapping[str, Any],
    identity: object,
    stack_size: int | None,
    progress: bool,
    **rest: Any,
) -> Campaign:
    """Choose the stack size and open the store: nothing is trained yet."""
    n_jobs = arguments.n_jobs_iv(n_jobs)
    show = check_progress(progress)
    if stack_size is not None:
        stack_size = arguments.count_iv(stack_size, "stack_size", least=1)
    size = choose_stack_size(job.trainer, data, runs, stack_size)
    keeper: MemoryStore | DirectoryStore = MemoryStore()
    if store is not None:
        trainer = trainer_configuration(job.trainer, identity)
        keeper = DirectoryStore(
            store,
            {**configuration, "trainer": trainer},
            stack_size=stack_size,
            default_stack_size=size,
        )
        size = keeper.stack_size
    return Campaign(
        job=job,
        data=data,
        targets=targets,
        n_jobs=n_jobs,
        store=keeper,
        stack_size=size,
        progress=show,
        **rest,
    )
