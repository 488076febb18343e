"""One page of what a group of studies found: words first, then verdicts and pictures.

Claims are judged again, from the tables: they may be others than when a study ran.
Beside the page lie its pictures, ``PAGE_verdicts.csv``, and the small tables of all
chapters as CSV. ``PAGE_words.md``, if it is there, is what somebody wrote about them.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from studies._kit.chapter import Study
from studies._kit.files import write
from studies._kit.verdicts import over_seeds, verdicts
from studies._kit.words import number

_HEAD = """# Findings: {page}

What studies found, each at the scale that its text names. A verdict is computed from
the study's table: the claim *holds* if the whole interval of our number lies in the
range that is allowed, *fails* if none of it does, and otherwise *depends* on the seed.
What is allowed is how we read the published number; it does not depend on the seed. A
claim about another size than ours, or one that our table has no answer to, is *out of
scale*. Intervals are over data sets, each with seeds of its own. *Seeds* says at how
many seeds, with other data sets and networks, the whole study gave the same verdict as
at the first, whose figures are shown; where one did not, the claim depends on the seed.

`python -m studies run NAME` makes a study again, `python -m studies report` this page.
"""


def write_findings(
    results: Path,
    studies: Sequence[Study],
    out: Path,
    page: str,
    again: Sequence[Path] = (),
) -> Path | None:
    """Write the page of those `studies` that lie in `results`: its path.

    The folders `again` hold results of the same studies at other seeds, which the
    verdicts have to stand. None, and no page, if `results` has none of the studies.
    """
    finished = [
        (study, results / study.name)
        for study in studies
        if (results / study.name / "chapters.json").is_file()
    ]
    if not finished:
        return None
    out.mkdir(parents=True, exist_ok=True)
    parts = [_study(folder, out, page) for _, folder in finished]
    judged = pd.concat(_judged(study, folder, again) for study, folder in finished)
    # What was found in words, for which somebody has to answer, is not computed.
    words = out / f"{page}_words.md"
    found = [words.read_text("utf-8")] if words.is_file() else []
    head = _HEAD.format(page=page.replace("_", " "))
    text = "\n".join([head, *found, "## Verdicts\n", _verdicts(judged), *parts])
    path = out / f"{page}.md"
    write(path, lambda to: to.write_text(text.rstrip() + "\n", "utf-8"))
    write(out / f"{page}_verdicts.csv", lambda to: judged.to_csv(to, index=False))
    return path


def _judged(study: Study, folder: Path, again: Sequence[Path]) -> pd.DataFrame:
    """Judge one study's tables by its claims as they are now."""
    others = [results / study.name for results in again]
    folders = [folder, *(each for each in others if (each / "chapters.json").is_file())]
    _check_other_seeds(folders)
    tables = [pd.read_parquet(each / "table.parquet") for each in folders]
    first, *rest = (verdicts(study.name, study.claims, table) for table in tables)
    return over_seeds(first, rest)


def _check_other_seeds(folders: Sequence[Path]) -> None:
    """Raise if a seed would count twice, or a study was run at another scale."""
    words = [
        json.loads((each / "chapters.json").read_text("utf-8")) for each in folders
    ]
    seeds = [each["seed"] for each in words]
    presets = {each["preset"] for each in words}
    if len(presets) > 1 or len(set(seeds)) < len(seeds):
        raise ValueError(
            "results (--results, --again) must be of one preset and of different "
            f"seeds; {folders[0].name} has presets {sorted(presets)} and seeds {seeds}"
        )


def _study(folder: Path, out: Path, page: str) -> str:
    """Words, small tables and pictures of one study; the pictures are copied."""
    words = json.loads((folder / "chapters.json").read_text("utf-8"))
    parts = [f"## {words['title']}\n", words["text"].strip() + "\n"]
    for chapter in words["chapters"]:
        parts += _chapter(chapter, folder, out, page)
    parts.append(
        f"*Study `{folder.name}`, preset {words['preset']}, seed {words['seed']}.*\n"
    )
    return "\n".join(parts)


def _chapter(chapter: dict[str, Any], folder: Path, out: Path, page: str) -> list[str]:
    table = pd.read_csv(io.StringIO(chapter["summary"]))
    small = out / f"{page}-{folder.name}-{chapter['name']}.csv"
    write(small, lambda path: path.write_text(chapter["summary"], "utf-8"))
    parts = [f"### {chapter['title']}\n", chapter["text"].strip() + "\n"]
    parts.append(markdown_table(table))
    for picture in chapter["pictures"]:
        name = f"{page}-{folder.name}-{picture['name']}.png"
        source = folder / f"{picture['name']}.png"
        write(out / name, partial(shutil.copyfile, source))
        parts += [f"![{picture['title']}]({name})\n", picture["caption"] + "\n"]
    for film in chapter.get("films", []):  # older results know of none
        name = f"{page}-{folder.name}-{film['name']}.html"
        write(out / name, partial(shutil.copyfile, folder / f"{film['name']}.html"))
        parts.append(f"[{film['title']}]({name}): {film['caption']}\n")
    return parts


def _verdicts(judged: pd.DataFrame) -> str:
    """One row a claim, our number with its interval in one cell."""
    ours = [
        f"{number(row.ours)} [{number(row.low)}, {number(row.high)}]"
        for row in judged.itertuples()
    ]
    shown = judged[["study", "claim", "source", "published", "allowed"]].assign(
        ours=ours,
        verdict=[f"**{verdict}**" for verdict in judged["verdict"]],
        seeds=judged["seeds"],
    )
    return markdown_table(shown)


def markdown_table(table: pd.DataFrame) -> str:
    """Render a small table; missing values as a dash."""
    rows = [list(table.columns), ["---"] * table.shape[1]]
    rows += [[_cell(value) for value in row] for row in table.to_numpy(object)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows) + "\n"


def _cell(value: object) -> str:
    """Return a number or a text, whose bars are no ends of cells."""
    return number(value).replace("|", r"\|")
