"""What `ModuleTrainer.fit` returns: trained runs, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.validation import to_numpy
from memmetrics.trainers.base import Data
from memmetrics.trainers.exiting import before_exit, stop_if_exiting
from memmetrics.trainers.module.stack.examples import Examples, as_examples
from memmetrics.trainers.module.stack.models import Models, Tensors
from memmetrics.trainers.module.stack.recipe import Recipe

# Numbers put into a run at a time when scoring. It follows from one example's size
# alone: rounding may depend on the length of a batch, and must not on the stack.
_BATCH_NUMBERS = 2**18
_BATCH_LIMITS = (16, 1024)


@dataclass(frozen=True, eq=False)
class ModuleStack:
    """Trained runs of a module, in the order they were asked for.

    Parameters
    ----------
    diverged : bool array, (runs,)
        Runs whose loss or parameters became NaN or infinite; their scores are NaN.
    one_at_a_time : str or None
        Why the runs were not trained together; None if they were.
    """

    recipe: Recipe
    models: Models
    diverged: npt.NDArray[np.bool_]
    one_at_a_time: str | None
    dtype: torch.dtype
    float_inputs: bool

    @property
    def parameters(self) -> Tensors:
        """All trained parameters by name: tensors (runs, ...)."""
        return self.models.parameters()

    @property
    def weights(self) -> npt.NDArray[Any] | None:
        """Weights of the layer named by ``weights=``: array (runs, features, hidden).

        None if none was named.
        """
        name = self.recipe.weights
        if name is None:
            return None
        weight = self.models.weight(name)
        layer = self.models.root.get_submodule(name)
        # an embedding has a row per feature, a linear layer a column
        return to_numpy(weight if isinstance(layer, torch.nn.Embedding) else weight.mT)

    def scores(self, targets: Data) -> npt.NDArray[Any]:
        """Score every target under every run, in evaluation mode.

        Parameters
        ----------
        targets : array or tuple of arrays
            What to score, in the layout of the training data.

        Returns
        -------
        array, (runs, targets) or (runs, targets, tokens)
            Higher is better; NaN for runs that diverged.
        """
        scores = self._per_example(self.recipe.score, targets)
        if scores.dtype.kind != "f":  # integers and Booleans have no NaN
            scores = scores.astype(np.float64)
        scores[self.diverged] = np.nan
        return scores

    def losses(self, points: Data) -> npt.NDArray[Any]:
        """Return every point's training loss, averaged over tokens: (runs, points)."""
        losses = self._per_example(self.recipe.loss_of, points)
        means: npt.NDArray[Any] = losses.reshape(*losses.shape[:2], -1).mean(-1)
        return means

    def _per_example(
        self, function: Callable[[Any, torch.Tensor], torch.Tensor], points: Data
    ) -> npt.NDArray[Any]:
        with before_exit():
            return _joined(
                self.models.ask(
                    # bound now: the loop goes on to the next batch
                    lambda model, inputs, target=batch.target: function(  # type: ignore[misc]
                        model(*inputs), target
                    ),
                    batch.inputs,
                )
                for batch in self._batches(points)
            )

    def _batches(self, points: Data) -> Iterator[Examples]:
        """Yield the points in batches that do not depend on the number of runs."""
        examples = as_examples(
            points,
            "targets",
            dtype=self.dtype,
            device=self.recipe.device,
            float_inputs=self.float_inputs,
        )
        smallest, largest = _BATCH_LIMITS
        length = _BATCH_NUMBERS // examples.example_numbers()
        length = min(max(length, smallest), largest)
        for rows in torch.arange(len(examples)).split(length):
            stop_if_exiting()
            yield examples.take(rows.to(self.recipe.device))


class ObservedStack(ModuleStack):
    """A stack whose trainer was given ``hidden=``."""

    def hidden(self, points: Data) -> npt.NDArray[Any]:
        """Return the hidden activations: what the submodule ``hidden=`` puts out.

        Parameters
        ----------
        points : array or tuple of arrays
            In the layout of the training data.

        Returns
        -------
        array, (runs, points, hidden)
            Further axes are flattened into the last.
        """
        name = str(self.recipe.hidden)
        return _joined(
            self.models.hear(name, batch.inputs).flatten(2)
            for batch in self._batches(points)
        )


def _joined(parts: Iterator[torch.Tensor]) -> npt.NDArray[Any]:
    """Join batches (runs, batch, ...) along their second axis."""
    return np.concatenate([to_numpy(part) for part in parts], axis=1)
