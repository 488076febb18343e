from __future__ import annotations

import pytest

import studies
from studies._kit import registry
from studies._kit.command_line import main

STUDY = """
from __future__ import annotations

from studies._kit.chapter import Study

STUDY = Study("added_in_a_test", "A title of its own", "Text.", presets={"laptop": ()})
"""


def test_a_file_in_the_folder_is_all_that_a_study_needs(tmp_path, monkeypatch, capsys):
    (tmp_path / "added_in_a_test.py").write_text(STUDY)
    monkeypatch.setattr(studies, "__path__", [*studies.__path__, str(tmp_path)])
    assert "added_in_a_test" in registry.names()
    assert registry.find("added_in_a_test").title == "A title of its own"
    assert main(["list"]) == 0
    assert "A title of its own" in capsys.readouterr().out


def test_every_study_has_the_name_of_its_file_and_both_scales():
    for name in registry.names():
        study = registry.find(name)
        assert study.name == name
        assert {"quick", "laptop", "paper"} <= set(study.presets)


def test_the_kit_is_no_study():
    assert not any(name.startswith("_") for name in registry.names())


def test_a_study_that_is_not_there_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["run", "nowhere"])
    assert "no study 'nowhere'; there are" in capsys.readouterr().err
