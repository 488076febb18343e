"""What did it memorize? One question asked of a toy model and of real digits."""

from __future__ import annotations

from studies._kit.chapter import Study
from studies.what_did_it_memorize.agreement import Agreement
from studies.what_did_it_memorize.dataset_size import DatasetSize
from studies.what_did_it_memorize.digit_memorization import DigitMemorization

_SIZES = (3, 5, 6, 8, 10, 15, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10000)
_DRAWN = (5, 30, 300, 2000, 10000)

# Minutes, on two processor cores.
_LAPTOP = (
    DatasetSize(sizes=_SIZES, drawn=_DRAWN),
    Agreement(sizes=(50, 200, 1000), runs=200),
    DigitMemorization(points=300, runs=300),
)
# About an hour.
_PAPER = (
    DatasetSize(sizes=_SIZES, drawn=_DRAWN, steps=50_000, starts=8),
    Agreement(sizes=(50, 200, 1000), runs=1000, steps=10_000, fits=16),
    DigitMemorization(points=1000, runs=2000, steps=10_000, fits=16),
)

STUDY = Study(
    name="what_did_it_memorize",
    group="introduction",
    title="What did it memorize?",
    text="""
A network can memorize a training point in more than one sense. It can give the point a
direction of its own; it can reconstruct the point better than points it never saw; it
can reconstruct the point better than it would have without training on it. This page
measures all of these on the same networks: first on the toy model of Henighan et al.
(2023), where memorizing and learning features can be told apart by eye, and then on
real images: digits, unless others are given.
""",
    presets={
        # Seconds: to see that all of it runs.
        "quick": (
            DatasetSize(
                sizes=(3, 5, 10, 30, 100),
                drawn=(3, 5, 10, 30, 100),
                features=200,
                sparsity=0.95,
                steps=1000,
                test_points=500,
            ),
            Agreement(
                sizes=(20, 50, 100), runs=16, features=200, sparsity=0.95, steps=300
            ),
            DigitMemorization(points=60, runs=16, steps=300, fits=3, test_points=100),
        ),
        "laptop": _LAPTOP,
        "paper": _PAPER,
        # Their older names.
        "standard": _LAPTOP,
        "full": _PAPER,
    },
    data="images",
)
