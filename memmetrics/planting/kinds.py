"""Kinds of items to plant: recipes that draw the same items from the same seed."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

__all__ = ["NearDuplicates", "RandomText", "RandomTokens", "Sentences"]

Item: TypeAlias = str | tuple[int, ...]


@dataclass(frozen=True)
class RandomText:
    """Strings of letters drawn one by one, which nothing but training can teach.

    Parameters
    ----------
    count : int
        Number of items.
    length : int
        Letters of each.
    alphabet : str
        What they are drawn from, each letter as likely as any other.

    Examples
    --------
    >>> [len(text) for text in RandomText(2, length=8).draw(np.random.default_rng(0))]
    [8, 8]
    """

    count: int
    length: int = 32
    alphabet: str = string.ascii_lowercase

    def __post_init__(self) -> None:
        """Check the sizes."""
        _check_sizes(count=self.count, length=self.length)
        if len(set(self.alphabet)) != len(self.alphabet) or len(self.alphabet) < 2:
            raise ValueError(
                "`alphabet` must hold at least 2 different letters, none of them "
                f"twice; got {self.alphabet!r}"
            )

    def draw(self, rng: np.random.Generator) -> list[Item]:
        """Return the items."""
        places = rng.integers(len(self.alphabet), size=(self.count, self.length))
        return ["".join(self.alphabet[place] for place in row) for row in places]


@dataclass(frozen=True)
class RandomTokens:
    """Sequences of token numbers, from 0 to below `vocabulary`.

    Parameters
    ----------
    count : int
        Number of items.
    vocabulary : int
        Number of tokens that there are.
    length : int
        Tokens of each item.

    Examples
    --------
    >>> RandomTokens(1, length=3, vocabulary=9).draw(np.random.default_rng(0))
    [(7, 5, 4)]
    """

    count: int
    vocabulary: int
    length: int = 16

    def __post_init__(self) -> None:
        """Check the sizes."""
        _check_sizes(count=self.count, length=self.length, vocabulary=self.vocabulary)

    def draw(self, rng: np.random.Generator) -> list[Item]:
        """Return the items."""
        tokens = rng.integers(self.vocabulary, size=(self.count, self.length))
        return [tuple(row) for row in tokens.tolist()]


@dataclass(frozen=True)
class Sentences:
    """Sentences that are given, such as documents of one's own.

    Parameters
    ----------
    sentences : sequence of str
        One item each.
    """

    sentences: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the sentences."""
        object.__setattr__(self, "sentences", _sentences_iv(self.sentences))

    def draw(self, rng: np.random.Generator) -> list[Item]:
        """Return the items; nothing is drawn."""
        del rng
        return list(self.sentences)


@dataclass(frozen=True)
class NearDuplicates:
    """Sentences that are given, each with one word, or one letter, changed.

    What comes in is drawn from the other words (letters) of all the sentences. No item
    is itself one of the sentences, which may be in the training data whatever its coin.

    Parameters
    ----------
    sentences : sequence of str
        Of one word at least; words end at white space, which becomes one space.
    family : int, default 1
        How many of each sentence, all of them different.
    changed : {"word", "letter"}
        What is changed. A letter is any character, the space too.

    Examples
    --------
    >>> given = NearDuplicates(("the cat sat", "a dog ran"))
    >>> near = given.draw(np.random.default_rng(0))
    >>> [sum(a != b for a, b in zip(x.split(), y.split(), strict=True))
    ...  for x, y in zip(given.sentences, near, strict=True)]
    [1, 1]
    >>> NearDuplicates(("aab",), family=3, changed="letter").draw(
    ...     np.random.default_rng(0))
    ['aaa', 'abb', 'bab']
    """

    sentences: tuple[str, ...]
    family: int = 1
    changed: Literal["word", "letter"] = "word"

    def __post_init__(self) -> None:
        """Check the sentences."""
        object.__setattr__(self, "sentences", _sentences_iv(self.sentences))
        _check_sizes(family=self.family)
        if self.changed not in ("word", "letter"):
            raise ValueError(
                f'`changed` must be "word" or "letter"; got {self.changed!r}'
            )
        known = len(self._known())
        if known < 2:
            raise ValueError(
                f"`sentences` must hold at least 2 different {self.changed}s"
            )
        shortest = min(len(self._parts(sentence)) for sentence in self.sentences)
        room = shortest * (known - 1)
        if self.family > room - len(self.sentences):  # else there is enough
            room = min(self._room(sentence, known) for sentence in self.sentences)
        if self.family > room:
            raise ValueError(
                f"`family` must be at most {room}, the near-duplicates that one of "
                f"the sentences has; got {self.family}"
            )

    def draw(self, rng: np.random.Generator) -> list[Item]:
        """Return the items, those of one sentence after another."""
        known = self._known()
        given = {self._joined(self._parts(sentence)) for sentence in self.sentences}
        items: list[Item] = []
        for sentence in self.sentences:
            near: list[Item] = []
            while len(near) < self.family:
                parts = self._parts(sentence)
                place = int(rng.integers(len(parts)))
                others = [part for part in known if part != parts[place]]
                parts[place] = others[int(rng.integers(len(others)))]
                item = self._joined(parts)
                if item not in near and item not in given:
                    near.append(item)
            items += near
        return items

    def _room(self, sentence: str, known: int) -> int:
        """Return how many near-duplicates a sentence has."""
        parts = self._parts(sentence)
        others = {tuple(self._parts(other)) for other in self.sentences}
        given = sum(
            len(other) == len(parts)
            and sum(a != b for a, b in zip(parts, other, strict=True)) == 1
            for other in others
        )
        return len(parts) * (known - 1) - given

    def _joined(self, parts: list[str]) -> str:
        return (" " if self.changed == "word" else "").join(parts)

    def _parts(self, sentence: str) -> list[str]:
        return sentence.split() if self.changed == "word" else list(sentence)

    def _known(self) -> list[str]:
        return sorted({part for line in self.sentences for part in self._parts(line)})


Kind: TypeAlias = RandomText | RandomTokens | Sentences | NearDuplicates

_KINDS: dict[str, type[Kind]] = {kind.__name__: kind for kind in get_args(Kind)}


def recipe_of(kind: Kind) -> dict[str, Any]:
    """Return plain values from which `kind_from` makes the same kind."""
    return {"kind": type(kind).__name__, **asdict(kind)}


def kind_from(recipe: Mapping[str, Any]) -> Kind:
    """Return the kind of a recipe.

    Raises
    ------
    TypeError, ValueError
        If there is no such kind, or its parameters are others.
    """
    values = dict(recipe)
    name = values.pop("kind", None)
    if name not in _KINDS:
        raise ValueError(f"kinds are {', '.join(_KINDS)}; got {name!r}")
    return _KINDS[name](**values)


def _check_sizes(**sizes: object) -> None:
    for name, value in sizes.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"`{name}` must be an integer from 1; got {value!r}")


def _sentences_iv(sentences: object) -> tuple[str, ...]:
    if isinstance(sentences, str) or not hasattr(sentences, "__iter__"):
        raise TypeError(f"`sentences` must be a sequence of str; got {sentences!r}")
    values = tuple(sentences)
    if not values or not all(isinstance(each, str) and each.split() for each in values):
        raise ValueError("`sentences` must hold texts of at least one word each")
    return values
