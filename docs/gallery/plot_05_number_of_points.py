"""
From memorizing to generalizing
===============================

A study over a condition of the experiment is a loop around `memmetrics.measure`, and
one table with a column for the condition.
"""

import matplotlib.pyplot as plt
import pandas as pd

import memmetrics as mm

trainer = mm.ToyTrainer(hidden=2, steps=2_000)
metrics = ["feature_dimensionality", "datapoint_dimensionality"]
tables = []
for points in (3, 10, 30, 100, 300, 1_000):
    data = mm.sparse_features(points, 200, 0.98, rng=0)
    table = mm.measure(trainer, data, metrics, fits=2, rng=0)
    tables.append(table.assign(points=points))
table = pd.concat(tables, ignore_index=True)

# %%
# A dot is a feature or a point, the line goes through the means. What all have together
# cannot exceed the hidden dimensions, so that the means say little: what changes is
# whether a few features or a few points have most of it.

colors = mm.plotting.COLORS
with mm.plotting.theme():
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    for metric, ax, color in zip(
        metrics, axes, (colors["blue"], colors["vermillion"]), strict=True
    ):
        ax.set_xscale("log")
        mm.plotting.draw_estimates(
            table, "points", metric=metric, ax=ax, color=colors["gray"], spread=0.3
        )
        mm.plotting.draw_curve(table, "points", metric=metric, ax=ax, color=color)
