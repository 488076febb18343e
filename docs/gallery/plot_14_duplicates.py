"""
Copies stand in for each other
==============================

A point with a copy in the data seems not memorized: without it, the copy is still
there. Taken out together, the family shows what the model keeps of it.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.tree import DecisionTreeClassifier

import memmetrics as mm

images, labels = load_digits(return_X_y=True)
images, labels = images[:150], labels[:150].copy()
labels[:6] = (labels[:6] + 5) % 10  # wrong labels can only be memorized
images = np.concatenate([images, images[:3], images[:3]])  # three of them three times
labels = np.concatenate([labels, labels[:3], labels[:3]])
families = mm.selection.near_duplicate_families(images, 0.0)


def correct(indices, seed):
    """Train on the points at `indices`, say of which the label is found."""
    tree = DecisionTreeClassifier(random_state=seed % 2**32)
    tree.fit(images[indices], labels[indices])
    return tree.predict(images) == labels


trainer = mm.FunctionTrainer(correct)
alone = mm.retrain(trainer, images, runs=64, rng=0)
together = mm.retrain(trainer, images, runs=64, groups=families, rng=0)
each = mm.counterfactual_memorization(alone).to_frame().head(6)
family = mm.metrics.group_memorization(together)
family = family.to_frame().set_index("group").loc[families[:6]]

# %%
# The first three wrong labels stand in the data three times, the others once.

names = [f"label {place}, {3 if place < 3 else 1} ×" for place in range(6)]
tables = [
    each.assign(name=names, toggled="point by point"),
    family.assign(
        name=names, toggled="by family", metric="counterfactual_memorization"
    ),
]
table = pd.concat(tables, ignore_index=True)
with mm.plotting.theme():
    figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained", sharey=True)
    for ax, (name, rows) in zip(
        axes, table.groupby("toggled", sort=False), strict=True
    ):
        mm.plotting.draw_intervals(
            rows, "counterfactual_memorization", names="name", ax=ax
        )
        ax.set(title=name, xlim=(-0.3, 1.1))
