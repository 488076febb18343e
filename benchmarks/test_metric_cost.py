"""Every registered metric, plug-ins included, against the cost law that it declares."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from memmetrics.metrics.registry import available_metrics, get_metric
from memmetrics.testing import check_cost, sample_evidence


@pytest.mark.parametrize("name", sorted(available_metrics()))
def test_cost_law(benchmark: Any, name: str) -> None:
    metric = get_metric(name)
    if not hasattr(metric, "cost"):
        pytest.skip(f"{name} declares no cost law")
    report = check_cost(metric)
    benchmark.group = "metrics: 1,000 points"
    benchmark.extra_info.update(
        {f"exponent of {axis}": measured for axis, measured in report.measured.items()}
    )
    sizes = {"points": 1000, "features": 1000, "test_points": 1000}
    evidence = sample_evidence(metric.needs, sizes)
    benchmark(lambda: metric(copy.copy(evidence)))  # without what a call leaves with it
