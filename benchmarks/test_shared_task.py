"""memmetrics, pyDVL and the exact answer to one question."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.shared_task import ask_memmetrics, ask_pydvl, exact_answer

_MOST_ERRORS = 4.0  # standard errors


def test_ours_agrees_with_the_exact_answer(benchmark: Any) -> None:
    ours = benchmark.pedantic(ask_memmetrics, args=(2000,), rounds=1)
    benchmark.group = "ridge regression of 12 points, 2,000 retrainings"
    errors = np.abs(ours.value - exact_answer()) / ours.standard_error
    assert errors.max() < _MOST_ERRORS


def test_ours_agrees_with_pydvl(benchmark: Any) -> None:
    pytest.importorskip("pydvl")
    theirs = benchmark.pedantic(ask_pydvl, args=(1000,), rounds=1)
    benchmark.group = "ridge regression of 12 points, 2,000 retrainings"
    ours = ask_memmetrics(theirs.retrainings)
    together = np.hypot(ours.standard_error, theirs.standard_error)
    assert (np.abs(ours.value - theirs.value) / together).max() < _MOST_ERRORS
    benchmark.extra_info["times ours"] = theirs.seconds / ours.seconds
    assert ours.seconds < theirs.seconds
