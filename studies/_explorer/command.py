"""Train all that can be chosen, and write the page."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tqdm.auto import tqdm

from studies._explorer.states import Choices, state_of
from studies._kit.chapter import Settings
from studies._kit.files import write

PRESETS: Final = MappingProxyType(
    {
        "quick": Choices(
            points=(5, 30),
            hidden=(2, 3),
            sparsity=(0.8, 0.9),
            seed=(0, 1),
            features=20,
            steps=60,
            snapshots=4,
            shown=10,
            test_points=50,
        ),
        "laptop": Choices(),
    }
)


def write_explorer(settings: Settings) -> int:
    """Write ``explorer.html``, and return the exit status."""
    if importlib.util.find_spec("bokeh") is None:
        sys.stderr.write('explorer: needs Bokeh: pip install "memmetrics[study]"\n')
        return 2
    from studies._explorer.page import render

    choices = PRESETS[settings.preset]
    cells = list(choices.cells(settings.n_jobs))
    states = {
        key: state_of(choices, cell, settings)
        for key, cell in tqdm(cells, desc="explorer", file=sys.stderr)
    }
    text = render(choices, states)
    try:
        settings.out.mkdir(parents=True, exist_ok=True)
        page = settings.out / "explorer.html"
        write(page, lambda path: Path(path).write_text(text, "utf-8"))
    except OSError as error:
        sys.stderr.write(f"explorer: cannot write to {settings.out}: {error}\n")
        return 2
    print(f"{page}: {len(states)} models, {len(text) / 1e6:.1f} MB")
    return 0
