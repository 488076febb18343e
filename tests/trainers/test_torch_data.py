"""Datasets of torch and of Hugging Face, as the arrays that they hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)

import memmetrics as mm
from memmetrics.trainers.torch_data import as_arrays

INPUTS = np.random.default_rng(0).normal(size=(7, 3)).astype("f4")
LABELS = np.arange(7) % 2
TENSORS = TensorDataset(torch.as_tensor(INPUTS), torch.as_tensor(LABELS))


class Mapped(Dataset):
    """A map-style dataset of whatever `example` makes of an index."""

    def __init__(self, example, length=7):
        self.example, self.length = example, length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.example(index)


class HuggingFace:
    """What a dataset of Hugging Face looks like: no torch, columns, dicts of lists."""

    def __init__(self, columns):
        self.columns = columns

    @property
    def column_names(self):
        return list(self.columns)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index):
        return {name: column[index] for name, column in self.columns.items()}


class Stream(IterableDataset):
    def __iter__(self):
        return iter(torch.as_tensor(INPUTS))


COLUMNS = {"label": LABELS.tolist(), "input_ids": INPUTS.tolist()}


@pytest.mark.parametrize(
    "data",
    [
        TENSORS,
        DataLoader(TENSORS, batch_size=3, shuffle=True, drop_last=True),
        Subset(TENSORS, range(7)),
        ConcatDataset([Subset(TENSORS, range(3)), Subset(TENSORS, range(3, 7))]),
        Mapped(lambda index: (INPUTS[index], int(LABELS[index]))),
        Mapped(lambda index: (torch.as_tensor(INPUTS[index]), LABELS[index])),
        Mapped(lambda index: {"labels": LABELS[index], "x": INPUTS[index]}),
        HuggingFace(COLUMNS),
    ],
)
def test_datasets_are_their_arrays(data):
    inputs, labels = as_arrays(data, "data")
    np.testing.assert_array_equal(inputs, INPUTS)
    np.testing.assert_array_equal(labels, LABELS)


def test_a_subset_is_in_its_own_order():
    inputs, labels = as_arrays(Subset(TENSORS, [5, 0, 3]), "data")
    np.testing.assert_array_equal(inputs, INPUTS[[5, 0, 3]])
    np.testing.assert_array_equal(labels, LABELS[[5, 0, 3]])


def test_single_arrays_stay_alone():
    np.testing.assert_array_equal(
        as_arrays(Mapped(lambda i: INPUTS[i]), "data"), INPUTS
    )


@pytest.mark.parametrize("data", [INPUTS, (INPUTS, LABELS), torch.eye(3), None])
def test_all_else_is_left_alone(data):
    assert as_arrays(data, "data") is data


def randomly(index):
    return torch.rand(3), LABELS[index]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (Stream(), TypeError, "`data` must be a dataset that can be indexed.*Stream"),
        (DataLoader(Stream()), TypeError, "that can be indexed.* got Stream"),
        (Mapped(randomly), ValueError, "the same for an index .* random transform"),
        (Mapped(lambda i: ("text", 1)), TypeError, "must hold numbers; got str"),
        (Mapped(lambda i: INPUTS[i, : i + 1]), ValueError, "one shape .* pad them"),
        (Mapped(lambda i: [[1], [1, 2]]), ValueError, "an array in every example"),
        (
            Mapped(lambda i: (1,) * (1 + i % 2)),
            ValueError,
            "the same parts; .*example 1",
        ),
        (
            Mapped(lambda i: {"a": 1} if i else {"b": 1}),
            ValueError,
            "has b, example 1 a",
        ),
        (Mapped(randomly, length=0), ValueError, "empty dataset"),
        (
            DataLoader(TENSORS, sampler=SubsetRandomSampler([1, 2])),
            TypeError,
            "sampler of its own, SubsetRandomSampler",
        ),
        (DataLoader(TENSORS, collate_fn=list), TypeError, "`collate_fn` of its own"),
        (HuggingFace({"text": ["a", "b"]}), TypeError, r"'text'.* must hold numbers"),
    ],
)
def test_what_cannot_be_indexed_gets_a_clear_word(data, error, message):
    with pytest.raises(error, match=message):
        as_arrays(data, "data")


def test_splits_of_hugging_face():
    class Splits(dict):
        column_names = property(lambda self: {name: ["x"] for name in self})

    with pytest.raises(TypeError, match="must be one split; got train, test"):
        as_arrays(Splits(train=1, test=2), "data")


def test_a_real_dataset_of_hugging_face():
    datasets = pytest.importorskip("datasets")
    inputs, labels = as_arrays(datasets.Dataset.from_dict(COLUMNS), "data")
    np.testing.assert_array_equal(inputs.astype("f4"), INPUTS)
    np.testing.assert_array_equal(labels, LABELS)


def test_retrain_takes_them():
    def score(output, target):
        return -torch.nn.functional.cross_entropy(output, target, reduction="none")

    trainer = mm.ModuleTrainer(lambda: torch.nn.Linear(3, 2), score=score, steps=3)
    options = {"runs": 4, "rng": 0, "include_points": True}
    expected = mm.retrain(
        trainer, (INPUTS, LABELS), targets=(INPUTS + 1, LABELS), **options
    )
    others = TensorDataset(torch.as_tensor(INPUTS + 1), torch.as_tensor(LABELS))
    runs = mm.retrain(trainer, HuggingFace(COLUMNS), targets=others, **options)
    np.testing.assert_allclose(runs.scores, expected.scores, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(runs.member, expected.member)
