"""What the update of July 2023 and this project say of the optimum, as numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd

from studies._kit.estimates import Estimate, median_of
from studies._kit.toy import by_data_set
from studies._kit.verdicts import Claim
from studies.optimization_failure.branches import (
    FEATURES_DOWN,
    SCRATCH,
    added_points,
    at,
    coexistence,
    crossing,
    difference,
    kept_features,
)
from studies.optimization_failure.sweep import (
    gain_at_onset,
    onset,
    reaches,
    wide,
    wins_up_to,
)

_UPDATE = "Henighan et al., update of July 2023"
_OURS = "this project"
# Train losses of networks from several starts and data sets differ by about this much
# where they memorize, and by less where they learn features.
_TOLERANCE = {SCRATCH: 0.004, FEATURES_DOWN: 0.002}
_LOSSES = (
    (1000, SCRATCH, 0.9489),
    (2000, SCRATCH, 0.9658),
    (5000, SCRATCH, 0.9800),
    (1000, FEATURES_DOWN, 0.9751),
    (2000, FEATURES_DOWN, 0.9799),
    (5000, FEATURES_DOWN, 0.9838),
)
# Of the onset of features: up to so many times as many points memorizing wins.
_MULTIPLE = 5.0
_WORDS = {SCRATCH: "memorizing", FEATURES_DOWN: "with features"}


def _in(
    part: str, measure: Callable[[pd.DataFrame], Estimate]
) -> Callable[[pd.DataFrame], Estimate]:
    """Measure by one part's rows; NaN if the study has no such part."""

    def measured(table: pd.DataFrame) -> Estimate:
        rows = table[table["part"] == part]
        return median_of([]) if rows.empty else measure(rows)

    return measured


def _thousand_features(table: pd.DataFrame) -> bool:
    """Whether the part that is compared has the size of the published figures."""
    rows = table[table["part"] == "thousand"]
    return bool(len(rows)) and bool((rows["features"] == 1000).all())


def difference_at(table: pd.DataFrame, points: int) -> Estimate:
    """Lowest train loss without features less the lowest with, at one size."""
    return median_of(difference(table).get(points, []))


def overlap_against_start(table: pd.DataFrame) -> Estimate:
    """Overlap of neighbors in the memorizing branch over that before training.

    At the size in the middle.
    """
    return _ratio(table, "overlap_of_neighbors", "overlap_of_neighbors_at_the_start")


def triangles_against_chance(table: pd.DataFrame) -> Estimate:
    """Share of memorized points in triangles over that in random order."""
    # In small samples no trio comes about by chance at all.
    return _ratio(
        table, "share_in_triangles", "share_in_triangles_by_chance", least=1e-3
    )


def _ratio(
    table: pd.DataFrame, metric: str, other: str, *, least: float | None = None
) -> Estimate:
    """One metric of the memorizing branch over another, taken as `least` or more."""
    rows = table[table["branch"] == SCRATCH]
    found = [by_data_set(rows, each, "points") for each in (metric, other)]
    sizes = sorted(rows["points"].unique())
    middle = sizes[len(sizes) // 3]
    if any(middle not in each for each in found):
        return median_of([])
    return median_of(found[0][middle] / found[1][middle].clip(lower=least))


def crossing_occurrences(table: pd.DataFrame) -> Estimate:
    """Where the branches cross: points times the density of features."""
    each = round(1.0 - float(table["sparsity"].iloc[0]), 12)
    found = crossing(table)
    return Estimate(found.value * each, found.low * each, found.high * each)


def features_stay(table: pd.DataFrame) -> Estimate:
    """Smallest size with features, of those taken away, over the onset of features."""
    down = kept_features(table[table["part"] == "branches"])
    return median_of(down / onset(wide(table[table["part"] == "sweep"])))


CLAIMS = (
    Claim(
        "At the onset of features a larger rate finds a lower train loss (that of the "
        "paper's rate less the best of the larger ones)",
        f"{_UPDATE}; {_OURS}",
        "above 0",
        _in("sweep", gain_at_onset),
        at_least=1e-6,
    ),
    Claim(
        "Of all rates and starts memorizing wins up to at least five times the onset "
        "of features (ratio)",
        f"{_OURS} at 1,000 features; {_UPDATE}",
        "at least 5; 50 and more",
        _in("sweep", wins_up_to),
        at_least=_MULTIPLE,
        # Of fewer sizes the answer would be no, whatever wins.
        in_scale=lambda table: reaches(table, _MULTIPLE),
    ),
    Claim(
        "At 1,000 features and 5,000 points, five times the onset, memorizing has the "
        "lower train loss (difference of the branches)",
        _OURS,
        "-0.0038",
        _in("thousand", partial(difference_at, points=5000)),
        at_most=0.0,
        in_scale=_thousand_features,
    ),
    *(
        Claim(
            f"Train loss at {points:,} points, {_WORDS[branch]} (1,000 features)",
            f"{_OURS}, one or two starts",
            str(loss),
            _in(
                "thousand",
                partial(at, branch=branch, metric="train_loss", points=points),
            ),
            at_least=loss - _TOLERANCE[branch],
            at_most=loss + _TOLERANCE[branch],
            in_scale=_thousand_features,
        )
        for points, branch, loss in _LOSSES
    ),
    Claim(
        "Hysteresis: the same points have a solution with features and one without "
        "over a range of sizes (largest over smallest size)",
        f"{_UPDATE}: a first-order transition",
        "above 1",
        _in("branches", coexistence),
        at_least=2.0,
    ),
    Claim(
        "As points are taken away, features stay below the size from which the paper's "
        "rate finds them (smallest size with features over that one)",
        f"{_UPDATE}: a first-order transition",
        "below 1",
        features_stay,
        at_most=0.99,
    ),
    Claim(
        "The branches cross at 500 occurrences of each feature (points × (1 − "
        "sparsity))",
        f"{_UPDATE}, at 10,000 features",
        "500",
        _in("branches", crossing_occurrences),
        at_least=250.0,
        at_most=1000.0,
        in_scale=lambda table: bool((table["features"] >= 10_000).all()),
    ),
    Claim(
        "A memorizing solution cannot be carried to twice its points: it ends above "
        "one from scratch (difference of train losses, second size)",
        _OURS,
        "above 0",
        _in("branches", added_points),
        at_least=0.0,
    ),
    Claim(
        "Clusters: neighbors among the hidden vectors of the memorizing branch overlap "
        "more than before training (ratio of ratios)",
        f"{_UPDATE}: clusters of correlated points",
        "above 1",
        _in("branches", overlap_against_start),
        at_least=1.5,
    ),
    Claim(
        "Triangles: memorized points lie more often among two neighbors of which all "
        "overlap than in random order (ratio of shares)",
        f"{_UPDATE}: “triangles”",
        "above 1",
        _in("branches", triangles_against_chance),
        at_least=1.5,
    ),
)
