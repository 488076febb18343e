"""Designs: which points each run trains on.

A design is a pure function of the seed that gives any block of runs for any range of
points, so membership is never stored: it is drawn again. All designs extend: the first
runs of a longer plan are those of a shorter one (`Balanced`: up to the last whole block
of 16).

`Balanced` (default)
    Every point is in exactly ``fraction * runs`` runs, rounded at random, point by
    point, where that is no whole number. Points are independent of one another, so
    memorization and influence are unbiased, and no arm is empty by chance.
`Bernoulli`
    Every point enters every run with probability ``fraction``, independently. Unbiased,
    a little less precise; an arm may be empty.
`Exact`
    Every run trains on a subset of one fixed size, as in Feldman and Zhang (2020).
    Biased for influence: a run that holds point i holds one companion fewer, so each
    entry off the diagonal is shifted by −memorization / (points − 1). For comparison
    with published numbers on many points.
`Everyone`
    Every run trains on all points; runs differ in their seed.
`Without`
    Sets of points are left out in turn: leave-one-out, for instance.
`Given`
    A matrix of your own.

A run that would have no points at all is drawn again (with `Balanced`, its whole block,
on which no earlier block depends), since no model can be trained on nothing. That
happens with a handful of points only; everything is then conditional on runs not being
empty.

Balanced columns are drawn in blocks of 16 runs. Within a block a point's memberships
are correlated by −1/15, which costs influence 1/15 in variance beside independent
draws, memorization nothing; a block of 2 would be complementary pairs, at twice the
variance.
"""

from __future__ import annotations

from memmetrics.designs.base import (
    Bools as Bools,
    Design as Design,
    draw_members as draw_members,
)
from memmetrics.designs.choice import as_design as as_design
from memmetrics.designs.drawn import (
    BLOCK as BLOCK,
    Balanced as Balanced,
    Bernoulli as Bernoulli,
    Exact as Exact,
)
from memmetrics.designs.named import (
    Everyone as Everyone,
    Given as Given,
    Without as Without,
)

__all__ = [
    "BLOCK",
    "Balanced",
    "Bernoulli",
    "Bools",
    "Design",
    "Everyone",
    "Exact",
    "Given",
    "Without",
    "as_design",
    "draw_members",
]
