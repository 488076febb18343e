"""
Which training points does a prediction rest on?
================================================

The same retrainings say which points raise the score of a held-out point most.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

import memmetrics as mm

images, labels = load_digits(return_X_y=True)
images, labels = images[:320], labels[:320]
train, held_out = slice(0, 300), slice(300, 320)


def probability(indices, seed):
    """Train on some of the training points, score the held-out ones."""
    model = KNeighborsClassifier(3, weights="distance")
    model.fit(images[train][indices], labels[train][indices])
    return model.predict_proba(images[held_out])[range(20), labels[held_out]]


runs = mm.retrain(
    mm.FunctionTrainer(probability),
    images[train],
    targets=images[held_out],
    runs=200,
    rng=0,
)
top = mm.metrics.top_influences(runs, count=4)

# %%
# On the left a held-out digit, beside it the training digits that help it most, with
# the probability that they add.

shown = top.groupby("target")["estimate"].max().nlargest(3).index
with mm.plotting.theme():
    figure, axes = plt.subplots(3, 5, figsize=(6, 4.2), layout="constrained")
    for target, (first, *others) in zip(shown, axes, strict=True):
        picture = images[held_out][target].reshape(8, 8)
        mm.plotting.draw_image(picture, ax=first, caption="held out")
        rows = top[top["target"] == target]
        for row, ax in zip(rows.itertuples(), others, strict=True):
            picture = images[train][row.index].reshape(8, 8)
            mm.plotting.draw_image(picture, ax=ax, caption=f"{row.estimate:+.2f}")
