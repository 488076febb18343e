"""Limits on what a report found: for a build that is to fail above them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from memmetrics.reporting.record import KIND, SCHEMA

__all__ = ["LIMITS", "check_report", "option"]

# Limit, the number of the summary that it is set to, and what that is.
LIMITS: Mapping[str, tuple[str, str]] = {
    "max_memorized": (
        "memorized",
        "the number of points memorized at the false-discovery rate",
    ),
    "max_share": ("share", "their share of the points tested"),
    "max_estimate": ("largest_estimate", "the largest estimate"),
    "max_half_width": (
        "median_half_width",
        "the median half-width of the intervals (few runs find nothing)",
    ),
}


def check_report(path: str | PathLike[str], **limits: float) -> list[str]:
    """Compare a ``report.json`` with limits, and say which it exceeds.

    Parameters
    ----------
    path : path
        The file that `memmetrics.report` wrote.
    **limits : float
        ``max_memorized``, ``max_share``, ``max_estimate``, ``max_half_width``: each is
        the largest number allowed. At least one.

    Returns
    -------
    list of str
        A few words for each limit that is exceeded; empty if all is well. A number that
        the report does not know exceeds every limit.

    Raises
    ------
    OSError
        If the file cannot be read.
    TypeError, ValueError
        If it is no report, or of another schema; if there are no limits, an unknown
        one, or one that is NaN.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "report.json"
    ...     content = {"kind": KIND, "schema": SCHEMA, "summary": {"memorized": 3}}
    ...     _ = path.write_text(json.dumps(content))
    ...     check_report(path, max_memorized=2), check_report(path, max_memorized=3)
    (['memorized is 3, above --max-memorized 2'], [])
    """
    if not limits:
        raise ValueError(f"give at least one limit of {', '.join(map(option, LIMITS))}")
    for name, limit in limits.items():
        if name not in LIMITS:
            raise TypeError(f"there is no limit `{name}`; there are {list(LIMITS)}")
        if math.isnan(limit):  # nothing is above it
            raise ValueError(f"{option(name)} must be a number; got {limit!r}")
    summary = _summary(Path(path))
    broken = []
    for name, limit in limits.items():
        number = summary.get(LIMITS[name][0])
        if number is None:
            broken.append(f"{LIMITS[name][0]} is unknown, against {option(name)}")
        elif number > limit:
            broken.append(
                f"{LIMITS[name][0]} is {number:.10g}, above {option(name)} {limit:.10g}"
            )
    return broken


def option(name: str) -> str:
    """Return a limit as it is on the command line."""
    return f"--{name.replace('_', '-')}"


def _summary(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: no report ({error})") from error
    if not isinstance(record, dict) or record.get("kind") != KIND:
        raise ValueError(f"{path}: no report of memmetrics")
    if record.get("schema") != SCHEMA:
        raise ValueError(
            f"{path}: a report of schema {record.get('schema')}; this version reads "
            f"{SCHEMA}"
        )
    summary = record.get("summary")
    if not isinstance(summary, dict) or not all(map(_number, summary.values())):
        raise ValueError(f"{path}: its summary does not hold numbers")
    return summary


def _number(value: object) -> bool:
    return value is None or (
        isinstance(value, (int, float)) and not isinstance(value, bool)
    )
