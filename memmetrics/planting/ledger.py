"""What must be kept of the items that were planted: how to draw them, and the coins.

The file is JSON. It holds the seed, the recipe of every kind, the coins as they fell,
and a checksum of the items, by which one learns whether they could be drawn again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.files import write_whole
from memmetrics._arrays.validation import count_iv
from memmetrics._seeds import Stream, generator
from memmetrics.planting.kinds import Item, Kind, kind_from, recipe_of

__all__ = ["Ledger", "Planted"]

_FORMAT = "memmetrics ledger, version 1"

# What a file may raise that is no ledger, or a damaged one.
_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


class Planted(NamedTuple):
    """What to add to the training data, and the ledger to keep."""

    additions: list[Item]
    ledger: Ledger


@dataclass(frozen=True, eq=False)
class Ledger:
    """The items that were planted, and the coins that let them in or kept them out.

    Takes the place of `entered` and `strata` in `one_run_memorization` and
    `one_run_audit`, beside the scores of `items` in their order.

    Parameters
    ----------
    seed : int
        What items and copies are drawn from.
    kinds : mapping of str to kind
        Recipe of every kind.
    numbers : tuple of int
        Numbers of copies that items are dealt out among.
    entered : bool array (items,)
        Whether each item's coin let it in.

    Examples
    --------
    >>> from memmetrics.planting import RandomText, plant
    >>> ledger = plant({"noise": RandomText(3, length=6)}, rng=0).ledger
    >>> len(ledger.items), ledger.strata.tolist()
    (3, ['noise x 1', 'noise x 1', 'noise x 1'])
    """

    seed: int
    kinds: Mapping[str, Kind]
    numbers: tuple[int, ...]
    entered: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Check that there is a coin for every item."""
        if len(self.items) != len(self.entered):
            raise ValueError(
                f"`entered` must hold a coin for each of the {len(self.items)} items; "
                f"got {len(self.entered)}"
            )

    @cached_property
    def _drawn(self) -> tuple[list[Item], list[str]]:
        return draw_items(self.seed, self.kinds)

    @property
    def items(self) -> list[Item]:
        """All items, in and out: texts, or tuples of token numbers."""
        return self._drawn[0]

    @property
    def kind(self) -> npt.NDArray[np.str_]:
        """Name of each item's kind; ``(items,)``."""
        return np.array(self._drawn[1])

    @cached_property
    def copies(self) -> npt.NDArray[np.int64]:
        """Copies of each item in the training data, where it is in; ``(items,)``.

        Dealt out evenly within a kind.
        """
        dealt = []
        for number, name in enumerate(self.kinds):
            rng = generator(self.seed, Stream.PLANTING, 3, number)
            # Who gets one more, where they do not come out even, is drawn as well.
            hands = np.resize(rng.permutation(self.numbers), self._drawn[1].count(name))
            dealt.append(rng.permutation(hands))
        return np.concatenate(dealt)

    @cached_property
    def strata(self) -> npt.NDArray[np.str_]:
        """Kind and number of copies of each item, as one label; ``(items,)``."""
        pairs = zip(self.kind, self.copies, strict=True)
        return np.array([f"{kind} x {number}" for kind, number in pairs])

    def write(self, path: str | PathLike[str]) -> None:
        """Write the ledger to a file, which appears only when it is complete.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        content = {
            "format": _FORMAT,
            "seed": self.seed,
            "kinds": {name: recipe_of(kind) for name, kind in self.kinds.items()},
            "copies": self.numbers,
            "entered": "".join(str(int(coin)) for coin in self.entered),
            "checksum": self._checksum(),
        }
        write_whole(Path(path), json.dumps(content, indent=1).encode())

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Ledger:
        """Return the ledger that was written to a file.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it holds no ledger, or its items cannot be drawn again: another version
            of NumPy may draw others.
        """
        try:
            content = json.loads(Path(path).read_text("utf-8"))
            ledger, expected = cls(*_fields_of(content)), content["checksum"]
            same = ledger._checksum() == expected
        except _DAMAGE as error:
            raise ValueError(f"{path}: holds no ledger ({error})") from error
        if not same:
            raise ValueError(
                f"{path}: the items cannot be drawn again as they were; draw them with "
                "the version of NumPy that planted them"
            )
        return ledger

    def _checksum(self) -> str:
        content = json.dumps([self.items, self.copies.tolist()]).encode()
        return hashlib.sha256(content).hexdigest()


def _fields_of(
    content: Mapping[str, Any],
) -> tuple[int, dict[str, Kind], tuple[int, ...], npt.NDArray[np.bool_]]:
    if content["format"] != _FORMAT:
        raise ValueError(f"its format is {content['format']!r}")
    if set(content["entered"]) - {"0", "1"}:
        raise ValueError("its coins are not 0 and 1")
    return (
        int(content["seed"]),
        {name: kind_from(recipe) for name, recipe in content["kinds"].items()},
        tuple(count_iv(number, "copies", least=1) for number in content["copies"]),
        np.array([coin == "1" for coin in content["entered"]]),
    )


def draw_items(seed: int, kinds: Mapping[str, Kind]) -> tuple[list[Item], list[str]]:
    """Return the items of all kinds, and the name of each one's kind.

    Raises
    ------
    ValueError
        If two items are the same.
    """
    items: list[Item] = []
    names: list[str] = []
    for number, (name, kind) in enumerate(kinds.items()):
        drawn = kind.draw(generator(seed, Stream.PLANTING, 2, number))
        items += drawn
        names += [name] * len(drawn)
    if len(set(items)) < len(items):
        twice = next(item for item in items if items.count(item) > 1)
        raise ValueError(f"`kinds` must give items that differ; got {twice!r} twice")
    return items, names
