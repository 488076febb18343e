"""One page to look around in: toy models of many recipes, step by step."""

from __future__ import annotations
