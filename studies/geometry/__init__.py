"""Few points form polygons, and points without end a pentagon (Figures 1 and 2)."""

from __future__ import annotations

from studies._kit.chapter import Study
from studies.geometry.polygons import CLAIMS as POLYGON_CLAIMS, Scale, few_points
from studies.geometry.without_end import CLAIMS as ENDLESS_CLAIMS, Stream, endless

STUDY = Study(
    name="geometry",
    title="Few points form polygons, points without end a pentagon of features",
    text="""
The paper's first finding (Henighan et al. 2023, Figures 1 and 2): with few training
points, a network with two hidden dimensions has features that look like noise, and
hidden vectors of the points that form regular polygons. Where two circles of points
appear, or points at the origin, training has got stuck. Of points that have nothing in
common, an exact polygon can be written down, which says how long its weights must be.
With new points at every step it is features that form one: a pentagon.
""",
    presets={
        "quick": (
            few_points(
                Scale((3, 5, 8), features=200, sparsity=0.95, data_sets=2, steps=300)
            ),
            endless(Stream(20, features=100, sparsity=0.9, data_sets=2, steps=300)),
        ),
        "laptop": (few_points(Scale()), endless(Stream())),
        "paper": (
            few_points(Scale(steps=50_000)),
            endless(Stream(10_000, features=10_000, sparsity=0.999, steps=50_000)),
        ),
    },
    claims=(*POLYGON_CLAIMS, *ENDLESS_CLAIMS),
)
