"""``report.json``: what a report found, for programs to read.

One JSON object. Numbers that are unknown or infinite are null. Its keys, schema 1:

- ``kind``: "memmetrics report"; ``schema``: 1, raised whenever a key changes meaning;
- ``title``;
- ``metric``: ``name``, ``version``, and ``unit`` of all estimates;
- ``summary``: points ``estimated`` and ``tested``; how many are ``memorized`` at the
  false-discovery rate, their ``share`` of those tested, and
  ``memorized_any_dependence``, those found whatever the dependence between points;
  ``largest_estimate``, ``mean_estimate`` and ``median_half_width`` of the intervals;
- ``settings``: ``confidence``, ``minimum``, ``false_discovery_rate``, and whatever the
  caller added;
- ``rests_on``: ``runs``, ``runs_left_out`` (NaN throughout), ``points``,
  ``targets_held_out``, ``tokens`` (0: one score for each point), ``missing_scores``,
  ``n_in`` and ``n_out`` (``least``, ``median``, ``most`` runs that had a point and had
  it not), ``intervals`` and ``flags`` (how many points have each);
- ``evidence``: ``hash`` of scores, membership and targets; ``attrs``, what it says of
  where it comes from; and ``seeds``, their number and hash, or null;
- ``versions`` of packages;
- ``points``: the points with the largest estimates, at most as many as the page shows:
  ``point``, ``estimate``, ``standard_error``, ``low``, ``high``, ``n_in``, ``n_out``,
  ``p_value``, ``interval``, ``flag``, ``memorized``;
- ``influences``: the largest influences of training points on held-out targets, empty
  where no target is held out: ``target``, its place among the held-out targets,
  ``point``, ``estimate``, ``standard_error``, ``low``, ``high``, and ``clear``, whether
  it is not zero by intervals that hold for all pairs at once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memmetrics._arrays.fingerprint import fingerprint
from memmetrics.evidence import Retrainings
from memmetrics.experiment.store.manifest import package_versions
from memmetrics.reporting.findings import Findings

__all__ = ["KIND", "SCHEMA", "record_of", "settings_iv", "written"]

KIND = "memmetrics report"
SCHEMA = 1
_ROW = (
    "point",
    "estimate",
    "standard_error",
    "low",
    "high",
    "n_in",
    "n_out",
    "p_value",
    "interval",
    "flag",
    "memorized",
)


def record_of(
    findings: Findings, *, title: str, settings: Mapping[str, Any], shown: int
) -> dict[str, Any]:
    """Return what ``report.json`` holds: plain JSON values."""
    metric, table = findings.metric, findings.table
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "title": title,
        "metric": {
            "name": metric.name,
            "version": metric.version,
            "unit": metric.unit,
        },
        "summary": findings.summary(),
        "settings": {
            "confidence": metric.confidence,
            "minimum": metric.minimum,
            "false_discovery_rate": findings.false_discovery_rate,
            **settings,
        },
        "rests_on": _rests_on(findings),
        "evidence": _identity(findings.evidence),
        "versions": package_versions(),
        "points": _rows(table.head(shown)[list(_ROW)]),
        "influences": []
        if findings.influences is None
        else _rows(findings.influences.table),
    }


def settings_iv(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the caller's own settings, if JSON has words for them.

    Raises
    ------
    TypeError, ValueError
        If not.
    """
    try:
        plain = json.loads(json.dumps(dict(settings or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise type(error)(f"`settings` must be plain JSON values: {error}") from error
    return dict(plain)


def written(record: Mapping[str, Any]) -> bytes:
    """Return the content of the file."""
    text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=True)
    return f"{text}\n".encode("ascii")


def _rests_on(findings: Findings) -> dict[str, Any]:
    table = findings.table
    return {
        "runs": len(findings.evidence.scores),
        "runs_left_out": findings.left_out,
        "points": len(table),
        "targets_held_out": findings.held_out,
        "tokens": findings.tokens,
        "missing_scores": findings.missing,
        "n_in": _spread(table["n_in"]),
        "n_out": _spread(table["n_out"]),
        "intervals": _counts(table["interval"]),
        "flags": _counts(table["flag"]),
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def _spread(counts: pd.Series[Any]) -> dict[str, float]:
    values = counts.to_numpy(np.float64)
    return {
        "least": int(values.min()),
        "median": float(np.median(values)),
        "most": int(values.max()),
    }


def _counts(column: pd.Series[Any]) -> dict[str, int]:
    counts = column.astype(str).value_counts()
    return {str(name): int(count) for name, count in counts.items() if name}


def _identity(evidence: Retrainings) -> dict[str, Any]:
    seeds = evidence.seeds
    arrays: list[npt.NDArray[Any]] = [evidence.scores, evidence.member]
    if evidence.own is not None:
        arrays.append(evidence.own)
    return {
        "hash": fingerprint(*arrays),
        "attrs": _jsonable(evidence.attrs),
        "seeds": None
        if seeds is None
        else {
            "count": len(seeds),
            "hash": fingerprint(np.array([str(seed) for seed in seeds], dtype="S")),
        },
    }


def _jsonable(attrs: Any) -> Any:
    """Return what evidence says of itself; as text where JSON has no words for it."""
    try:
        return json.loads(json.dumps(attrs, default=str, allow_nan=False))
    except (TypeError, ValueError):
        return str(attrs)


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
