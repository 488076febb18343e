"""Implementations of the same training, one file each, all called the same way.

To add one, write a class that fits `Peer` and list it here: the tests then compare the
models that it trains with the plain loop's, and the report times it beside the others.
Import what it needs only inside `train`, so that all others work without.
"""

from __future__ import annotations

from benchmarks.peers.base import Peer as Peer, Trained as Trained
from benchmarks.peers.dattri_loop import DattriLoop
from benchmarks.peers.jax_jit import JaxScan
from benchmarks.peers.ours import Ours
from benchmarks.peers.pydvl_loop import PyDVLLoop
from benchmarks.peers.torch_loop import TorchLoop
from benchmarks.peers.torch_stacked import TorchStacked

__all__ = ["OURS", "PEERS", "Peer", "Trained", "installed"]

OURS = Ours("fused")
PEERS: tuple[Peer, ...] = (
    OURS,
    Ours("compiled"),
    Ours("eager"),
    JaxScan(),
    TorchStacked(),
    TorchLoop(),
    DattriLoop(),
    PyDVLLoop(),
    Ours("compiled", device="cuda"),
    Ours("eager", device="cuda"),
)


def installed(*names: str) -> list[Peer]:
    """Return the peers that can run here, of those named, or of all."""
    return [
        peer for peer in PEERS if peer.available() and (not names or peer.name in names)
    ]
