"""What the README shows, works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from memmetrics.command_line import main as cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    fenced = rf"^```{language}\n(.*?)^```$"
    return re.findall(fenced, README, flags=re.DOTALL | re.MULTILINE)


def commands(program):
    lines = "\n".join(blocks("console")).splitlines()
    return [line[2:] for line in lines if line.startswith(f"$ {program} ")]


@pytest.mark.parametrize("code", blocks("python"))
def test_examples_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102
    # An example of a test is there to be run as well.
    for name, value in names.items():
        if name.startswith("test_"):
            value()


@pytest.mark.parametrize("command", commands("memmetrics"))
def test_commands_run(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("hidden.npy", rng.normal(size=(20, 3)))
    np.save("scores.npy", rng.normal(size=(40, 9)))
    np.save("member.npy", rng.random((40, 9)) < 0.5)
    assert cli.main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("target", [line.split()[1] for line in commands("make")])
def test_make_targets_exist(target):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    local = [link for link in links if not link.startswith("http")]
    assert local
    assert [link for link in local if not (ROOT / link).exists()] == []


def test_examples_were_found():
    assert len(blocks("python")) > 5
    assert commands("memmetrics")
    assert commands("make")
