"""Constants of the kernel: how a tile is laid out, and what a compiled form is for."""

from __future__ import annotations

__all__ = ["DENSE", "HIDDEN", "POINTS", "STRIDE", "TILE", "UNITS"]

TILE = 512
# One cache line more than a tile: rows a power of two apart would all fall into
# the same few sets of the first-level cache.
STRIDE = TILE + 16

# The others differ from one compiled form to the next; these make the kernel's
# modules complete Python. Hidden units, how many of them are written out together,
# points that are handled together, and whether the data are dense.
HIDDEN = 2
UNITS = 2
POINTS = 4
DENSE = False
