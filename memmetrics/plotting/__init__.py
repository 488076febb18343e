"""Pictures of tidy tables: every function draws on an ``ax`` and returns it.

Needs matplotlib (``pip install "memmetrics[plot]"``), which nothing else in the
package imports.
"""

from __future__ import annotations

from memmetrics.plotting.correlations import draw_correlations
from memmetrics.plotting.facets import draw_facets
from memmetrics.plotting.images import draw_image
from memmetrics.plotting.intervals import draw_intervals
from memmetrics.plotting.pairs import draw_pair
from memmetrics.plotting.ranking import draw_ranking
from memmetrics.plotting.spectrum import draw_spectrum
from memmetrics.plotting.tables import by_index, metric_label
from memmetrics.plotting.tails import draw_tail
from memmetrics.plotting.theme import COLORS, theme
from memmetrics.plotting.trends import draw_curve, draw_estimates
from memmetrics.plotting.vectors import draw_vectors

__all__ = [
    "COLORS",
    "by_index",
    "draw_correlations",
    "draw_curve",
    "draw_estimates",
    "draw_facets",
    "draw_image",
    "draw_intervals",
    "draw_pair",
    "draw_ranking",
    "draw_spectrum",
    "draw_tail",
    "draw_vectors",
    "metric_label",
    "theme",
]
