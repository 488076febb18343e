"""Evidence from the command line: one option for every field, each naming a file."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.files import read_array, read_labels
from memmetrics.evidence import Evidence, Fit, Losses, Retrainings
from memmetrics.metrics.base import Metric

__all__ = ["add_evidence_options", "read_evidence"]

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
# How text is read, where it is not a table of numbers (rows, columns).
_LOSSES = {"train", "test"}
_LABELS = {"own", "groups", "seeds"}


def add_evidence_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for every field of the three kinds of evidence."""
    for evidence in _EVIDENCE:
        group = parser.add_argument_group(
            f"for metrics that need {evidence.__name__}", "files .npy, .npz or .csv"
        )
        for field in dataclasses.fields(evidence):
            group.add_argument(
                f"--{field.name}", metavar="FILE", help=_HELP[field.name]
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
    return metric.needs(**{name: _read(name, getattr(options, name)) for name in given})


def _dashed(names: Iterable[str], before: str = "") -> str:
    return before + ", ".join(f"--{name}" for name in names) if names else ""


def _read(name: str, path: str) -> npt.NDArray[Any]:
    if not path.endswith(".csv"):
        return read_array(path)
    if name in _LABELS:
        return read_labels(path)
    array = read_array(path, ndmin=1 if name in _LOSSES else 2)
    return _mask(array, path) if name == "member" else array


def _mask(array: npt.NDArray[Any], path: str) -> npt.NDArray[np.bool_]:
    mask = array.astype(bool)
    if not np.array_equal(mask, array):
        raise ValueError(f"{path}: `member` must hold 0 and 1 only")
    return mask
