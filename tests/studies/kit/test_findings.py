from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from studies._kit import command_line
from studies._kit.chapter import Study
from studies._kit.estimates import median_of
from studies._kit.findings import write_findings
from studies._kit.verdicts import Claim

CLAIM = Claim(
    "The numbers are above 0.",
    "Somebody",
    "above 0",
    lambda table: median_of(table["estimate"]),
    at_least=0.0,
)
STUDY = Study("study", "T", "W.", presets={}, claims=[CLAIM])


def results(folder, seed, estimates, *, preset="laptop"):
    where = folder / "study"
    where.mkdir(parents=True)
    words = {"title": "T", "text": "W.", "preset": preset, "seed": seed, "chapters": []}
    (where / "chapters.json").write_text(json.dumps(words), "utf-8")
    pd.DataFrame({"estimate": estimates}).to_parquet(where / "table.parquet")
    return folder


@pytest.mark.parametrize(
    ("estimates", "verdict", "seeds"),
    [([1.0, 2.0], "holds", "2 of 2"), ([-1.0, 2.0], "depends", "1 of 2")],
)
def test_a_verdict_stands_if_every_seed_gives_it(tmp_path, estimates, verdict, seeds):
    first = results(tmp_path / "first", 0, [1.0, 3.0])
    second = results(tmp_path / "second", 1, estimates)
    without = tmp_path / "without the study"
    write_findings(first, [STUDY], tmp_path, "page", [second, without])
    row = pd.read_csv(tmp_path / "page_verdicts.csv").iloc[0]
    assert (row["verdict"], row["seeds"]) == (verdict, seeds)
    np.testing.assert_allclose(row["ours"], 2.0)


@pytest.mark.parametrize(("seed", "preset"), [(0, "laptop"), (1, "paper")])
def test_no_seed_counts_twice_and_no_other_scale(
    tmp_path, seed, preset, capsys, monkeypatch
):
    first = results(tmp_path / "first", 0, [1.0])
    second = results(tmp_path / "second", seed, [1.0], preset=preset)
    monkeypatch.setattr(command_line.registry, "names", lambda group=None: ["study"])
    monkeypatch.setattr(command_line.registry, "find", lambda name: STUDY)
    options = ["--results", first, "--again", second, "--out", tmp_path / "out"]
    status = command_line.main(["report", "--group", "paper", *map(str, options)])
    assert status == 2
    assert "one preset and of different seeds; study has" in capsys.readouterr().err


def test_a_folder_of_other_seeds_that_is_not_there(tmp_path, capsys):
    options = ["--results", tmp_path, "--again", tmp_path / "typed wrong"]
    assert command_line.main(["report", *map(str, options)]) == 2
    assert "--again: no folder" in capsys.readouterr().err
