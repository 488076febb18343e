"""Documents of one length: from a text file, one a line, or from a small grammar."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from studies._text.grammar import sentences

LENGTH = 24  # characters of a document
# The likeliest characters have a number each, from 2; all others share one.
_BEGIN, _OTHER = 0, 1
VOCABULARY = 48
OTHER = "\N{WHITE SQUARE}"
_FEWEST = 200
_LETTERS = 26

Data = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Text:
    """Different documents of LENGTH characters, and the characters they are made of.

    `templates` and `topics` hold a label for each document, where they are known.
    """

    documents: tuple[str, ...]
    characters: str
    name: str
    templates: tuple[object, ...] = ()
    topics: tuple[object, ...] = ()

    @property
    def letters(self) -> str:
        """The most frequent letters and digits, of which random strings are drawn."""
        letters = [each for each in self.characters if each.isalnum()]
        return "".join(letters[:_LETTERS])

    def data(self, documents: Sequence[str]) -> Data:
        """Return inputs, which begin with a mark, and targets, (documents, LENGTH)."""
        number = {each: place for place, each in enumerate(self.characters, start=2)}
        target = np.array(
            [[number.get(each, _OTHER) for each in line] for line in documents]
        )
        begin = np.full((len(target), 1), _BEGIN)
        return np.concatenate([begin, target[:, :-1]], axis=1), target

    def shown(self, line: npt.ArrayLike) -> str:
        """Return the characters of a row of targets."""
        known = ("", OTHER, *self.characters)
        return "".join(known[place] for place in np.asarray(line).tolist())

    def sample(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Choose different documents, by number.

        Raises
        ------
        ValueError
            If there are not so many.
        """
        if count > len(self.documents):
            raise ValueError(
                f"{self.name} must give at least {count} different documents of "
                f"{LENGTH} characters; it gives {len(self.documents)}"
            )
        return rng.choice(len(self.documents), size=count, replace=False)


def load_text(path: Path | None) -> Text:
    """Read a text file, one document a line, or make sentences by the grammar.

    Letters are made small and spaces one. A longer line is cut after LENGTH
    characters; a shorter one goes on with the lines after it. Lines that begin alike
    are one document, and a line of one character, such as a rule, is none. A folder is
    all of its ``.txt`` files.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or a folder without text files.
    ValueError
        If a file is no UTF-8 text, or gives too few documents or letters.
    """
    if path is None:
        return _from_grammar()
    lines = [line for file in _files(path) for line in _lines(file)]
    several = [each for each in _of_one_length(lines) if len(set(each)) > 1]
    documents = tuple(dict.fromkeys(several))
    text = Text(documents, _frequent(documents), str(path))
    text.sample(_FEWEST, np.random.default_rng(0))
    if len(text.letters) < 8:
        raise ValueError(
            f"{path} must have at least 8 different letters or digits among its "
            f"{VOCABULARY - 2} most frequent characters; it has {len(text.letters)}"
        )
    return text


@lru_cache(maxsize=1)
def _from_grammar() -> Text:
    made = {sentence.text[:LENGTH]: sentence for sentence in sentences()}
    documents = tuple(made)
    return Text(
        documents,
        _frequent(documents),
        "the grammar",
        tuple(sentence.template for sentence in made.values()),
        tuple(sentence.topic for sentence in made.values()),
    )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.glob("*.txt"))
        if not found:
            raise FileNotFoundError(
                f"{path} holds no .txt file; --data needs a text file, one document a "
                "line, or a folder of them"
            )
        return found
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist; --data needs a text file, one document a line"
        )
    return [path]


def _lines(file: Path) -> list[str]:
    """Return lines that hold something, in small letters, with single spaces."""
    try:
        content = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error}") from error
    plain = unicodedata.normalize("NFKC", content).lower()
    return [" ".join(line.split()) for line in plain.splitlines() if line.strip()]


def _of_one_length(lines: Sequence[str]) -> list[str]:
    documents, begun = [], ""
    for line in lines:
        begun = f"{begun} {line}" if begun else line
        if len(begun) >= LENGTH:
            documents.append(begun[:LENGTH])
            begun = ""
    return documents


def _frequent(documents: Sequence[str]) -> str:
    """Return the most frequent characters, the most frequent first."""
    counts: Counter[str] = Counter()
    for document in documents:
        counts.update(document)
    ordered = sorted(counts, key=lambda each: (-counts[each], each))
    return "".join(ordered[: VOCABULARY - 2])
