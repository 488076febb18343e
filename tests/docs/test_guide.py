"""The first page and the guide: their examples run, page by page."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "index.md", *sorted((DOCS / "guide").glob("*.md"))]
# Pages with other people's libraries, which may warn of themselves.
NEEDS = {"lightning": ["lightning"], "hugging_face": ["transformers", "accelerate"]}
SLOW = {"hugging_face", "own_study", "plug_in"}


def marked(page):
    marks = [pytest.mark.slow] if page.stem in SLOW else []
    marks += [pytest.mark.filterwarnings("ignore")] if page.stem in NEEDS else []
    return pytest.param(page, id=page.stem, marks=marks)


def code_of(page):
    blocks = re.findall(
        r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return "\n".join(blocks)


@pytest.mark.parametrize("page", [marked(page) for page in PAGES])
def test_examples_run(page, tmp_path, monkeypatch):
    for module in NEEDS.get(page.stem, []):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    names = {"__name__": page.stem}
    exec(compile(code_of(page), str(page), "exec"), names)  # noqa: S102
    for name, value in names.items():
        if name.startswith("test_"):
            value()
    plt.close("all")


def test_pages_have_examples():
    assert len(PAGES) > 9
    assert [page.name for page in PAGES if not code_of(page)] == []
