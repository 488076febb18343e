"""
The points themselves
=====================

A number says how much was memorized; the image above it often says why.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

import memmetrics as mm

images, labels = load_digits(return_X_y=True)
images, labels = images[:400], labels[:400]


def probability(indices, seed):
    """Train on the points at `indices`, return the probability of every label."""
    model = KNeighborsClassifier(3, weights="distance")
    model.fit(images[indices], labels[indices])
    return model.predict_proba(images)[range(len(labels)), labels]


runs = mm.retrain(mm.FunctionTrainer(probability), images, runs=64, rng=0)
memorized = mm.counterfactual_memorization(runs).to_frame()
order = memorized.sort_values("estimate", ascending=False)

# %%
# In the upper row the eight digits memorized most, in the lower row the least, each
# with its memorization and the 95 % interval.

with mm.plotting.theme():
    figure, axes = plt.subplots(2, 8, figsize=(8, 3), layout="constrained")
    for rows, line in zip((order.head(8), order.tail(8)), axes, strict=True):
        for row, ax in zip(rows.itertuples(), line, strict=True):
            caption = f"{row.estimate:.2f}\n{row.low:.2f} to {row.high:.2f}"
            picture = images[row.index].reshape(8, 8)
            mm.plotting.draw_image(picture, ax=ax, caption=caption)
