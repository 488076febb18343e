"""Studies: one file says what to run, what to draw and what the paper says."""

from __future__ import annotations
