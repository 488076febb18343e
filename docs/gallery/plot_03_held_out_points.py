"""
A direction of its own: training and held-out points
====================================================

How much of a direction of its own does a point have in a hidden layer? For held-out
points, the training points are the `reference` that they are compared with.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import nn

import memmetrics as mm

images, labels = load_digits(return_X_y=True)
inputs = torch.from_numpy(images / 16).float()
targets = torch.from_numpy(labels)
train, held_out = slice(0, 200), slice(200, 600)

torch.manual_seed(0)
network = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
for _ in range(100):
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(inputs[train]), targets[train]).backward()
    optimizer.step()

with torch.no_grad():
    hidden = network[1](network[0](inputs))  # (points, hidden)

# %%
# One tidy table of both; a line is the share of points that reach each value.

reference = hidden[train]
shares = {
    "training": mm.datapoint_dimensionality(reference),
    "held out": mm.datapoint_dimensionality(hidden[held_out], reference=reference),
}
colors = mm.plotting.COLORS
with mm.plotting.theme():
    _, ax = plt.subplots()
    for (name, share), color in zip(
        shares.items(), (colors["blue"], colors["vermillion"]), strict=True
    ):
        table = pd.DataFrame(
            {"metric": "datapoint_dimensionality", "estimate": np.asarray(share)}
        )
        mm.plotting.draw_tail(
            table, "datapoint_dimensionality", ax=ax, color=color, label=name
        )
    ax.legend()
