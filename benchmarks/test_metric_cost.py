"""Every registered metric, plug-ins included, against the cost law that it declares."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.evidence import random_evidence
from memmetrics.metrics.registry import available_metrics, get_metric
from memmetrics.testing import check_cost


@pytest.mark.parametrize("name", sorted(available_metrics()))
def test_cost_law(benchmark: Any, name: str) -> None:
    metric = get_metric(name)
    check_cost(metric)
    benchmark.group = "metrics: 1,000 points, hidden 8, 64 runs"
    benchmark(metric, random_evidence(metric.needs, 1000))
