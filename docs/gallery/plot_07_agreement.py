"""
Do the definitions agree?
=========================

Spearman's rank correlation of every pair of metrics over the same points.
"""

import matplotlib.pyplot as plt

import memmetrics as mm

data = mm.sparse_features(100, 500, 0.99, rng=0)
metrics = [
    "datapoint_dimensionality",
    "leverage",
    "counterfactual_memorization",
    "consistency_score",
    "membership_advantage",
]
table = mm.measure(mm.ToyTrainer(hidden=4, steps=2_000), data, metrics, runs=64, rng=0)

# %%
# Where two metrics agree, the cheaper one may do; where the correlation is near 0, they
# answer different questions.

with mm.plotting.theme():
    _, ax = plt.subplots(figsize=(6, 5), layout="constrained")
    mm.plotting.draw_correlations(table, metrics, ax=ax)

# %%
# The same table, one row a point, for pictures of one's own:

print(mm.plotting.by_index(table, metrics).round(3).head())
print(mm.plotting.metric_label(table, "leverage"))
