"""Stacked parameters in memory: what the optimizer steps on, what the modules see.

The optimizer steps on one flat row per run. A row is laid out in the order of axes in
which the gradient arrives, so that no step has to transpose either; and it is padded
to whole cache lines, since fused optimizers round differently at the end of a row than
inside it, and a run's numbers must not depend on its place in the stack.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

_LINE_BYTES = 64


class Leaves:
    """Parameters of a stack of runs.

    Parameters
    ----------
    parameters : mapping of names to tensors, (runs, ...) each
        Initial values.
    layout : mapping of names to tuples
        For each, the order of its axes in memory, runs first.

    Attributes
    ----------
    flat : dict of tensors, (runs, padded length) each
        For the optimizer.
    views : dict of tensors, (runs, ...) each
        The same memory in the shape of `parameters`, for the modules.
    """

    def __init__(
        self,
        parameters: Mapping[str, torch.Tensor],
        layout: Mapping[str, tuple[int, ...]],
    ) -> None:
        self._layout = layout
        self.flat: dict[str, torch.Tensor] = {}
        self.views: dict[str, torch.Tensor] = {}
        self._padded: dict[str, torch.Tensor] = {}
        for name, value in parameters.items():
            self._add(name, value)

    def _add(self, name: str, value: torch.Tensor) -> None:
        ordered = value.detach().permute(self._layout[name])  # runs, slowest axis first
        runs, length = len(value), math.prod(value.shape[1:])
        line = _LINE_BYTES // value.element_size()
        flat = value.new_zeros(runs, line * math.ceil(length / line))
        flat[:, :length] = ordered.reshape(runs, length)
        self.flat[name] = flat
        self.views[name] = self._shaped(name, flat, value.shape).requires_grad_()
        if flat.shape[1] != length:
            self._padded[name] = torch.zeros_like(flat)

    def _shaped(self, name: str, flat: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        """Return rows of one parameter in its shape, (runs, ...), without copying."""
        order = self._layout[name]
        inverse = sorted(range(len(shape)), key=order.__getitem__)
        row = flat[:, : math.prod(shape[1:])]
        return row.view([shape[axis] for axis in order]).permute(inverse)

    def set_gradients(self, loss: torch.Tensor) -> None:
        """Differentiate a sum over runs, and hand the optimizer the gradients."""
        # unused parameters have none, which torch's own types leave out
        gradients: tuple[torch.Tensor | None, ...] = torch.autograd.grad(
            loss, list(self.views.values()), allow_unused=True
        )
        for name, gradient in zip(self.views, gradients, strict=True):
            self.flat[name].grad = (
                None if gradient is None else self._flattened(name, gradient)
            )

    def _flattened(self, name: str, gradient: torch.Tensor) -> torch.Tensor:
        row = gradient.permute(self._layout[name]).reshape(len(gradient), -1)
        if name not in self._padded:
            return row
        padded = self._padded[name]
        padded[:, : row.shape[1]] = row
        return padded

    def gradients(self) -> dict[str, torch.Tensor | None]:
        """Return the last step's gradients, (runs, ...) each; None where unused."""
        return {
            name: None if flat.grad is None else self._shaped(name, flat.grad, shape)
            for (name, flat), shape in zip(
                self.flat.items(),
                (view.shape for view in self.views.values()),
                strict=True,
            )
        }

    def values(self) -> dict[str, torch.Tensor]:
        """Return the parameters, in their own shapes and memory."""
        return {name: view.detach().clone() for name, view in self.views.items()}
