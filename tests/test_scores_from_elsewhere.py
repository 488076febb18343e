"""The examples of docs/scores_from_elsewhere.md run, and mean what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[1] / "docs" / "scores_from_elsewhere.md"


@pytest.fixture(scope="module")
def names():
    """The names that all examples, run one after the other, leave behind."""
    code = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    left: dict[str, object] = {"__name__": "scores_from_elsewhere"}
    for block in code:
        exec(compile(block, str(PAGE), "exec"), left)  # noqa: S102
    return left


def test_what_was_planted_is_found(names):
    memorization = names["memorization"]
    planted = names["planted"]
    assert np.corrcoef(memorization.estimate, planted)[0, 1] > 0.9
    covered = (memorization.low <= planted) & (planted <= memorization.high)
    assert covered.mean() > 0.8


def test_holes_are_not_counted(names):
    memorization, evidence = names["memorization"], names["evidence"]
    holes = np.isnan(evidence.scores).sum(axis=0)
    assert (holes > 10).all()
    assert (memorization.n_in + memorization.n_out == 160 - holes).all()


def test_the_report_shows_the_texts(names):
    page = names["page"].read_text("utf-8")
    assert "document 39, of which the models memorized 2.00" in page
    record = json.loads(names["page"].with_name("report.json").read_text("ascii"))
    assert record["settings"]["source"] == "made up"
    memorized = record["summary"]["memorized"]
    assert memorized > 15
    assert names["exceeded"] == [f"memorized is {memorized}, above --max-memorized 0"]
