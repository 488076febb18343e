"""Every study with claims at its quick scale: seconds each."""

from __future__ import annotations

import pandas as pd
import pytest

import memmetrics as mm
from studies._kit import registry
from studies._kit.command_line import main
from studies._kit.verdicts import COLUMNS

GROUPS = [group for group in registry.groups() if group != "introduction"]
STUDIES = [name for group in GROUPS for name in registry.names(group)]
VERDICTS = {"holds", "fails", "depends", "out of scale"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Folder with all studies, run once."""
    folder = tmp_path_factory.mktemp("results")
    options = ["--preset", "quick", "--n-jobs", "1", "--out", str(folder)]
    assert main(["run", *STUDIES, *options, "--store", str(folder / "store")]) == 0
    return folder


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_leaves_table_pictures_verdicts_and_a_page(results, name):
    folder = results / name
    table = pd.read_parquet(folder / "table.parquet")
    assert {"metric", "estimate", "data_set"} <= set(table.columns)
    assert table["estimate"].notna().all()
    judged = pd.read_csv(folder / "verdicts.csv")
    assert tuple(judged.columns) == COLUMNS
    claims = registry.find(name).claims
    assert judged["claim"].tolist() == [claim.text for claim in claims]
    assert set(judged["verdict"]) <= VERDICTS
    page = (folder / "report.html").read_text("utf-8")
    pictures = list(folder.glob("*.png"))
    assert pictures
    assert page.count("data:image/png;base64,") == len(pictures)
    assert "http:" not in page
    assert "https:" not in page


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_run_again_reads_its_store(results, name, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("trained again")

    for trainer in (mm.ToyTrainer, mm.ModuleTrainer, mm.FunctionTrainer):
        monkeypatch.setattr(trainer, "fit", refuse)
    options = ["--preset", "quick", "--n-jobs", "2", "--out", str(tmp_path)]
    assert main(["run", name, *options, "--store", str(results / "store")]) == 0
    again = pd.read_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(
        again, pd.read_parquet(results / name / "table.parquet")
    )


@pytest.mark.parametrize("group", GROUPS)
def test_the_page_of_a_group_has_the_verdicts_first(results, tmp_path, group):
    options = ["--results", str(results), "--out", str(tmp_path), "--group", group]
    assert main(["report", *options]) == 0
    page = (tmp_path / f"{group}.md").read_text("utf-8")
    for name in registry.names(group):
        study = registry.find(name)
        assert page.index(study.claims[0].text) < page.index(f"## {study.title}")
    for line in page.splitlines():
        if line.startswith("!["):
            picture = line.partition("](")[2].rstrip(")")
            assert (tmp_path / picture).stat().st_size > 0
    judged = pd.read_csv(tmp_path / f"{group}_verdicts.csv")
    assert set(judged["study"]) == set(registry.names(group))


def test_without_results_there_is_no_page(tmp_path, capsys):
    options = ["--results", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(["report", *options]) == 2
    assert "no finished study" in capsys.readouterr().err
