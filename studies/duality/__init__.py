"""Points and features exchanged: where they are dual, and where they are not."""

from __future__ import annotations

from functools import partial

from studies._kit.chapter import Study
from studies._kit.verdicts import Claim
from studies.duality import identity, roles

_MALONEY = "Maloney et al. 2022 (arXiv 2210.16859), named by Olah in the thread"
_OURS = "this project, after Olah in the thread"

CLAIMS = (
    Claim(
        "Exchanging points and features leaves the loss of ridge regression as it is "
        "(largest relative change over all sizes and ridges)",
        _MALONEY,
        "0 (they: to leading order)",
        partial(identity.largest_difference, ridge=True),
        at_most=1e-10,
    ),
    Claim(
        "So it does without a ridge (largest relative change, other than at as many "
        "points as features)",
        _MALONEY,
        "0",
        partial(identity.largest_difference, ridge=False),
        at_most=1e-10,
    ),
    Claim(
        "Noisy labels break the symmetry (loss with four features a point over that "
        "of the exchange)",
        _MALONEY,
        "not 1",
        identity.noisy_ratio,
        at_least=1.05,
    ),
    Claim(
        "Without a ridge the loss has its peak at as many points as features (points "
        "over features at the peak)",
        _MALONEY,
        "1",
        identity.peak,
        at_least=1.0,
        at_most=1.0,
    ),
    Claim(
        "With many features the loss falls as points to the power of minus the "
        "spectrum's exponent (power found over that one)",
        _MALONEY,
        "1",
        partial(identity.exponent, along="points"),
        at_least=0.9,
        at_most=1.1,
    ),
    Claim(
        "With many points it falls likewise with features (power found over that one)",
        _MALONEY,
        "1",
        partial(identity.exponent, along="features"),
        at_least=0.9,
        at_most=1.1,
    ),
    Claim(
        "For a given product of the two, as many points as features are best (points "
        "over features at the least loss)",
        _MALONEY,
        "1",
        identity.best_shape,
        at_least=0.7,
        at_most=1.4,
    ),
    *(
        Claim(
            f"In the toy model {thing} rank by dimensionality as they do in the other "
            "role, in the network of the transpose (rank correlation, square matrix)",
            _OURS,
            "1, if the toy model were dual",
            partial(roles.agreement, thing=thing),
            at_least=0.5,
        )
        for thing in roles.THINGS
    ),
    *(
        Claim(
            f"With the {'most' if most else 'fewest'} points, the dimensionalities of "
            f"{thing} are distributed more like those of the same things in the other "
            "role than like those of the same role in the transpose (ratio of the "
            "distances)",
            _OURS,
            "below 1, if the toy model were dual",
            partial(roles.relative_distance, thing=thing, most=most),
            at_most=0.9,
        )
        for most in (False, True)
        for thing in roles.THINGS
    ),
)

STUDY = Study(
    name=identity.NAME,
    title="Are points and features dual?",
    text="""
Olah points in the thread to a deep observation about few points and few features: the
duality of Maloney et al. (2022), whose solvable model of scaling laws has points and
features in symmetric roles. This study computes that identity exactly, shows what
breaks it, and asks whether the paper's toy model has anything of it: it is trained on
matrices and on their transposes, in which points are features.
""",
    group="thread",
    presets={
        "quick": (
            identity.Identity(
                sizes=(5, 10, 20, 40),
                ridges=(0.0, 1.0),
                latents=100,
                data_sets=2,
            ),
            roles.Roles(
                sizes=(10, 30),
                features=30,
                sparsity=0.9,
                steps=100,
                starts=2,
                data_sets=2,
            ),
        ),
        "laptop": (identity.Identity(), roles.Roles()),
        "paper": (
            identity.Identity(
                sizes=(10, 20, 40, 80, 113, 160, 226, 320, 640, 1280),
                latents=10_000,
                data_sets=20,
            ),
            roles.Roles(
                sizes=(100, 300, 1000, 3000, 10_000),
                features=1000,
                sparsity=0.99,
                steps=20_000,
                starts=8,
                data_sets=12,
            ),
        ),
    },
    claims=CLAIMS,
)
