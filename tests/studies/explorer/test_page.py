"""The explorer in a browser: every control changes what is shown to what it says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from browser import answer

pytest.importorskip("bokeh")

from studies._explorer.command import PRESETS
from studies._explorer.page import render
from studies._explorer.states import state_of
from studies._kit.chapter import Settings
from studies._kit.command_line import main

CHOICES = PRESETS["quick"]
# Bokeh says this on every page.
HARMLESS = "setting log level to: 'info'", "document idle at"
# Controls live in shadow roots, which have to be entered one by one.
ASK = """
    const deep = (root, what) => [
      ...root.querySelectorAll(what),
      ...[...root.querySelectorAll("*")].flatMap((it) =>
        it.shadowRoot ? deep(it.shadowRoot, what) : [])];
    const wait = (time) => new Promise((done) => setTimeout(done, time));
    await wait(500);
    const named = (name) => Bokeh.documents[0].get_model_by_name(name);
    const vectors = (name) => {
      const { x, y } = named(name).data;
      return [[...x], [...y]];
    };
    const shown = () => ({
      features: vectors("features_source"),
      points: vectors("points_source"),
      sizes: [...named("features_source").data.dimensionality],
      rank: [...named("points_rank").data.dimensionality],
      train: [...named("curves").data.train],
      numbers: named("numbers").text,
      marker: named("marker").location,
      title: named("step").title,
    });
"""


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    settings = Settings(preset="quick", seed=0, n_jobs=1, out=folder)
    return {key: state_of(CHOICES, cell, settings) for key, cell in CHOICES.cells(1)}


def check(found, state, index):
    for name in ("features", "points"):
        expected = getattr(state, name)[index].T
        atol = 0.006 * np.abs(getattr(state, name)).max()
        np.testing.assert_allclose(found[name], expected, atol=atol)
    np.testing.assert_allclose(
        found["sizes"], state.feature_dimensionality[index], atol=6e-3
    )
    ranked = np.sort(state.point_dimensionality[index])[::-1]
    np.testing.assert_allclose(found["rank"], ranked, atol=6e-3)
    np.testing.assert_allclose(found["train"], state.train_loss, rtol=1e-3)
    assert f"{state.test_loss[index]:.4g}" in found["numbers"]
    step = CHOICES.steps_kept()[index]
    assert found["marker"] == step
    assert found["title"] == f"Step {step} of 60"


def test_every_list_shows_what_it_says(states, tmp_path):
    # At this size both reductions train alike: another state tells which is shown.
    states = {**states, "5|3|0.9|mean|0": states["30|3|0.9|mean|1"]}
    script = f"""{ASK}
        const seen = [["30|2|0.8|sum|0", shown()]];
        const lists = deep(document, "select");
        // One after the other is changed, to the last of its options.
        for (const list of lists) {{
          list.value = [...list.options].map((it) => it.value)
            .find((it) => it !== list.value);
          list.dispatchEvent(new Event("change"));
          await wait(50);
          seen.push([lists.map((it) => it.value).join("|"), shown()]);
        }}
        return seen;
    """
    seen = answer(render(CHOICES, states), script, tmp_path, harmless=HARMLESS)
    keys = [key for key, _ in seen]
    assert keys == [
        "30|2|0.8|sum|0",
        "5|2|0.8|sum|0",
        "5|3|0.8|sum|0",
        "5|3|0.9|sum|0",
        "5|3|0.9|mean|0",
        "5|3|0.9|mean|1",
    ]
    for key, found in seen:
        check(found, states[key], -1)
    assert len({json.dumps(found["features"]) for _, found in seen}) == len(seen)


def test_keys_move_the_slider_and_the_button_plays(states, tmp_path):
    script = f"""{ASK}
        const [handle] = deep(document, ".noUi-handle");
        const press = async (key) => {{
          handle.dispatchEvent(new KeyboardEvent("keydown", {{ key, bubbles: true }}));
          await wait(100);
        }};
        const seen = [];
        for (let i = 0; i < 3; i++) {{
          await press("ArrowLeft");
          seen.push([named("step").value, shown()]);
        }}
        await press("End");
        const [button] = deep(document, "button");
        button.click();
        await wait(100);
        const playing = [named("step").value];
        for (let i = 0; i < 3; i++) {{
          await wait(400);
          playing.push(named("step").value);
        }}
        await wait(500);
        return {{ seen, playing, active: named("play").active }};
    """
    found = answer(render(CHOICES, states), script, tmp_path, harmless=HARMLESS)
    assert [index for index, _ in found["seen"]] == [2, 1, 0]
    for index, shown in found["seen"]:
        check(shown, states["30|2|0.8|sum|0"], index)
    assert found["playing"] == [0, 1, 2, 3]
    assert found["active"] is False


def test_the_command_writes_the_page(tmp_path, capsys):
    options = ["--preset", "quick", "--n-jobs", "1", "--out", str(tmp_path / "out")]
    assert main(["explorer", *options]) == 0
    page = tmp_path / "out" / "explorer.html"
    assert f"{page}: 32 models" in capsys.readouterr().out
    assert "<select" not in page.read_text("utf-8").partition("<script")[0]
    (tmp_path / "file").write_text("")
    options[-1] = str(tmp_path / "file" / "out")
    assert main(["explorer", *options]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_without_bokeh_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["explorer", "--preset", "quick", "--out", str(tmp_path)]) == 2
    assert "memmetrics[study]" in capsys.readouterr().err
