"""Evidence of any kind and size, drawn at random, to try metrics on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from memmetrics.evidence import Evidence, Fit, Losses, OneRun, Retrainings

__all__ = ["sample_evidence"]

# The sizes that each kind of evidence has, with values at which anything is quick.
# Targets of retrainings are the points themselves.
SIZES: dict[type, dict[str, int]] = {
    Fit: {"points": 64, "features": 64, "hidden": 4},
    Losses: {"points": 64, "test_points": 64},
    OneRun: {"items": 128},
    Retrainings: {"runs": 32, "points": 64},
}


def sample_evidence(
    kind: type, sizes: Mapping[str, int] | None = None, *, rng: int = 0
) -> Evidence:
    """Draw evidence of one kind.

    Parameters
    ----------
    kind : type
        `memmetrics.Fit`, `memmetrics.Losses`, `memmetrics.Retrainings` or
        `memmetrics.OneRun`.
    sizes : mapping of str to int, optional
        Sizes that differ from those of `SIZES`.
    rng : int
        Seed.

    Returns
    -------
    Evidence
        NumPy arrays of float64. In retrainings every target is a training point, a
        group of its own, and each arm has half of the runs. The items of one run are
        in two strata by turns, half of each in training.

    Raises
    ------
    TypeError
        If `kind` is no kind of evidence.

    Examples
    --------
    >>> import memmetrics as mm
    >>> sample_evidence(mm.Losses, {"test_points": 7}).test.shape
    (7,)
    """
    if kind not in SIZES:
        names = ", ".join(f"memmetrics.{known.__name__}" for known in SIZES)
        raise TypeError(f"a metric's `needs` must be one of {names}; got {kind!r}")
    size = {**SIZES[kind], **(sizes or {})}
    draw = np.random.default_rng(rng)
    if kind is Fit:
        return Fit(
            weights=draw.normal(size=(size["features"], size["hidden"])),
            hidden=draw.normal(size=(size["points"], size["hidden"])),
        )
    if kind is Losses:
        return Losses(
            train=draw.random(size["points"]), test=draw.random(size["test_points"]) + 1
        )
    if kind is OneRun:
        return _one_run(size["items"], draw)
    # Balanced columns: every point in half of the runs.
    half = np.arange(size["runs"])[:, np.newaxis] < size["runs"] // 2
    member = np.broadcast_to(half, (size["runs"], size["points"]))
    member = draw.permuted(member, axis=0)
    return Retrainings(
        scores=draw.normal(size=member.shape) + member,
        member=member,
        groups=np.arange(size["points"]),
    )


def _one_run(items: int, draw: np.random.Generator) -> OneRun:
    entered = draw.permutation(items) < items // 2
    return OneRun(
        scores=draw.normal(size=items) + entered,
        entered=entered,
        strata=np.arange(items) % 2,
        reference_scores=draw.normal(size=items),
    )


def elements(kind: type, sizes: Mapping[str, int]) -> int:
    """Return how many numbers there are in evidence of these sizes."""
    if kind is Fit:
        return (sizes["points"] + sizes["features"]) * sizes["hidden"]
    if kind is Losses:
        return sizes["points"] + sizes["test_points"]
    if kind is OneRun:
        return sizes["items"]
    return sizes["runs"] * sizes["points"]
