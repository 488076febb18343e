"""Retraining: many models, each on its own subset of the points, and their scores.

Every run has a seed of its own, so the result is a function of the arguments alone:
whatever the number of jobs, the backend of joblib, and how often it was interrupted.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.mapped import release
from memmetrics._arrays.validation import count_iv
from memmetrics._seeds import RNG
from memmetrics.designs import Bools, Design, as_design
from memmetrics.errors import RetrainingError
from memmetrics.evidence import Retrainings
from memmetrics.experiment import arguments
from memmetrics.experiment.diverged import diverged_runs
from memmetrics.experiment.execution.stacks import describe_runs
from memmetrics.experiment.experiment import Experiment, Trained
from memmetrics.trainers.base import Data, Trainer

__all__ = ["RecordedRetrainings", "Retraining", "StoppingRule", "retrain"]

logger = logging.getLogger("memmetrics")


class StoppingRule(Protocol):
    """When there are enough runs: what ``until=`` takes, e.g. `Precision`.

    Optional: ``check(own)`` raises ValueError, before any work, if the rule has no use
    for what is scored; see `Retrainings` for `own`.
    """

    def looks(self, runs: int, block: int) -> Sequence[int]:
        """Return the numbers of runs after which to ask, increasing.

        Parameters
        ----------
        runs : int
            The least number of runs.
        block : int
            Whole multiples of it are best: all their runs remain as more are added.

        Returns
        -------
        sequence of int
            The last is the most there will be.
        """
        ...

    def satisfied(self, evidence: Retrainings) -> bool:
        """Whether these runs are enough."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class RecordedRetrainings(Retrainings):
    """Retrainings, with the record of how they came about.

    Parameters
    ----------
    kept : mapping of str to array, runs first
        What ``keep=`` asked for.
    diverged : bool array (runs,)
        Runs whose scores are NaN because training did not end in finite numbers: the
        model says so, or no score is finite. Of any other run, a score that is not
        finite is kept and concerns its own target.
    stack_size : int
        Runs that were trained together.
    """

    kept: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    diverged: Bools | None = None
    stack_size: int = 1

    def blocks(self) -> Iterator[tuple[npt.NDArray[Any], Bools]]:
        """Yield scores and membership of a few runs at a time.

        Scores that are mapped from disk take the memory of one block only.

        Examples
        --------
        >>> import numpy as np
        >>> member = np.array([[True, False], [False, True], [True, True]])
        >>> runs = RecordedRetrainings(np.zeros((3, 2)), member, stack_size=2)
        >>> [len(scores) for scores, _ in runs.blocks()]
        [2, 1]
        """
        for start in range(0, len(self.scores), self.stack_size):
            rows = slice(start, start + self.stack_size)
            yield self.scores[rows], self.member[rows]
            release(self.scores)


