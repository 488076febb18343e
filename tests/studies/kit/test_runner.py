"""Studies made up for these tests: what the runner writes, and when it refuses."""

from __future__ import annotations

import errno

import pandas as pd

from memmetrics.errors import StoreMismatchError
from studies._kit import command_line, runner
from studies._kit.chapter import Chapter, Picture, Settings, Study


class OnePart:
    """A part that is done at once, with one picture."""

    def check(self, settings):
        """Find nothing wrong."""

    def cost(self, settings):
        """Cost next to nothing."""
        return {"one": 1.0, "two": 0.1, "three": 0.2}

    def run(self, settings: Settings, begin) -> Chapter:
        """Hand back one row and one picture."""
        from matplotlib.figure import Figure

        for piece in ("one", "two", "three"):
            begin(piece)
        table = pd.DataFrame({"metric": ["loss"], "estimate": [1.0]})
        picture = Picture("one", "One", "A picture.", Figure(layout="constrained"))
        return Chapter("part", "A part", "Text.", table, table, [picture])


def test_a_full_disk_is_one_line_and_the_table_stays(tmp_path, capsys, monkeypatch):
    write = runner.write

    def write_until_full(path, write_to):
        if path.suffix in {".png", ".svg", ".html"}:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, write_to)

    monkeypatch.setattr(runner, "write", write_until_full)
    study = Study("name", "Title", "Text.", {"laptop": (OnePart(),)})
    assert command_line.run_alone(study, ["--out", str(tmp_path)]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("name: cannot write to ")
    assert "No space left on device" in last
    assert {path.name for path in tmp_path.iterdir()} == {"table.parquet", "table.csv"}
    assert pd.read_parquet(tmp_path / "table.parquet")["estimate"].tolist() == [1.0]


def test_a_store_of_other_data_is_one_line(tmp_path, capsys, monkeypatch):
    def refuse(*_):
        raise StoreMismatchError("`store` holds runs of another configuration")

    monkeypatch.setattr(OnePart, "run", refuse)
    study = Study("name", "Title", "Text.", {"laptop": (OnePart(),)})
    assert command_line.run_alone(study, ["--out", str(tmp_path)]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last == "name: `store` holds runs of another configuration"
