"""Models that train on all points: evidence for metrics of a fit and of its losses."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._seeds import Stream
from memmetrics.errors import RetrainingError
from memmetrics.evidence import Evidence, Fit, Losses
from memmetrics.experiment import arguments
from memmetrics.experiment.campaign import Campaign
from memmetrics.experiment.execution.worker import Job
from memmetrics.experiment.messages import describe_runs
from memmetrics.experiment.opening import open_campaign
from memmetrics.trainers.base import Bools, Data, Trainer
from memmetrics.trainers.dataset import check_layout, pack
from memmetrics.trainers.function import FunctionTrainer

_OUTPUTS: Mapping[type[Evidence], tuple[str, ...]] = {
    Fit: ("weights", "hidden"),
    Losses: ("train_losses", "test_losses"),
}
_NEEDS: Mapping[type[Evidence], str] = {
    Fit: "weights or hidden activations",
    Losses: "losses of training and of test points",
}


@dataclass(frozen=True)
class PreparedFits:
    """Fits that are checked and can begin.

    Parameters
    ----------
    campaign : Campaign
        What to train.
    fits : int
        How many models.
    kinds : collection of evidence types
        What to make of each.
    """

    campaign: Campaign
    fits: int
    kinds: Collection[type[Evidence]]

    def train(self) -> Iterator[tuple[int, dict[type[Evidence], Evidence]]]:
        """Finish all fits; yield the number and the evidence of each.

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
        self.campaign.train(self.fits)
        names = self.campaign.job.outputs
        outputs = {name: self.campaign.store.gather(name) for name in names}
        if Fit in self.kinds and outputs["weights"] is outputs["hidden"] is None:
            raise TypeError(
                f"models of {type(self.campaign.job.trainer).__name__} have neither "
                "`weights` nor `hidden`, which a metric of a fit needs"
            )
        diverged, vague = self._unusable(outputs)
        for fit in np.flatnonzero(~diverged):
            own = {
                name: None if array is None else array[fit]
                for name, array in outputs.items()
            }
            kinds = [kind for kind in self.kinds if kind is Fit or not vague[fit]]
            yield int(fit), {kind: _evidence(kind, own) for kind in kinds}

    def _unusable(
        self, outputs: Mapping[str, npt.NDArray[Any] | None]
    ) -> tuple[Bools, Bools]:
        """Return which fits diverged, and which others have losses not finite."""
        diverged = self.campaign.output("diverged").copy()
        vague = np.zeros_like(diverged)
        for name, array in outputs.items():
            if array is None:
                continue
            finite = np.isfinite(array.reshape(len(array), -1))
            if name in _OUTPUTS[Losses]:
                diverged |= ~finite.any(axis=1)
                vague |= ~finite.all(axis=1)
            else:
                diverged |= ~finite.all(axis=1)
        vague &= ~diverged
        if diverged.all():
            raise RetrainingError("every fit on all points diverged")
        if (diverged | vague).all() and Fit not in self.kinds:
            raise RetrainingError("every fit on all points has losses not finite")
        for which, what in (
            (diverged, "diverged, and are left out"),
            (vague, "have losses that are not finite, and no metric of losses"),
        ):
            if which.any():
                warnings.warn(
                    f"fits on all points: {describe_runs(np.flatnonzero(which))} of "
                    f"{self.fits} {what}",
                    stacklevel=5,
                )
        return diverged, vague


def prepare_fits(
    trainer: Trainer,
    data: Data,
    kinds: Collection[type[Evidence]],
    *,
    test: Data,
    fits: int,
    rng: int,
    n_jobs: int | None,
    store: Path | None,
    identity: object,
    progress: bool,
) -> PreparedFits:
    """Check everything and open the store; nothing is trained yet."""
    trainer = arguments.trainer_iv(trainer)
    if isinstance(trainer, FunctionTrainer):
        needs = " and ".join(sorted(_NEEDS[kind] for kind in kinds))
        raise TypeError(
            "`trainer` must not be a FunctionTrainer for metrics of models trained on "
            f"all points: they need {needs}, but its function returns the scores of "
            "one set of targets only; give an object with "
            "`fit(data, member, *, seeds)` instead"
        )
    fits = arguments.count_iv(fits, "fits", least=1)
    packed = pack(data, "data")
    held_out = None
    if Losses in kinds:
        if test is None:
            raise ValueError("`test` must be given: a metric needs held-out losses")
        held_out = pack(test, "test", nonzero=False)
        check_layout(held_out, packed, "test")
    outputs = [
        name for kind, names in _OUTPUTS.items() if kind in kinds for name in names
    ]
    configuration = {
        "purpose": "fits",
        "data": packed.fingerprint(),
        "test": None if held_out is None else held_out.fingerprint(),
        "seed": rng,
        "outputs": outputs,
    }
    campaign = open_campaign(
        Job(trainer, tuple(outputs), optional=("weights", "hidden")),
        packed,
        held_out,
        members=lambda count: np.ones((count, packed.points), dtype=bool),
        entropy=rng,
        stream=Stream.FITS,
        runs=fits,
        n_jobs=n_jobs,
        store=store,
        configuration=configuration,
        identity=identity,
        stack_size=None,
        progress=progress,
        description="training on all points",
    )
    return PreparedFits(campaign, fits, kinds)


def _evidence(
    kind: type[Evidence], outputs: Mapping[str, npt.NDArray[Any] | None]
) -> Evidence:
    if kind is Fit:
        return Fit(weights=outputs["weights"], hidden=outputs["hidden"])
    train, test = outputs["train_losses"], outputs["test_losses"]
    return Losses(train=np.asarray(train), test=np.asarray(test))
