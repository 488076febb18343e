"""Run a study and write everything that it found.

A study's folder gets the tidy table (``table.parquet`` and ``table.csv``), the verdicts
(``verdicts.csv``), every picture as PNG and SVG, every film as a page, the words
(``chapters.json``), and ``report.html``, which holds it all and opens offline.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from memmetrics.errors import StoreError
from memmetrics.experiment.store.manifest import package_versions
from memmetrics.plotting import theme
from studies._kit.chapter import Begin, Chapter, Picture, Settings, Study
from studies._kit.files import write
from studies._kit.films import Film, film_page
from studies._kit.page import LIBRARIES, render_page
from studies._kit.verdicts import verdicts

SCHEMA = 1
_BAR = "{desc:<34.34} {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left"


def run_checked(study: Study, settings: Settings) -> int:
    """Check everything, run the study, and return the exit status."""
    try:
        _check_writable(settings.out)
        for part in study.presets[settings.preset]:
            part.check(settings)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{study.name}: {error}\n")
        return 2
    try:
        run_study(study, settings)
    except StoreError as error:  # of another configuration, or of other data
        sys.stderr.write(f"{study.name}: {error}\n")
        return 2
    except OSError as error:
        # Outputs that are written stay, none of them half.
        sys.stderr.write(
            f"{study.name}: cannot write to {settings.out}: {error}; "
            "what was written before stays\n"
        )
        return 2
    return 0


def run_study(study: Study, settings: Settings) -> pd.DataFrame:
    """Run every part, write the study's folder, and return its tidy table."""
    started = time.monotonic()
    images: dict[str, bytes] = {}
    chapters = _run_parts(study, settings, images)
    table = _one_table(study, chapters, settings)
    judged = verdicts(study.name, study.claims, table)
    write(settings.out / "verdicts.csv", lambda path: judged.to_csv(path, index=False))
    words = json.dumps(_words(study, chapters, settings), indent=1, ensure_ascii=False)
    write(settings.out / "chapters.json", lambda path: path.write_text(words, "utf-8"))
    seconds = time.monotonic() - started
    page = render_page(study, chapters, settings, images, judged, seconds=seconds)
    write(settings.out / "report.html", lambda path: path.write_bytes(page))
    for chapter in chapters:
        print(f"\n{chapter.title}\n{chapter.summary.to_string(index=False)}")
    for row in judged.to_dict("records"):
        print(f"{row['verdict']:>13}  {row['claim']}")
    print(f"\nReport, after {seconds:.0f} s: {settings.out / 'report.html'}")
    return table


def _run_parts(
    study: Study, settings: Settings, images: dict[str, bytes]
) -> list[Chapter]:
    """Run parts one after the other under one progress bar; keep PNGs in `images`.

    The bar counts seconds that were measured, not pieces, so that the time left means
    something from the first minute. The table so far and pictures are written as soon
    as a part is done: what is finished stays, whatever happens to the next part.
    """
    parts = study.presets[settings.preset]
    chapters: list[Chapter] = []
    costs = [part.cost(settings) for part in parts]
    total = sum(sum(cost.values()) for cost in costs)
    bar = tqdm(total=total, bar_format=_BAR, file=sys.stderr, smoothing=0)
    with bar, theme():
        for part, cost in zip(parts, costs, strict=True):
            done = bar.n
            chapter = part.run(settings, _begin_of(bar, cost))
            _move_to(bar, done + sum(cost.values()))
            chapters.append(chapter)
            _write_table(settings.out, _one_table(study, chapters, settings))
            for picture in chapter.pictures:
                images[picture.name] = _write_picture(settings.out, picture)
            for film in chapter.films:
                _write_film(settings.out, film)
        bar.set_description_str("done")
    return chapters


def _begin_of(bar: tqdm, cost: Mapping[str, float]) -> Begin:
    """Show what begins, and that all pieces begun before it are done."""
    start, begun = bar.n, list[str]()

    def begin(piece: str) -> None:
        bar.set_description_str(piece, refresh=False)
        _move_to(bar, start + sum(cost[name] for name in begun))
        begun.append(piece)

    return begin


def _move_to(bar: tqdm, seconds: float) -> None:
    # Sums may round to more than the total, of which the bar would warn.
    bar.n = min(seconds, bar.total)
    bar.refresh()


def _one_table(
    study: Study, chapters: Sequence[Chapter], settings: Settings
) -> pd.DataFrame:
    """All chapters' rows under the columns that tell where they come from."""
    tables = [chapter.table.assign(part=chapter.name) for chapter in chapters]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "part", table.pop("part"))
    table.insert(0, "study", study.name)
    table.attrs = {
        "schema": SCHEMA,
        "seed": settings.seed,
        "preset": settings.preset,
        "versions": package_versions(LIBRARIES),
    }
    return table


def _words(
    study: Study, chapters: Sequence[Chapter], settings: Settings
) -> dict[str, Any]:
    """All that a page says, for whoever makes another page of this study."""
    return {
        "title": study.title,
        "text": study.text,
        "preset": settings.preset,
        "seed": settings.seed,
        "chapters": [
            {
                "name": chapter.name,
                "title": chapter.title,
                "text": chapter.text,
                "summary": chapter.summary.to_csv(index=False),
                "configuration": str(dict(chapter.configuration)),
                "pictures": [_of_picture(picture) for picture in chapter.pictures],
                "films": [_of_picture(film) for film in chapter.films],
            }
            for chapter in chapters
        ],
    }


def _of_picture(picture: Picture | Film) -> dict[str, str]:
    return {
        "name": picture.name,
        "title": picture.title,
        "caption": picture.caption,
    }


def _write_table(folder: Path, table: pd.DataFrame) -> None:
    write(folder / "table.parquet", table.to_parquet)
    write(folder / "table.csv", lambda path: table.to_csv(path, index=False))


def _write_picture(folder: Path, picture: Picture) -> bytes:
    """Write PNG and SVG, and return the PNG."""
    svg, png = io.BytesIO(), io.BytesIO()
    # Lay it out once, not again for each format: that is most of the time.
    picture.figure.draw_without_rendering()
    picture.figure.set_layout_engine("none")
    # A date would make two equal pictures differ.
    picture.figure.savefig(svg, format="svg", metadata={"Date": None})
    picture.figure.savefig(png, format="png")
    write(folder / f"{picture.name}.svg", lambda to: to.write_bytes(svg.getvalue()))
    write(folder / f"{picture.name}.png", lambda to: to.write_bytes(png.getvalue()))
    return png.getvalue()


def _write_film(folder: Path, film: Film) -> None:
    page = film_page(film)
    write(folder / f"{film.name}.html", lambda path: path.write_text(page, "utf-8"))


def _check_writable(folder: Path) -> None:
    """Find out now, not after minutes of work, that a folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
