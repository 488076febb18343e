"""Tables of a study made up so that the answer is known, and what is judged of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies._kit.verdicts import judge

SETS = range(6)


def rows(metric, estimates, **conditions):
    """One row a data set; `estimates` is one number or one for each of them."""
    values = np.broadcast_to(np.asarray(estimates, dtype=float), len(SETS))
    frame = pd.DataFrame({"data_set": SETS, "run": 0, "estimate": values})
    return frame.assign(metric=metric, **conditions)


def verdict(claims, words, table):
    (claim,) = [claim for claim in claims if words in claim.text]
    return judge(claim, table)[1]
