"""The paper's own numbers, to stand beside ours at its size."""

from __future__ import annotations

import pandas as pd

# Test loss by points, two hidden dimensions: Henighan et al. 2023, Figure 3, means of
# four, read off to about 0.0003. At 3 and 10 points it lies above the figure.
PUBLISHED = {
    5: 1.0,
    6: 1.0,
    8: 1.018,
    15: 1.022,
    30: 1.0074,
    50: 1.0047,
    100: 1.0032,
    200: 1.0015,
    500: 1.0005,
    1000: 1.0007,
    2000: 1.015,
    5000: 0.9996,
    10_000: 0.9990,
}


def at_papers_size(table: pd.DataFrame) -> bool:
    """Whether there are as many features as in the paper."""
    return bool((table["features"] >= 10_000).all())
