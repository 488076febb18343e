"""Losses, dimensionalities and lengths as training goes on."""

from __future__ import annotations

from studies._kit.chapter import Study
from studies.through_training.along import NAME, Along
from studies.through_training.events import CLAIMS

STUDY = Study(
    name=NAME,
    title="Through training",
    text="""
The paper's figures show networks at the end of their training. Jermyn's comment on it
looks at the way there, and tells of near misses: a repeated point is memorized and then
dropped again, and with ten occurrences of each feature, features appear and then
vanish. Here are the losses, dimensionalities and lengths from the first step to the
last, from few points to many.
""",
    presets={
        "quick": (
            Along(
                sizes=(10, 100),
                copies=(5,),
                features=40,
                sparsity=0.9,
                data_sets=2,
                steps=200,
                snapshots=6,
                test_points=200,
            ),
        ),
        "laptop": (Along(),),
        "paper": (
            Along(
                sizes=(30, 1000, 5000, 10_000, 30_000),
                features=10_000,
                sparsity=0.999,
                data_sets=2,
                steps=50_000,
                snapshots=101,
            ),
        ),
    },
    claims=CLAIMS,
)
