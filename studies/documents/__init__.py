"""What a small transformer memorizes of planted documents: kind, copies, epochs."""

from __future__ import annotations

from studies._kit.chapter import Study
from studies.documents.claims import CLAIMS
from studies.documents.planting import Planting

STUDY = Study(
    name="documents",
    group="thread",
    title="Documents: what is memorized of random text, repetition and sentences",
    text="""
In the thread, nostalgebraist proposes counterfactual memorization for documents and
guesses what it would say: more of random identifiers than of one word repeated, more
with more copies and epochs, little of each of many near-duplicates though something is
memorized. Here it is measured, on a small transformer that is trained many times.
""",
    presets={
        "quick": (
            Planting(
                epochs=(2, 8),
                family_epochs=8,
                copies=(1, 4),
                each=1,
                background=12,
                families=1,
                members=4,
                runs=16,
                data_sets=2,
            ),
        ),
        "laptop": (Planting(),),
        "paper": (Planting(each=4, background=400, families=4, runs=128, data_sets=8),),
    },
    claims=CLAIMS,
    data="documents",
)
