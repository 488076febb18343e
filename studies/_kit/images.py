"""Images of digits: scikit-learn's small ones, or any set in MNIST's IDX format.

The format (described on the MNIST page of LeCun, Cortes and Burges): two zero bytes,
a byte for the type (8: unsigned bytes), a byte for the number of axes, the length of
each axis as a big-endian 32-bit integer, then the values, the last axis fastest.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_UNSIGNED_BYTES = 8
_PARTS = {"train": "train", "test": "t10k"}


@dataclass(frozen=True, eq=False)
class Images:
    """Gray images with what they show.

    `pixels` has shape (points, rows, columns), in the scale of their source; `labels`
    has shape (points,); `classes` has the name of each label, and `name` says where the
    images are from.
    """

    pixels: npt.NDArray[np.number[Any]]
    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...] = ()
    name: str = "the data set"

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.pixels)

    def unit_rows(self) -> npt.NDArray[np.float64]:
        """Images as rows of length one: (points, features)."""
        rows = self.pixels.reshape(len(self), -1).astype(np.float64)
        lengths: npt.NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / lengths

    def shown(self) -> npt.NDArray[np.str_]:
        """Names of what the images show, (points,)."""
        return np.asarray(self.classes)[self.labels]

    def select(self, chosen: npt.NDArray[np.integer[Any]]) -> Images:
        """Return some of the images, by their positions."""
        return replace(self, pixels=self.pixels[chosen], labels=self.labels[chosen])

    def sample(self, count: int, rng: np.random.Generator) -> Images:
        """Choose `count` different images.

        Raises
        ------
        ValueError
            If there are fewer.
        """
        if count > len(self):
            raise ValueError(
                f"need {count} images that are not blank; {self.name} has {len(self)}. "
                "Give more by --data, or choose a smaller --preset"
            )
        return self.select(rng.choice(len(self), size=count, replace=False))


def load_images(
    folder: Path | None,
    rng: np.random.Generator,
    classes: Sequence[str] | None = None,
) -> tuple[Images, Images]:
    """Images to train on, and held-out images to test on.

    Without a folder: scikit-learn's digits, a third of them held out at random. With
    one: the four files of MNIST's distribution (or of a data set in its format).
    Without names of their classes, labels stand for themselves.

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message lists all that are.
    ValueError
        If a file is not in IDX format, images and labels do not match, images to
        train on and to test on have different sizes, or there are not as many names
        of classes as labels.
    """
    train, test = _split(_small_digits(), rng) if folder is None else _read(folder)
    names = _class_names(classes, _number_of_labels(train, test))
    return replace(train, classes=names), replace(test, classes=names)


def _number_of_labels(*parts: Images) -> int:
    return 1 + max(int(part.labels.max(initial=0)) for part in parts)


def _class_names(classes: Sequence[str] | None, number: int) -> tuple[str, ...]:
    if classes is None:
        return tuple(map(str, range(number)))
    names = tuple(classes)
    if len(names) != number or not all(names) or len(set(names)) != number:
        raise ValueError(
            f"--classes must give {number} different names, one for each of the labels "
            f"0 to {number - 1}; received {len(names)}: {', '.join(names)}"
        )
    return names


def _read(folder: Path) -> tuple[Images, Images]:
    _check_present(folder)
    train, test = _read_part(folder, "train"), _read_part(folder, "test")
    shapes = train.pixels.shape[1:], test.pixels.shape[1:]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "images to train on and to test on must have the same size (rows, "
            f"columns); received {shapes[0]} and {shapes[1]} in {folder}"
        )
    return train, test


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes, gzipped (``.gz``) or not.

    Raises
    ------
    ValueError
        If the file is not one, or shorter or longer than its header says.
    """
    content = _read_bytes(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTES:
        raise ValueError(
            f"{path} is not an IDX file of unsigned bytes; it begins {content[:4]!r}"
        )
    axes = content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError(f"{path} ends inside its header, after {len(content)} bytes")
    shape = struct.unpack(f">{axes}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError(
            f"{path} has {len(content) - start} values; its header says {shape}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_bytes(path: Path) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as file:
            return file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file: {error}") from error


def _names(part: str) -> tuple[str, str]:
    """Names of images and labels, as MNIST is distributed."""
    prefix = _PARTS[part]
    return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"


def _find(folder: Path, name: str) -> Path | None:
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    return None


def _check_present(folder: Path) -> None:
    names = [name for part in _PARTS for name in _names(part)]
    missing = [name for name in names if _find(folder, name) is None]
    if missing:
        raise FileNotFoundError(
            f"{folder} lacks {', '.join(missing)} (each may end in .gz); "
            "--data needs the four IDX files in which MNIST is distributed"
        )


def _read_part(folder: Path, part: str) -> Images:
    image_path, label_path = (_find(folder, name) for name in _names(part))
    if image_path is None or label_path is None:
        raise FileNotFoundError(f"{folder} lost files while being read")
    pixels, labels = read_idx(image_path), read_idx(label_path)
    if pixels.ndim != 3 or labels.ndim != 1 or len(pixels) != len(labels):
        raise ValueError(
            f"{image_path} and {label_path} must have shapes (points, rows, columns) "
            f"and (points,); received {pixels.shape} and {labels.shape}"
        )
    images = Images(pixels, labels.astype(np.int64), name=str(image_path))
    return without_blanks(images)


def _small_digits() -> Images:
    from sklearn.datasets import load_digits

    digits = load_digits()
    labels = digits.target.astype(np.int64)
    return without_blanks(Images(digits.images, labels, name="scikit-learn's digits"))


def without_blanks(images: Images) -> Images:
    """Leave out blank images: nothing can scale them to length one."""
    return images.select(np.flatnonzero(images.pixels.any(axis=(1, 2))))


def known_labels(*parts: Images) -> npt.NDArray[np.int64]:
    """Return the labels that images have, in order: the classes to tell apart.

    Raises
    ------
    ValueError
        If there are fewer than two.
    """
    known = np.unique(np.concatenate([part.labels for part in parts]))
    if len(known) < 2:
        raise ValueError(
            "a classifier needs images with at least 2 different labels (--data); "
            f"received only {', '.join(map(str, known)) or 'none'}"
        )
    return known


def _split(images: Images, rng: np.random.Generator) -> tuple[Images, Images]:
    mixed = images.sample(len(images), rng)
    cut = 2 * len(mixed) // 3
    places = np.arange(len(mixed))
    return mixed.select(places[:cut]), mixed.select(places[cut:])