def retrain(
    trainer: Trainer,
    data: Data,
    *,
    rng: RNG,
    runs: int | None = None,
    fraction: float | None = None,
    design: str | Design | npt.ArrayLike = "balanced",
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
    rng : int, numpy.random.Generator, numpy.random.SeedSequence or None
        Seed of everything. The same integer gives the same numbers.
    runs : int
        How many models, at least 2. May be left out where `until` decides.
    fraction : float, default 0.5
        Expected share of the points that a run trains on, and of the runs that a point
        is in; strictly between 0 and 1. For designs by name.
    design : str, Design or bool array (runs, points), default "balanced"
        Who trains on what: "balanced", "bernoulli", "exact" or "everyone", an object
        such as ``Without([[0], [1, 2]])``, or a matrix; see `memmetrics.designs`.
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
    experiment = Retraining(
        trainer,
        data,
        runs=runs,
        rng=rng,
        fraction=fraction,
        design=design,
        groups=groups,
        targets=targets,
        include_points=include_points,
        outputs=("scores", *arguments.keep_iv(keep)),
        n_jobs=n_jobs,
        store=store,
        identity=identity,
        progress=progress,
        until=until,
        stack_size=stack_size,
    )
    return experiment.evidence()


class Retraining(Experiment):
    """An experiment whose models are scored, until there are enough of them.

    Parameters
    ----------
    trainer, data, runs, fraction, design, until, options : see `retrain`
        What to train; it is checked, and nothing is trained yet.
    """

    def __init__(
        self,
        trainer: Trainer,
        data: Data,
        *,
        runs: int | None,
        fraction: float | None = None,
        design: str | Design | npt.ArrayLike = "balanced",
        until: StoppingRule | None = None,
        **options: Any,
    ) -> None:
        chosen = as_design(design, fraction)
        self.until = until
        self.looks = _looks_iv(until, runs, chosen.block)
        super().__init__(
            trainer,
            data,
            chosen,
            runs=self.looks[0] if runs is None else runs,
            most_runs=self.looks[-1],
            **options,
        )
        if check := getattr(until, "check", None):
            check(self.own)

    def evidence(self) -> RecordedRetrainings:
        """Finish all runs; with a rule, until it is satisfied or allows no more."""
        satisfied = self.until is None
        provenance = self.provenance()
        for look in self.looks:
            evidence = _recorded(self.train(look), self).with_attrs(provenance)
            if self.until is not None:
                satisfied = self.until.satisfied(evidence)
                enough = "enough" if satisfied else "not yet enough"
                logger.info("%d runs: %s", look, enough)
            if satisfied:
                break
        _warn_of_diverged(evidence)
        if not satisfied:
            warnings.warn(
                f"`until` is not satisfied after {look} runs, the most it allows",
                stacklevel=3,
            )
        return evidence


def _looks_iv(until: StoppingRule | None, runs: int | None, block: int) -> list[int]:
    """Return after how many runs to look: once, or as often as the rule wants."""
    if until is None:
        if runs is None:
            raise ValueError("`runs` must be given, unless `until` decides")
        return [count_iv(runs, "runs", least=2)]
    is_rule = callable(getattr(until, "satisfied", None))
    if not is_rule or isinstance(until, type):
        raise TypeError(f"`until` must be a stopping rule; got {until!r}")
    least = 2 if runs is None else count_iv(runs, "runs", least=2)
    looks = list(until.looks(least, block))
    if not looks or looks[0] < 2 or sorted(set(looks)) != looks:
        raise ValueError(f"`until` must look after rising numbers of runs; got {looks}")
    return looks


def _recorded(trained: Trained, experiment: Experiment) -> RecordedRetrainings:
    """Return what was trained as evidence, diverged runs as rows of NaN."""
    kept = {name: np.asarray(array) for name, array in trained.arrays.items()}
    scores = kept.pop("scores")
    diverged = diverged_runs(trained.diverged, {"scores": scores})
    if diverged.all():
        raise RetrainingError("every run diverged: no score is finite")
    if diverged.any():
        scores[diverged] = np.nan
    release(scores)
    return RecordedRetrainings(
        scores=scores,
        member=trained.member,
        own=experiment.own,
        groups=experiment.groups,
        seeds=np.array(trained.seeds, dtype=np.uint64),
        kept=kept,
        diverged=diverged,
        stack_size=experiment.stack_size,
    )


def _warn_of_diverged(evidence: RecordedRetrainings) -> None:
    diverged = np.asarray(evidence.diverged)
    if diverged.any():
        warnings.warn(
            f"{describe_runs(np.flatnonzero(diverged))} of {len(diverged)} diverged: "
            "left out of every estimate",
            stacklevel=4,
        )
    if missing := _missing_scores(evidence.scores, diverged):
        warnings.warn(
            f"{missing} scores of runs that did not diverge are NaN: these runs do not "
            "count for these targets",
            stacklevel=4,
        )


def _missing_scores(scores: npt.NDArray[Any], diverged: Bools) -> int:
    """Count the scores that are NaN, other than padding, which is so in every run."""
    missing = np.zeros(scores.shape[1:], dtype=np.int64)
    for run in np.flatnonzero(~diverged):
        missing += np.isnan(scores[run])
        release(scores)
    return int(missing[missing < (~diverged).sum()].sum())
