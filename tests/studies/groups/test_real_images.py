"""Real images from files, and the agreement of two metrics on made-up tables."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from idx_files import write_set

from studies import real_images
from studies._kit.command_line import main
from studies._kit.verdicts import judge
from studies._kit.words import below_a_picture

OPTIONS = ["run", "real_images", "--preset", "quick", "--n-jobs", "1"]


def test_files_never_seen_before_run_by_their_path(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    write_set(folder, train=90, test=110, size=(5, 9), classes=3, compress=True)
    names = tmp_path / "names.txt"
    names.write_text("t-shirt\ntrouser\nankle boot\n")
    out = tmp_path / "out"
    options = ["--data", str(folder), "--classes", str(names), "--out", str(out)]
    assert main([*OPTIONS, *options]) == 0
    table = pd.read_parquet(out / "table.parquet")
    assert table["estimate"].notna().all()
    assert set(table["shown"].dropna()) == {"t-shirt", "trouser", "ankle boot"}
    words = json.loads((out / "chapters.json").read_text("utf-8"))
    (small,) = [it["summary"] for it in words["chapters"] if it["name"] == "retrained"]
    assert {line.split(",")[0] for line in small.splitlines()[1:]} == {
        "t-shirt",
        "trouser",
        "ankle boot",
    }


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("a,b", "must give 10 different names, one for each of the labels 0 to 9; rec"),
        ("a,b,c,d,e,f,g,h,i,a", "must give 10 different names"),
    ],
)
def test_names_that_do_not_fit_end_it_before_it_begins(
    tmp_path, capsys, classes, message
):
    options = ["--classes", classes, "--out", str(tmp_path)]
    assert main([*OPTIONS, *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "table.csv").exists()


@pytest.mark.parametrize(
    ("correlations", "expected"),
    [
        ([0.8] * 6, "holds"),
        ([0.1] * 6, "fails"),
        (np.linspace(0.3, 0.8, 6), "depends"),
    ],
)
def test_whether_leverage_is_memorization(correlations, expected):
    (claim,) = [it for it in real_images.CLAIMS if "orders training" in it.text]
    table = pd.DataFrame(
        {
            "metric": "rank_correlation",
            "estimate": np.r_[correlations, np.full(6, 0.9)],
            "data_set": np.tile(range(6), 2),
            # With fewer images it does, and that is not asked.
            "points": np.repeat([600, 150], 6),
        }
    )
    assert judge(claim, table)[1] == expected


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("7", ["7"]),
        ("ankle boot", ["ankle boot"]),
        ("a sandal with straps", ["a sandal with", "straps"]),
        ("x" * 50, ["x" * 14, "x" * 13 + "…"]),
    ],
)
def test_long_names_fit_below_a_picture(name, lines):
    assert below_a_picture(name).splitlines() == lines
