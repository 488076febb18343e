"""One feature a point, or one feature an axis: which hypothesis the data bear out."""

from __future__ import annotations

from functools import partial

from studies._kit.chapter import Study
from studies._kit.verdicts import Claim
from studies.whose_hypothesis import bets, polygon, rotated

_NOSTALGEBRAIST = "nostalgebraist in the thread"
_OLAH = "Olah in the thread"
_OURS = "this project, after nostalgebraist"

CLAIMS = (
    Claim(
        "With orthonormal points the polygon is exact (largest train loss of the one "
        "written down)",
        _NOSTALGEBRAIST,
        "0",
        partial(polygon.constructed, kind="orthonormal"),
        at_most=1e-12,
    ),
    Claim(
        "With sparse points it is not (largest train loss of the one written down)",
        _OURS,
        "above 0",
        partial(polygon.constructed, kind="sparse"),
        at_least=1e-3,
    ),
    *(
        Claim(
            f"Training finds the polygon of {points} orthonormal points (largest "
            "relative deviation of an angle, best start)",
            "Henighan et al. 2023, Figure 2",
            "0",
            partial(polygon.trained_angles, points=points),
            at_most=0.05,
        )
        for points in (5, 8)
    ),
    Claim(
        "Point features explain the training data better as long as there are fewer "
        "points than features (share of the sizes at which they do)",
        _NOSTALGEBRAIST,
        "1",
        bets.explains_below,
        at_least=1.0,
    ),
    Claim(
        "Axis features are the better bet on new points even with few points (points "
        "over features from which on they have the lower test loss)",
        _OLAH,
        "small",
        partial(bets.crossing, metric="test_loss"),
        at_most=0.5,
    ),
    Claim(
        "Axis features have a test loss below the best constant answer (difference, "
        "most points)",
        _OLAH,
        "below 0",
        bets.axes_above_constant,
        at_most=0.0,
    ),
    Claim(
        "Only they do: point features have one above it at every size at which any "
        "were found (lowest difference)",
        _OLAH,
        "above 0",
        bets.points_above_constant,
        at_least=0.0,
    ),
    Claim(
        "Point features are no better than the zero model either (lowest difference)",
        _OLAH,
        "0 or above",
        bets.points_above_zero,
        at_least=0.0,
    ),
    Claim(
        "In a rotated basis, read out there, the transition comes with as many "
        "occurrences (ratio to that in the axes)",
        _OURS,
        "1",
        rotated.onset_ratio,
        at_least=0.7,
        at_most=1.4,
    ),
    Claim(
        "There features beat the best constant answer, though none is axis-aligned "
        "(difference, most points)",
        _NOSTALGEBRAIST,
        "below 0",
        partial(rotated.at_the_end, world="rotated, read rotated"),
        at_most=0.0,
    ),
    Claim(
        "Read out in the axes, the same data never do (lowest difference)",
        _OURS,
        "above 0",
        partial(rotated.lowest, world="rotated, read in axes"),
        at_least=0.0,
    ),
)

STUDY = Study(
    name=polygon.NAME,
    title="Whose hypothesis: features of points or of axes?",
    text="""
nostalgebraist asks in the thread why one feature a point should be less of a
generalization than one feature an axis: with fewer points than features it explains
the data with fewer features, the network cannot know how the data are made, and
features need not lie along the axes. Olah answers that in this setup only the
axis-aligned solution has a lower test loss than chance. This study tests both: points
that are exactly orthonormal, both solutions side by side as the points become many,
and data that are sparse in another basis than the axes.
""",
    group="thread",
    presets={
        "quick": (
            polygon.Polygon(
                sizes=(4, 5), features=60, active=6, steps=100, starts=2, data_sets=2
            ),
            bets.Bets(
                sizes=(10, 40),
                features=40,
                sparsity=0.9,
                learning_rates=(1e-2,),
                starts=2,
                steps=100,
                test_points=200,
                data_sets=2,
            ),
            rotated.Rotated(
                sizes=(20, 60),
                features=20,
                sparsity=0.8,
                steps=20,
                test_points=100,
                data_sets=2,
            ),
        ),
        "laptop": (polygon.Polygon(), bets.Bets(), rotated.Rotated()),
        "paper": (
            polygon.Polygon(
                sizes=(4, 5, 6, 8, 10, 12, 16, 20, 30),
                features=1000,
                active=10,
                steps=50_000,
                data_sets=12,
            ),
            bets.Bets(
                sizes=(10, 30, 100, 300, 1000, 2000, 5000, 10_000),
                features=1000,
                sparsity=0.99,
                learning_rates=(1e-3, 1e-2, 3e-2, 1e-1),
                steps=20_000,
                data_sets=12,
            ),
            rotated.Rotated(
                sizes=(100, 300, 600, 1000, 2000, 4000),
                features=400,
                sparsity=0.975,
                steps=5000,
                data_sets=12,
            ),
        ),
    },
    claims=CLAIMS,
)
