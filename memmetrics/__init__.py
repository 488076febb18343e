"""Metrics of what a network memorized: how much, how sure, by which definition."""

from __future__ import annotations

__version__ = "0.1.0"
