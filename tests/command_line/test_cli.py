"""The command `memmetrics`."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import runpy
import shlex
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import memmetrics as mm
from memmetrics.command_line import evidence_options as _evidence_options, main as cli
from memmetrics.metrics import registry
from memmetrics.metrics.registry import available_metrics

SMALL = shlex.split("--points 20 --features 50 --sparsity 0.9 --steps 100")


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Work in a folder with arrays, and return them."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    arrays = {
        "scores": rng.normal(size=(40, 9)),
        "member": rng.random((40, 9)) < 0.5,
        "hidden": rng.normal(size=(30, 3)),
        "train": rng.random(50),
        "test": rng.random(80) + 1,
    }
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
        np.savetxt(f"{name}.csv", array, delimiter=",")
    np.savez("all.npz", **arrays)
    np.savez("hidden.npz", arrays["hidden"])
    return arrays


def measured(capsys, *arguments):
    """Return the table that `memmetrics measure` prints."""
    assert cli.main(["measure", *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return pd.read_csv(io.StringIO(captured.out))


def refused(capsys, *arguments):
    """Return the one line that the command leaves on standard error."""
    assert cli.main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("memmetrics: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"memmetrics {mm.__version__}\n"


def test_module_is_the_command(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["memmetrics", "list"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("memmetrics", run_name="__main__")
    assert "leverage" in capsys.readouterr().out


def test_list_says_what_each_metric_needs_and_costs(capsys):
    assert cli.main(["list"]) == 0
    rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    table = {row[0]: [cell.strip() for cell in row[1:] if cell] for row in rows[1:]}
    assert set(table) == set(available_metrics())
    assert table["leverage"][:2] == ["Fit", mm.Leverage().cost]
    assert table["train_test_gap"][0] == "Losses"
    assert table["counterfactual_memorization"][0] == "Retrainings"


def test_every_field_of_the_evidence_has_its_option():
    fields = {
        field.name
        for evidence in (mm.Fit, mm.Losses, mm.OneRun, mm.Retrainings)
        for field in dataclasses.fields(evidence)
    }
    assert fields - {"attrs"} == set(_evidence_options._HELP)


@pytest.mark.parametrize("file", ["hidden.npy", "hidden.npz", "all.npz:hidden"])
def test_measure_binary_files(saved, capsys, file):
    table = measured(capsys, "datapoint_dimensionality", "--hidden", file)
    expected = mm.datapoint_dimensionality(saved["hidden"])
    np.testing.assert_allclose(table.estimate, expected)
    assert list(table["index"]) == list(range(30))


def test_measure_text_files(saved, capsys):
    files = ["--scores", "scores.csv", "--member", "member.csv"]
    table = measured(capsys, "counterfactual_memorization", *files)
    expected = mm.counterfactual_memorization(saved["scores"], saved["member"])
    for column in ("estimate", "standard_error", "low", "high", "n_in", "n_out"):
        np.testing.assert_allclose(table[column], getattr(expected, column))


def test_measure_text_of_one_column(saved, capsys):
    files = ["--train", "train.csv", "--test", "test.csv"]
    (row,) = measured(capsys, "train_test_gap", *files).itertuples()
    expected = mm.train_test_gap(saved["train"], saved["test"])
    assert row.estimate == pytest.approx(float(expected.estimate))


def test_measure_with_a_confidence(saved, capsys):
    files = ["--train", "train.npy", "--test", "test.npy", "--confidence", "0.5"]
    (row,) = measured(capsys, "train_test_gap", *files).itertuples()
    expected = mm.train_test_gap(saved["train"], saved["test"], confidence=0.5)
    assert row.low == pytest.approx(float(expected.low))


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize(
    ("file", "read"), [("table.csv", pd.read_csv), ("table.parquet", pd.read_parquet)]
)
def test_measure_writes_a_table(capsys, tmp_path, file, read):
    before = set(tmp_path.iterdir())
    arguments = ["measure", "leverage", "--hidden", "hidden.npy", "--out", file]
    assert cli.main(arguments) == 0
    assert capsys.readouterr() == ("", "")
    assert set(tmp_path.iterdir()) - before == {tmp_path / file}
    assert len(read(file)) == 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("leverages --hidden hidden.npy", "did you mean 'leverage'"),
        ("leverage", "leverage needs Fit.*got none"),
        ("leverage --train train.npy", "leverage needs Fit.*got --train"),
        ("train_test_gap --train train.npy", "needs Losses.*always --test, --train"),
        ("membership_inference --scores scores.npy", "always.*, or --evidence; got"),
        ("leverage --hidden absent.npy", "No such file.*absent.npy"),
        ("leverage --hidden hidden.txt", "expected a .npy, .npz or .csv"),
        ("leverage --hidden all.npz", "say which array.*scores, member"),
        ("leverage --hidden all.npz:hiden", "say which array.*scores, member"),
        ("leverage --hidden train.npy", "`hidden` must have axes"),
        ("leverage --hidden hidden.npy --confidence 0.9", "has no intervals"),
        ("leverage --hidden hidden.npy --out table.xlsx", ".csv or .parquet"),
        ("leverage --hidden hidden.npy --out absent/table.csv", "absent"),
        (
            "train_test_gap --train train.npy --test test.npy --confidence 2",
            "`confidence` must lie strictly between 0 and 1",
        ),
        (
            "counterfactual_memorization --scores scores.npy --member scores.npy",
            "`member` must be boolean",
        ),
        (
            "counterfactual_memorization --scores scores.npy --member scores.csv",
            "scores.csv: `member` must be boolean or hold 0 and 1 only",
        ),
    ],
)
@pytest.mark.usefixtures("saved")
def test_bad_input_is_one_line(capsys, arguments, message):
    line = refused(capsys, "measure", *arguments.split())
    assert re.search(message, line), line


@pytest.mark.parametrize("name", ["hidden.npy", "hidden.npz", "hidden.csv"])
def test_garbage_is_refused(tmp_path, capsys, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"not, an, array\n")
    assert name in refused(capsys, "measure", "leverage", "--hidden", name)


def test_truncated_archive_is_refused(saved, tmp_path, capsys):
    assert saved
    content = (tmp_path / "all.npz").read_bytes()
    (tmp_path / "all.npz").write_bytes(content[:-100])
    line = refused(capsys, "measure", "leverage", "--hidden", "all.npz:hidden")
    assert "all.npz" in line


def test_pickles_are_never_opened(tmp_path, capsys, monkeypatch):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    monkeypatch.chdir(tmp_path)
    np.save("bomb.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    line = refused(capsys, "measure", "leverage", "--hidden", "bomb.npy")
    assert "allow_pickle=False" in line


@pytest.mark.filterwarnings("default")
def test_warning_is_one_line(saved, capsys):
    scores = saved["scores"].copy()
    scores[3] = np.nan
    np.save("scores.npy", scores)
    files = ["--scores", "scores.npy", "--member", "member.npy"]
    assert cli.main(["measure", "counterfactual_memorization", *files]) == 0
    error = capsys.readouterr().err
    assert error.startswith("memmetrics: warning: ")
    assert error.count("\n") == 1


def test_plan_for_a_number_of_runs(capsys):
    assert cli.main(["plan", *SMALL, "--runs", "48", "--n-jobs", "1"]) == 0
    lines = dict(
        line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()
    )
    assert lines["runs"].startswith("48 in ")
    assert {"time", "memory", "store"} <= set(lines)


def test_plan_for_a_half_width(capsys):
    runs = []
    for half_width in ("0.02", "0.01"):
        assert cli.main(["plan", *SMALL, "--half-width", half_width]) == 0
        words = capsys.readouterr().out.split()
        runs.append(int(words[1].replace(",", "")))
    assert runs[0] < runs[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--runs 1", "`runs`"),
        ("--half-width -1", "`half_width` must be positive"),
        ("--runs 8 --points 0", "`points`"),
        ("--runs 8 --sparsity 2", "`sparsity`"),
        ("--runs 8 --hidden 0", "`hidden`"),
        ("--runs 8 --seed -1", "at least 0"),
    ],
)
def test_plan_refuses(capsys, arguments, message):
    assert message in refused(capsys, "plan", *arguments.split())


def test_an_option_given_twice_is_refused(saved, capsys):
    assert saved
    twice = ["leverage", "--hidden", "hidden.npy", "--hidden", "hidden.npy"]
    assert "--hidden: given more than once" in refused(capsys, "measure", *twice)
    twice = ["--points", "1000", "--points", "1000", "--runs", "8"]
    assert "--points: given more than once" in refused(capsys, "plan", *twice)


@pytest.mark.parametrize(
    "arguments", ["", "meassure", "measure", "plan --runs x", "plan --runs 2 --rums 3"]
)
def test_a_wrong_command_is_one_line(capsys, arguments):
    assert "--help)" in refused(capsys, *arguments.split())


def test_integers_in_text_do_not_merge(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    member = np.random.default_rng(0).random((40, 2)) < 0.5
    np.save("scores.npy", np.arange(80.0).reshape(40, 2))
    np.save("member.npy", member)
    (tmp_path / "groups.csv").write_text(f"\ufeff{2**53}\n{2**53 + 1}\n", "utf-8")
    names = [f"--{name}" for name in ("scores", "member", "groups")]
    files = ["scores.npy", "member.npy", "groups.csv"]
    options = [word for pair in zip(names, files, strict=True) for word in pair]
    table = measured(capsys, "group_memorization", *options)
    assert list(table["group"]) == [2**53, 2**53 + 1]


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize(
    ("out", "message"),
    [("folder.csv", "no file"), (f"{'a' * 300}.csv", "too long"), ("no/t.csv", "no")],
)
def test_where_the_table_cannot_go_is_noticed_first(
    capsys, tmp_path, monkeypatch, out, message
):
    (tmp_path / "folder.csv").mkdir()
    monkeypatch.setattr(cli, "read_evidence", lambda *_: pytest.fail("work began"))
    arguments = ["measure", "leverage", "--hidden", "hidden.npy", "--out", out]
    assert message in refused(capsys, *arguments)


def test_a_wrong_confidence_is_noticed_first(saved, capsys, monkeypatch):
    assert saved
    monkeypatch.setattr(cli, "read_evidence", lambda *_: pytest.fail("work began"))
    files = ["--train", "train.npy", "--test", "test.npy", "--confidence", "nan"]
    assert "`confidence`" in refused(capsys, "measure", "train_test_gap", *files)


def test_a_reader_that_had_enough(capsys, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert cli.main(["list"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_a_full_disk(capsys, monkeypatch):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.main(["list"]) == 2
    assert "No space left" in capsys.readouterr().err


def test_no_output_at_all(saved, capsys, tmp_path, monkeypatch):
    assert saved
    monkeypatch.setattr(sys, "stdout", None)
    arguments = ["measure", "leverage", "--hidden", "hidden.npy"]
    assert cli.main(arguments) == 2
    assert "standard output is closed" in capsys.readouterr().err
    assert cli.main([*arguments, "--out", "table.csv"]) == 0
    assert (tmp_path / "table.csv").exists()
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(arguments) == 2


def test_an_interrupt_is_one_line(capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "plan", interrupted)
    assert cli.main(["plan", *SMALL, "--runs", "8"]) == 130
    assert capsys.readouterr() == ("", "memmetrics: error: interrupted\n")


def test_too_little_memory_is_one_line(capsys):
    line = refused(capsys, "plan", "--points", str(10**12), "--runs", "8")
    assert "allocate" in line


def test_one_bad_plugin_leaves_the_list(capsys, monkeypatch):
    class Rogue:
        name, version = "rogue", "1"

    ours = list(entry_points(group=registry.GROUP))
    taken = EntryPoint("leverage", "no_such_module:Leverage", registry.GROUP)
    vars(taken).update(dist=Rogue)
    monkeypatch.setattr(registry, "entry_points", lambda group: [*ours, taken])
    assert cli.main(["list"]) == 0
    printed = capsys.readouterr()
    lines = {line.split()[0]: line for line in printed.out.splitlines()[1:]}
    assert set(lines) == {entry_point.name for entry_point in ours}
    assert re.search(r"\(unusable\) .* memmetrics, rogue", lines["leverage"])
    assert "train_test_gap" in lines
    assert "more than once, by memmetrics" in printed.err
    assert printed.err.count("\n") == 1
    line = refused(capsys, "measure", "leverage", "--hidden", "hidden.npy")
    assert "rogue 1" in line
