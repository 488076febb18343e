"""
Which points did it memorize?
=============================

A classifier is trained again and again on random halves of some digits. A point's
memorization is its score where it was in the half, minus where it was not.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.tree import DecisionTreeClassifier

import memmetrics as mm

images, labels = load_digits(return_X_y=True)
images, labels = images[:300], labels[:300]


def correct(indices, seed):
    """Train on the points at `indices`, say of which the label is found."""
    tree = DecisionTreeClassifier(random_state=seed % 2**32)
    tree.fit(images[indices], labels[indices])
    return tree.predict(images) == labels


runs = mm.retrain(mm.FunctionTrainer(correct), images, runs=64, rng=0)
table = mm.counterfactual_memorization(runs).to_frame()

# %%
# A dot is an estimate, a line its 95 % interval. A tree is always right about what it
# trained on: at 1 stand digits that no other digit helps to recognize.

with mm.plotting.theme():
    _, ax = plt.subplots()
    mm.plotting.draw_ranking(table, "counterfactual_memorization", ax=ax)
