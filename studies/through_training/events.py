"""What happens when: numbers of one network's training, and the claims about them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies._kit.estimates import Estimate, median_of
from studies._kit.verdicts import Claim

_JERMYN = "Jermyn, comments on the paper"
# The learning rate rises over this share of the steps.
_RISE = 0.05
# Occurrences of each feature at which Jermyn saw features appear and vanish.
_OCCURRENCES = 10.0


def over_steps(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One row a network (points, copies, data set), one column a step."""
    rows = table[table["metric"] == metric]
    return rows.pivot_table(
        index=["points", "copies", "data_set"], columns="step", values="estimate"
    )


def gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Test loss less train loss at every step."""
    return over_steps(table, "test_loss") - over_steps(table, "train_loss")


def features_vanished(table: pd.DataFrame) -> pd.Series:
    """Most features above 0.15 at any step, less those at the end."""
    counts = over_steps(table, "features_of_their_own")
    return counts.max(axis=1) - counts.iloc[:, -1]


def is_near_miss(table: pd.DataFrame) -> pd.Series:
    """Whether the first point was memorized for a while; 1 or 0 a network."""
    memorized = over_steps(table, "first_point_memorized")
    size = over_steps(table, "first_point_dimensionality")
    was = (memorized == 1) & (memorized.columns >= _RISE * memorized.columns.max())
    highest = size.where(was).max(axis=1)
    dropped = (memorized.iloc[:, -1] == 0) & (size.iloc[:, -1] < highest / 2)
    return dropped.astype(float)


def first_step(found: pd.DataFrame) -> pd.Series:
    """First step at which a network's row is true; NaN if it never is."""
    return found.idxmax(axis=1).where(found.any(axis=1)).astype(float)


def gap_opens(table: pd.DataFrame) -> pd.Series:
    """Step at which the gap is first half of what it is at the end."""
    found = gaps(table)
    return first_step(found.ge(found.iloc[:, -1] / 2, axis=0))


def features_appear(table: pd.DataFrame) -> pd.Series:
    """Step at which there is first a feature above 0.15."""
    return first_step(over_steps(table, "features_of_their_own") >= 1)


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a size and number of copies."""
    test = over_steps(table, "test_loss")
    lengths = over_steps(table, "weight_length")
    columns = {
        "gap at the end": gaps(table).iloc[:, -1],
        "gap half open (step)": gap_opens(table),
        "first feature above 0.15 (step)": features_appear(table),
        "features at the end": over_steps(table, "features_of_their_own").iloc[:, -1],
        "features vanished": features_vanished(table),
        "test loss, lowest": test.min(axis=1),
        "test loss, end": test.iloc[:, -1],
        "‖W‖, end": lengths.iloc[:, -1],
    }
    frame = pd.DataFrame(columns).groupby(["points", "copies"]).median()
    # A share says more than a median of zeros and ones.
    frame["near misses (share)"] = (
        is_near_miss(table).groupby(["points", "copies"]).mean()
    )
    return frame.round(4).reset_index()


def _at(values: pd.Series, points: int) -> pd.Series:
    """Of one size with nothing repeated, one number a data set."""
    alone = values.xs(1, level="copies")
    return alone[alone.index.get_level_values("points") == points]


def near_misses(table: pd.DataFrame) -> Estimate:
    """Numbers of copies, of those tried, at which the point is a near miss."""
    found = is_near_miss(table)
    repeated = found[found.index.get_level_values("copies") > 1]
    return median_of(repeated.groupby("data_set").sum())


def vanished_at_ten(table: pd.DataFrame) -> Estimate:
    """Features that appear and vanish at ten occurrences of each."""
    occurrences = table["points"] * (1 - table["sparsity"])
    at_ten = table["points"][np.isclose(occurrences, _OCCURRENCES)]
    if at_ten.empty:
        return median_of([])
    return median_of(_at(features_vanished(table), at_ten.iloc[0]))


def gap_before_features(table: pd.DataFrame) -> Estimate:
    """With the most points: step of the half-open gap over that of a feature."""
    ratio = gap_opens(table) / features_appear(table)
    return median_of(_at(ratio, table["points"].max()))


def harm_of_training(table: pd.DataFrame, points: int) -> Estimate:
    """Test loss at the end over the lowest on the way, less 1."""
    test = over_steps(table, "test_loss")
    return median_of(_at(test.iloc[:, -1] / test.min(axis=1) - 1, points))


CLAIMS = (
    Claim(
        "Near misses: a repeated point is memorized for a while, then dropped "
        "(numbers of copies, of those tried, at which that happens)",
        _JERMYN,
        "seen",
        near_misses,
        at_least=1,
    ),
    Claim(
        "At ten occurrences of each feature, features appear and then vanish (features "
        "above 0.15 at most, less those at the end)",
        _JERMYN,
        "seen",
        vanished_at_ten,
        at_least=1,
    ),
    Claim(
        "With many points the gap opens before there are features (step at which it "
        "is half open over that of the first feature above 0.15)",
        "this project",
        "below 1",
        gap_before_features,
        at_most=0.999,
    ),
    Claim(
        "With few points training on hurts: the test loss ends above its lowest value "
        "(fewest points; relative)",
        "this project",
        "above 0",
        lambda table: harm_of_training(table, table["points"].min()),
        at_least=0.01,
    ),
    Claim(
        "With many points it does not (most points; relative)",
        "this project",
        "0",
        lambda table: harm_of_training(table, table["points"].max()),
        at_most=0.001,
    ),
)
