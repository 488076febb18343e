"""Retraining: many models, each on its own subset of the points, and their scores.

Every run has a seed of its own, so the result is a function of the arguments alone:
whatever the number of jobs, the backend of joblib, and how often it was interrupted.
"""

from __future__ import annotations

from functools import lru_cache
from os import PathLike

import numpy as np
import numpy.typing as npt

from memmetrics._seeds import RNG, Stream
from memmetrics.designs import BLOCK, check_design, draw_members
from memmetrics.evidence import groups_iv
from memmetrics.experiment import arguments
from memmetrics.experiment.execution.worker import Job
from memmetrics.experiment.opening import open_campaign
from memmetrics.experiment.records import Preparation, RecordedRetrainings
from memmetrics.experiment.stopping import Precision
from memmetrics.trainers.base import Bools, Data, StoppingRule, Trainer
from memmetrics.trainers.dataset import (
    Packed,
    check_layout,
    concatenate,
    fingerprint,
    pack,
)

_MOST_MEMBERSHIPS = 2**46


def retrain(
    trainer: Trainer,
    data: Data,
    *,
    runs: int,
    rng: RNG,
    fraction: float = 0.5,
    design: str = "balanced",
    groups: npt.ArrayLike | None = None,
    targets: Data = None,
    include_points: bool = False,
    keep: str | tuple[str, ...] = (),
    n_jobs: int | None = None,
    store: str | PathLike[str] | None = None,
    identity: object = None,
    progress: bool = False,
    until: StoppingRule | None = None,
    stack_size: int | None = None,
) -> RecordedRetrainings:
    """Train `runs` models, each on a random subset of the points, and score them.

    Parameters
    ----------
    trainer : Trainer
        How to train: `ToyTrainer`, `ModuleTrainer`, `FunctionTrainer`, or any object
        with ``fit(data, member, *, seeds) -> stack``.
    data : csr_array or array (points, features), or tuple of arrays
        The training points; a tuple, such as (inputs, labels), shares its first axis.
    runs : int
        How many models, at least 2.
    rng : int, numpy.random.Generator, numpy.random.SeedSequence or None
        Seed of everything. The same integer gives the same numbers.
    fraction : float, default 0.5
        Expected share of the points that a run trains on, and of the runs that a point
        is in; strictly between 0 and 1.
    design : {"balanced", "bernoulli", "exact"}, default "balanced"
        How subsets are drawn, see `memmetrics.designs`.
    groups : array (points,), optional
        Points of one group enter and leave together.
    targets : data in the same layout, optional
        What to score. Default: the training points.
    include_points : bool, default False
        Whether to score the training points before the `targets`.
    keep : {"hidden", "weights"} or tuple of these, optional
        What to keep of every model beside its scores, in ``kept``.
    n_jobs : int, optional
        Workers, each on one core, as joblib counts them. None leaves it to
        ``joblib.parallel_config``; where there is none, it means this process alone,
        with all of torch's threads if the trainer's results do not depend on them.
    store : path, optional
        Directory that keeps every stack of runs as it finishes. The same call resumes
        what was interrupted; one with more runs adds to it. The recipe is known by its
        code and by all values that its code reads, but for files that it opens; a
        library that it uses, by name: other versions are warned of.
    identity : optional
        What to know the recipe by in the `store`, in place of its code and values: any
        plain values that change whenever the numbers do.
    progress : bool, default False
        Whether to show runs done, time left, and the median half-width so far.
    until : Precision or other StoppingRule, optional
        Add runs in balanced blocks, beyond `runs`, until the intervals are as narrow
        as it says.
    stack_size : int, optional
        Runs to train together. Default: the trainer's choice.

    Returns
    -------
    RecordedRetrainings
        ``scores (runs, targets)``, ``member (runs, points)``, ``own``, ``seeds``. Runs
        that diverged are rows of NaN. Large scores from a store are mapped from disk.

    Raises
    ------
    TypeError, ValueError
        For unsuitable arguments, before any work.
    UnidentifiedError
        If there is a `store`, and the recipe cannot be known by its content.
    StoreMismatchError
        If `store` holds runs of another configuration or of other data.
    StoreError
        If `store` cannot be read or written.
    RetrainingError
        If some runs failed twice. All others are in the store by then.

    References
    ----------
    Zhang et al., "Counterfactual memorization in neural language models", NeurIPS 2023
    (arXiv 2112.12938); Feldman and Zhang, NeurIPS 2020 (arXiv 2008.03703).

    Examples
    --------
    >>> import numpy as np
    >>> class NearestMean:
    ...     def fit(self, data, member, *, seeds):
    ...         self.centers = np.stack([data[row].mean(0) for row in member])
    ...         return self
    ...
    ...     def scores(self, targets):
    ...         return -np.abs(targets - self.centers[:, np.newaxis]).sum(-1)
    >>> points = np.random.default_rng(0).normal(size=(20, 3))
    >>> evidence = retrain(NearestMean(), points, runs=8, rng=0)
    >>> evidence.scores.shape, evidence.member.sum(axis=0)[:4]
    ((8, 20), array([4, 4, 4, 4]))
    """
    is_rule = callable(getattr(until, "satisfied", None))
    if until is not None and (not is_rule or isinstance(until, type)):
        raise TypeError(f"`until` must be a stopping rule; got {until!r}")
    preparation = prepare(
        trainer,
        data,
        runs=runs,
        rng=rng,
        fraction=fraction,
        design=design,
        groups=groups,
        targets=targets,
        include_points=include_points,
        keep=keep,
        n_jobs=n_jobs,
        store=store,
        identity=identity,
        progress=progress,
        stack_size=stack_size,
    )
    if until is None:
        return preparation.train(runs)
    if isinstance(until, Precision):
        until.check(preparation.own)
    block = BLOCK if design == "balanced" else 1
    return preparation.train_until(until, runs, block)


