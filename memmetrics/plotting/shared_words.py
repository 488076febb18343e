"""What the docstrings of all pictures have in common, written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, TypeVar

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_WORDS: Final = {
    "$ax": """\
ax : Axes, optional
    Where to draw; by default, the current axes of pyplot.""",
    "$color": """\
color : str, optional
    Color of all that is drawn.""",
    "$label": """\
label : str, optional
    Name for the legend.""",
    "$returns": """\
Returns
-------
Axes
    What was drawn on.""",
    "$raises": """\
Raises
------
ValueError
    If `table` lacks a column or a metric, or a column holds no numbers.""",
}


def with_shared_words(function: FunctionT) -> FunctionT:
    """Put the common paragraphs into a docstring, where their names stand.

    Examples
    --------
    >>> def draw(ax=None):
    ...     '''Draw.
    ...
    ...     $returns
    ...     '''
    >>> with_shared_words(draw).__doc__.splitlines()[2]
    'Returns'
    """
    if function.__doc__ is not None:  # python -OO has none
        text = inspect.cleandoc(function.__doc__)
        for name, words in _WORDS.items():
            text = text.replace(name, words)
        function.__doc__ = text
    return function
