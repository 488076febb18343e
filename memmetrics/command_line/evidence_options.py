"""Evidence from the command line: one option for every field, each naming a file."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt

from memmetrics._arrays.fields import read_field
from memmetrics.concatenation import concatenate
from memmetrics.evidence import Evidence, Fit, Losses, Retrainings
from memmetrics.metrics.base import Metric
from memmetrics.reading import read_retrainings

__all__ = [
    "EVIDENCE_HELP",
    "add_evidence_options",
    "add_retrainings_options",
    "joined_retrainings",
    "read_evidence",
]

EVIDENCE_HELP = (
    "an archive .npz, a tidy table .csv or .parquet, a folder of files, or a finished "
    "store; several are joined, runs after runs"
)
_EVIDENCE = (Fit, Losses, Retrainings)
_HELP = {
    "weights": "(..., features, hidden): a row is one feature's vector",
    "hidden": "(..., points, hidden): hidden activations",
    "reference": "(..., points, hidden): the training set's, if --hidden is held out",
    "train": "(..., points): loss of every training point",
    "test": "(..., test points): loss of every held-out point",
    "scores": "(runs, targets): higher is better; may be given again, for more runs",
    "member": "(runs, points): true where the run trained on the point; one for each "
    "--scores",
    "own": "(targets,): the point that each target is, -1 for a held-out one",
    "groups": "(points,): points that enter and leave together",
    "seeds": "(runs,): kept as a record; one for each --scores",
}
_OF_RUNS = ("scores", "member", "seeds")
_OF_POINTS = ("own", "groups")


def add_evidence_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for every field of the three kinds of evidence."""
    for evidence in (Fit, Losses):
        group = parser.add_argument_group(
            f"for metrics that need {evidence.__name__}", "files .npy, .npz or .csv"
        )
        for field in dataclasses.fields(evidence):
            group.add_argument(
                f"--{field.name}", metavar="FILE", help=_HELP[field.name]
            )
    group = add_retrainings_options(parser, "for metrics that need Retrainings")
    group.add_argument(
        "--evidence", metavar="PATH", action="append", help=EVIDENCE_HELP
    )


def add_retrainings_options(
    parser: argparse.ArgumentParser, title: str
) -> argparse._ArgumentGroup:
    """Add an option for every field of retrainings, to be given as often as needed."""
    group = parser.add_argument_group(title, "files .npy, .npz or .csv")
    for field in dataclasses.fields(Retrainings):
        group.add_argument(
            f"--{field.name}",
            metavar="FILE",
            action="append",
            help=_HELP[field.name],
        )
    return group


def read_evidence(metric: Metric, options: argparse.Namespace) -> Evidence:
    """Return the evidence that `metric` needs, from the files that were named.

    Raises
    ------
    ValueError
        If the files named are not those of the metric's evidence, or do not hold it.
    OSError
        If one of them cannot be read.
    """
    fields = dataclasses.fields(metric.needs)
    known = [field.name for field in fields]
    required = {field.name for field in fields if field.default is dataclasses.MISSING}
    given = [name for name in _HELP if getattr(options, name) is not None]
    if options.evidence is not None:
        if metric.needs is Retrainings and set(given) <= set(known):
            return joined_retrainings(options)
        given.append("evidence")
    if not given or not required <= set(given) <= set(known):
        raise ValueError(
            f"{metric.name} needs {metric.needs.__name__}, that is, some of "
            f"{_dashed(known)}{_dashed(sorted(required), ', always ')}; "
            f"got {_dashed(given) or 'none'}"
        )
    if metric.needs is Retrainings:
        return joined_retrainings(options)
    return metric.needs(
        **{name: read_field(name, getattr(options, name)) for name in given}
    )


def joined_retrainings(options: argparse.Namespace) -> Retrainings:
    """Return all the retrainings that the options name, joined.

    Either paths for `read_retrainings`, or as many files of scores as of membership;
    `own` and `groups` may be given once, for all.

    Raises
    ------
    ValueError, OSError, TypeError
        If the files named do not go together, cannot be read, or do not fit.
    """
    paths: Sequence[str] = options.evidence or ()
    given = [name for name in _OF_RUNS if getattr(options, name)]
    if paths and given:
        raise ValueError(
            f"what is in {paths[0]} holds scores and membership; got {_dashed(given)} "
            "as well"
        )
    if not paths and not {"scores", "member"} <= set(given):
        raise ValueError(
            "say where scores and membership are: EVIDENCE, or --scores and --member"
        )
    parts = len(paths) or len(options.scores)
    files = [
        *(_repeated(options, name, parts) for name in _OF_RUNS if name in given),
        *(_repeated(options, name, parts, once=True) for name in _OF_POINTS),
    ]
    evidences = []
    for part in range(parts):
        arrays = _read([(name, of[part]) for name, of in files if of])
        evidences.append(
            read_retrainings(paths[part], **arrays) if paths else Retrainings(**arrays)
        )
    return evidences[0] if parts == 1 else concatenate(evidences)


def _repeated(
    options: argparse.Namespace, name: str, parts: int, *, once: bool = False
) -> tuple[str, list[str]]:
    """Return an option's files, one for each part; none if it was not given."""
    files: list[str] = getattr(options, name) or []
    if once and len(files) == 1:
        files *= parts
    if files and len(files) != parts:
        raise ValueError(
            f"--{name} must be given for each of the {parts} parts"
            f"{' or once' if once else ''}; got {len(files)}"
        )
    return name, files


def _read(files: Iterable[tuple[str, str]]) -> dict[str, npt.NDArray[Any]]:
    return {name: read_field(name, path) for name, path in files}


def _dashed(names: Iterable[str], before: str = "") -> str:
    return before + ", ".join(f"--{name}" for name in names) if names else ""
