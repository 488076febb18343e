"""The example of docs/one_run.md runs, and the page shows its code."""

from __future__ import annotations

import re
import runpy
import textwrap
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
SCRIPT = DOCS / "examples" / "one_run.py"


def test_the_page_shows_what_the_script_does():
    page = (DOCS / "one_run.md").read_text("utf-8")
    shown = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    script = SCRIPT.read_text("utf-8")
    assert len(shown) == 6
    for block in shown:
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