def prepare(
    trainer: Trainer,
    data: Data,
    *,
    runs: int,
    rng: RNG,
    fraction: float = 0.5,
    design: str = "balanced",
    groups: npt.ArrayLike | None = None,
    targets: Data = None,
    include_points: bool = False,
    keep: str | tuple[str, ...] = (),
    n_jobs: int | None = None,
    store: str | PathLike[str] | None = None,
    identity: object = None,
    progress: bool = False,
    stack_size: int | None = None,
) -> Preparation:
    """Check the arguments of `retrain` and open the store; nothing is trained yet."""
    runs = arguments.count_iv(runs, "runs", least=2)
    packed = pack(data, "data")
    if runs * packed.points > _MOST_MEMBERSHIPS:
        raise ValueError(
            f"`runs` {runs} of {packed.points} points are more than can be kept track "
            f"of, {_MOST_MEMBERSHIPS:,} memberships"
        )
    others, own = _targets(packed, targets, include_points=include_points)
    labels = None if groups is None else groups_iv(groups, packed.points)
    families = None if labels is None else arguments.group_numbers(labels)
    fraction = arguments.fraction_iv(fraction)
    entropy = arguments.rng_iv(rng, store)
    check_design(design)

    @lru_cache(maxsize=1)
    def members(count: int) -> Bools:
        return draw_members(
            design,
            runs=count,
            points=packed.points,
            fraction=fraction,
            entropy=entropy,
            groups=families,
        )

    members(runs)  # a design that cannot be drawn shows itself before any work
    job = Job(
        arguments.trainer_iv(trainer),
        ("scores", *arguments.keep_iv(keep)),
        targets_begin_with_points=include_points,
    )
    configuration = {
        "purpose": "retrainings",
        "data": packed.fingerprint(),
        "targets": None if others is None else others.fingerprint(),
        "groups": None if families is None else fingerprint(families),
        "design": design,
        "fraction": fraction,
        "seed": entropy,
        "outputs": list(job.outputs),
    }
    campaign = open_campaign(
        job,
        packed,
        others,
        members=members,
        entropy=entropy,
        stream=Stream.TRAINING,
        runs=runs,
        n_jobs=n_jobs,
        store=arguments.store_iv(store),
        configuration=configuration,
        identity=identity,
        stack_size=stack_size,
        progress=progress,
    )
    return Preparation(campaign, own, labels)


def _targets(
    data: Packed, targets: Data, *, include_points: bool
) -> tuple[Packed | None, npt.NDArray[np.int64]]:
    """Return what is scored, and which training point each of it is."""
    points = np.arange(data.points)
    if targets is None:
        return None, points
    others = pack(targets, "targets", nonzero=False)
    check_layout(others, data)
    held_out = np.full(others.points, -1)
    if include_points:
        return concatenate(data, others), np.concatenate([points, held_out])
    return others, held_out
