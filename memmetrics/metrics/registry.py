"""Finding metrics by name, among those that installed distributions offer.

A distribution offers a metric as an entry point of the group ``memmetrics.metrics``;
the metrics of memmetrics itself are found the same way. A plug-in is imported only
when it is asked for, so a broken one harms nobody who does not use it; nor does one
that takes the name of another, except who asks for that name.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from memmetrics.evidence import Fit, Losses, OneRun, Retrainings
from memmetrics.metrics.base import Metric

__all__ = ["PluginError", "available_metrics", "get_metric", "offered_metrics"]

GROUP = "memmetrics.metrics"
_EVIDENCE = (Fit, Losses, OneRun, Retrainings)


class PluginError(RuntimeError):
    """A distribution offers a metric that is broken, or a name that is taken."""


def available_metrics() -> dict[str, EntryPoint]:
    """Return the entry point of every metric that is installed, by name.

    Nothing is imported.

    Raises
    ------
    PluginError
        If two distributions offer the same name; the message names both.

    Examples
    --------
    >>> sorted(available_metrics())  # doctest: +ELLIPSIS
    ['consistency_score', 'counterfactual_influence', ...]
    """
    return {name: _only(name, offers) for name, offers in sorted(_offers().items())}


def offered_metrics() -> list[tuple[str, str]]:
    """Return every name that is offered, usable or not, and the distributions it is of.

    Nothing is imported, and one bad plug-in hides no other.

    Examples
    --------
    >>> dict(offered_metrics())["leverage"]
    'memmetrics'
    """
    return [
        (name, ", ".join(sorted(_project(offer) for offer in offers)))
        for name, offers in sorted(_offers().items())
    ]


def get_metric(metric: str | Metric | type[Metric]) -> Metric:
    """Return a metric, given its name, its class or the metric itself.

    Raises
    ------
    ValueError
        If no installed distribution offers the name.
    TypeError
        If the object does not fit the protocol `memmetrics.Metric`.
    PluginError
        If the plug-in cannot be imported, does not fit the protocol, or two
        distributions offer its name; the message names the distributions.

    Examples
    --------
    >>> get_metric("leverage").needs.__name__
    'Fit'
    """
    if not isinstance(metric, str):
        return _conforming(metric)
    offers = _offers()
    if metric not in offers:
        raise ValueError(_unknown(metric, sorted(offers)))
    return _load(_only(metric, offers[metric]))


def _offers() -> dict[str, list[EntryPoint]]:
    offers: dict[str, list[EntryPoint]] = defaultdict(list)
    for entry_point in entry_points(group=GROUP):
        offers[entry_point.name].append(entry_point)
    return offers


def _only(name: str, offers: list[EntryPoint]) -> EntryPoint:
    if len(offers) > 1:
        distributions = " and ".join(sorted(_distribution(offer) for offer in offers))
        raise PluginError(
            f"metric {name!r} is offered more than once, by {distributions}; "
            "uninstall one, or pass the metric object instead of its name"
        )
    return offers[0]


def _load(entry_point: EntryPoint) -> Metric:
    origin = (
        f"metric {entry_point.name!r} of distribution {_distribution(entry_point)} "
        f"({entry_point.value})"
    )
    try:
        metric = _conforming(entry_point.load())
        called: Any = metric.name
    except (Exception, SystemExit) as error:
        # Whatever a plug-in raises while it is imported is its author's to mend.
        raise PluginError(
            f"{origin} is broken: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(called, str) or called != entry_point.name:
        raise PluginError(
            f"{origin} calls itself {called!r}; the two names must be the same"
        )
    return metric


def _conforming(candidate: object) -> Metric:
    metric: Any = candidate() if isinstance(candidate, type) else candidate
    faults = [
        f"no attribute `{name}`"
        for name in ("name", "version", "needs")
        if not hasattr(metric, name)
    ]
    if not callable(metric):
        faults.append("it cannot be called")
    if not faults and metric.needs not in _EVIDENCE:
        expected = ", ".join(evidence.__name__ for evidence in _EVIDENCE)
        faults.append(f"`needs` must be one of {expected}")
    if faults:
        raise TypeError(f"{metric!r} is not a metric: {'; '.join(faults)}")
    return cast("Metric", metric)


def _unknown(name: str, known: list[str]) -> str:
    if not known:
        return (
            f"unknown metric {name!r}: no metric is registered at all, so memmetrics "
            "itself is not installed (pip install -e . in a source tree)"
        )
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" did you mean {close[0]!r}?" if close else ""
    return f"unknown metric {name!r};{hint} installed are {', '.join(known)}"


def _distribution(entry_point: EntryPoint) -> str:
    dist = entry_point.dist
    version = "" if dist is None else f" {dist.version}"
    return _project(entry_point) + version


def _project(entry_point: EntryPoint) -> str:
    # Damaged metadata may lack a name.
    name: Any = getattr(entry_point.dist, "name", None)
    return str(name or "unknown")
