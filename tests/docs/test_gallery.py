"""The gallery has an example of everything that can be drawn; `make docs` runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from memmetrics import plotting

GALLERY = sorted((Path(__file__).parents[2] / "docs" / "gallery").glob("plot_*.py"))


@pytest.mark.parametrize("name", plotting.__all__)
def test_every_name_of_plotting_has_an_example(name):
    assert any(f"mm.plotting.{name}" in path.read_text("utf-8") for path in GALLERY)


def test_there_are_enough_and_each_draws():
    assert len(GALLERY) >= 12
    for path in GALLERY:
        assert "mm.plotting." in path.read_text("utf-8"), path.name
