"""Metrics against the memory traffic that they cannot do without."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import targets
from benchmarks.children import measure_in_child
from benchmarks.metric_speed import counterfactual_race, feature_dimensionality_race


def test_feature_dimensionality_in_copies(benchmark: Any) -> None:
    promised = targets.FEATURE_DIMENSIONALITY_COPIES
    race = feature_dimensionality_race(4_000_000).run_until(
        lambda race: race.best("metric") <= promised * race.best("copy")
    )
    copies = race.best("metric") / race.best("copy")
    benchmark.group = "metrics against memory"
    benchmark.extra_info["copies"] = copies
    benchmark.pedantic(race.entrants["metric"], rounds=3)
    assert copies <= promised / targets.MARGIN


def test_counterfactual_memorization_in_passes(benchmark: Any) -> None:
    promised = targets.COUNTERFACTUAL_PASSES
    race = counterfactual_race(400, 50_000).run_until(
        lambda race: race.best("metric") <= promised * race.best("pass")
    )
    passes = race.best("metric") / race.best("pass")
    benchmark.group = "metrics against memory"
    benchmark.extra_info["passes"] = passes
    benchmark.pedantic(race.entrants["metric"], rounds=3)
    assert passes <= promised / targets.MARGIN


@pytest.mark.skipif("sys.platform == 'win32'", reason="tells no peak of memory")
def test_counterfactual_memorization_copies_no_scores(benchmark: Any) -> None:
    measured = benchmark.pedantic(
        measure_in_child, args=("counterfactual memory",), rounds=1
    )
    benchmark.group = "processes of their own"
    benchmark.extra_info.update(measured)
    assert measured["bytes"] < measured["scores"] / 2
