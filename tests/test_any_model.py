"""The examples of docs/any_model.md run, and mean what the page says they mean."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[1] / "docs" / "any_model.md"


@pytest.fixture(scope="module")
def sections():
    """The names that each example leaves behind; later ones build on earlier."""
    code = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    names: dict[str, object] = {"__name__": "any_model"}
    left = []
    for block in code:
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102
        left.append(dict(names))
    return left


def test_trees_are_right_about_what_they_saw(sections):
    runs = sections[0]["runs"]
    assert runs.scores[runs.member].all()
    memorization = sections[0]["memorization"]
    assert memorization.estimate.min() >= 0
    assert memorization.estimate.max() > 0.9


def test_networks_learn_digits_and_memorize_the_odd_ones(sections):
    runs, memorization = sections[1]["runs"], sections[1]["memorization"]
    assert (runs.scores[~runs.member] > np.log(0.5)).mean() > 0.85
    assert runs.scores[runs.member].mean() > -0.05
    assert memorization.estimate.max() > 1
    assert abs(np.median(memorization.estimate)) < 0.2


def test_masked_tokens_are_not_memorized(sections):
    evidence = sections[2]["evidence"]
    scores, member = evidence.scores, evidence.member
    memorized = scores[member].mean(0) - scores[~member].mean(0)  # (tokens,)
    assert abs(memorized[0]) < 0.3
    assert memorized[1:].min() > 0.5
