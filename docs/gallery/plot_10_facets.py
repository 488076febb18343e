"""
A study over architectures, side by side
========================================

One small picture for each value of a column, on common axes.
"""

from functools import partial

import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

import memmetrics as mm

images, labels = load_digits(return_X_y=True)
images, labels = images[:200], labels[:200]
models = {
    "logistic": lambda seed: LogisticRegression(C=0.01, max_iter=500),
    "neighbors": lambda seed: KNeighborsClassifier(3, weights="distance"),
    "tree": lambda seed: DecisionTreeClassifier(random_state=seed),
}


def trainer_of(model):
    """Return a trainer of a scikit-learn model."""

    def probability(indices, seed):
        fitted = model(seed % 2**32).fit(images[indices], labels[indices])
        return fitted.predict_proba(images)[range(len(labels)), labels]

    return mm.FunctionTrainer(probability)


tables = []
for name, model in models.items():
    runs = mm.retrain(trainer_of(model), images, runs=32, rng=0)
    memorized = mm.counterfactual_memorization(runs)
    tables.append(memorized.to_frame().assign(model=name))
table = pd.concat(tables, ignore_index=True)

# %%
# `draw_facets` takes any function of a table and an `ax`.

draw = partial(mm.plotting.draw_ranking, metric="counterfactual_memorization")
with mm.plotting.theme():
    axes = mm.plotting.draw_facets(table, "model", draw)
