"""Leverage of images trained on and of images held out, on real images."""

from __future__ import annotations

from studies._kit.chapter import Study
from studies.real_images.claims import CLAIMS
from studies.real_images.curves import Curves
from studies.real_images.networks import MODELS, NAME
from studies.real_images.retrained import Retrained

__all__ = ["CLAIMS", "MODELS", "STUDY"]

STUDY = Study(
    name=NAME,
    title="Real images: the curve that the thread asked for",
    text="""
Olah's comment on the paper sorts the training images of MNIST by their maximal
datapoint dimensionality and finds outliers that look odd. Greenblatt asks in the thread
for the same curve on validation images, which nobody showed: if the measure shows
memorization, images never seen should lack the upper tail. Here it is, on the small
digits that come with scikit-learn, or on any images in MNIST's format (`--data`, with
names for what they show by `--classes`); and beside it what retraining says of the same
images.
""",
    presets={
        "quick": (
            Curves(
                sizes=(40, 80),
                units=16,
                hidden=4,
                epochs=20,
                steps=100,
                test_points=100,
                data_sets=2,
            ),
            Retrained(sizes=(20, 40), runs=8, fits=2, hidden=4, steps=50, data_sets=2),
        ),
        "laptop": (Curves(), Retrained()),
        # For MNIST or Fashion-MNIST by --data: the built-in digits are too few.
        "paper": (
            Curves(
                sizes=(1000, 10_000, 60_000),
                units=512,
                hidden=16,
                epochs=50,
                test_points=10_000,
                data_sets=4,
            ),
            Retrained(sizes=(1000, 10_000), runs=400, hidden=16, data_sets=6),
        ),
    },
    claims=CLAIMS,
    data="images",
)
