"""An audit's statistics, by name."""

from __future__ import annotations

from types import SimpleNamespace


def rows(result):
    """Each statistic's row; a table of pandas would take longer than the audit."""
    columns = {**result.columns, **vars(result)}
    names = ("estimate", "low", "high", "guesses", "right", "flag")
    return {
        statistic: SimpleNamespace(**{name: columns[name][at] for name in names})
        for at, statistic in enumerate(columns["statistic"])
    }
