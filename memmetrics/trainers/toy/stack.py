"""Trained toy models, and what they say of points."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from memmetrics.trainers.toy.data import as_points

if TYPE_CHECKING:
    import numpy.typing as npt
    import scipy.sparse

__all__ = ["ToyStack"]

# Elements of reconstructed points that are in memory at a time.
_BLOCK_ELEMENTS = 2**20


@dataclasses.dataclass(frozen=True, eq=False)
class ToyStack:
    r"""A stack of trained models, one for each run.

    A model maps a point x to :math:`h = W^\top x` and back to
    :math:`\hat x = \mathrm{ReLU}(W h + b)`.

    Attributes
    ----------
    weights : tensor, (runs, features, hidden)
    bias : tensor, (runs, features)
    backend : str
        The implementation that trained them.
    diverged : bool array, (runs,)
        Runs that ended in NaN or infinity.
    """

    weights: torch.Tensor
    bias: torch.Tensor
    backend: str

    @property
    def diverged(self) -> npt.NDArray[np.bool_]:
        """Runs whose weights or biases are NaN or infinite, (runs,)."""
        finite = self.weights.isfinite().all((1, 2)) & self.bias.isfinite().all(1)
        diverged: npt.NDArray[np.bool_] = ~finite.cpu().numpy()
        return diverged

    def hidden(self, points: object) -> torch.Tensor:
        """Return hidden activations h = Wᵀ x, (runs, points, hidden)."""
        data = as_points(points, features=self.weights.shape[1])
        blocks = [self._encode(block) for block in self._blocks(data)]
        return torch.cat(blocks, dim=1)

    def losses(self, points: object) -> torch.Tensor:
        r"""Return :math:`\sum_f (\hat x_f - x_f)^2` of every point, (runs, points).

        Summed over features, in squared units of the data, whatever the reduction
        that the models were trained with.
        """
        data = as_points(points, features=self.weights.shape[1])
        blocks = [self._block_losses(block) for block in self._blocks(data)]
        return torch.cat(blocks, dim=1)

    def scores(self, targets: object) -> torch.Tensor:
        """Return minus the losses, (runs, targets): higher is better."""
        return -self.losses(targets)

    def _blocks(self, data: scipy.sparse.csr_array) -> Iterator[scipy.sparse.csr_array]:
        # At least two points: a single sum may be split between threads, and would
        # then depend on their number.
        size = max(2, _BLOCK_ELEMENTS // data.shape[1])
        for start in range(0, data.shape[0], size):
            yield data[start : start + size]

    def _encode(self, data: scipy.sparse.csr_array) -> torch.Tensor:
        rows, columns, values = self._entries(data)
        matrix = torch.sparse_coo_tensor(
            torch.stack([rows, columns]),
            values,
            data.shape,
            is_coalesced=True,
            check_invariants=False,
        )
        # One run at a time, so that rounding does not depend on its neighbors.
        return torch.stack([torch.sparse.mm(matrix, run) for run in self.weights])

    def _block_losses(self, data: scipy.sparse.csr_array) -> torch.Tensor:
        rows, columns, values = self._entries(data)
        place = rows * data.shape[1] + columns
        encoded = self._encode(data)  # (runs, block, hidden)
        losses = encoded.new_empty(encoded.shape[:2])
        for run, hidden in enumerate(encoded):
            error = torch.addmm(self.bias[run], hidden, self.weights[run].mT).relu_()
            error.view(-1)[place] -= values  # (block, features)
            losses[run] = error.square_().sum(1)
        return losses

    def _entries(
        self, data: scipy.sparse.csr_array
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return row, column and value of every non-zero, on the models' device."""
        device = self.weights.device
        rows = np.repeat(np.arange(data.shape[0]), np.diff(data.indptr))
        return (
            torch.from_numpy(rows).to(device),
            torch.from_numpy(data.indices.astype(np.int64)).to(device),
            torch.from_numpy(data.data).to(self.weights),
        )
