"""A report: what it says is what the metrics say."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from reports import evidence, written
from scipy import stats

import memmetrics as mm
from memmetrics.statistics.discovery import discoveries

RNG = np.random.default_rng(0)


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
    # So far in the tail, not the chances are alike but how far it is.
    far = stats.norm.isf([row["p_value"], welch.pvalue])
    assert far[0] == pytest.approx(far[1], rel=0.2)
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
