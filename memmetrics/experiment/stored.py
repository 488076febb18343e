"""A store without its trainer: its scores, and who trained on what, drawn again.

A store holds no membership, but a key of every run that is made of it. So membership is
drawn again from design and seed, or given, and compared with the keys.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.fingerprint import fingerprint
from memmetrics._arrays.validation import as_boolean, to_numpy
from memmetrics._seeds import Stream, run_seeds
from memmetrics.designs import BLOCK, Bools, as_design, draw_members
from memmetrics.errors import StoreError
from memmetrics.evidence import groups_iv
from memmetrics.experiment.arguments import group_numbers
from memmetrics.experiment.diverged import diverged_runs
from memmetrics.experiment.retraining import RecordedRetrainings
from memmetrics.experiment.store.directory import DirectoryStore
from memmetrics.experiment.store.manifest import read_manifest
from memmetrics.experiment.store.shards import run_keys

__all__ = ["read_store"]


class _ReadOnlyStore(DirectoryStore):
    """A store that is looked at: nothing is moved, and no new runs are to come."""

    def _set_aside(self, path: Path) -> bool:
        return not path.exists()

    def _warn_of_versions(self, manifest: Mapping[str, Any]) -> None:
        pass

    def _warn(self, errors: list[str], what: str) -> None:
        del what
        if errors:
            warnings.warn(
                f"`store` {self.directory}: {len(errors)} files are passed over "
                f"({'; '.join(errors[:3])})",
                stacklevel=6,
            )


def read_store(
    directory: Path,
    *,
    member: npt.ArrayLike | None = None,
    own: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
) -> RecordedRetrainings:
    """Return the finished runs of a store of `retrain`; see `read_retrainings`.

    Raises
    ------
    TypeError, ValueError
        If `member`, `own` or `groups` are needed, or do not fit.
    StoreError
        If it cannot be read, holds no retrainings, or none of its runs has the
        membership that was drawn.

    Warns
    -----
    UserWarning
        If runs are missing, or files are passed over.
    """
    manifest = read_manifest(directory)
    if manifest is None:
        raise StoreError(f"`store` {directory}: there is no manifest")
    configuration = manifest["configuration"]
    if configuration.get("purpose") != "retrainings":
        raise StoreError(
            f"`store` {directory} holds {configuration.get('purpose')}, no retrainings"
        )
    points = int(configuration["data"]["shapes"][0][0])
    labels = _groups_iv(directory, configuration, groups, points)
    if own is None:
        own = _own(directory, manifest, points)
    store = _ReadOnlyStore(
        directory, configuration, stack_size=None, default_stack_size=1
    )
    last = _last_run(store)
    possible = (
        _drawn(configuration, points, labels, last)
        if member is None
        else [_member_iv(member, points)]
    )
    drawn, seeds = _finished(store, configuration, possible)
    done = np.array(sorted(store.places))
    if len(done) < len(drawn):
        warnings.warn(
            f"`store` {directory}: {len(drawn) - len(done)} of {len(drawn)} runs are "
            "missing",
            stacklevel=3,
        )
    scores, diverged = (_rows(store, name, done) for name in ("scores", "diverged"))
    diverged = diverged_runs(diverged, {"scores": scores})
    if diverged.any():
        scores[diverged] = np.nan
    return RecordedRetrainings(
        scores=scores,
        member=drawn[done],
        own=None if own is None else to_numpy(own),
        groups=labels,
        seeds=np.array([seeds[run] for run in done], dtype=np.uint64),
        diverged=diverged,
        stack_size=store.stack_size,
    ).with_attrs(
        {
            "store": str(directory),
            "seed": configuration["seed"],
            "versions": manifest["versions"],
        }
    )


def _own(
    directory: Path, manifest: Mapping[str, Any], points: int
) -> npt.NDArray[np.int64] | None:
    """Return which training point each target of a store is; None for the points."""
    described = manifest["configuration"]["targets"]
    if described is None:
        return None
    targets = int(described["shapes"][0][0])
    include = manifest.get("include_points", False if targets <= points else None)
    if include is None:
        raise ValueError(
            f"`store` {directory} was made when stores did not say yet what their "
            "targets are; `own` must say which training point each is (-1 for none)"
        )
    own = np.full(targets, -1)
    if include:
        own[:points] = np.arange(points)
    return own


def _groups_iv(
    directory: Path,
    configuration: Mapping[str, Any],
    groups: npt.ArrayLike | None,
    points: int,
) -> npt.NDArray[Any] | None:
    labels = None if groups is None else groups_iv(groups, points)
    expected = configuration["groups"]
    if labels is None and expected is not None:
        raise ValueError(f"`store` {directory} was made with groups: give `groups`")
    if labels is not None and expected not in {
        None,
        fingerprint(group_numbers(labels)),
    }:
        raise ValueError(f"`store` {directory} was made with other `groups`")
    return labels


def _finished(
    store: DirectoryStore, configuration: Mapping[str, Any], possible: Iterable[Bools]
) -> tuple[Bools, list[int]]:
    """Return membership and seeds of all runs, and have `store` know its own of them.

    Of all that are `possible` those of which it has the most.
    """
    chosen: tuple[int, Bools, list[int]] | None = None
    for drawn in possible:
        seeds = run_seeds(
            int(configuration["seed"]), Stream.TRAINING, range(len(drawn))
        )
        store.expect(run_keys(drawn, seeds))
        missing = len(store.missing())
        if chosen is None or len(drawn) - missing > chosen[0]:
            chosen = len(drawn) - missing, drawn, seeds
        if not missing:
            break
    if chosen is None or chosen[0] == 0:
        raise StoreError(
            f"`store` {store.directory}: who trained on what is not what its seed and "
            f"design {configuration.get('design')!r} give; give `member`"
        )
    store.expect(run_keys(chosen[1], chosen[2]))
    store.missing()
    return chosen[1], chosen[2]


def _last_run(store: DirectoryStore) -> int:
    """Return the number of the last run in any stack."""
    store.missing()  # reads the headers
    runs = [run for _, header in store.headers.values() for run in header["runs"]]
    if not runs:
        raise StoreError(f"`store` {store.directory} holds no finished runs")
    return max(runs)


def _member_iv(member: npt.ArrayLike, points: int) -> Bools:
    given = to_numpy(as_boolean(member, "member", axes="(runs, points)", ndim=2))
    if given.shape[1] != points:
        raise ValueError(
            f"`member` must have {points} points, as the store; got shape {given.shape}"
        )
    return given


def _drawn(
    configuration: Mapping[str, Any],
    points: int,
    groups: npt.NDArray[Any] | None,
    last: int,
) -> Iterator[Bools]:
    """Yield membership for all numbers of runs that the last run allows.

    A balanced design depends on the number of runs within its last block.
    """
    families = None
    if groups is not None and configuration["groups"] is not None:
        families = group_numbers(groups)
    name = configuration.get("design", "everyone")
    if name in {"given", "without"}:
        raise ValueError(
            "`member` must be given: the store's design was an object, of which it "
            "keeps a fingerprint only"
        )
    for runs in range(last + 1, (last // BLOCK + 1) * BLOCK + 1):
        yield draw_members(
            as_design(name, configuration.get("fraction")),
            int(configuration["seed"]),
            runs=runs,
            points=points,
            groups=families,
        )


def _rows(
    store: DirectoryStore, name: str, done: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    array = store.gather(name)
    if array is None:
        raise StoreError(f"`store` {store.directory}: its stacks have no {name}")
    return array if len(done) == len(array) else array[done]
