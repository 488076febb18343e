"""The command ``memmetrics``: list, measure, plan, report and check.

Tables go to standard output, everything else to standard error. What a user can get
wrong ends in one line there and exit status 2, a report above a limit in one line
and status 1. An interrupt ends in one line and status 130, and a reader of the output
that has had enough (`head`, say) in no line at all.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import memmetrics
from memmetrics._arrays.files import check_table_path, write_table
from memmetrics._arrays.validation import as_confidence
from memmetrics.command_line.evidence_options import add_evidence_options, read_evidence
from memmetrics.command_line.reports import (
    CHECK_EXAMPLES,
    REPORT_EXAMPLES,
    add_check,
    add_report,
)
from memmetrics.errors import RetrainingError, StoreError
from memmetrics.metrics.base import Metric
from memmetrics.metrics.registry import PluginError, get_metric, offered_metrics
from memmetrics.planning.plan import plan
from memmetrics.trainers.toy import ToyTrainer, sparse_features

__all__ = ["main"]

_USER_ERRORS = (
    ImportError,
    MemoryError,
    OSError,
    OverflowError,
    PluginError,
    RetrainingError,
    StoreError,
    TypeError,
    ValueError,
)
_EXAMPLES = """\
examples:
  memmetrics measure datapoint_dimensionality --hidden hidden.npy
  memmetrics measure train_test_gap --train runs.npz:train --test runs.npz:test
  memmetrics measure counterfactual_memorization \\
      --scores scores.npy --member member.npy --out table.parquet
  memmetrics measure counterfactual_memorization \\
      --evidence first.npz --evidence second.npz
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the command's name. Default: ``sys.argv[1:]``.

    Returns
    -------
    int
        0; 1 if ``check`` found a limit exceeded; 2 after an error that the user can
        mend, which is told on standard error; 130 after an interrupt.

    Examples
    --------
    >>> main(["measure", "leverage", "--hidden", "no-such-file.npy"])
    2
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            return _run(arguments)
        except BrokenPipeError:
            return 0
        except KeyboardInterrupt:
            _tell("error", "interrupted")
            return 130
        except _USER_ERRORS as error:
            _tell("error", str(error) or type(error).__name__)
            return 2


def _run(arguments: Sequence[str] | None) -> int:
    try:
        options = _parser().parse_args(arguments)
        if sys.stdout is None and getattr(options, "out", None) is None:
            raise OSError("standard output is closed, and the table would go there")
        return options.command(options) or 0
    finally:  # `--help` leaves from within
        _flush()


def _flush() -> None:
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        # What could not be written must not be tried once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _tell(kind: str, message: object) -> None:
    if sys.stderr is not None:
        line = " ".join(str(message).split())
        with contextlib.suppress(OSError):  # nobody listens there either
            print(f"memmetrics: {kind}: {line}", file=sys.stderr)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _tell("warning", message)


class _Once(argparse.Action):
    """An option that may be given once: of two values, one would be lost."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        _option: str | None = None,
    ) -> None:
        """Keep the value, or refuse a second one."""
        given = vars(namespace).setdefault("given", set())
        if self.dest in given:
            raise argparse.ArgumentError(self, "given more than once")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


class _Parser(argparse.ArgumentParser):
    """Options that may be given once, and errors that `main` tells in one line."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register("action", None, _Once)

    def error(self, message: str) -> NoReturn:
        """Leave it to `main` to tell."""
        raise ValueError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("memmetrics", description=memmetrics.__doc__)
    parser.add_argument(
        "--version", action="version", version=f"memmetrics {memmetrics.__version__}"
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, (add, purpose, usage, examples) in _commands().items():
        add(
            commands.add_parser(
                name,
                help=purpose,
                usage=usage,
                epilog=examples,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        )
    return parser


def _commands() -> dict[str, tuple[Callable[[_Parser], None], str, str | None, str]]:
    """Return what adds each command's arguments, its help, usage and examples."""
    measure = "memmetrics measure METRIC --FIELD FILE ... [--out FILE]"
    report = "memmetrics report EVIDENCE ... --out DIR [--points FILE]"
    of_report = "a page and a record of what was memorized, from saved retrainings"
    of_plan = "what retraining the toy model would take: runs, time, memory"
    return {
        "list": (_add_list, "the metrics, what each needs and costs", None, ""),
        "measure": (
            _add_measure,
            "saved arrays in, tidy table out",
            measure,
            _EXAMPLES,
        ),
        "plan": (_add_plan, of_plan, None, ""),
        "report": (add_report, of_report, report, REPORT_EXAMPLES),
        "check": (add_check, "fail if a report exceeds a limit", None, CHECK_EXAMPLES),
    }


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_list)


def _add_measure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_measure)
    parser.add_argument("metric", help="a name that `memmetrics list` shows")
    add_evidence_options(parser)
    parser.add_argument(
        "--confidence", type=float, help="confidence level of intervals, such as 0.95"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="table.csv or table.parquet; default: print CSV"
    )


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_plan)
    for name, kind, default, purpose in (
        ("points", int, 1000, "training points"),
        ("features", int, 1000, "inputs of the model"),
        ("sparsity", float, 0.99, "share of inputs that are zero"),
        ("hidden", int, 2, "size of the hidden layer"),
        ("steps", int, 50_000, "training steps"),
        ("confidence", float, 0.95, "confidence level of intervals"),
        ("seed", int, 0, "seed of data and first stack"),
    ):
        purpose_and_default = f"{purpose} (default: %(default)s)"
        parser.add_argument(
            f"--{name}", type=kind, default=default, help=purpose_and_default
        )
    parser.add_argument("--n-jobs", type=int, help="workers (default: joblib's choice)")
    wish = parser.add_mutually_exclusive_group(required=True)
    wish.add_argument("--runs", type=int, help="number of retrainings")
    wish.add_argument(
        "--half-width", type=float, help="wanted half-width of the intervals"
    )


def _list(_: argparse.Namespace) -> None:
    rows = [("metric", "needs", "cost", "unit", "distribution")]
    rows += [(name, *_described(name), origin) for name, origin in offered_metrics()]
    _print_table(rows)


def _described(name: str) -> tuple[str, str, str]:
    try:
        metric = get_metric(name)
    except PluginError as error:
        _tell("warning", error)
        return "(unusable)", "-", "-"
    cost, unit = (str(getattr(metric, field, "-")) for field in ("cost", "unit"))
    return metric.needs.__name__, cost, unit


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _measure(options: argparse.Namespace) -> None:
    # Cheap checks first: no array is read for a name or a suffix that is wrong.
    if options.out is not None:
        check_table_path(options.out)
    metric = _configured(get_metric(options.metric), options.confidence)
    frame = metric(read_evidence(metric, options)).to_frame()
    if options.out is None:
        frame.to_csv(sys.stdout, index=False)
    else:
        write_table(frame, options.out)


def _configured(metric: Metric, confidence: float | None) -> Metric:
    if confidence is None:
        return metric
    if not dataclasses.is_dataclass(metric) or not hasattr(metric, "confidence"):
        raise ValueError(f"{metric.name} has no intervals, so --confidence is no use")
    return dataclasses.replace(metric, confidence=as_confidence(confidence))


def _plan(options: argparse.Namespace) -> None:
    data = sparse_features(
        options.points, options.features, options.sparsity, rng=options.seed
    )
    planned = plan(
        ToyTrainer(hidden=options.hidden, steps=options.steps),
        data,
        runs=options.runs,
        half_width=options.half_width,
        confidence=options.confidence,
        n_jobs=options.n_jobs,
        rng=options.seed,
    )
    print(planned)
