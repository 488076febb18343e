"""What every picture needs of its axes: plain words, few ticks, a note if empty."""

from __future__ import annotations

import textwrap
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

__all__ = ["shortened"]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

_NOTE = "memmetrics-nothing-to-draw"
# Limits, margins and ticks are computed from sums and products of what is drawn, which
# must not overflow.
LARGEST = 1e300
_LONGEST = 90
# On a logarithmic axis margins and ticks go decades beyond what is drawn.
_FARTHEST = 1e120
# Mean width of a letter, of its height.
_LETTER = 0.62


def axes_or_current(ax: Axes | None) -> Axes:
    """Return `ax`, or pyplot's current axes if there is none."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.gca()


def plain(text: object) -> str:
    """Text that is drawn as it stands.

    A dollar sign begins no mathematics, what the font cannot show is a question mark,
    and of a very long text the middle is left out.
    """
    words = shortened(str(text), _LONGEST)
    fonts = [
        get_font(findfont(FontProperties(family=[family])))
        for family in FontProperties().get_family()
    ]
    shown = [
        letter
        if letter == "\n" or any(font.get_char_index(ord(letter)) for font in fonts)
        else "?"
        for letter in words
    ]
    return "".join(shown).replace("$", r"\$")


def in_words(name: str) -> str:
    """Return the name of a column or a metric as plain words."""
    return plain(name.replace("_", " "))


def shortened(text: str, letters: int) -> str:
    """At most so many letters: both ends of a text, since either may tell it apart."""
    if len(text) <= letters:
        return text
    return f"{text[: letters // 2]}…{text[len(text) + 1 - (letters + 1) // 2 :]}"


def legend_name(label: str | None) -> str | None:
    """Plain text for a legend; no label stays none."""
    return None if label is None else plain(label)


def wrapped(text: str, width: float, size: float) -> str:
    """Break a plain text of `size` points into lines of about `width` points."""
    letters = max(int(width / (_LETTER * size)), 8)
    lines = text.replace(r"\$", "$").split("\n")
    return "\n".join(textwrap.fill(line, letters) for line in lines).replace("$", r"\$")


def size_in_points(ax: Axes) -> tuple[float, float]:
    """Width and height of the axes, as they are now."""
    inches = ax.bbox.transformed(ax.figure.dpi_scale_trans.inverted())
    return float(72 * inches.width), float(72 * inches.height)


def visible(ax: Axes, horizontal: Floats, vertical: Floats) -> npt.NDArray[np.bool_]:
    """Which points have a place on these axes: finite, and positive on a log scale."""
    places = np.ones(len(horizontal), dtype=bool)
    for axis, values in ((ax.xaxis, horizontal), (ax.yaxis, vertical)):
        places &= np.abs(values) <= LARGEST
        if axis.get_scale() == "log":
            places &= on_log_axis(values)
    return places


def scatter_visible(
    ax: Axes, across: Floats, up: Floats, *, label: str | None = None, **style: Any
) -> None:
    """Draw a dot for each point that has a place on the axes."""
    shown = visible(ax, across, up)
    # Tens of thousands of dots would make the SVG unreadably large.
    style |= {"linewidths": 0, "rasterized": True}
    ax.scatter(across[shown], up[shown], label=legend_name(label), **style)


def plot_visible(
    ax: Axes, across: Floats, up: Floats, *, label: str | None = None, **style: Any
) -> npt.NDArray[np.bool_]:
    """Draw markers, or a line with them, and return which points have a place."""
    shown = visible(ax, across, up)
    style |= {"marker": "o", "label": legend_name(label)}
    ax.plot(across[shown], up[shown], **style)
    return shown


def on_log_axis(values: Floats) -> npt.NDArray[np.bool_]:
    """Which values have a place on a logarithmic axis."""
    return (values >= 1 / _FARTHEST) & (values <= _FARTHEST)


def finish(
    ax: Axes, horizontal: str, vertical: str, *, empty: str = "no finite estimate"
) -> Axes:
    """Label the axes, and say why if nothing has been drawn on them."""
    width, height = size_in_points(ax)
    for axis, text, room in (
        (ax.xaxis, horizontal, width),
        (ax.yaxis, vertical, height),
    ):
        size = float(axis.label.get_fontsize())
        axis.set_label_text(wrapped(text, max(room, 100.0), size))
    return note_if_empty(ax, empty)


def note_if_empty(ax: Axes, why: str) -> Axes:
    """Write into empty axes why they are; the next call takes it back."""
    for text in list(ax.texts):
        if text.get_gid() == _NOTE:
            text.remove()
    if np.isfinite(ax.dataLim.get_points()).all():
        return ax
    # The limits of nothing are odd numbers; the next artist sets them anew.
    if ax.get_autoscalex_on():
        ax.set_xlim(0.1, 1.0, auto=None)
    if ax.get_autoscaley_on():
        ax.set_ylim(0.1, 1.0, auto=None)
    note = f"nothing to draw:\n{why}"
    middle: dict[str, Any] = {"ha": "center", "va": "center", "transform": ax.transAxes}
    size = min(8.0, size_in_points(ax)[0] / 10)
    ax.text(0.5, 0.5, note, fontsize=size, color="#6B6B6B", gid=_NOTE, **middle)
    return ax


def tick_logarithmically(axis: Axis, low: float, high: float, room: float) -> None:
    """As many ticks from `low` to `high` as can be read in `room` points."""
    locator: LogLocator | MaxNLocator
    decades = np.log10(high) - np.log10(low)
    if decades == 0.0:
        decades = 2.0  # matplotlib shows a decade on both sides of a single value
    if 1e-9 < decades < np.log10(5):
        # There may be no round number of one digit within.
        locator = MaxNLocator(max(1, min(4, int(room / 60))), steps=[1, 2, 5, 10])
    elif 3 * decades + 2 <= room / 45:
        locator = LogLocator(subs=(1, 2, 5))
    else:
        locator = LogLocator(numticks=max(2, min(9, int(room / 45))))
    axis.set_major_locator(locator)
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())
