"""What authors of plug-in metrics run in their own tests."""

from __future__ import annotations

from memmetrics.testing.conformance import check_metric
from memmetrics.testing.cost import CostReport, check_cost
from memmetrics.testing.sample import sample_evidence

__all__ = ["CostReport", "check_cost", "check_metric", "sample_evidence"]
