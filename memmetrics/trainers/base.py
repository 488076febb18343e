"""What the harness asks of a trainer, and of the stack of models it returns.

Both are structural: any object of the right shape will do, nothing is inherited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

from memmetrics.designs import Bools

__all__ = ["BindingTrainer", "BoundTrainer", "Data", "Stack", "Trainer"]

# A csr_array or a dense array (points, features), or a tuple of arrays that share
# their first axis, such as (inputs, labels).
Data: TypeAlias = Any


@runtime_checkable
class Stack(Protocol):
    """A stack of trained models, one for each run, in the order they were asked for.

    Optional attributes, used where present:

    - ``weights``: array (runs, features, hidden);
    - ``hidden(points)``: method giving (runs, points, hidden);
    - ``losses(points)``: method giving (runs, points), summed over features; without
      it the harness takes ``-scores(points)``;
    - ``diverged``: bool array (runs,), true for runs whose numbers are not to be used.
    """

    def scores(self, targets: Data) -> Any:
        """Score every target under every run.

        Parameters
        ----------
        targets : array or tuple of arrays
            What to score, in the layout of the training data.

        Returns
        -------
        array or tensor, (runs, targets) or (runs, targets, tokens)
            Higher is better; for a loss, its negative.
        """
        ...


@runtime_checkable
class Trainer(Protocol):
    """A recipe that trains many models, each on its own subset of the points.

    Optional, used where present:

    - ``thread_invariant``: true if results are the same, to the last bit, for any
      number of threads; without it every stack gets a single thread, so that results
      do not depend on the number of jobs (give ``n_jobs=`` to use more processors);
    - ``releases_gil``: true if fits in several threads of one process run side by
      side, which spares starting processes;
    - ``may_share_process``: true if fits in several threads of one process are correct,
      and faster than one after another; the first stacks are then trained in threads
      and timed, and the others in processes if that pays for starting them;
    - ``device``: where it trains. If this is "cuda", no GPU in particular, and torch
      sees several, workers take them round robin: each trains with its own as torch's
      current GPU;
    - ``configuration()``: dict of plain JSON values that identify the recipe; a store
      refuses to mix two different ones; without it, the code of the class, all that it
      reads, and the attributes that ``__init__`` gives it are compared;
    - ``bind(data)``: gives an object with ``fit(member, *, seeds)`` that trains on
      these data; a worker binds once, so that they are checked, laid out and looked at
      once and not for every stack;
    - ``stack_size(data, runs)``: how many runs to train together, chosen from the
      problem alone and never from the number of jobs, so that results do not depend
      on it.

    What a run learns may depend on its row of ``member`` and its seed only, never on
    the runs that share its stack.
    """

    def fit(self, data: Data, member: Bools, *, seeds: Sequence[int]) -> Stack:
        """Train one model for each row of ``member``.

        Parameters
        ----------
        data : array or tuple of arrays
            All training points, first axis points; not to be written to.
        member : bool array, (runs, points)
            Which points each run trains on; no row is empty.
        seeds : sequence of int, (runs,)
            One seed in [0, 2**64) for each run.

        Returns
        -------
        Stack
        """
        ...


class BoundTrainer(Protocol):
    """A trainer that has seen its data."""

    def fit(self, member: Bools, *, seeds: Sequence[int]) -> Stack:
        """Train one model for each row of ``member``, as `Trainer.fit` does."""
        ...


class BindingTrainer(Trainer, Protocol):
    """A trainer that can be bound to data."""

    def bind(self, data: Data) -> BoundTrainer:
        """Return a trainer of these data."""
        ...
