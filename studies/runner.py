"""Run a study from the command line and write everything that it found.

A study's folder gets the tidy table (``table.parquet`` and ``table.csv``), every
picture as PNG and SVG, and ``report.html``, which holds it all and opens offline.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import joblib
import pandas as pd
from tqdm.auto import tqdm

from memmetrics.plotting import theme
from studies.chapter import Advance, Chapter, Picture, Settings, Study
from studies.report import render_report
from studies.versions import versions

SCHEMA = 1
_BAR = "{desc:<34.34} {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left"


def main(study: Study, arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the study, and return the exit status."""
    settings = _parse(study, arguments)
    parts = study.presets[settings.preset]
    try:
        _check_writable(settings.out)
        for part in parts:
            part.check(settings)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{study.name}: {error}\n")
        return 2
    try:
        run_study(study, settings)
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
    seconds = time.monotonic() - started
    report = render_report(study, chapters, settings, images, seconds=seconds)
    _write(
        settings.out / "report.html",
        lambda path: path.write_text(report, encoding="utf-8"),
    )
    for chapter in chapters:
        print(f"\n{chapter.title}\n{chapter.summary.to_string(index=False)}")
    print(f"\nReport, after {seconds:.0f} s: {settings.out / 'report.html'}")
    return table


def _parse(study: Study, arguments: Sequence[str] | None) -> Settings:
    parser = argparse.ArgumentParser(
        prog=f"python -m studies.{study.name}", description=study.title
    )
    parser.add_argument(
        "--preset", choices=sorted(study.presets), default="standard", help="scale"
    )
    parser.add_argument(
        "--n-jobs",
        type=int,
        default=joblib.cpu_count(),
        help="processor cores to use (default: all)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results") / study.name,
        help="folder to write to (default: %(default)s)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder with MNIST-format IDX files, gzipped or not, to use as real data",
    )
    chosen = parser.parse_args(arguments)
    if chosen.n_jobs < 1:
        parser.error(f"--n-jobs must be at least 1; received {chosen.n_jobs}")
    if chosen.seed < 0:
        parser.error(f"--seed must not be negative; received {chosen.seed}")
    return Settings(**vars(chosen))


def _run_parts(
    study: Study, settings: Settings, images: dict[str, bytes]
) -> list[Chapter]:
    """Run parts one after the other under one progress bar; keep PNGs in `images`.

    The bar counts work, not pieces, so that the time left means something from the
    first minute. The table so far and pictures are written as soon as a part is done:
    what is finished stays, whatever happens to the next part.
    """
    parts = study.presets[settings.preset]
    chapters: list[Chapter] = []
    total = sum(part.cost(settings) for part in parts)
    bar = tqdm(total=total, bar_format=_BAR, file=sys.stderr, smoothing=0)
    with bar, theme():
        for part in parts:
            chapter = part.run(settings, _advance_of(bar))
            chapters.append(chapter)
            _write_table(settings.out, _one_table(study, chapters, settings))
            for picture in chapter.pictures:
                images[picture.name] = _write_picture(settings.out, picture)
        bar.set_description_str("done")
    return chapters


def _advance_of(bar: tqdm) -> Advance:
    def advance(description: str, cost: float) -> None:
        bar.set_description_str(description, refresh=False)
        bar.update(cost)
        bar.refresh()

    return advance


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
        "versions": versions(),
    }
    return table


def _write_table(folder: Path, table: pd.DataFrame) -> None:
    _write(folder / "table.parquet", table.to_parquet)
    _write(folder / "table.csv", lambda path: table.to_csv(path, index=False))


def _write_picture(folder: Path, picture: Picture) -> bytes:
    """Write PNG and SVG, and return the PNG."""
    svg, png = io.BytesIO(), io.BytesIO()
    # Lay it out once, not again for each format: that is most of the time.
    picture.figure.draw_without_rendering()
    picture.figure.set_layout_engine("none")
    # A date would make two equal pictures differ.
    picture.figure.savefig(svg, format="svg", metadata={"Date": None})
    picture.figure.savefig(png, format="png")
    _write(folder / f"{picture.name}.svg", lambda to: to.write_bytes(svg.getvalue()))
    _write(folder / f"{picture.name}.png", lambda to: to.write_bytes(png.getvalue()))
    return png.getvalue()


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Write under a temporary name, then rename: no half-written file has the name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _check_writable(folder: Path) -> None:
    """Find out now, not after minutes of work, that a folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
