from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memmetrics.result import COLUMNS
from studies._kit.command_line import run_alone
from studies.what_did_it_memorize import STUDY

QUICK = ["--preset", "quick"]
METRICS = {
    "feature_dimensionality",
    "datapoint_dimensionality",
    "leverage",
    "train_test_gap",
    "counterfactual_memorization",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of the quick preset, run once for all tests."""
    folder = tmp_path_factory.mktemp("study")
    assert run_alone(STUDY, [*QUICK, "--n-jobs", "1", "--out", str(folder)]) == 0
    return folder


def test_all_outputs_are_there(finished):
    names = {path.name for path in finished.iterdir()}
    pictures = {name.removesuffix(".png") for name in names if name.endswith(".png")}
    assert len(pictures) >= 6
    tables = {"table.parquet", "table.csv", "verdicts.csv"}
    assert names == tables | {"report.html", "chapters.json"} | {
        f"{name}.{kind}" for name in pictures for kind in ("png", "svg")
    }
    assert all(path.stat().st_size for path in finished.iterdir())


def test_table_is_tidy_and_complete(finished):
    table = pd.read_parquet(finished / "table.parquet")
    assert {"study", "part", "points", *COLUMNS} <= set(table.columns)
    for part in ("agreement", "digits"):
        assert set(table.loc[table["part"] == part, "metric"]) >= METRICS
    assert table["estimate"].notna().all()
    key = ["part", "points", "metric", "run", "index"]
    assert not table.duplicated(key).any()
    assert table.attrs["seed"] == 0
    assert "memmetrics" in table.attrs["versions"]


def test_csv_says_the_same_as_parquet(finished):
    parquet = pd.read_parquet(finished / "table.parquet")
    csv = pd.read_csv(finished / "table.csv")
    assert csv.columns.tolist() == parquet.columns.tolist()
    np.testing.assert_allclose(csv["estimate"], parquet["estimate"].astype(float))


def test_report_holds_every_picture(finished):
    text = (finished / "report.html").read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == len(list(finished.glob("*.png")))
    assert "http:" not in text
    assert "https:" not in text
    assert "nan" not in text.split("base64,")[0].lower()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_table(tmp_path, finished):
    run_alone(STUDY, [*QUICK, "--n-jobs", "2", "--out", str(tmp_path)])
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "table.parquet"),
        pd.read_parquet(finished / "table.parquet"),
    )


def test_missing_digits_are_told_before_any_work(tmp_path, capsys):
    arguments = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    assert run_alone(STUDY, arguments) == 2
    said = capsys.readouterr().err
    assert "lacks train-images-idx3-ubyte" in said
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_before_any_work(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run_alone(STUDY, ["--out", str(tmp_path / "file" / "out")]) == 2
    assert "file" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--n-jobs", "0"], ["--seed", "-1"]])
def test_numbers_out_of_range_are_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        run_alone(STUDY, arguments)
    assert f"received {arguments[1]}" in capsys.readouterr().err
