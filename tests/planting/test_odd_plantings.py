"""Copies, sentences and ledgers of odd kinds."""

from __future__ import annotations

import json

import numpy as np
import pytest

import memmetrics as mm
from memmetrics.planting import Ledger, NearDuplicates, RandomText


@pytest.mark.parametrize("copies", [3, "12", (1.5,), (True, 2), (None,)])
def test_copies_are_whole_numbers(copies):
    with pytest.raises((TypeError, ValueError), match="`copies` must be"):
        mm.plant(RandomText(6), copies=copies, rng=0)


def test_a_near_duplicate_is_none_of_the_sentences():
    given = ("the cat sat", "the dog sat", "a cow ran")
    for seed in range(50):
        near = NearDuplicates(given, family=4).draw(np.random.default_rng(seed))
        assert not set(near) & set(given)


@pytest.mark.parametrize("changed", ["word", "letter"])
def test_a_family_leaves_room_for_the_sentences(changed):
    given = ("a b", "a c") if changed == "word" else ("ab", "ac")
    kinds = NearDuplicates(given, family=3, changed=changed)
    near = kinds.draw(np.random.default_rng(0))
    assert len(set(near[:3])) == len(set(near[3:])) == 3
    assert not set(near) & set(given)
    with pytest.raises(ValueError, match="`family` must be at most 3"):
        NearDuplicates(given, family=4, changed=changed)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": float("inf")},
        {"kinds": {}, "entered": ""},
        {"copies": [1.5]},
        {"copies": []},
        {"copies": [0]},
    ],
)
def test_a_damaged_ledger_is_named(tmp_path, change):
    file = tmp_path / "ledger.json"
    mm.plant(RandomText(6), rng=0).ledger.write(file)
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ValueError, match=r"ledger\.json: "):
        Ledger.read(file)


def test_a_file_of_brackets_is_no_ledger(tmp_path):
    file = tmp_path / "ledger.json"
    file.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="holds no ledger"):
        Ledger.read(file)
