"""Evidence from the command line: one option for every field, each naming a file."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from memmetrics._arrays.fields import read_field
from memmetrics.concatenation import concatenate
from memmetrics.evidence import Evidence, Fit, Losses, OneRun, Retrainings
from memmetrics.metrics.base import Metric
from memmetrics.reading import read_retrainings

EVIDENCE_HELP = (
    "an archive .npz, a tidy table .csv or .parquet, a folder of files, or a finished "
    "store; several are joined, runs after runs"
)
_HELP = {
    "weights": "(..., features, hidden): a row is one feature's vector",
    "hidden": "(..., points, hidden): hidden activations",
    "reference": "(..., points, hidden): the training set's, if --hidden is held out",
    "train": "(..., points): loss of every training point",
    "test": "(..., test points): loss of every held-out point",
    "scores": "(runs, targets), or (items,) of one run: higher is better; may be given "
    "again, for more runs",
    "member": "(runs, points): true where the run trained on the point; one for each "
    "--scores",
    "own": "(targets,): the point that each target is, -1 for a held-out one",
    "groups": "(points,): points that enter and leave together",
    "seeds": "(runs,): kept as a record; one for each --scores",
    "entered": "(items,): true where a coin let the item into training; with --scores",
    "strata": "(items,): kind of each item",
    "reference_scores": "(items,): of a model that saw none of the items",
}
_OF_RUNS = ("scores", "member", "seeds")
_OF_POINTS = ("own", "groups")


def add_evidence_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for every field of the kinds of evidence, once."""
    group = add_retrainings_options(parser, "for metrics that need Retrainings")
    group.add_argument(
        "--evidence", metavar="PATH", action="append", help=EVIDENCE_HELP
    )
    added = set(_fields(Retrainings))
    for evidence in (Fit, Losses, OneRun):
        group = parser.add_argument_group(
            f"for metrics that need {evidence.__name__}", "files .npy, .npz or .csv"
        )
        for name in _fields(evidence):
            if name not in added:
                group.add_argument(_option(name), metavar="FILE", help=_HELP[name])
        added.update(_fields(evidence))


def add_retrainings_options(
    parser: argparse.ArgumentParser, title: str
) -> argparse._ArgumentGroup:
    """Add an option for every field of retrainings, to be given as often as needed."""
    group = parser.add_argument_group(title, "files .npy, .npz or .csv")
    for name in _fields(Retrainings):
        group.add_argument(
            _option(name), metavar="FILE", action="append", help=_HELP[name]
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
    known = _fields(metric.needs)
    required = {
        field.name
        for field in dataclasses.fields(metric.needs)
        if field.default is dataclasses.MISSING
    }
    given = [name for name in _HELP if getattr(options, name) is not None]
    if options.evidence is not None:
        if metric.needs is Retrainings and set(given) <= set(known):
            return joined_retrainings(options)
        given.append("evidence")
    if not given or not required <= set(given) <= set(known):
        raise ValueError(
            f"{metric.name} needs {metric.needs.__name__}, that is, some of "
            f"{_dashed(known)}{_dashed(sorted(required), ', always ')}"
            f"{', or --evidence' if metric.needs is Retrainings else ''}; "
            f"got {_dashed(given) or 'none'}"
        )
    if metric.needs is Retrainings:
        return joined_retrainings(options)
    # Where text holds a single column, it is the one axis of these.
    axes: Literal[1, 2] = 1 if metric.needs in (Losses, OneRun) else 2
    arrays: dict[str, Any] = {
        name: read_field(name, _single(options, name), axes=axes) for name in given
    }
    return metric.needs(**arrays)


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
    files = {
        name: _repeated(options, name, parts, once=name in _OF_POINTS)
        for name in (*_OF_RUNS, *_OF_POINTS)
    }
    evidences = []
    for part in range(parts):
        arrays: dict[str, Any] = {
            name: read_field(name, of[part]) for name, of in files.items() if of
        }
        evidences.append(
            read_retrainings(paths[part], **arrays) if paths else Retrainings(**arrays)
        )
    return evidences[0] if parts == 1 else concatenate(evidences)


def _repeated(
    options: argparse.Namespace, name: str, parts: int, *, once: bool
) -> list[str]:
    """Return an option's files, one for each part; none if it was not given."""
    files: list[str] = getattr(options, name) or []
    if once and len(files) == 1:
        files *= parts
    if files and len(files) != parts:
        raise ValueError(
            f"--{name} must be given for each of the {parts} parts"
            f"{' or once' if once else ''}; got {len(files)}"
        )
    return files


def _single(options: argparse.Namespace, name: str) -> str:
    """Return the one file of an option; several are for retrainings only."""
    given = getattr(options, name)
    if isinstance(given, str):
        return given
    if len(given) > 1:
        raise ValueError(f"{_option(name)} must be given once; got {len(given)} files")
    return str(given[0])


def _fields(evidence: type[Any]) -> list[str]:
    """Return the names of the fields that files can give."""
    return [field.name for field in dataclasses.fields(evidence) if field.name in _HELP]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _dashed(names: Iterable[str], before: str = "") -> str:
    return before + ", ".join(map(_option, names)) if names else ""
