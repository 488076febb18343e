"""The command ``memmetrics``: list the metrics, measure saved arrays, plan retrainings.

Tables go to standard output, everything else to standard error. What a user can get
wrong ends in one line there and exit status 2.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import memmetrics
from memmetrics._files import check_table_path, read_array, write_table
from memmetrics.evidence import Fit, Losses, Retrainings
from memmetrics.metrics.base import Metric
from memmetrics.metrics.registry import PluginError, available_metrics, get_metric

__all__ = ["main"]

# One command-line option for every field of the evidence.
_EVIDENCE = (Fit, Losses, Retrainings)
_HELP = {
    "weights": "(..., features, hidden): a row is one feature's vector",
    "hidden": "(..., points, hidden): hidden activations",
    "reference": "(..., points, hidden): the training set's, if --hidden is held out",
    "train": "(..., points): loss of every training point",
    "test": "(..., test points): loss of every held-out point",
    "scores": "(runs, targets): higher is better",
    "member": "(runs, points): true where the run trained on the point",
    "own": "(targets,): the point that each target is, -1 for a held-out one",
    "groups": "(points,): points that enter and leave together",
    "seeds": "(runs,): kept as a record",
}
# How text is read: (number of axes, type). Binary files say it themselves.
_TEXT: dict[str, tuple[Literal[1, 2], type]] = {
    "train": (1, float),
    "test": (1, float),
    "own": (1, int),
    "groups": (1, int),
    "seeds": (1, int),
    "member": (2, bool),
}
_EXAMPLES = """\
examples:
  memmetrics measure datapoint_dimensionality --hidden hidden.npy
  memmetrics measure train_test_gap --train runs.npz:train --test runs.npz:test
  memmetrics measure counterfactual_memorization \\
      --scores scores.npy --member member.npy --out table.parquet
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
        0, or 2 after an error that the user can mend, which is told on standard error.

    Examples
    --------
    >>> main(["measure", "leverage", "--hidden", "no-such-file.npy"])
    2
    """
    options = _parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            options.command(options)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader (`head`, say) had enough; the interpreter's own flush at exit
            # must not complain about it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (ImportError, OSError, PluginError, TypeError, ValueError) as error:
            _tell("error", error)
            return 2
    return 0


def _tell(kind: str, message: object) -> None:
    print(f"memmetrics: {kind}: {' '.join(str(message).split())}", file=sys.stderr)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _tell("warning", message)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("memmetrics", description=memmetrics.__doc__)
    parser.add_argument(
        "--version", action="version", version=f"memmetrics {memmetrics.__version__}"
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    lister = commands.add_parser("list", help="the metrics, what each needs and costs")
    lister.set_defaults(command=_list)
    _add_measure(
        commands.add_parser(
            "measure",
            help="saved arrays in, tidy table out",
            usage="memmetrics measure METRIC --FIELD FILE ... [--out FILE]",
            epilog=_EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    return parser


def _add_measure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_measure)
    parser.add_argument("metric", help="a name that `memmetrics list` shows")
    for evidence in _EVIDENCE:
        group = parser.add_argument_group(
            f"for metrics that need {evidence.__name__}", "files .npy, .npz or .csv"
        )
        for field in dataclasses.fields(evidence):
            group.add_argument(
                f"--{field.name}", metavar="FILE", help=_HELP[field.name]
            )
    parser.add_argument(
        "--confidence", type=float, help="confidence level of intervals, such as 0.95"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="table.csv or table.parquet; default: print CSV"
    )


def _list(_: argparse.Namespace) -> None:
    rows = [("metric", "needs", "cost", "unit", "distribution")]
    for name, entry_point in available_metrics().items():
        origin = "" if entry_point.dist is None else entry_point.dist.name
        try:
            metric = get_metric(name)
        except PluginError as error:
            _tell("warning", error)
            continue
        cost, unit = getattr(metric, "cost", "-"), getattr(metric, "unit", "-")
        rows.append((name, metric.needs.__name__, cost, unit, origin))
    _print_table(rows)


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
    evidence = metric.needs(**_read_evidence(metric, options))
    frame = metric(evidence).to_frame()
    if options.out is None:
        frame.to_csv(sys.stdout, index=False)
    else:
        write_table(frame, options.out)


def _configured(metric: Metric, confidence: float | None) -> Metric:
    if confidence is None:
        return metric
    if not dataclasses.is_dataclass(metric) or not hasattr(metric, "confidence"):
        raise ValueError(f"{metric.name} has no intervals, so --confidence is no use")
    return dataclasses.replace(metric, confidence=confidence)


def _read_evidence(
    metric: Metric, options: argparse.Namespace
) -> dict[str, npt.NDArray[Any]]:
    fields = dataclasses.fields(metric.needs)
    known = [field.name for field in fields]
    required = {field.name for field in fields if field.default is dataclasses.MISSING}
    given = [name for name in _HELP if getattr(options, name) is not None]
    if not given or not required <= set(given) <= set(known):
        raise ValueError(
            f"{metric.name} needs {metric.needs.__name__}, that is, some of "
            f"{_dashed(known)}{_dashed(sorted(required), ', always ')}; "
            f"got {_dashed(given) or 'none'}"
        )
    return {name: _read(name, getattr(options, name)) for name in given}


def _dashed(names: Iterable[str], before: str = "") -> str:
    return before + ", ".join(f"--{name}" for name in names) if names else ""


def _read(name: str, path: str) -> npt.NDArray[Any]:
    ndmin, kind = _TEXT.get(name, (2, float))
    array = read_array(path, ndmin=ndmin)
    if not path.endswith(".csv") or kind is float:
        return array
    exact: npt.NDArray[Any] = array.astype(kind)
    if not np.array_equal(exact, array):
        expected = "0 and 1" if kind is bool else "integers"
        raise ValueError(f"{path}: `{name}` must hold {expected} only")
    return exact
