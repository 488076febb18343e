"""
Two definitions, point by point
===============================

A hidden layer of one network says how much of a direction each point has. Does that
foretell what retraining finds?
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn

import memmetrics as mm

images, labels = load_digits(return_X_y=True)
data = images[:300] / 16, labels[:300]


def network():
    """Return a new network, with random weights."""
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def log_likelihood(output, target):
    """Return the log of the probability of every label, in nats."""
    return -nn.functional.cross_entropy(output, target, reduction="none")


trainer = mm.ModuleTrainer(
    network,
    score=log_likelihood,
    optimizer=torch.optim.AdamW,
    optimizer_options={"lr": 1e-2},
    steps=150,
    batch_size=32,
    hidden="1",
)
metrics = ["datapoint_dimensionality", "leverage", "counterfactual_memorization"]
table = mm.measure(trainer, data, metrics, runs=64, rng=0)

# %%
# A dot is a point; estimates of several fits are averaged. Here it does not: the points
# that were memorized have rather less of a direction than others.

with mm.plotting.theme():
    _, ax = plt.subplots()
    mm.plotting.draw_pair(
        table, "datapoint_dimensionality", "counterfactual_memorization", ax=ax
    )
