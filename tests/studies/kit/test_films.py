from __future__ import annotations

import io
import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
from browser import answer
from matplotlib.figure import Figure
from PIL import Image

from studies._kit.chapter import Study
from studies._kit.films import Film, film_page, frames_of, render_film
from studies._kit.findings import write_findings

LABELS = ["step 0", "step <1> & more", "step 2"]


def film():
    figure = Figure(figsize=(2, 1), layout="constrained")
    ax = figure.subplots()
    return Film(
        name="film",
        title="A <film>",
        caption="What & why.",
        frames=frames_of(figure, lambda index: ax.set_xlim(0, index + 1), 3),
        labels=LABELS,
    )


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_frames_are_pictures_of_one_size():
    images = [Image.open(io.BytesIO(frame)) for frame in film().frames]
    assert {image.format for image in images} == {"WEBP"}
    assert {image.size for image in images} == {(160, 80)}
    first, _, last = (np.asarray(image.convert("L"), float) for image in images)
    assert np.abs(first - last).max() > 50


def test_the_panels_of_a_film_stay_where_they_are():
    figure = Figure(figsize=(2, 1), layout="constrained")
    ax = figure.subplots()
    places = []

    def draw(index):
        ax.set_ylabel("y" if index else "a\nlabel\nof lines")
        places.append(ax.get_position().bounds)

    frames_of(figure, draw, 3)
    assert places[1] == places[2] == ax.get_position().bounds


def test_a_film_loads_nothing_and_keeps_words_words():
    text = render_film(film())
    for outside in ("http", "//", "@import", "url("):
        assert outside not in text.partition("<template>")[0]
    assert "A <film>" not in text
    tags = dict(Tags(text).found)
    assert tags["input"]["max"] == "2"
    assert tags["input"]["aria-label"] == "A <film>"


def test_the_slider_and_the_button_change_what_is_shown(tmp_path):
    script = """
        const image = document.querySelector("img");
        const slider = document.querySelector("input");
        const output = document.querySelector("output");
        const button = document.querySelector("button");
        const seen = [[output.value, image.src]];
        for (const value of [1, 2]) {
          slider.value = value;
          slider.dispatchEvent(new Event("input"));
          seen.push([output.value, image.src]);
        }
        button.click();  // from the end it plays from the beginning
        const playing = [button.textContent, slider.value, button.textContent];
        await new Promise((done) => setTimeout(done, 2000));
        return { seen, playing, end: [button.textContent, output.value] };
    """
    found = answer(film_page(film()), script, tmp_path)
    assert [label for label, _ in found["seen"]] == LABELS
    assert len({source for _, source in found["seen"]}) == 3
    assert found["playing"][:2] == ["Pause", "0"]
    assert found["end"] == ["Play", "step 2"]


def test_the_page_of_a_group_leads_to_the_film(tmp_path):
    folder = tmp_path / "results" / "study"
    folder.mkdir(parents=True)
    (folder / "film.html").write_text(film_page(film()), "utf-8")
    chapter = {"name": "part", "title": "A part", "text": "Words."}
    moving = {"name": "film", "title": "A film", "caption": "What."}
    chapters = [
        {**chapter, "summary": "a\n1\n", "pictures": [], "films": [moving]},
        # Written before there were films.
        {**chapter, "name": "old", "summary": "a\n1\n", "pictures": []},
    ]
    words = {"title": "T", "text": "W.", "preset": "quick", "seed": 0}
    text = json.dumps({**words, "chapters": chapters})
    (folder / "chapters.json").write_text(text, "utf-8")
    pd.DataFrame({"estimate": [2.0]}).to_parquet(folder / "table.parquet")
    study = Study("study", "T", "W.", presets={})
    page = write_findings(folder.parent, [study], tmp_path / "out", "paper")
    link = "[A film](paper-study-film.html): What."
    assert page.read_text("utf-8").count(link) == 1
    copy = tmp_path / "out" / "paper-study-film.html"
    assert copy.read_text("utf-8") == (folder / "film.html").read_text("utf-8")
