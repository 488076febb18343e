"""Every study of the paper at its quick scale: seconds each."""

from __future__ import annotations

import pandas as pd
import pytest

from studies._kit import registry
from studies._kit.command_line import main
from studies._kit.verdicts import COLUMNS

STUDIES = [name for name in registry.names() if name != "what_did_it_memorize"]
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
    assert {"metric", "estimate", "data_set", "run"} <= set(table.columns)
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
    assert "http" not in page


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_run_again_reads_its_store(results, name, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr("memmetrics.trainers.toy.trainer.ToyTrainer.fit", refuse)
    options = ["--preset", "quick", "--n-jobs", "2", "--out", str(tmp_path)]
    assert main(["run", name, *options, "--store", str(results / "store")]) == 0
    again = pd.read_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(
        again, pd.read_parquet(results / name / "table.parquet")
    )


def test_one_page_has_the_verdicts_of_all_first(results, tmp_path):
    assert main(["report", "--results", str(results), "--out", str(tmp_path)]) == 0
    page = (tmp_path / "index.md").read_text("utf-8")
    for name in STUDIES:
        study = registry.find(name)
        assert page.index(study.claims[0].text) < page.index(f"## {study.title}")
    for line in page.splitlines():
        if line.startswith("!["):
            picture = line.partition("](")[2].rstrip(")")
            assert (tmp_path / picture).stat().st_size > 0
    judged = pd.read_csv(tmp_path / "verdicts.csv")
    assert set(judged["study"]) == set(STUDIES)


def test_without_results_there_is_no_page(tmp_path, capsys):
    options = ["--results", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(["report", *options]) == 2
    assert "no finished study" in capsys.readouterr().err
