"""A report's influences: what held-out targets rest on."""

from __future__ import annotations

import re

import numpy as np
import pytest
from reports import evidence, written

import memmetrics as mm

RNG = np.random.default_rng(0)


def evidence_with_held_out(runs=200, points=12, held_out=20):
    """Point 3 helps held-out target 5 by 2, and point 7 harms target 11 by 1.5."""
    rng = np.random.default_rng(3)
    member = rng.random((runs, points)) < 0.5
    scores = rng.normal(size=(runs, points + held_out))
    scores[:, points + 5] += 2 * member[:, 3]
    scores[:, points + 11] -= 1.5 * member[:, 7]
    own = [*range(points), *[-1] * held_out]
    return mm.Retrainings(scores, member, own=own)


def test_influences_on_held_out_targets(tmp_path):
    runs = evidence_with_held_out()
    mm.report(runs, tmp_path, confidence=0.9)
    page, record = written(tmp_path)
    rows = record["influences"]
    assert [row["target"] for row in rows[:1] + rows[4:5]] == [5, 11]
    assert [row["point"] for row in rows[:1] + rows[4:5]] == [3, 7]
    assert len(rows) == 8 * 4
    assert [row["clear"] for row in rows] == [i in (0, 4) for i in range(32)]
    whole = mm.counterfactual_influence(runs, confidence=0.9)
    for row in rows:
        pair = row["point"], 12 + row["target"]
        for name in ("estimate", "low", "high", "standard_error"):
            expected = getattr(whole, name)[pair]
            assert row[name] == pytest.approx(expected, rel=1e-9)
        others = np.delete(np.arange(12), row["point"])
        larger = np.abs(whole.estimate[others, pair[1]]) > abs(row["estimate"])
        assert larger.sum() < 4
    assert "What held-out targets rest on" in page
    assert "largest of 240 pairs" in page
    assert "as 2 of the 32 shown are" in page
    assert "<img" in page  # the ranking
    assert 'class="gallery' not in page


def test_targets_are_shown_beside_their_points(tmp_path):
    runs = evidence_with_held_out()
    points, targets = RNG.random((12, 5, 5)), RNG.random((20, 5, 5))
    mm.report(runs, tmp_path / "pictures", points=points, targets=targets)
    page = written(tmp_path / "pictures")[0]
    assert items(page) == 12 + 8 * 5
    assert page.count('<li class="marked"') >= 2
    texts = [f"training text {i}" for i in range(12)]
    held_out = [f"held-out <b>text</b> {i}" for i in range(20)]
    mm.report(runs, tmp_path / "texts", points=texts, targets=held_out)
    page = written(tmp_path / "texts")[0]
    section = page[page.index('<section id="influence"') :]
    assert section.index("held-out &lt;b&gt;text&lt;/b&gt; 5") < section.index(
        "training text 3"
    )
    mm.report(runs, tmp_path / "points", points=points)
    assert items(written(tmp_path / "points")[0]) == 12 + 8 * 4


def items(page):
    return len(re.findall("<li[ >]", page))


def test_what_is_not_searched_is_said(tmp_path, monkeypatch):
    runs = evidence_with_held_out()
    monkeypatch.setattr("memmetrics.reporting.influences._SEARCHED", 200 * 12 * 3)
    mm.report(runs, tmp_path)
    page, record = written(tmp_path)
    assert {row["target"] for row in record["influences"]} == {0, 10, 19}
    assert "out of 3 of 20 held-out targets" in page
    assert "largest of 36 pairs" in page


def test_no_influence_where_nothing_is_held_out_or_known(tmp_path):
    mm.report(evidence(), tmp_path)
    page, record = written(tmp_path)
    assert record["influences"] == []
    assert 'id="influence"' not in page
    member = np.array([[True, False], [False, True]])
    two = mm.Retrainings(np.ones((2, 3)), member, own=[0, 1, -1])
    mm.report(two, tmp_path)
    assert 'id="influence"' not in written(tmp_path)[0]


def test_unsuitable_targets(tmp_path):
    runs = evidence_with_held_out()
    with pytest.raises(TypeError, match="`targets` are shown beside `points`"):
        mm.report(runs, tmp_path, targets=["a"] * 20)
    with pytest.raises(ValueError, match="each of the 20 targets; got 3"):
        mm.report(runs, tmp_path, points=["a"] * 12, targets=["a"] * 3)
    with pytest.raises(TypeError, match="`targets` must be texts if `points` are"):
        mm.report(runs, tmp_path, points=["a"] * 12, targets=np.ones((20, 2, 2)))
