"""What authors of plug-in metrics run in their own tests."""

from __future__ import annotations

from memmetrics.testing.conformance import check_metric as check_metric
from memmetrics.testing.cost import CostReport as CostReport, check_cost as check_cost
from memmetrics.testing.sample import sample_evidence as sample_evidence

__all__ = ["CostReport", "check_cost", "check_metric", "sample_evidence"]
