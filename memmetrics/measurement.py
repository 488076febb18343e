"""From a trainer and data to one tidy table of any number of metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memmetrics._seeds import RNG
from memmetrics.designs import Design, as_design
from memmetrics.evidence import Evidence, OneRun, Retrainings
from memmetrics.experiment import arguments
from memmetrics.experiment.fits import Fitting
from memmetrics.experiment.retraining import (
    RecordedRetrainings,
    Retraining,
    StoppingRule,
)
from memmetrics.experiment.store.manifest import package_versions
from memmetrics.metrics.base import Metric
from memmetrics.metrics.registry import get_metric
from memmetrics.result import COLUMNS, Result
from memmetrics.trainers.base import Data, Trainer

SCHEMA = 1  # of the table; raised when a column changes its meaning


def measure(
    trainer: Trainer,
    data: Data,
    metrics: str | Metric | Sequence[str | Metric],
    *,
    rng: RNG,
    test: Data = None,
    runs: int | None = None,
    fits: int = 4,
    until: StoppingRule | None = None,
    fraction: float | None = None,
    design: str | Design | npt.ArrayLike = "balanced",
    groups: npt.ArrayLike | None = None,
    targets: Data = None,
    n_jobs: int | None = None,
    store: str | PathLike[str] | None = None,
    identity: object = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Train what the metrics need, no more, and return their tidy table.

    Metrics of a fit or of its losses are computed for each of `fits` models that train
    on all points; metrics of retrainings once, from `runs` models that train on
    subsets, see `retrain`.

    Parameters
    ----------
    trainer : Trainer
        How to train.
    data : csr_array or array (points, features), or tuple of arrays
        The training points.
    metrics : str, Metric, or sequence of these
        Names of installed metrics (``memmetrics list``), or any objects of the shape
        of `Metric`.
    rng : int, numpy.random.Generator, numpy.random.SeedSequence or None
        Seed of everything.
    test : data in the same layout, optional
        Held-out points, which metrics of losses need. Influence counts them among its
        targets, after the training points.
    runs : int, optional
        Models for metrics of retrainings, at least 2; there is no default, since the
        cost is this number of trainings. May be left out where `until` decides.
    fits : int, default 4
        Models that train on all points, for all other metrics.
    until : Precision or other StoppingRule, optional
        When there are enough retrainings, see `retrain`.
    fraction, design, groups : optional
        Who trains on what, see `retrain`.
    targets : data in the same layout, optional
        Held-out points that influence counts among its targets, in place of `test`.
    n_jobs, store, identity, progress : optional
        Workers, directory of finished work, what to know the recipe by there, progress
        bar, see `retrain`.

    Returns
    -------
    pandas.DataFrame
        Columns ``metric, unit, run, index, estimate, standard_error, low, high, n_in,
        n_out``, then further columns of the metrics. ``run`` numbers the fits, and is
        missing for metrics of retrainings. ``attrs`` holds the version of this schema,
        the seed, the versions of packages and of metrics.

    Raises
    ------
    TypeError, ValueError
        For unsuitable arguments, before any work.
    StoreError, RetrainingError
        As in `retrain`.

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
    >>> test = np.random.default_rng(1).normal(size=(20, 3))
    >>> trainer = NearestMean()
    >>> table = measure(trainer, points, "train_test_gap", test=test, fits=2, rng=0)
    >>> table[["metric", "run"]]
               metric  run
    0  train_test_gap    0
    1  train_test_gap    1
    """
    chosen = _metrics_iv(metrics)
    directory = arguments.store_iv(store)
    options: dict[str, Any] = {
        "rng": arguments.rng_iv(rng, store),
        "n_jobs": n_jobs,
        "progress": progress,
        "identity": identity,
    }
    as_design(design, fraction)
    # Both are checked, and their stores opened, before either trains.
    fitting = retraining = None
    if kinds := {metric.needs for metric in chosen} - {Retrainings}:
        where = directory and directory / "fits"
        fitting = Fitting(
            trainer, data, kinds, test=test, fits=fits, store=where, **options
        )
    if needing := [metric.name for metric in chosen if metric.needs is Retrainings]:
        if runs is None and until is None:
            names = ", ".join(needing)
            raise ValueError(f"`runs` must be given: {names} needs retrainings")
        name, others = ("test", test) if targets is None else ("targets", targets)
        if not any(map(_takes_held_out, chosen)):
            others = None
        retraining = Retraining(
            trainer,
            data,
            runs=runs,
            until=until,
            targets=others,
            targets_name=name,
            include_points=others is not None,
            fraction=fraction,
            design=design,
            groups=groups,
            store=directory and directory / "retrainings",
            **options,
        )
    frames = [] if fitting is None else list(_fit_frames(chosen, fitting))
    if retraining is not None:
        evidence = retraining.evidence()
        own = _training_points(evidence)
        frames += [
            _frame(metric, evidence if _takes_held_out(metric) else own)
            for metric in chosen
            if metric.needs is Retrainings
        ]
    return _table(frames, chosen, options["rng"])


def _takes_held_out(metric: Metric) -> bool:
    """Whether a metric of retrainings has a use for targets that are no points."""
    return bool(getattr(metric, "takes_held_out", False))


def _training_points(evidence: RecordedRetrainings) -> RecordedRetrainings:
    """Return the same without held-out targets, which come last."""
    points = evidence.member.shape[1]
    if evidence.scores.shape[1] == points:
        return evidence
    return replace(evidence, scores=evidence.scores[:, :points], own=np.arange(points))


def _metrics_iv(metrics: str | Metric | Sequence[str | Metric]) -> list[Metric]:
    listed = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    chosen = [get_metric(metric) for metric in listed]  # type: ignore[arg-type]
    if not chosen:
        raise ValueError("`metrics` must name at least one metric; got none")
    for metric in chosen:
        if metric.needs is OneRun:
            raise ValueError(
                f"`metrics` must be computed from models that are trained here; "
                f"{metric.name} needs the scores of one run whose items entered by "
                "coins: call it with OneRun(scores, entered)"
            )
    names = [metric.name for metric in chosen]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"`metrics` must differ in name; got {twice[0]!r} twice")
    return chosen


def _fit_frames(metrics: list[Metric], fits: Fitting) -> Iterator[pd.DataFrame]:
    """Yield a table for each metric and fit; one metric's tables follow one another."""
    models = fits.evidence()
    for metric in metrics:
        for run, evidences in models:
            if metric.needs in evidences:
                frame = _frame(metric, evidences[metric.needs])
                frame["run"] = pd.array([run] * len(frame), dtype="Int64")
                yield frame


def _frame(metric: Metric, evidence: Evidence) -> pd.DataFrame:
    result = metric(evidence)
    if not isinstance(result, Result):
        raise TypeError(
            f"metric {metric.name!r} must return a Result; got {type(result).__name__}"
        )
    return result.to_frame()


def _table(
    frames: list[pd.DataFrame], metrics: list[Metric], entropy: int
) -> pd.DataFrame:
    table = pd.concat(frames, ignore_index=True)
    extra = [name for name in table.columns if name not in COLUMNS]
    table = table[[*COLUMNS, *extra]]
    table.attrs = {
        "schema": SCHEMA,
        "seed": entropy,
        "metrics": {metric.name: metric.version for metric in metrics},
        "versions": package_versions(),
    }
    return table
