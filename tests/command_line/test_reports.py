"""``memmetrics report`` and ``check``, and evidence in several parts."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import memmetrics as mm
from memmetrics.command_line.main import main

FILES = {"report.html", "report.json"}
TWO_FILES = (
    "--scores a-scores.npy --member a-member.npy "
    "--scores b-scores.npy --member b-member.npy"
)
IN_ARCHIVES = (
    "--scores a.npz:scores --member a.npz:member "
    "--scores b.npz:scores --member b.npz:member"
)


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Work in a folder with two parts, and return the whole."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    member = rng.random((60, 8)) < 0.5
    scores = rng.normal(size=(60, 8)) + member * np.linspace(0, 4, 8)
    for name, rows in {"a": slice(0, 23), "b": slice(23, 60)}.items():
        fields = {"scores": scores[rows], "member": member[rows]}
        np.savez(f"{name}.npz", **fields, seeds=np.arange(60)[rows])
        for field, array in fields.items():
            np.save(f"{name}-{field}.npy", array)
    np.save("own.npy", np.arange(8))
    np.save("groups.npy", np.arange(8) // 2)
    return mm.Retrainings(scores, member, seeds=np.arange(60))


def refused(capsys, command):
    assert main(command.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("memmetrics: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize(
    "words",
    [
        "--evidence a.npz --evidence b.npz",
        TWO_FILES,
        f"{IN_ARCHIVES} --own own.npy",
    ],
)
def test_parts_are_measured_as_the_whole(parts, capsys, words):
    name = "counterfactual_memorization"
    assert main(["measure", name, *words.split()]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    expected = mm.counterfactual_memorization(parts.scores, parts.member)
    np.testing.assert_allclose(table["estimate"], expected.estimate, rtol=1e-12)


def test_groups_are_given_once(parts, capsys):
    for name, rows in {"a": slice(0, 23), "b": slice(23, 60)}.items():
        member = np.repeat(parts.member[rows, ::2], 2, axis=1)
        np.savez(f"{name}.npz", scores=parts.scores[rows], member=member)
    files = "--evidence a.npz --evidence b.npz --groups groups.npy"
    assert main(["measure", "group_memorization", *files.split()]) == 0
    assert len(pd.read_csv(io.StringIO(capsys.readouterr().out))) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--evidence a.npz --evidence a.npz", "must not share runs"),
        ("--evidence a.npz --member a-member.npy", "got --member as well"),
        ("--evidence absent.npz", "absent.npz"),
        (
            "--scores a-scores.npy --scores b-scores.npy --member a-member.npy",
            "--member",
        ),
        ("--scores a-scores.npy", "needs Retrainings"),
        (
            "--evidence a.npz --own own.npy --own own.npy --own own.npy",
            "--own must be given for each of the 1 parts or once; got 3",
        ),
    ],
)
@pytest.mark.usefixtures("parts")
def test_parts_that_do_not_fit(capsys, words, message):
    assert message in refused(capsys, f"measure counterfactual_memorization {words}")


@pytest.mark.usefixtures("parts")
def test_evidence_of_retrainings_for_another_metric(capsys):
    line = refused(capsys, "measure leverage --evidence a.npz")
    assert "leverage needs Fit" in line
    assert "got --evidence" in line


@pytest.mark.parametrize(
    "words",
    [
        "a.npz b.npz --out out",
        "--out out a.npz b.npz",
        f"--out out {TWO_FILES}",
    ],
)
def test_report(parts, capsys, tmp_path, words):
    assert main(["report", *words.split()]) == 0
    captured = capsys.readouterr()
    assert captured.out.split() == ["out/report.html"]
    assert captured.err == ""
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    record = json.loads((tmp_path / "out" / "report.json").read_text())
    expected = mm.counterfactual_memorization(parts.scores, parts.member)
    assert record["summary"]["largest_estimate"] == expected.estimate.max()
    assert len(record["settings"]["files"]) == 2


def test_report_with_points(parts, tmp_path):
    assert parts
    (tmp_path / "texts.txt").write_text(
        "\n".join(f"line <{k}>" for k in range(8)) + "\n"
    )
    np.save("pictures.npy", np.random.default_rng(0).random((8, 5, 5)))
    for file, shown in (("texts.txt", "line &lt;7&gt;"), ("pictures.npy", 'pictures"')):
        words = f"report a.npz --out out --points {file} --minimum 0.5 --shown 8"
        assert main(words.split()) == 0
        assert shown in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_report_of_a_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = mm.sparse_features(12, 30, 0.8, rng=0)
    mm.retrain(mm.ToyTrainer(steps=5), data, runs=16, rng=0, store="store")
    assert main(["report", "store", "--out", "out"]) == 0
    shutil.rmtree("store/stacks")
    assert main(["report", "store", "--out", "out"]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("report --out out", "EVIDENCE, or --scores and --member"),
        ("report a.npz", "--out"),
        ("report a.npz --out a.npz", "is no folder"),
        ("report a.npz --out out --points own.npy", "`points`"),
        ("report a.npz --out out --points absent.npy", "absent.npy"),
        ("report a.npz --out out --false-discovery-rate 2", "`false_discovery_rate`"),
        ("report own.npy --out out", "expected an archive"),
        ("report a.npz --scores a-scores.npy --out out", "got --scores as well"),
        ("check absent.json --max-share 1", "absent.json"),
        ("check a.npz --max-share 1", "no report"),
        ("check a.npz", "at least one limit"),
        ("check", "FILE"),
    ],
)
def test_misuse_is_one_line_and_leaves_nothing(parts, capsys, tmp_path, words, message):
    assert parts
    before = set(tmp_path.rglob("*"))
    assert message in refused(capsys, words)
    assert set(tmp_path.rglob("*")) == before


def test_where_a_report_cannot_go_is_noticed_first(parts, capsys, monkeypatch):
    assert parts
    from memmetrics.command_line import reports

    monkeypatch.setattr(reports, "joined_retrainings", lambda _: pytest.fail("read"))
    assert "is no folder" in refused(capsys, "report a.npz --out a.npz/below")


def test_check(parts, capsys):
    assert parts
    assert main(["report", "a.npz", "b.npz", "--out", "out"]) == 0
    capsys.readouterr()
    record = json.loads(Path("out/report.json").read_text("ascii"))
    memorized = record["summary"]["memorized"]
    assert 0 < memorized < 8
    check = ["check", "out/report.json", "--max-memorized"]
    assert main([*check, str(memorized)]) == 0
    assert capsys.readouterr() == ("", "")
    assert main([*check, "0", "--max-share", "1"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"memmetrics: out/report.json: memorized is {memorized}, above "
        "--max-memorized 0\n"
    )


@pytest.mark.usefixtures("parts")
def test_points_of_no_known_kind_are_refused_by_what_is_expected(capsys):
    error = refused(capsys, "report a.npz --points pictures --out r")
    assert "pictures: expected pictures .npy or .npz, or texts .txt" in error
