"""
One number a model
==================

The gap between losses on training and on held-out points is one number for a model,
with an interval.
"""

import matplotlib.pyplot as plt
import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import nn

import memmetrics as mm

images, labels = load_digits(return_X_y=True)
data = images[:200] / 16, labels[:200]
test = images[200:600] / 16, labels[200:600]


def log_likelihood(output, target):
    """Return the log of the probability of every label, in nats."""
    return -nn.functional.cross_entropy(output, target, reduction="none")


networks = {
    "linear": lambda: nn.Linear(64, 10),
    "16 hidden": lambda: nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)),
    "256 hidden": lambda: nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)
    ),
    "256 hidden, dropout": lambda: nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10)
    ),
}
tables = []
for name, network in networks.items():
    trainer = mm.ModuleTrainer(
        network,
        score=log_likelihood,
        optimizer=torch.optim.AdamW,
        optimizer_options={"lr": 1e-2},
        steps=150,
        batch_size=32,
    )
    table = mm.measure(trainer, data, "train_test_gap", test=test, fits=1, rng=0)
    tables.append(table.assign(model=name))
table = pd.concat(tables, ignore_index=True)

# %%
# A dot is the mean loss of held-out points minus that of training points, a line its
# 95 % interval. Both depend on which points these are; other seeds move them, too.

with mm.plotting.theme():
    _, ax = plt.subplots(layout="constrained")
    mm.plotting.draw_intervals(table, "train_test_gap", names="model", ax=ax)
