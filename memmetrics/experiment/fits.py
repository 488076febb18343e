"""Models that train on all points: evidence for metrics of a fit and of its losses."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics.designs import Bools, Everyone
from memmetrics.errors import RetrainingError
from memmetrics.evidence import Evidence, Fit, Losses
from memmetrics.experiment.diverged import diverged_runs, finite_runs
from memmetrics.experiment.execution.stacks import describe_runs
from memmetrics.experiment.experiment import FITS, Experiment, Trained
from memmetrics.trainers.base import Data, Trainer
from memmetrics.trainers.function import FunctionTrainer

__all__ = ["Fitting"]

_OUTPUTS: Mapping[type[Evidence], tuple[str, ...]] = {
    Fit: ("weights", "hidden"),
    Losses: ("train_losses", "test_losses"),
}
_NEEDS: Mapping[type[Evidence], str] = {
    Fit: "weights or hidden activations",
    Losses: "losses of training and of test points",
}


class Fitting(Experiment):
    """An experiment whose models all train on all points.

    Parameters
    ----------
    trainer, data, options : see `Experiment`
        What to train; it is checked, and nothing is trained yet.
    kinds : collection of evidence types
        What to make of each model.
    test : data, or None
        Held-out points, for losses.
    fits : int
        How many models.
    """

    def __init__(
        self,
        trainer: Trainer,
        data: Data,
        kinds: Collection[type[Evidence]],
        *,
        test: Data,
        fits: int,
        **options: Any,
    ) -> None:
        if isinstance(trainer, FunctionTrainer):
            needs = " and ".join(sorted(_NEEDS[kind] for kind in kinds))
            raise TypeError(
                "`trainer` must not be a FunctionTrainer for metrics of models trained "
                f"on all points: they need {needs}, but its function returns the "
                "scores of one set of targets only; give an object with "
                "`fit(data, member, *, seeds)` instead"
            )
        if Losses in kinds and test is None:
            raise ValueError("`test` must be given: a metric needs held-out losses")
        self.kinds = kinds
        super().__init__(
            trainer,
            data,
            Everyone(),
            purpose=FITS,
            runs=fits,
            targets=test if Losses in kinds else None,
            outputs=[n for kind in _OUTPUTS if kind in kinds for n in _OUTPUTS[kind]],
            **options,
        )

    def evidence(self) -> list[tuple[int, dict[type[Evidence], Evidence]]]:
        """Finish all fits; return the number and the evidence of each.

        Fits that diverged have none, and those with losses that are not finite no
        `Losses`, whose means would not be finite either.

        Raises
        ------
        TypeError
            If the trainer's models have neither weights nor hidden activations, and a
            metric needs them.
        RetrainingError
            If every fit diverged.
        """
        trained = self.train()
        arrays = trained.arrays
        if Fit in self.kinds and arrays["weights"] is arrays["hidden"] is None:
            raise TypeError(
                f"models of {type(self.job.trainer).__name__} have neither `weights` "
                "nor `hidden`, which a metric of a fit needs"
            )
        diverged, vague = _unusable(trained, self.kinds)
        found = []
        for fit in map(int, np.flatnonzero(~diverged)):
            own = {n: None if each is None else each[fit] for n, each in arrays.items()}
            kinds = [kind for kind in self.kinds if kind is Fit or not vague[fit]]
            found.append((fit, {kind: _evidence(kind, own) for kind in kinds}))
        return found


def _unusable(
    trained: Trained, kinds: Collection[type[Evidence]]
) -> tuple[Bools, Bools]:
    """Return which fits diverged, and which others have losses not finite."""
    diverged = diverged_runs(trained.diverged, trained.arrays)
    vague = np.zeros_like(diverged)
    for name in _OUTPUTS[Losses]:
        losses = trained.arrays.get(name)
        if losses is not None:
            vague |= ~finite_runs(losses)[1]
    vague &= ~diverged
    if diverged.all():
        raise RetrainingError("every fit on all points diverged")
    if (diverged | vague).all() and Fit not in kinds:
        raise RetrainingError("every fit on all points has losses not finite")
    for which, what in (
        (diverged, "diverged, and are left out"),
        (vague, "have losses that are not finite, and no metric of losses"),
    ):
        if which.any():
            warnings.warn(
                f"fits on all points: {describe_runs(np.flatnonzero(which))} of "
                f"{len(which)} {what}",
                stacklevel=4,
            )
    return diverged, vague


def _evidence(
    kind: type[Evidence], outputs: Mapping[str, npt.NDArray[Any] | None]
) -> Evidence:
    if kind is Fit:
        return Fit(weights=outputs["weights"], hidden=outputs["hidden"])
    train, test = outputs["train_losses"], outputs["test_losses"]
    return Losses(train=np.asarray(train), test=np.asarray(test))
