"""The page: Bokeh's plots and controls, with the data and the library inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bokeh.document import Document
from bokeh.embed import file_html
from bokeh.layouts import column, row
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    Div,
    Model,
    Range1d,
    Select,
    Slider,
    Span,
    Toggle,
)
from bokeh.plotting import figure
from bokeh.resources import INLINE

from memmetrics.plotting import COLORS
from studies._explorer.states import DIMENSION, Choices, State

_TITLE = "Explorer: toy models through their training"
_VIEW = Path(__file__).with_name("view.js")
_MILLISECONDS = 400
_WIDTH, _HEIGHT = 330, 320
# What each control says above itself.
_LABELS = {
    "points": "points",
    "hidden": "hidden dimensions",
    "sparsity": "sparsity",
    "reduction": "loss over features",
    "seed": "data and start",
}
# Filled by the script, when the page is loaded and whenever a control changes; until
# then one number each, since Bokeh finds no range for none.
_COLUMNS = {
    "features_source": ("x", "y", "x0", "y0", "dimensionality"),
    "points_source": ("x", "y", "x0", "y0", "dimensionality"),
    "features_rank": ("rank", "dimensionality"),
    "points_rank": ("rank", "dimensionality"),
    "curves": ("step", "train", "test"),
}
_PLAY = """
clearInterval(globalThis.explorerPlaying);
if (play.active) {
  if (step.value === step.end) step.value = step.start;
  globalThis.explorerPlaying = setInterval(() => {
    if (step.value === step.end) play.active = false;
    else step.value += 1;
  }, wait);
}
"""


def render(choices: Choices, states: Mapping[str, State]) -> str:
    """Return the page; `states` has one state for each combination of choices."""
    controls = _controls(choices)
    sources = {
        name: ColumnDataSource({column: [0.0] for column in columns}, name=name)
        for name, columns in _COLUMNS.items()
    }
    ranges = {name: [Range1d(), Range1d()] for name in ("features", "points")}
    marker = Span(dimension="height", line_color=COLORS["gray"], name="marker")
    numbers = Div(name="numbers", width=_WIDTH)
    packed = {key: state.packed() for key, state in states.items()}
    show = CustomJS(
        args={
            **controls,
            **sources,
            "ranges": ranges,
            "marker": marker,
            "numbers": numbers,
            "packed": json.dumps(packed, separators=(",", ":")),
            "steps": list(choices.steps_kept()),
            "dimension": DIMENSION,
        },
        code=_VIEW.read_text("utf-8"),
    )
    for control in controls.values():
        control.js_on_change("value", show)
    play = Toggle(label="Play", name="play", width=80)
    wait = {"play": play, "step": controls["step"], "wait": _MILLISECONDS}
    play.js_on_change("active", CustomJS(args=wait, code=_PLAY))
    document = Document(title=_TITLE)
    document.add_root(
        column(
            Div(text=_introduction(choices), width=3 * _WIDTH),
            row(*(controls[name] for name in _LABELS)),
            row(play, controls["step"]),
            row(
                _vectors("features", sources, ranges, COLORS["vermillion"]),
                _vectors("points", sources, ranges, COLORS["blue"]),
                numbers,
            ),
            row(_dimensionalities(sources), _losses(sources["curves"], marker)),
        )
    )
    document.js_on_event("document_ready", show)
    page: str = file_html(document, INLINE, title=_TITLE)
    return page


def _introduction(choices: Choices) -> str:
    return (
        f"<h1>{_TITLE}</h1><p>ReLU-output autoencoders with tied weights, trained on "
        f"sparse points of {choices.features} features for {choices.steps:,} steps, as "
        "in <i>Superposition, Memorization, and Double Descent</i> (Henighan et al. "
        "2023). Above: the vectors of features (rows of the weights) and the hidden "
        f"vectors of training points, the {choices.shown} that are longest at some "
        "step; with more than two hidden dimensions, along the two main axes at the "
        "end. Below: their dimensionalities, sorted, and the losses, with the step "
        "marked. Losses are sums over features, whichever way they were trained.</p>"
    )


def _controls(choices: Choices) -> dict[str, Any]:
    """Return one control for each choice, and the slider of the steps."""
    controls: dict[str, Any] = {}
    for name, options in choices.options().items():
        values = [str(option) for option in options]
        # A number in the middle says more at first sight than the smallest.
        first = values[len(values) // 2] if name == "points" else values[0]
        texts = [(value, _named(value)) for value in values]
        controls[name] = Select(
            name=name, title=_LABELS[name], value=first, options=texts, width=150
        )
    last = len(choices.steps_kept()) - 1
    controls["step"] = Slider(
        name="step",
        title="Step",
        start=0,
        end=last,
        value=last,
        step=1,
        show_value=False,
        width=2 * _WIDTH,
    )
    return controls


def _named(value: str) -> str:
    return f"{int(value):,}" if value.isdigit() else value


def _vectors(
    name: str,
    sources: Mapping[str, ColumnDataSource],
    ranges: Mapping[str, list[Range1d]],
    color: str,
) -> Model:
    source = sources[f"{name}_source"]
    horizontal, vertical = ranges[name]
    plot = figure(
        title=name,
        width=_WIDTH,
        height=_HEIGHT,
        x_range=horizontal,
        y_range=vertical,
        match_aspect=True,
        tools="hover",
        toolbar_location=None,
        tooltips=[("dimensionality", "@dimensionality{0.000}")],
    )
    plot.segment("x0", "y0", "x", "y", source=source, color=color, line_alpha=0.6)
    plot.scatter("x", "y", source=source, color=color, size=5)
    return plot


def _dimensionalities(sources: Mapping[str, ColumnDataSource]) -> Model:
    plot = figure(
        title="dimensionality, from the largest",
        width=_WIDTH,
        height=_HEIGHT,
        y_range=Range1d(0, 1),
        x_axis_label="rank",
        tools="",
        toolbar_location=None,
    )
    for name, color in (("features", "vermillion"), ("points", "blue")):
        plot.scatter(
            "rank",
            "dimensionality",
            source=sources[f"{name}_rank"],
            color=COLORS[color],
            size=5,
            legend_label=name,
        )
    return plot


def _losses(curves: ColumnDataSource, marker: Span) -> Model:
    plot = figure(
        title="loss (squared error)",
        width=2 * _WIDTH,
        height=_HEIGHT,
        x_axis_label="step",
        tools="",
        toolbar_location=None,
    )
    for name, color in (("train", "blue"), ("test", "vermillion")):
        plot.line(
            "step", name, source=curves, color=COLORS[color], legend_label=name, width=2
        )
    plot.add_layout(marker)
    plot.add_layout(plot.legend[0], "right")
    return plot
