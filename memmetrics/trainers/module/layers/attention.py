"""Attention in plain operations, which can be vectorized over runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


class _Switch:
    """How many threads want plain attention, and how to undo it after the last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders = 0
        self.undo = ExitStack()


_switch = _Switch()


@contextmanager
def plain_attention() -> Iterator[None]:
    """Keep attention off torch's fused kernels; the switch is the process's own."""
    with _switch.lock:
        if _switch.holders == 0:
            before = torch.backends.mha.get_fastpath_enabled()
            _switch.undo.callback(torch.backends.mha.set_fastpath_enabled, before)
            torch.backends.mha.set_fastpath_enabled(False)
            _switch.undo.enter_context(sdpa_kernel(SDPBackend.MATH))
        _switch.holders += 1
    try:
        yield
    finally:
        with _switch.lock:
            _switch.holders -= 1
            if _switch.holders == 0:
                _switch.undo.close()
