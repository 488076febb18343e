"""The commands ``report`` and ``check``: what was memorized, held to limits."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from memmetrics._arrays.files import read_array, read_lines
from memmetrics.command_line.evidence_options import (
    EVIDENCE_HELP,
    add_retrainings_options,
    joined_retrainings,
)
from memmetrics.reporting.check import LIMITS, check_report, option
from memmetrics.reporting.report import check_folder, report

REPORT_EXAMPLES = """\
examples:
  memmetrics report runs.npz --out report
  memmetrics report first.npz second.npz --points pictures.npy --out report
  memmetrics report --scores scores.npy --member member.npy --out report
"""
CHECK_EXAMPLES = """\
Exit status: 0 if all limits hold, 1 if one is exceeded, 2 if nothing could be checked.
A number that the report does not know exceeds every limit.

examples:
  memmetrics check report/report.json --max-memorized 0 --max-half-width 0.1
"""


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``memmetrics report``."""
    parser.set_defaults(command=_report)
    parser.add_argument("evidence", nargs="*", metavar="EVIDENCE", help=EVIDENCE_HELP)
    parser.add_argument(
        "--out",
        metavar="DIR",
        required=True,
        help="folder for report.html and report.json; created if there is none",
    )
    parser.add_argument(
        "--points",
        metavar="FILE",
        help="the training points, to show: pictures .npy or .npz, or texts .txt, one "
        "a line",
    )
    parser.add_argument(
        "--targets",
        metavar="FILE",
        help="the held-out targets, in the order of the evidence, to show beside "
        "--points",
    )
    parser.add_argument("--title", default="What was memorized", help="of the page")
    for name, default, purpose in (
        ("confidence", 0.95, "confidence level of intervals"),
        ("minimum", 0.0, "memorization worth the name, in the unit of the scores"),
        ("false-discovery-rate", 0.05, "of what is called memorized"),
    ):
        parser.add_argument(
            f"--{name}",
            type=float,
            default=default,
            help=f"{purpose} (default: %(default)s)",
        )
    parser.add_argument(
        "--shown",
        type=int,
        default=500,
        help="points to list, of the largest estimates (default: %(default)s)",
    )
    add_retrainings_options(parser, "in place of EVIDENCE, or where it lacks something")


def add_check(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``memmetrics check``."""
    parser.set_defaults(command=_check)
    parser.add_argument("file", metavar="FILE", help="report.json")
    for name, (_, words) in LIMITS.items():
        parser.add_argument(
            option(name), metavar="LIMIT", type=float, help=f"upper limit of {words}"
        )


def _report(options: argparse.Namespace) -> None:
    check_folder(options.out)  # before files are read, which may take long
    names = [*options.evidence, *(options.scores or ())]
    page = report(
        joined_retrainings(options),
        options.out,
        points=None if options.points is None else _points(options.points),
        targets=None if options.targets is None else _points(options.targets),
        title=options.title,
        confidence=options.confidence,
        minimum=options.minimum,
        false_discovery_rate=options.false_discovery_rate,
        shown=options.shown,
        settings={"files": names},
    )
    print(page)


def _points(path: str) -> Any:
    if path.endswith(".txt"):
        return read_lines(path)
    if not path.partition(":")[0].endswith((".npy", ".npz")):
        raise ValueError(f"{path}: expected pictures .npy or .npz, or texts .txt")
    return read_array(path)


def _check(options: argparse.Namespace) -> int:
    limits = {name: getattr(options, name) for name in LIMITS}
    limits = {name: limit for name, limit in limits.items() if limit is not None}
    broken = check_report(options.file, **limits)
    if broken and sys.stderr is not None:
        print(f"memmetrics: {options.file}: {'; '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0
