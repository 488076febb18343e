"""Dropout whose mask is a function of the run alone.

Drawing masks from one generator for a whole stack would make a run's numbers depend on
its neighbours. Here the mask is a hash of the run's key and the place in the tensor
(the finalizer of SplitMix64: Steele, Lea & Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014), and the key moves on with every call.
"""

from __future__ import annotations

import numpy as np
import torch

from memmetrics.trainers.module.layers.randomness import derived_seed

_UNIT = 2.0**-24  # the hash's upper 24 bits, which float32 holds exactly


def _signed(constant: int) -> int:
    """Return the int64 with the bits of an unsigned constant."""
    return int(np.uint64(constant).astype(np.int64))


_STRIDE = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


class KeyedDropout(torch.nn.Dropout):
    """Drop each element with probability `p`, by a mask that `key` decides.

    Parameters
    ----------
    p : float
        Probability of a zero; what stays is divided by 1 − p.
    inplace : bool, default False
        Whether to overwrite what goes in, as others may read it afterwards.

    Notes
    -----
    ``key`` is a buffer: a stack of models hands every run its own.
    """

    key: torch.Tensor

    def __init__(self, p: float, *, inplace: bool = False) -> None:
        super().__init__(p, inplace)
        self.register_buffer("key", torch.zeros((), dtype=torch.int64))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return `values` with the next mask applied; in evaluation, as they are."""
        if not self.training or self.p == 0:
            return values
        if self.p == 1:
            return values.mul_(0) if self.inplace else torch.zeros_like(values)
        place = torch.arange(values.numel(), device=values.device)
        mixed = _mix(_mix(place * _STRIDE + self.key))
        uniform = _shift(mixed, 40).to(values.dtype) * _UNIT
        self.key.add_(1).mul_(_FIRST)
        keep = (uniform >= self.p).view(values.shape)
        if self.inplace:
            return values.mul_(keep.to(values.dtype) / (1 - self.p))
        return torch.where(keep, values / (1 - self.p), 0)


def _shift(bits: torch.Tensor, places: int) -> torch.Tensor:
    """Shift right, filling with zeros: int64 would copy its sign."""
    return (bits >> places).bitwise_and((1 << (64 - places)) - 1)


def _mix(bits: torch.Tensor) -> torch.Tensor:
    bits = (bits ^ _shift(bits, 30)) * _FIRST
    bits = (bits ^ _shift(bits, 27)) * _SECOND
    return bits ^ _shift(bits, 31)


def has_hooks(module: torch.nn.Module) -> bool:
    """Whether anything is to be called before or after the module."""
    return any(value for name, value in vars(module).items() if name.endswith("_hooks"))


def use_keyed_dropout(module: torch.nn.Module, seed: int) -> None:
    """Put `KeyedDropout` in the place of every ``torch.nn.Dropout``, in place.

    Each layer gets a key of its own, drawn from the run's seed.
    """
    keys = torch.Generator().manual_seed(derived_seed(seed, "noise"))
    for parent in module.modules():
        for name, child in parent.named_children():
            # whoever hung hooks on a layer wants that very layer
            if type(child) is torch.nn.Dropout and not has_hooks(child):
                keyed = KeyedDropout(child.p, inplace=child.inplace)
                keyed.key.random_(generator=keys)
                setattr(parent, name, keyed)
