"""One page of what all studies found: verdicts first, then words and pictures."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from studies._kit.files import write

_HEAD = """# Findings

What the studies found, each at the scale that its text names. A verdict is computed
from the study's table: the claim *holds* if the whole interval of our number lies in
the range that the claim allows, *fails* if none of it does, and otherwise *depends* on
the seed. A claim about another size than ours, or one that our table has no answer to,
is *out of scale*. Intervals are over data sets, each with seeds of its own.

`python -m studies run NAME` makes a study again, `python -m studies report` this page.
"""


def write_findings(results: Path, names: Sequence[str], out: Path) -> Path:
    """Write the page of all studies that lie in `results`, and return its path.

    Raises
    ------
    FileNotFoundError
        If `results` has none of them.
    """
    folders = [
        results / name for name in names if (results / name / "chapters.json").is_file()
    ]
    if not folders:
        raise FileNotFoundError(f"{results} holds no finished study")
    out.mkdir(parents=True, exist_ok=True)
    parts = [_study(folder, out) for folder in folders]
    judged = pd.concat([pd.read_csv(folder / "verdicts.csv") for folder in folders])
    # What was found in words, for which somebody has to answer, is not computed.
    words = out / "words.md"
    found = [words.read_text("utf-8")] if words.is_file() else []
    text = "\n".join([_HEAD, "## Verdicts\n", _verdicts(judged), *found, *parts])
    page = out / "index.md"
    write(page, lambda path: path.write_text(text.rstrip() + "\n", "utf-8"))
    write(out / "verdicts.csv", lambda path: judged.to_csv(path, index=False))
    return page


def _study(folder: Path, out: Path) -> str:
    """Words, small tables and pictures of one study; the pictures are copied."""
    words = json.loads((folder / "chapters.json").read_text("utf-8"))
    parts = [f"## {words['title']}\n", words["text"].strip() + "\n"]
    for chapter in words["chapters"]:
        parts += _chapter(chapter, folder, out)
    parts.append(
        f"*Study `{folder.name}`, preset {words['preset']}, seed {words['seed']}.*\n"
    )
    return "\n".join(parts)


def _chapter(chapter: dict[str, Any], folder: Path, out: Path) -> list[str]:
    table = pd.read_csv(io.StringIO(chapter["summary"]))
    parts = [f"### {chapter['title']}\n", chapter["text"].strip() + "\n"]
    parts.append(markdown_table(table))
    for picture in chapter["pictures"]:
        name = f"{folder.name}-{picture['name']}.png"
        source = folder / f"{picture['name']}.png"
        write(out / name, partial(shutil.copyfile, source))
        parts += [f"![{picture['title']}]({name})\n", picture["caption"] + "\n"]
    return parts


def _verdicts(judged: pd.DataFrame) -> str:
    """One row a claim, our number with its interval in one cell."""
    ours = [
        f"{_number(row.ours)} [{_number(row.low)}, {_number(row.high)}]"
        for row in judged.itertuples()
    ]
    shown = judged[["study", "claim", "source", "published"]].assign(
        ours=ours, verdict=[f"**{verdict}**" for verdict in judged["verdict"]]
    )
    return markdown_table(shown)


def markdown_table(table: pd.DataFrame) -> str:
    """Render a small table; missing values as a dash."""
    rows = [list(table.columns), ["---"] * table.shape[1]]
    rows += [[_number(value) for value in row] for row in table.to_numpy(object)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows) + "\n"


def _number(value: object) -> str:
    """Four significant digits, whole numbers whole, text with bars made harmless."""
    if isinstance(value, float):
        if pd.isna(value):
            return "–"
        return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"
    return str(value).replace("|", r"\|")
