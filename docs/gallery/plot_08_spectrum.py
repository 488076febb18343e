"""
Without the point, its neighbors, its class
===========================================

A curve says what a point loses as more of its kind is taken out of the training data.
One that is steep at the left was memorized; one that rises at the end was learned from
others of its kind.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

import memmetrics as mm

images, labels = load_digits(return_X_y=True)
images, labels = images[:400], labels[:400]


def probability(indices, seed):
    """Train on the points at `indices`, return the probability of every label."""
    model = KNeighborsClassifier(5, weights="distance")
    model.fit(images[indices], labels[indices])
    chances = dict(zip(model.classes_, model.predict_proba(images).T, strict=True))
    return [
        chances[label][place] if label in chances else 0.0
        for place, label in enumerate(labels)
    ]


rules = {
    "point": mm.selection.this_point,
    "neighbors": mm.selection.Nearest(5),
    "class": mm.selection.Same(labels),
}
table = mm.spectrum(
    mm.FunctionTrainer(probability),
    images,
    rules,
    points=range(0, 40, 2),
    runs=2,
    rng=0,
)

# %%
# A thin line is a point, the strong one their mean.

with mm.plotting.theme():
    _, ax = plt.subplots()
    mm.plotting.draw_spectrum(table, ax=ax)
