"""A report: what it says is what the metrics say."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import stats

import memmetrics as mm
from memmetrics.reporting.examples import shown_example
from memmetrics.statistics.discovery import discoveries

RNG = np.random.default_rng(0)


def evidence(runs=60, points=30, **fields):
    member = RNG.random((runs, points)) < 0.5
    strength = np.linspace(0, 2, points)
    scores = RNG.normal(size=(runs, points)) + member * strength
    return mm.Retrainings(scores, member, **fields)


def written(folder):
    page = (folder / "report.html").read_text("utf-8")
    return page, json.loads((folder / "report.json").read_text("ascii"))


def test_numbers_are_those_of_the_metric(tmp_path):
    odd = {"source": "a.npz", "odd": np.nan}
    runs = evidence(seeds=range(60)).with_attrs(odd)
    path = mm.report(runs, tmp_path / "new" / "report", settings={"model": "tree"})
    assert path == tmp_path / "new" / "report" / "report.html"
    page, record = written(path.parent)
    result = mm.counterfactual_memorization(runs.scores, runs.member)
    found = discoveries(result)
    assert (record["kind"], record["schema"]) == ("memmetrics report", 1)
    summary = record["summary"]
    assert summary["memorized"] == found.sum()
    assert summary["share"] == found.mean()
    assert summary["largest_estimate"] == result.estimate.max()
    assert summary["mean_estimate"] == pytest.approx(result.estimate.mean())
    widths = (result.high - result.low) / 2
    assert summary["median_half_width"] == pytest.approx(np.median(widths))
    cautious = discoveries(result, any_dependence=True)
    assert summary["memorized_any_dependence"] == cautious.sum() < found.sum()
    order = np.argsort(-result.estimate, kind="stable")
    assert [row["point"] for row in record["points"]] == list(order)
    for row in record["points"]:
        point = row["point"]
        for name in ("estimate", "low", "high", "standard_error", "n_in", "n_out"):
            assert row[name] == getattr(result, name)[point]
        assert row["memorized"] == found[point]
    assert record["rests_on"]["intervals"] == {"skewness-adjusted": 30}
    assert record["rests_on"]["n_in"]["least"] == runs.member.sum(0).min()
    assert record["rests_on"]["missing_scores"] == 0
    assert record["settings"]["model"] == "tree"
    assert record["evidence"]["seeds"]["count"] == 60
    assert "a.npz" in record["evidence"]["attrs"]
    assert "a.npz" in page
    assert record["versions"]["memmetrics"] == mm.__version__
    assert f"{found.sum()} of 30 points" in page
    assert f"{result.estimate[order[0]]:#.4g}" in page


def test_discoveries_by_a_plain_loop(tmp_path):
    runs = evidence()
    mm.report(runs, tmp_path, false_discovery_rate=0.1, minimum=0.3, confidence=0.9)
    record = written(tmp_path)[1]
    p = sorted(row["p_value"] for row in record["points"])
    least = [k + 1 for k in range(30) if p[k] <= (k + 1) / 30 * 0.1]
    assert record["summary"]["memorized"] == max(least, default=0) > 0
    row = record["points"][0]
    inside, outside = (
        runs.scores[which, row["point"]]
        for which in (runs.member[:, row["point"]], ~runs.member[:, row["point"]])
    )
    welch = stats.ttest_ind(
        inside - 0.3, outside, equal_var=False, alternative="greater"
    )
    assert row["p_value"] == pytest.approx(welch.pvalue, rel=1.0)
    width = stats.ttest_ind(inside, outside, equal_var=False).confidence_interval(0.9)
    assert row["low"] == pytest.approx(width.low, abs=0.05)


def test_the_same_evidence_gives_the_same_files(tmp_path):
    runs = evidence()
    for name in ("a", "b"):
        mm.report(runs, tmp_path / name, points=[f"text {k}" for k in range(30)])
    for name in ("report.html", "report.json"):
        a, b = ((tmp_path / folder / name).read_bytes() for folder in "ab")
        assert a == b


@pytest.mark.filterwarnings("ignore:.*runs have only NaN", "ignore:.*no run in one")
def test_holes_failed_runs_and_empty_arms(tmp_path):
    runs = evidence()
    scores, member = runs.scores.copy(), runs.member.copy()
    scores[3] = np.nan
    scores[4, :5] = np.nan
    member[:, 7] = True
    mm.report(mm.Retrainings(scores, member), tmp_path)
    page, record = written(tmp_path)
    rests = record["rests_on"]
    assert (rests["runs"], rests["runs_left_out"]) == (60, 1)
    assert rests["missing_scores"] == 5
    assert record["summary"]["estimated"] == record["summary"]["tested"] == 29
    assert record["points"][-1]["point"] == 7
    assert record["points"][-1]["estimate"] is None
    assert "NaN" not in page


def test_held_out_targets_are_left_out(tmp_path):
    runs = evidence()
    own = np.array([4, -1, 2])
    mm.report(
        mm.Retrainings(runs.scores[:, [4, 1, 2]], runs.member, own=own),
        tmp_path,
        points=[f"text {point}" for point in range(30)],
    )
    page, record = written(tmp_path)
    assert sorted(row["point"] for row in record["points"]) == [2, 4]
    assert record["rests_on"]["targets_held_out"] == 1
    assert "text 4" in page
    assert "text 1" not in page[: page.index('<section id="influence"')]
    whole = mm.counterfactual_memorization(runs.scores, runs.member)
    estimates = {row["point"]: row["estimate"] for row in record["points"]}
    assert estimates == {k: pytest.approx(whole.estimate[k]) for k in (2, 4)}


def test_tokens_are_averaged_over_those_there_are(tmp_path):
    member = RNG.random((40, 6)) < 0.5
    scores = RNG.normal(size=(40, 6, 4))
    scores[:, 2, 1:] = np.nan  # a document of one token
    scores[5, 0, 3] = np.nan  # a run that lacks a token of another
    mm.report(mm.Retrainings(scores, member), tmp_path)
    record = written(tmp_path)[1]
    mean = np.array(
        [
            [np.mean(row[:1] if k == 2 else row) for k, row in enumerate(run)]
            for run in scores
        ]
    )
    expected = mm.counterfactual_memorization(mean, member)
    for row in record["points"]:
        assert row["estimate"] == pytest.approx(expected.estimate[row["point"]])
    assert record["rests_on"]["missing_scores"] == 1
    assert record["rests_on"]["tokens"] == 4


def pictures(page):
    found = re.findall(
        r'<li[^>]*><img alt="" src="data:image/\w+;base64,([^"]+)"', page
    )
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in found
    ]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 6), (8, 6)),
        ((1, 8, 6), (8, 6)),
        ((8, 6, 3), (8, 6, 3)),
        ((3, 8, 6), (8, 6, 3)),
    ],
)
def test_pictures_stand_beside_their_scores(tmp_path, shape, expected):
    points = RNG.integers(0, 256, (30, *shape), dtype=np.uint8)
    mm.report(evidence(), tmp_path, points=points)
    page, record = written(tmp_path)
    shown = pictures(page)
    assert len(shown) == 30
    for row, image in zip(record["points"], shown, strict=True):
        point = points[row["point"]]
        if shape[0] in {1, 3}:
            point = np.moveaxis(point, 0, -1)
        np.testing.assert_array_equal(image, point.reshape(expected))


def test_pictures_of_numbers_are_scaled_together(tmp_path):
    points = torch.linspace(-1, 1, 30)[:, None, None].expand(30, 4, 4)
    mm.report(evidence(), tmp_path, points=points)
    page, record = written(tmp_path)
    gray = {
        row["point"]: image[0, 0]
        for row, image in zip(record["points"], pictures(page), strict=True)
    }
    assert [gray[k] for k in (0, 29)] == [0, 255]
    assert sorted(gray.values()) == [gray[k] for k in range(30)]


@pytest.mark.parametrize("fill", [np.nan, np.inf, 0.0, 1.7e308])
def test_odd_pixels(tmp_path, fill):
    points = np.zeros((30, 4, 4))
    points[::2] = fill
    points[1] = -fill
    mm.report(evidence(), tmp_path, points=points)
    assert len(pictures(written(tmp_path)[0])) == 30


def test_large_pictures_are_made_small():
    noise = RNG.integers(0, 256, (512, 300, 3), dtype=np.uint8)
    content = shown_example(noise, None)
    assert len(content) < 30_000
    assert max(Image.open(io.BytesIO(content)).size) == 128


def test_texts_stand_beside_their_scores(tmp_path):
    texts = pd.Series(
        [f"<i>text {k}</i> & more" for k in range(30)], index=range(5, 35)
    )
    mm.report(evidence(), tmp_path, points=texts)
    page, record = written(tmp_path)
    items = re.findall(
        r'<p class="text" dir="auto">(.*?)</p><p class="note">(.*?)</p>', page
    )
    assert len(items) == 30
    for row, (text, note) in zip(record["points"], items, strict=True):
        assert text == f"&lt;i&gt;text {row['point']}&lt;/i&gt; &amp; more"
        assert note.startswith(f"point {row['point']}: {row['estimate']:#.3g}")
        assert note.endswith("memorized") == row["memorized"]


def test_few_are_shown_of_many(tmp_path):
    mm.report(evidence(20, 3000), tmp_path, shown=7, points=["word"] * 3000)
    page, record = written(tmp_path)
    assert len(record["points"]) == page.count('class="text"') == 7
    assert "7 of 3,000" in page
    assert "Drawn are 1,000 of 3,000" in page


@pytest.mark.filterwarnings("ignore:.*points have no run")
def test_nothing_can_be_tested(tmp_path):
    member = np.ones((4, 3), dtype=bool)
    mm.report(mm.Retrainings(RNG.normal(size=(4, 3)), member), tmp_path)
    page, record = written(tmp_path)
    assert record["summary"]["memorized"] is None
    assert "No point could be tested" in page


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"evidence": np.zeros((3, 3))}, TypeError, "must be Retrainings"),
        ({"points": "text"}, TypeError, "`points` must be a sequence"),
        ({"points": ["a"]}, ValueError, "each of the 30 points; got 1"),
        ({"points": np.zeros((30, 784))}, ValueError, "of shape .784,."),
        ({"points": ["a"] * 29 + [3]}, TypeError, "all texts or all pictures"),
        ({"points": np.array([["a"]] * 30)}, ValueError, "`points` must be texts"),
        ({"confidence": 1.0}, ValueError, "`confidence`"),
        ({"false_discovery_rate": 0.0}, ValueError, "`false_discovery_rate`"),
        ({"shown": 0}, ValueError, "`shown`"),
        ({"minimum": np.inf}, ValueError, "`minimum`"),
        ({"settings": {"x": np.zeros(3)}}, TypeError, "`settings`"),
        ({"settings": {"x": np.nan}}, ValueError, "`settings`"),
    ],
)
def test_wrong_arguments_leave_nothing(tmp_path, arguments, error, message):
    arguments = {"evidence": evidence(), "out": tmp_path / "out", **arguments}
    with pytest.raises(error, match=message):
        mm.report(arguments.pop("evidence"), arguments.pop("out"), **arguments)
    assert not (tmp_path / "out").exists()


def test_nothing_to_report_on(tmp_path):
    runs = evidence()
    own = np.full(30, -1)
    with pytest.raises(ValueError, match="all are held out"):
        mm.report(mm.Retrainings(runs.scores, runs.member, own=own), tmp_path / "out")
    with pytest.raises(ValueError, match="at least 2 runs"):
        mm.report(mm.Retrainings(runs.scores[:1], runs.member[:1]), tmp_path / "out")


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(NotADirectoryError):
            mm.report(evidence(), out)
    (tmp_path / "report.json").mkdir()
    with pytest.raises(FileExistsError, match=r"report\.json is a folder"):
        mm.report(evidence(), tmp_path)


def test_an_old_report_is_replaced_and_nothing_else(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for title in ("First", "Second"):
        mm.report(evidence(), tmp_path, title=title)
    assert {path.name for path in tmp_path.iterdir()} == {
        "notes.txt",
        "report.html",
        "report.json",
    }
    assert written(tmp_path)[1]["title"] == "Second"


def test_without_matplotlib(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = None; import numpy as np\n"
        "import importlib.util as util; find = util.find_spec\n"
        "util.find_spec = lambda n, *a: None if n == 'matplotlib' else find(n, *a)\n"
        "import memmetrics as mm\n"
        "e = mm.Retrainings(np.zeros((4, 2)), np.eye(4, 2) > 0)\n"
        f"mm.report(e, {str(tmp_path / 'out')!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert "pip install 'memmetrics[plot]'" in done.stderr
    assert not (tmp_path / "out").exists()


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
