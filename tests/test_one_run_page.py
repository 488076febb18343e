"""The example of docs/one_run.md runs, and the page shows its code."""

from __future__ import annotations

import re
import runpy
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import memmetrics as mm
from memmetrics.metrics.one_run import one_run_memorization

DOCS = Path(__file__).parents[1] / "docs"
SCRIPT = DOCS / "examples" / "one_run.py"
TABLE = DOCS / "examples" / "one_run.csv"


def test_the_page_shows_what_the_script_does():
    page = (DOCS / "one_run.md").read_text("utf-8")
    shown = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    script = SCRIPT.read_text("utf-8")
    imports, *steps = shown
    assert len(steps) == 6
    assert set(imports.splitlines()) <= set(script.splitlines())
    for block in steps:
        assert textwrap.indent(block, "    ") in script


def test_the_script_runs(capsys):
    pytest.importorskip("transformers")
    main = runpy.run_path(str(SCRIPT))["main"]
    size = ["--runs", "2", "--items", "64", "--lines", "20", "--epochs", "1"]
    main([*size, "--n-jobs", "1"])
    tables = capsys.readouterr().out.split("\n\n")
    assert [len(table.strip().splitlines()) for table in tables] == [5, 5, 5, 5]
    assert "epsilon_lower_bound" in tables[2]
    assert "covered" in tables[3]


def test_the_page_has_the_numbers_of_the_table():
    page = (DOCS / "one_run.md").read_text("utf-8")
    for row in pd.read_csv(TABLE).itertuples():
        for line in (
            f"| {row.stratum} | {row.estimate:.3f} | {row.low:.3f} to {row.high:.3f} |",
            f"| {row.stratum} | {row.estimate:.3f}, {row.low:.3f} to {row.high:.3f} | "
            f"{row.retrained:.3f}, {row.retrained_error:.3f} | {row.next_low:.3f} to "
            f"{row.next_high:.3f} | {row.between:.3f} | {row.covered:.0%} |".replace(
                "%", " %"
            ),
        ):
            assert line in page, line


@pytest.mark.parametrize("between", [0.0, 0.5])
def test_what_runs_differ_by_beyond_their_coins(between):
    """Runs that memorize 1 each, give or take `between`, of 200 items."""
    pytest.importorskip("transformers")
    compare = runpy.run_path(str(SCRIPT))["compare"]
    rng = np.random.default_rng(1)
    member = rng.random((401, 200)) < 0.5
    effect = rng.normal(1, between, size=(401, 1)) if between else np.ones((401, 1))
    scores = rng.normal(size=(401, 200)) + effect * member
    copies = np.ones(200, dtype=int)
    found = one_run_memorization(scores[0], member[0], strata=copies)
    table = compare(found, mm.Retrainings(scores[1:], member[1:]), copies)
    row = next(table.itertuples())
    noise = np.sqrt(4 / 200)  # of a difference of means
    assert row.retrained == pytest.approx(1, abs=4 * np.hypot(between, noise) / 20)
    assert row.between == pytest.approx(between, abs=0.08)
    reach = 1.966 * np.hypot(between, noise)  # Student's t with 399 degrees of freedom
    assert row.next_high - row.next_low == pytest.approx(2 * reach, rel=0.15)
    assert (row.covered > 0.9) == (between == 0)
