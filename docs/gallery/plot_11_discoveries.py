"""
Which finds are no chance?
==========================

Of many points, the largest estimates are large by chance in part. Discoveries are those
of which at most 5 % are expected to be finds of chance.
"""

import matplotlib.pyplot as plt
import numpy as np

import memmetrics as mm

rng = np.random.default_rng(0)
effect = np.where(np.arange(200) < 30, 1.0, 0.0)  # 30 of 200 points are memorized
member = rng.random((64, 200)) < 0.5
scores = rng.normal(size=(64, 200)) + effect * member

memorized = mm.counterfactual_memorization(scores, member)
found = mm.statistics.discoveries(memorized, false_discovery_rate=0.05)
print(f"{found.sum()} found, {(found & (effect == 0)).sum()} of them by chance")

# %%
# Without the correction, 1 in 40 intervals would lie above 0 by chance alone.

table = memorized.to_frame().assign(found=found)
colors = mm.plotting.COLORS
with mm.plotting.theme():
    _, ax = plt.subplots()
    for is_found, color, name in (
        (False, colors["gray"], "not told from chance"),
        (True, colors["vermillion"], "discoveries"),
    ):
        rows = table[table["found"] == is_found]
        mm.plotting.draw_tail(
            rows, "counterfactual_memorization", ax=ax, color=color, label=name
        )
    ax.legend()
