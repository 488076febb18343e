"""One look for every picture: colors that color-blind readers can tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, Final

import matplotlib as mpl

# The palette of Okabe and Ito (2008), made for all common kinds of color vision.
COLORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "blue": "#0072B2",
        "vermillion": "#D55E00",
        "green": "#009E73",
        "purple": "#CC79A7",
        "orange": "#E69F00",
        "sky": "#56B4E9",
        "gray": "#6B6B6B",
        "black": "#222222",
    }
)

# Any, because the names of settings differ between versions of matplotlib.
_SETTINGS: Final[Any] = MappingProxyType(
    {
        "font.size": 10.0,
        "axes.titlesize": 10.5,
        "axes.labelsize": 10.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#6B6B6B",
        "axes.titlelocation": "left",
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": "#E4E4E4",
        "grid.linewidth": 0.6,
        "xtick.color": "#444444",
        "ytick.color": "#444444",
        "legend.frameon": False,
        "figure.dpi": 110.0,
        "savefig.dpi": 160.0,
        "savefig.facecolor": "white",
        # The same table gives the same SVG, byte for byte.
        "svg.hashsalt": "memmetrics",
    }
)


def theme() -> AbstractContextManager[None]:
    """Matplotlib settings of this project, in force inside a ``with`` block.

    Returns
    -------
    AbstractContextManager
        Restores the settings that were in force before.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from memmetrics.plotting import theme
    >>> with theme():
    ...     ax = Figure().add_subplot()
    >>> ax.spines["top"].get_visible()
    False
    """
    return mpl.rc_context({**_SETTINGS})
