"""Studies: a file or folder each says what to run, to draw, and what was claimed."""

from __future__ import annotations
