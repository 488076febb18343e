"""Numbers as a page writes them."""

from __future__ import annotations

__all__ = ["counted", "number"]


def counted(count: int, thing: str) -> str:
    """Return so many things in words."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with its leading digits, a dash for None."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:#.{digits}g}"
