"""Claims, and what a study's table says of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies._kit.estimates import Estimate
from studies._kit.words import number

HOLDS, FAILS, DEPENDS, OUT_OF_SCALE = "holds", "fails", "depends", "out of scale"
COLUMNS = (
    "study",
    "claim",
    "source",
    "published",
    "allowed",
    "ours",
    "low",
    "high",
    "verdict",
)


def at_any_scale(table: pd.DataFrame) -> bool:
    """Say yes: the claim is about no size in particular."""
    del table
    return True


@dataclass(frozen=True)
class Claim:
    """A number that somebody claims to lie in a range.

    Parameters
    ----------
    text : str
        What is claimed, and of which number.
    source, published : str
        Who claims it, and the number as they give it.
    measure : callable
        From a study's table to our estimate of the number; NaN where the table has no
        answer.
    at_least, at_most : float
        The range that the claim allows.
    in_scale : callable, optional
        Whether a table is of the size that the claim is about.
    """

    text: str
    source: str
    published: str
    measure: Callable[[pd.DataFrame], Estimate]
    at_least: float = -np.inf
    at_most: float = np.inf
    in_scale: Callable[[pd.DataFrame], bool] = at_any_scale

    def allowed(self) -> str:
        """Return the range in words: ``≥ 0.9``, ``0.95 to 1.05``, ``5``."""
        least, most = number(float(self.at_least)), number(float(self.at_most))
        if least == most:
            return least
        if np.isinf(self.at_most):
            return f"≥ {least}"
        return f"≤ {most}" if np.isinf(self.at_least) else f"{least} to {most}"


def judge(claim: Claim, table: pd.DataFrame) -> tuple[Estimate, str]:
    """Return our estimate and the verdict.

    The claim holds if the whole interval lies within its range, fails if none of it
    does, and otherwise depends on the seed. Where the table is of another size than
    the claim, or has no answer, the claim is out of scale.
    """
    estimate = claim.measure(table)
    if not (claim.in_scale(table) and np.isfinite(estimate.value)):
        return estimate, OUT_OF_SCALE
    if claim.at_least <= estimate.low and estimate.high <= claim.at_most:
        return estimate, HOLDS
    if estimate.high < claim.at_least or claim.at_most < estimate.low:
        return estimate, FAILS
    return estimate, DEPENDS


def verdicts(name: str, claims: Sequence[Claim], table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a claim of the study `name`."""
    rows = []
    for claim in claims:
        estimate, verdict = judge(claim, table)
        rows.append(
            (
                name,
                claim.text,
                claim.source,
                claim.published,
                claim.allowed(),
                estimate.value,
                estimate.low,
                estimate.high,
                verdict,
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def over_seeds(judged: pd.DataFrame, others: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return `judged` with the verdicts at other seeds, and one verdict for them all.

    A verdict stands if every seed gives it; otherwise the claim depends on the seed.
    The column ``seeds`` counts those that say the same as the first, itself included.
    """
    ours = judged["verdict"].to_numpy()
    # (seeds, claims), the first seed among them.
    same = np.stack([ours == each["verdict"].to_numpy() for each in (judged, *others)])
    counts = [f"{count} of {len(same)}" for count in same.sum(axis=0)]
    return judged.assign(
        seeds=counts, verdict=judged["verdict"].where(same.all(axis=0), DEPENDS)
    )
