"""memmetrics, pyDVL and the exact answer to one question."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import targets
from benchmarks.shared_task import (
    ask_memmetrics,
    ask_pydvl,
    exact_answer,
    largest_gap,
)


def test_ours_agrees_with_the_exact_answer(benchmark: Any) -> None:
    ours = benchmark.pedantic(ask_memmetrics, args=(2000,), rounds=1)
    benchmark.group = "ridge regression of 12 points, 2,000 retrainings"
    errors = np.abs(ours.value - exact_answer()) / ours.standard_error
    assert errors.max() < targets.SHARED_TASK_ERRORS


def test_ours_agrees_with_pydvl(benchmark: Any) -> None:
    pytest.importorskip("pydvl")
    theirs = benchmark.pedantic(ask_pydvl, args=(1000,), rounds=1)
    benchmark.group = "ridge regression of 12 points, 2,000 retrainings"
    ours = ask_memmetrics(theirs.retrainings)
    assert largest_gap(ours, theirs) < targets.SHARED_TASK_ERRORS
    benchmark.extra_info["times ours"] = theirs.seconds / ours.seconds
    assert ours.seconds < theirs.seconds
