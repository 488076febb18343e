"""What was claimed of the leverages of images, and by whom."""

from __future__ import annotations

from studies._kit.verdicts import Claim
from studies.real_images.leverages import outliers, ratio_of_tops, shrinks
from studies.real_images.networks import MODELS
from studies.real_images.retrained import agreement

CLAIMS = (
    Claim(
        "Held-out images lack the upper tail of the classifier's training images "
        "(top 1% of leverage, training over held out)",
        "Greenblatt in the thread, on Olah's comment",
        "above 1, if it shows memorization",
        lambda table: ratio_of_tops(table, MODELS[0]),
        at_least=1.1,
    ),
    Claim(
        "They lack that of the tied autoencoder's (same ratio)",
        "Greenblatt in the thread",
        "above 1, if it shows memorization",
        lambda table: ratio_of_tops(table, MODELS[1]),
        at_least=1.1,
    ),
    Claim(
        "The difference between the tails shrinks with more images (ratio with the "
        "fewest over that with the most, classifier)",
        "this project",
        "above 1",
        shrinks,
        at_least=1.05,
    ),
    Claim(
        "The largest leverage is about a hundred times the typical one (classifier)",
        "Olah's comment on the paper (MNIST, 512 units)",
        "about 100",
        outliers,
        at_least=30.0,
        at_most=300.0,
        in_scale=lambda table: bool(table["points"].max() >= 10_000),
    ),
    Claim(
        "Leverage orders training images as counterfactual memorization does (tied "
        "autoencoder, most images; Spearman's rank correlation)",
        "this project, on Olah's reading of leverage as memorization",
        "above 0.5, if one measures the other",
        agreement,
        at_least=0.5,
    ),
)
