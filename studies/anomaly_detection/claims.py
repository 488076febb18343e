"""What the thread says of detecting special cases, as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import pandas as pd

from studies._kit.estimates import Estimate, best_of_others, chosen, median_of
from studies._kit.verdicts import Claim
from studies.anomaly_detection.detectors import DECODED, EXPLAINED, KNOWN, UNDECODED

_OLAH = "Olah in the thread"
_GREENBLATT = "Greenblatt in the thread"
_OURS = "this project"
_OTHERS, _SUMS, _BACKDOOR, _LABELS = (
    "repeated, among others",
    "repeated, among odd sums",
    "backdoor feature",
    "mislabelled images",
)


def by_detector(
    table: pd.DataFrame, world: str, metric: str, reference: str = "ordinary"
) -> pd.DataFrame:
    """Return (data sets, detectors) of one metric."""
    rows = table[
        (table["world"] == world)
        & (table["metric"] == metric)
        & (table["reference"] == reference)
    ]
    return rows.pivot_table(index="data_set", columns="detector", values="estimate")


def area(
    table: pd.DataFrame, world: str, detector: str, reference: str = "ordinary"
) -> Estimate:
    """Area under the curve of one detector."""
    return median_of(by_detector(table, world, "area", reference)[detector])


def best(table: pd.DataFrame, world: str, detectors: Iterable[str]) -> pd.Series:
    """Name, for each data set, the detector with the largest area on the others."""
    return best_of_others(by_detector(table, world, "area")[list(detectors)])


def best_area(table: pd.DataFrame, world: str, detectors: Iterable[str]) -> Estimate:
    """Area of the best of some detectors."""
    areas = by_detector(table, world, "area")
    return chosen(areas, best(table, world, detectors))


def decoding_gain(table: pd.DataFrame, world: str) -> Estimate:
    """Area of the best detector with a dictionary, less that of the best without."""
    areas = by_detector(table, world, "area")
    pairs = zip(
        best(table, world, DECODED).items(), best(table, world, UNDECODED), strict=True
    )
    return median_of(
        [
            areas.loc[each, with_atoms] - areas.loc[each, without]
            for (each, with_atoms), without in pairs
        ]
    )


def best_cosine(table: pd.DataFrame, world: str) -> Estimate:
    """Cosine to the true direction that the best detector without features gives."""
    found = by_detector(table, world, "recovered_cosine")
    return chosen(found, best(table, world, UNDECODED))


def _success(world: str) -> list[Claim]:
    """Return the claims about finding one kind of special case."""
    return [
        Claim(
            f"{world}: a detector succeeds that looks for no features (area of the "
            "best)",
            _GREENBLATT,
            "near 1",
            partial(best_area, world=world, detectors=tuple(UNDECODED)),
            at_least=0.9,
        ),
        Claim(
            f"{world}: a learned sparse dictionary does better (area gained by the "
            "best with one)",
            _OLAH,
            "above 0",
            partial(decoding_gain, world=world),
            at_least=0.0,
        ),
        Claim(
            f"{world}: what an explanation of ordinary outputs leaves over succeeds "
            "(area)",
            _GREENBLATT,
            "near 1",
            partial(area, world=world, detector=next(iter(EXPLAINED))),
            at_least=0.9,
        ),
    ]


CLAIMS = (
    *(
        Claim(
            f"{_OTHERS}: high {detector} flags memorized points of the training set "
            "(area, within what was trained on)",
            _OLAH,
            "near 1",
            partial(area, world=_OTHERS, detector=detector, reference="trained on"),
            at_least=0.9,
        )
        for detector in ("dimensionality", "leverage")
    ),
    *_success(_OTHERS),
    *_success(_SUMS),
    *_success(_BACKDOOR),
    *(
        Claim(
            f"{world}: who knows the true features succeeds (area)",
            _OLAH,
            "near 1",
            partial(area, world=world, detector=KNOWN),
            at_least=0.9,
        )
        for world in (_SUMS, _BACKDOOR)
    ),
    *(
        Claim(
            f"{world}: the finds of the best detector without features give the hidden "
            "direction away (cosine)",
            _OLAH,
            "near 1",
            partial(best_cosine, world=world),
            at_least=0.9,
        )
        for world in (_SUMS, _BACKDOOR)
    ),
    Claim(
        f"{_LABELS}: the hidden layer gives wrong labels away (area of the best "
        "without features)",
        _OURS,
        "0.75 or more, if so",
        partial(best_area, world=_LABELS, detectors=tuple(UNDECODED)),
        at_least=0.75,
    ),
)
