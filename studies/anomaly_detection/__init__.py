"""Telling memorized points from generalized ones, in one network at inference."""

from __future__ import annotations

from studies._kit.chapter import Study
from studies.anomaly_detection.claims import CLAIMS
from studies.anomaly_detection.detection import Detection
from studies.anomaly_detection.worlds import NAME, Classifier, Toy

STUDY = Study(
    name=NAME,
    title="Detecting what was memorized, at inference",
    text="""
Olah argues in the thread that a network's hard-coded special cases can only be told
from its normal mechanisms by whoever understands its superposition, and that who can
tell them would have solved it: if it is known whether a feature fired, its direction is
easily found. Greenblatt doubts the first and proposes to ask instead whether an
explanation of ordinary behavior also explains the point. This study plants special
cases and lets detectors of each kind look for them in a network's activations.
""",
    group="thread",
    presets={
        "quick": (
            Detection(
                toy=Toy(
                    points=100,
                    features=30,
                    sparsity=0.9,
                    hidden=2,
                    steps=100,
                    repeated=3,
                    backdoors=10,
                ),
                classifier=Classifier(points=80, units=8, epochs=5),
                data_sets=1,
            ),
        ),
        "laptop": (Detection(),),
        "paper": (
            Detection(
                toy=Toy(
                    points=20_000,
                    features=1000,
                    sparsity=0.99,
                    hidden=8,
                    steps=50_000,
                    repeated=20,
                    copies=100,
                    backdoors=1000,
                ),
                classifier=Classifier(points=1000, units=128),
                data_sets=12,
            ),
        ),
    },
    claims=CLAIMS,
    data="images",
)
