"""Is the middle regime a failure of optimization? (update of July 2023)."""

from __future__ import annotations

from studies._kit.chapter import Study
from studies.optimization_failure.branches import Branches, Recipe, both_branches
from studies.optimization_failure.chains import STUDY_NAME
from studies.optimization_failure.claims import CLAIMS
from studies.optimization_failure.sweep import Sweep, swept

_BRANCHES = """
A solution is continued at the next size from where it ended at the last. Features are
learned at the largest size and carried to fewer and fewer points, then to more again;
memorizing solutions are found from scratch by a large rate at every size, and are
carried to fewer points and to more. New points come to the old ones. Where both kinds
exist on the same points and their train losses cross, the transition is of first order.
"""
_THOUSAND = """
The same with 1,000 features, a tenth of the paper's, at
1,000, 2,000 and 5,000 points: one, two and five times where features appear with the
paper's rate.
"""
_TITLES = {"branches": "Both branches", "thousand": "At 1,000 features"}


def _small() -> Branches:
    return Branches(
        sizes=(10, 20, 40),
        top=20,
        features=40,
        sparsity=0.9,
        data_sets=2,
        memorizing=Recipe(6e-2, 200),
        learning=Recipe(1e-2, 200),
        carried=Recipe(1e-2, 60),
        followed=Recipe(1e-3, 60),
    )


def _thousand(data_sets: int) -> Branches:
    return Branches(
        sizes=(1000, 2000, 5000),
        features=1000,
        sparsity=0.99,
        # A memorizing network at 5,000 points takes longer than all else there is.
        data_sets=data_sets,
        memorizing=Recipe(3e-2, 20_000),
        followed=Recipe(1e-2, 3000),
        loop=False,
        name="thousand",
    )


STUDY = Study(
    name=STUDY_NAME,
    title="An optimization failure?",
    text="""
In July 2023 the authors revised their paper: the regime between memorizing and features
is a failure of optimization, and with rates swept and the lowest train loss kept,
memorizing wins far beyond the onset of features, up to a first-order transition; there
the network memorizes clusters of correlated points, “triangles”. This study sweeps
rates and a schedule, follows both kinds of solution over the sizes, and looks for the
clusters. Losses are summed over features, as in the paper's text.
""",
    presets={
        "quick": (
            swept(
                Sweep(
                    sizes=(10, 40),
                    recipes=((1e-3, 0.05), (6e-2, 0.05), (6e-2, 0.5)),
                    features=40,
                    sparsity=0.9,
                    data_sets=2,
                    steps=200,
                )
            ),
            both_branches(_small(), _BRANCHES, _TITLES["branches"]),
        ),
        "laptop": (
            swept(Sweep()),
            both_branches(Branches(), _BRANCHES, _TITLES["branches"]),
            both_branches(_thousand(3), _THOUSAND, _TITLES["thousand"]),
        ),
        "paper": (
            swept(
                Sweep(
                    sizes=(500, 1000, 2000, 5000, 10_000, 20_000),
                    features=1000,
                    sparsity=0.99,
                    steps=50_000,
                )
            ),
            both_branches(
                Branches(
                    sizes=(500, 1000, 2000, 3000, 5000, 7000, 10_000, 20_000),
                    top=5000,
                    features=1000,
                    sparsity=0.99,
                    memorizing=Recipe(3e-2, 50_000),
                    carried=Recipe(1e-2, 10_000),
                ),
                _BRANCHES,
                _TITLES["branches"],
            ),
            both_branches(_thousand(6), _THOUSAND, _TITLES["thousand"]),
        ),
    },
    claims=CLAIMS,
)
