"""The page of a report: its sections, their words and its picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memmetrics.plotting import draw_ranking, theme
from memmetrics.reporting.examples import pixel_range, shown_example
from memmetrics.reporting.findings import Findings
from memmetrics.reporting.influence_section import influence_section
from memmetrics.reporting.page import (
    Facts,
    Gallery,
    Item,
    Part,
    Picture,
    Section,
    Table,
    Text,
    html_page,
)
from memmetrics.reporting.words import counted, number

__all__ = ["report_page"]

_DRAWN = 1000  # more dots than that are one line
_ROWS = 50
_ROWS_BESIDE_GALLERY = 15


def report_page(
    findings: Findings,
    record: Mapping[str, Any],
    examples: Sequence[Any] | None,
    targets: Sequence[Any] | None,
) -> bytes:
    """Return the content of ``report.html``.

    Parameters
    ----------
    findings : Findings
        What was found.
    record : mapping
        The same as in ``report.json``; its points are those shown.
    examples, targets : sequence of str or array, or None
        The training points, and the held-out targets.
    """
    rows = record["points"]
    top = rows[: _ROWS if examples is None else _ROWS_BESIDE_GALLERY]
    sections = [
        Section("ranking", "Ranking", [_ranking(findings), *_table(top)]),
        *([] if examples is None else [_gallery(findings, rows, examples)]),
        _discoveries(record),
        *_influences(findings, record, examples, targets),
        _rests_on(record),
        _settings(record),
    ]
    return html_page(record["title"], _introduction(record), sections)


def _introduction(record: Mapping[str, Any]) -> str:
    summary, settings = record["summary"], record["settings"]
    runs, points = record["rests_on"]["runs"], record["rests_on"]["points"]
    return (
        f"{_answer(summary, settings)}\n\n"
        "Memorization of a point is its mean score over models that trained on it, "
        f"minus its mean score over those that did not: here from {runs:,} models and "
        f"{counted(points, 'point')}. Intervals hold with "
        f"{settings['confidence']:.6g} confidence, each for its own point."
    )


def _answer(summary: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    if summary["memorized"] is None:
        return "No point could be tested: there are too few runs, or none with scores."
    more = f" by more than {settings['minimum']:.6g}" if settings["minimum"] else ""
    verb = "is" if summary["memorized"] == 1 else "are"
    return (
        f"{summary['memorized']:,} of {counted(summary['tested'], 'point')} "
        f"({summary['share']:.1%}) {verb} memorized{more}, at a false-discovery rate "
        f"of {settings['false_discovery_rate']:.6g}. The mean memorization is "
        f"{number(summary['mean_estimate'])}, the largest "
        f"{number(summary['largest_estimate'])}; half of the intervals are narrower "
        f"than ±{number(summary['median_half_width'])}."
    )


def _ranking(findings: Findings) -> Picture:
    table = findings.table.dropna(subset=["estimate"])
    places = np.unique(np.linspace(0, len(table) - 1, _DRAWN).round().astype(int))
    chosen = table.iloc[places] if len(table) > _DRAWN else table
    with theme():
        figure = Figure(figsize=(8.5, 4.2), layout="constrained")
        axes = figure.add_subplot()
        axes.axhline(0.0, color="#6B6B6B", linewidth=0.8)
        if len(chosen):
            draw_ranking(chosen, findings.metric.name, ax=axes)
        else:
            axes.set_title("no point has an estimate")
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
    caption = (
        "Every dot is a point with its interval, the most memorized on the left. "
        "Above the line, models are better at the point for having trained on it. "
        "The highest of many estimates are high by luck as well: trust the intervals "
        "and the discoveries rather than the order."
    )
    if len(chosen) < len(table):
        caption += f" Drawn are {len(chosen):,} of {len(table):,}, evenly spaced."
    return Picture("Memorization of the points, in order", file.getvalue(), caption)


def _table(rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    columns = {
        "point": [str(row["point"]) for row in rows],
        "estimate": [number(row["estimate"]) for row in rows],
        "from": [number(row["low"]) for row in rows],
        "to": [number(row["high"]) for row in rows],
        "p-value": [number(row["p_value"], 2) for row in rows],
        "runs in": [f"{row['n_in']:,}" for row in rows],
        "runs out": [f"{row['n_out']:,}" for row in rows],
        "memorized": [_verdict(row) for row in rows],
    }
    flags = [row["flag"] for row in rows]
    if any(flags):
        columns["flag"] = flags
    return [
        Text(f"The {counted(len(rows), 'point')} with the largest estimates:"),
        Table(pd.DataFrame(columns)),
    ]


def _gallery(
    findings: Findings, rows: Sequence[Mapping[str, Any]], examples: Sequence[Any]
) -> Section:
    chosen = [examples[row["point"]] for row in rows]
    texts = isinstance(chosen[0], str)
    scale = None if texts else pixel_range(chosen)
    items = [
        Item(shown_example(example, scale), _note(row), bool(row["memorized"]))
        for row, example in zip(rows, chosen, strict=True)
    ]
    of_all = len(findings.table)
    which = "All" if len(rows) == of_all else f"{len(rows):,} of {of_all:,}"
    words = (
        f"{which} {'texts' if texts else 'pictures'}, the most memorized first, each "
        "with its estimate and its interval; those called memorized have a border and "
        "a note in color."
    )
    return Section("gallery", "Points", [Text(words), Gallery(items)])


def _verdict(row: Mapping[str, Any]) -> str:
    if row["p_value"] is None:
        return "–"
    return "yes" if row["memorized"] else "no"


def _note(row: Mapping[str, Any]) -> str:
    if row["estimate"] is None:
        return f"point {row['point']}: no estimate"
    note = f"point {row['point']}: {number(row['estimate'], 3)}"
    if row["low"] is not None or row["high"] is not None:
        note += f" ({number(row['low'], 3)} to {number(row['high'], 3)})"
    return f"{note}, memorized" if row["memorized"] else note


def _discoveries(record: Mapping[str, Any]) -> Section:
    summary, rate = record["summary"], record["settings"]["false_discovery_rate"]
    found = {
        "memorized": number(summary["memorized"]),
        "of those tested": number(summary["tested"]),
        "memorized, whatever the dependence": number(
            summary["memorized_any_dependence"]
        ),
    }
    words = (
        f"Among many points some look memorized by chance. Of the points called "
        f"memorized here, a share of at most {rate:.6g} is expected to be so by chance "
        "(Benjamini and Hochberg; for independent points, or points that share their "
        "runs). The stricter procedure of Benjamini and Yekutieli holds whatever the "
        "dependence between points."
    )
    return Section("discoveries", "Discoveries", [Text(words), Facts(found)])


def _influences(
    findings: Findings,
    record: Mapping[str, Any],
    examples: Sequence[Any] | None,
    targets: Sequence[Any] | None,
) -> list[Section]:
    found, rows = findings.influences, record["influences"]
    if found is None or not rows:
        return []
    return [influence_section(found, rows, examples, targets)]


def _rests_on(record: Mapping[str, Any]) -> Section:
    rests = record["rests_on"]
    facts = {
        "runs": f"{rests['runs']:,}, of which {rests['runs_left_out']:,} without any "
        "score are left out",
        "runs that had a point": _spread(rests["n_in"]),
        "runs that had it not": _spread(rests["n_out"]),
        "scores missing": f"{rests['missing_scores']:,}",
        "targets held out": f"{rests['targets_held_out']:,}",
        "intervals": _listed(rests["intervals"]),
        "flags": _listed(rests["flags"]) or "none",
    }
    if rests["tokens"]:
        facts["scores"] = f"means over up to {rests['tokens']:,} tokens of a point"
    words = (
        "An interval is as good as the runs on both sides of it. A point without a run "
        "on one side has no estimate; one with few has a wide interval, or a flag that "
        "says what its sample lacks."
    )
    return Section(
        "rests-on", "What the intervals rest on", [Text(words), Facts(facts)]
    )


def _settings(record: Mapping[str, Any]) -> Section:
    metric, evidence = record["metric"], record["evidence"]
    seeds = evidence["seeds"]
    facts = {
        "metric": f"{metric['name']}, version {metric['version']}, in units of the "
        f"{metric['unit']}",
        **{
            name.replace("_", " "): _value(value)
            for name, value in record["settings"].items()
        },
        "evidence": f"hash {evidence['hash']}",
        "comes from": _value(evidence["attrs"]) or "not recorded",
        "seeds": "not recorded"
        if seeds is None
        else f"{seeds['count']:,}, hash {seeds['hash']}",
        "versions": ", ".join(f"{name} {v}" for name, v in record["versions"].items()),
    }
    return Section("settings", "How these numbers came about", [Facts(facts)])


def _spread(counts: Mapping[str, float]) -> str:
    least, median, most = counts["least"], counts["median"], counts["most"]
    if least == most:
        return f"{least:,}"
    return f"{least:,} to {most:,}, half of the points {median:,.6g} or more"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return str(value)
