"""
Do scores give away who was trained on?
=======================================

The likelihood-ratio attack takes the scores of a point for Gaussian in both arms. A
probability is far from that; its `logit` is near, and the attack finds more.
"""

import matplotlib.pyplot as plt
import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import nn

import memmetrics as mm

images, labels = load_digits(return_X_y=True)
data = images[:300] / 16, labels[:300]


def probability(output, target):
    """Return the probability of every label."""
    return output.softmax(-1).gather(-1, target[:, None])[:, 0]


def surprise(output, target):
    """Return the loss of every point, in nats."""
    return nn.functional.cross_entropy(output, target, reduction="none")


trainer = mm.ModuleTrainer(
    lambda: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    score=probability,
    loss=surprise,
    optimizer=torch.optim.AdamW,
    optimizer_options={"lr": 1e-2},
    steps=200,
    batch_size=32,
    dtype="float64",
)
runs = mm.retrain(trainer, data, runs=128, rng=0)
scores = {"probability": runs.scores, "logit": mm.metrics.logit(runs.scores)}
tables = []
for name, values in scores.items():
    attack = mm.metrics.membership_inference(values, runs.member)
    tables.append(attack.to_frame().assign(score=name))
table = pd.concat(tables, ignore_index=True)
rate = table["false_positive_rate"].map("true positives at {:.1%} false".format)
table["what"] = rate.where(table["false_positive_rate"].notna(), "area under the curve")

# %%
# The area of an attack that guesses is ½.

with mm.plotting.theme():
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", sharey=True)
    for ax, (name, rows) in zip(axes, table.groupby("score"), strict=True):
        mm.plotting.draw_intervals(rows, "membership_inference", names="what", ax=ax)
        ax.set(title=name, xlim=(0, 1))
