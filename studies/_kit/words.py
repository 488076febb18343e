"""Sentences about numbers: they must hold, and read well, for any data."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

_WIDTH = 14  # letters that fit below one of ten pictures in a row


def counted(count: int, thing: str) -> str:
    """Join a number and its noun: ``1 feature``, ``2 features``."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def signed(value: float) -> str:
    """Give a correlation its sign, or say that there is none."""
    if not math.isfinite(value):
        return "undefined"
    return f"{round(value, 2) + 0.0:+.2f}"


def listed(items: Sequence[str]) -> str:
    """Join items: ``a, b and c``."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def number(value: object) -> str:
    """Write four significant digits, and whole numbers whole; what is missing, a dash.

    What is no floating-point number stays as it is.
    """
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"


def below_a_picture(name: str) -> str:
    """Break a name into at most two lines that fit below one of ten small pictures."""
    lines = textwrap.wrap(name, _WIDTH)
    if len(lines) > 2:
        lines = [lines[0], f"{lines[1][: _WIDTH - 1]}…"]
    return "\n".join(lines)
