"""Planting: the same seed, the same list; fair coins; a ledger that comes back."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from scipy import stats

import memmetrics as mm
from memmetrics.metrics.one_run import one_run_audit, one_run_memorization
from memmetrics.planting import (
    Ledger,
    NearDuplicates,
    RandomText,
    RandomTokens,
    Sentences,
)

LINES = ("the cat sat on the mat", "a dog ran home", "it rained all day")
KINDS = {
    "text": RandomText(41, length=10, alphabet="abcd"),
    "tokens": RandomTokens(20, vocabulary=50, length=5),
    "given": Sentences(LINES),
    "near": NearDuplicates(LINES),
}


def test_what_enters_is_added_as_often_as_it_has_copies():
    additions, ledger = mm.plant(KINDS, copies=(1, 2, 5), rng=0)
    expected = Counter(
        dict(zip(ledger.items, ledger.copies * ledger.entered, strict=True))
    )
    assert Counter(additions) == +expected
    assert len(ledger.items) == len(ledger.strata) == len(ledger.entered) == 67


def test_copies_are_dealt_out_evenly_within_a_kind():
    ledger = mm.plant(KINDS, copies=(1, 2, 5), rng=1).ledger
    for name, kind in KINDS.items():
        dealt = Counter(ledger.copies[ledger.kind == name].tolist())
        assert set(dealt) <= {1, 2, 5}
        assert max(dealt.values()) - min(dealt.values()) <= 1, kind
    assert set(ledger.strata) == {f"{kind} x {n}" for kind in KINDS for n in (1, 2, 5)}


def test_the_seed_decides_everything():
    first, again, other = (mm.plant(KINDS, copies=(1, 4), rng=rng) for rng in (3, 3, 4))
    assert first.additions == again.additions
    assert first.additions != other.additions
    assert first.ledger.items[:41] != other.ledger.items[:41]
    assert (first.ledger.entered != other.ledger.entered).any()


def test_a_kind_is_drawn_alike_whatever_its_copies():
    one, many = (mm.plant(KINDS, copies=c, rng=5).ledger for c in ((1,), (2, 3)))
    assert one.items == many.items
    np.testing.assert_array_equal(one.entered, many.entered)


def test_coins_are_fair_and_independent_of_copies():
    heads, in_and_many = 0, 0
    for seed in range(100):
        ledger = mm.plant(RandomText(200), copies=(1, 9), rng=seed).ledger
        heads += ledger.entered.sum()
        in_and_many += (ledger.entered & (ledger.copies == 9)).sum()
    assert stats.binomtest(int(heads), 20_000).pvalue > 1e-4
    assert stats.binomtest(int(in_and_many), 10_000).pvalue > 1e-4


def test_near_duplicates_differ_in_one_word():
    for seed in range(20):
        near = KINDS["near"].draw(np.random.default_rng(seed))
        for given, changed in zip(LINES, near, strict=True):
            pairs = zip(given.split(), changed.split(), strict=True)
            assert sum(a != b for a, b in pairs) == 1


def test_a_ledger_comes_back_and_goes_straight_into_the_metrics(tmp_path):
    ledger = mm.plant(KINDS, copies=(1, 4), rng=6).ledger
    ledger.write(tmp_path / "ledger.json")
    assert list(tmp_path.iterdir()) == [tmp_path / "ledger.json"]
    back = Ledger.read(tmp_path / "ledger.json")
    assert back.items == ledger.items
    np.testing.assert_array_equal(back.entered, ledger.entered)
    np.testing.assert_array_equal(back.strata, ledger.strata)
    scores = np.random.default_rng(0).normal(size=67) + ledger.entered * ledger.copies
    found = one_run_memorization(scores, back, strata=back.copies)
    expected = one_run_memorization(scores, ledger.entered, strata=ledger.copies)
    np.testing.assert_array_equal(found.low, expected.low)
    of_kinds = one_run_memorization(scores[:61], ledger_of(back, 61))
    assert of_kinds.estimate.shape == (4,)
    assert one_run_audit(scores, back).estimate[0] > 0.3


def ledger_of(ledger, items):
    """Coins and strata of the first items, as any object may have them."""
    part = type("Part", (), {})()
    part.entered, part.strata = ledger.entered[:items], ledger.strata[:items]
    return part


def test_the_file_holds_recipes_and_no_random_text(tmp_path):
    ledger = mm.plant(RandomText(1000), rng=7).ledger
    ledger.write(tmp_path / "ledger.json")
    text = (tmp_path / "ledger.json").read_text()
    assert len(text) < 1500
    assert ledger.items[0] not in text
    assert set(json.loads(text)) == {
        "format",
        "seed",
        "kinds",
        "copies",
        "entered",
        "checksum",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "another"}, "holds no ledger.*its format"),
        ({"entered": "012"}, "holds no ledger.*its coins"),
        ({"entered": "01"}, "holds no ledger.*a coin for each of the 3 items"),
        ({"kinds": {"a": {"kind": "Unknown"}}}, "holds no ledger.*kinds are"),
        ({"kinds": {"a": {"kind": "RandomText", "size": 3}}}, "holds no ledger"),
        ({"kinds": [3]}, "holds no ledger"),
        ({"copies": None}, "holds no ledger"),
        ({"copies": []}, "cannot be drawn again"),
        ({"seed": 12}, "cannot be drawn again"),
        ({"checksum": "0"}, "cannot be drawn again"),
    ],
)
def test_a_file_that_was_changed_is_refused(tmp_path, change, message):
    file = tmp_path / "ledger.json"
    mm.plant(RandomText(3), rng=8).ledger.write(file)
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ValueError, match=message):
        Ledger.read(file)


@pytest.mark.parametrize("content", [b"", b"[1]", b"\x80\x04", b"{}"])
def test_what_is_no_ledger_is_refused(tmp_path, content):
    (tmp_path / "ledger.json").write_bytes(content)
    with pytest.raises(ValueError, match="holds no ledger"):
        Ledger.read(tmp_path / "ledger.json")


def test_a_folder_that_is_not_there_leaves_nothing_behind(tmp_path):
    with pytest.raises(FileNotFoundError):
        mm.plant(RandomText(3), rng=0).ledger.write(tmp_path / "absent" / "ledger.json")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RandomText(0), ValueError, "`count` must be an integer from 1"),
        (lambda: RandomText(3, alphabet="aa"), ValueError, "`alphabet` must hold"),
        (lambda: RandomTokens(3, vocabulary=0), ValueError, "`vocabulary` must be"),
        (lambda: RandomText(np.int64(3)), ValueError, "`count` must be an integer"),
        (lambda: RandomTokens(3, 9, length=1.5), ValueError, "`length` must be"),
        (lambda: Sentences("one text"), TypeError, "`sentences` must be a sequence"),
        (lambda: Sentences(["a", " "]), ValueError, "`sentences` must hold texts"),
        (lambda: NearDuplicates(["a a"]), ValueError, "2 different words"),
        (
            lambda: NearDuplicates(["aa"], changed="letter"),
            ValueError,
            "2 different letters",
        ),
        (lambda: NearDuplicates(["a b"], changed="line"), ValueError, "`changed`"),
        (lambda: NearDuplicates(["a b"], family=0), ValueError, "`family`"),
        (lambda: NearDuplicates(["a b"], family=3), ValueError, "at most 2"),
        (lambda: mm.plant({}, rng=0), ValueError, "`kinds` must hold at least one"),
        (lambda: mm.plant({"a": 3}, rng=0), TypeError, "`kinds` must be kinds of"),
        (lambda: mm.plant(RandomText(3), copies=(0,), rng=0), ValueError, "`copies`"),
        (lambda: mm.plant(RandomText(3), copies=(2, 2), rng=0), ValueError, "`copies`"),
        (
            lambda: mm.plant(RandomText(9, length=1, alphabet="ab"), rng=0),
            ValueError,
            "items that differ",
        ),
        (lambda: mm.plant(Sentences(LINES * 2), rng=0), ValueError, "that differ"),
    ],
)
def test_what_does_not_fit_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("changed", ["word", "letter"])
def test_a_family_is_all_that_one_change_makes_of_a_sentence(changed):
    sentences = ("go now", "or else")
    parts = str.split if changed == "word" else list
    known = {part for line in sentences for part in parts(line)}
    whole = min(len(parts(line)) for line in sentences) * (len(known) - 1)
    items = NearDuplicates(sentences, family=whole, changed=changed).draw(
        np.random.default_rng(0)
    )
    for place, sentence in enumerate(sentences):
        family = items[place * whole : (place + 1) * whole]
        assert len(set(family)) == whole
        for item in family:
            pairs = list(zip(parts(sentence), parts(item), strict=True))
            assert sum(old != new for old, new in pairs) == 1
            assert {new for _, new in pairs} <= known
