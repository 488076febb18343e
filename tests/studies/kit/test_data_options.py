"""What the command line makes of --data and --classes, before anything is trained."""

from __future__ import annotations

import pytest
from idx_files import write_set

from studies._kit import command_line, runner
from studies._kit.chapter import Study


@pytest.fixture
def chosen(monkeypatch):
    """Settings of the studies that would have run."""
    found = []
    monkeypatch.setattr(runner, "run_study", lambda _, settings: found.append(settings))
    return found


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    write_set(folder, train=90, test=110, size=(5, 9), classes=3)

    def run(*arguments):
        options = ["--preset", "quick", "--out", str(tmp_path / "out")]
        data = ["--data", str(folder)]
        return command_line.main(["run", *arguments, *data, *options])

    return run


@pytest.mark.parametrize("name", ["real_images", "definitions"])
def test_a_file_of_names_may_have_a_mark_and_blank_lines(name, run, chosen, tmp_path):
    names = tmp_path / "names.txt"
    names.write_bytes("\ufeffbar\r\nblob\r\n\r\ncheck\r\n\r\n".encode())
    assert run(name, "--classes", str(names)) == 0
    assert chosen[0].classes == ("bar", "blob", "check")


@pytest.mark.parametrize("name", ["real_images", "definitions"])
def test_too_many_names_to_be_a_path_are_counted(name, run, chosen, capsys):
    many = ",".join(f"class{number}" for number in range(200))
    assert run(name, "--classes", many) == 2
    assert "must give 3 different names" in capsys.readouterr().err
    assert not chosen


def test_names_in_another_encoding_are_told_of(run, chosen, capsys, tmp_path):
    names = tmp_path / "names.txt"
    names.write_bytes("b\u00e4r\nblob\ncheck\n".encode("latin-1"))
    with pytest.raises(SystemExit):
        run("real_images", "--classes", str(names))
    assert f"{names} is not UTF-8 text" in capsys.readouterr().err
    assert not chosen


def test_studies_that_make_their_data_refuse_others(run, chosen, capsys):
    with pytest.raises(SystemExit):
        run("heat_map", "real_images")
    said = capsys.readouterr().err
    assert "--data is for studies of images or documents; received it for heat_" in said
    with pytest.raises(SystemExit):
        run("documents", "--classes", "a,b,c")
    assert "--classes is for studies of images; rec" in capsys.readouterr().err
    assert not chosen


def test_a_study_of_a_group_that_makes_its_data_knows_of_no_other(tmp_path, chosen):
    study = Study("name", "Title", "Text.", {"laptop": ()})
    options = ["--out", str(tmp_path), "--data", "nowhere"]
    assert command_line.run_alone(study, options) == 0
    assert chosen[0].data is None
