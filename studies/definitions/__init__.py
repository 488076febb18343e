"""Whether definitions of memorization agree, and which retraining can be skipped."""

from __future__ import annotations

from studies._kit.chapter import Study
from studies.definitions.claims import CLAIMS
from studies.definitions.evidence import Runs
from studies.definitions.part import NAME, Definitions

STUDY = Study(
    name=NAME,
    group="thread",
    cover="answers",
    title="Do the definitions agree? Can I skip the retraining?",
    text="""
The thread has several definitions of memorization: a direction of its own (the paper),
a loss lower than that of points never seen (Nanda), a loss lower than without the point
(nostalgebraist, after Zhang et al.). Nobody has asked whether they pick out the same
points. Here seven definitions are measured on the same models: the toy model with few
points, with many and between; a tied autoencoder, an MLP, a convolutional network and a
tree on real images (scikit-learn's digits, or any in MNIST's format by --data). Then
what costs hundreds of trainings is compared with what costs few, or one.
""",
    presets={
        "quick": (
            Definitions(
                toy_points=(20, 24, 30),
                features=24,
                sparsity=0.85,
                toy_steps=32,
                points=30,
                test_points=40,
                steps=32,
                network_steps=16,
                runs=Runs(reference=16, pool=8, fits=2),
                data_sets=1,
            ),
        ),
        "laptop": (Definitions(),),
        # Hours.
        "paper": (
            Definitions(
                toy_points=(50, 500, 5000),
                features=1000,
                sparsity=0.99,
                toy_steps=5000,
                points=600,
                test_points=2000,
                steps=3000,
                units=64,
                network_steps=600,
                runs=Runs(reference=1024, pool=256, fits=16),
                data_sets=8,
            ),
        ),
    },
    claims=CLAIMS,
    data="images",
)
