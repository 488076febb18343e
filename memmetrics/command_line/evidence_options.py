"""Evidence from the command line: one option for every field, each naming a file."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

from memmetrics._arrays.fields import read_field
from memmetrics.evidence import Evidence, Fit, Losses, OneRun, Retrainings
from memmetrics.metrics.base import Metric

__all__ = ["add_evidence_options", "read_evidence"]

_EVIDENCE = (Fit, Losses, Retrainings, OneRun)
_HELP = {
    "weights": "(..., features, hidden): a row is one feature's vector",
    "hidden": "(..., points, hidden): hidden activations",
    "reference": "(..., points, hidden): the training set's, if --hidden is held out",
    "train": "(..., points): loss of every training point",
    "test": "(..., test points): loss of every held-out point",
    "scores": "(runs, targets), or (items,) of one run: higher is better",
    "member": "(runs, points): true where the run trained on the point",
    "own": "(targets,): the point that each target is, -1 for a held-out one",
    "groups": "(points,): points that enter and leave together",
    "seeds": "(runs,): kept as a record",
    "entered": "(items,): true where a coin let the item into training; with --scores",
    "strata": "(items,): kind of each item",
    "reference_scores": "(items,): of a model that saw none of the items",
}


def add_evidence_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for every field of the kinds of evidence, once."""
    added: set[str] = set()
    for evidence in _EVIDENCE:
        group = parser.add_argument_group(
            f"for metrics that need {evidence.__name__}", "files .npy, .npz or .csv"
        )
        for field in dataclasses.fields(evidence):
            if field.name not in added:
                added.add(field.name)
                group.add_argument(
                    f"--{field.name.replace('_', '-')}",
                    metavar="FILE",
                    help=_HELP[field.name],
                )


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
    if not given or not required <= set(given) <= set(known):
        raise ValueError(
            f"{metric.name} needs {metric.needs.__name__}, that is, some of "
            f"{_dashed(known)}{_dashed(sorted(required), ', always ')}; "
            f"got {_dashed(given) or 'none'}"
        )
    # Where text holds a single column, it is the one axis of these.
    axes: Literal[1, 2] = 1 if metric.needs in (Losses, OneRun) else 2
    arrays: dict[str, Any] = {
        name: read_field(name, getattr(options, name), axes=axes) for name in given
    }
    return metric.needs(**arrays)


def _dashed(names: Iterable[str], before: str = "") -> str:
    options = [f"--{name.replace('_', '-')}" for name in names]
    return before + ", ".join(options) if options else ""
