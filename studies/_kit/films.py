"""Pictures that change along an axis, with a slider and a button that plays them.

A film is a piece of a page with all its frames inside: it needs no network. The slider
is the browser's own, so that the arrow keys move it.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# WebP's scale of 0 to 100: lines and dots stay sharp, at a third of a PNG's size.
_QUALITY = 60
_DOTS_PER_INCH = 80
_MILLISECONDS = 150

_STYLE = """
.film img { max-width: 100%; height: auto; display: block; }
.film div { display: flex; align-items: center; gap: .8rem; margin: .4rem 0; }
.film input { flex: 1; max-width: 30rem; }
.film button { min-width: 4.5rem; }
"""

_SCRIPT = """
{
  const film = document.currentScript.parentElement;
  const inside = film.querySelector("template").content.textContent;
  const { frames, labels, wait } = JSON.parse(inside);
  const image = film.querySelector("img"), slider = film.querySelector("input");
  const output = film.querySelector("output"), button = film.querySelector("button");
  let playing = null;
  const show = () => {
    image.src = "data:image/webp;base64," + frames[slider.value];
    output.value = labels[slider.value];
    slider.setAttribute("aria-valuetext", labels[slider.value]);
  };
  const stop = () => {
    clearInterval(playing);
    playing = null;
    button.textContent = "Play";
  };
  const next = () => {
    slider.valueAsNumber += 1;
    show();
    if (slider.value === slider.max) stop();
  };
  const play = () => {
    if (slider.value === slider.max) slider.value = 0;
    button.textContent = "Pause";
    playing = setInterval(next, wait);
  };
  slider.addEventListener("input", () => { stop(); show(); });
  button.addEventListener("click", () => (playing === null ? play() : stop()));
  show();
}
"""


@dataclass(frozen=True, eq=False)
class Film:
    """Frames with one label each; `caption` says what to see in them."""

    name: str
    title: str
    caption: str
    frames: Sequence[bytes]  # WebP
    labels: Sequence[str]

    def html(self) -> str:
        """Return the piece of a page: a part like those of the package's reports."""
        return render_film(self)


def frames_of(figure: Figure, draw: Callable[[int], object], count: int) -> list[bytes]:
    """Draw `count` frames on one figure, and return each as WebP."""
    figure.set_dpi(_DOTS_PER_INCH)
    figure.set_facecolor("white")
    # Its own buffer, since `savefig` would draw every frame twice.
    canvas = FigureCanvasAgg(figure)
    frames = []
    for index in range(count):
        draw(index)
        canvas.draw()  # type: ignore[no-untyped-call]
        # Laid out once: panels that move from frame to frame are no film.
        figure.set_layout_engine("none")
        image = io.BytesIO()
        pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        picture = Image.fromarray(pixels).convert("RGB")
        picture.save(image, format="webp", quality=_QUALITY)
        frames.append(image.getvalue())
    return frames


def render_film(film: Film) -> str:
    """Return the piece of a page."""
    inside = {
        "frames": [base64.b64encode(frame).decode("ascii") for frame in film.frames],
        "labels": list(film.labels),
        "wait": _MILLISECONDS,
    }
    title = escape(film.title)
    return (
        f'<h3>{title}</h3>\n<figure class="film">\n<style>{_STYLE}</style>\n'
        f'<img alt="{title}">\n<div><button type="button">Play</button>'
        f'<input type="range" min="0" max="{len(film.frames) - 1}" value="0" '
        f'aria-label="{title}"><output></output></div>\n'
        f"<figcaption>{escape(film.caption)}</figcaption>\n"
        f"<template>{escape(json.dumps(inside), quote=False)}</template>\n"
        f"<script>{_SCRIPT}</script>\n</figure>\n"
    )


def film_page(film: Film) -> str:
    """Return a page of the film alone."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(film.title)}</title>\n<style>body {{ max-width: 62rem; "
        "margin: 1rem auto; padding: 0 1rem; color: #222; line-height: 1.5; "
        'font-family: system-ui, "DejaVu Sans", sans-serif; }</style>\n</head>\n'
        f"<body>\n{render_film(film)}</body>\n</html>\n"
    )
