"""Retrainings joined run after run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import memmetrics as mm
from memmetrics.concatenation import concatenate

RNG = np.random.default_rng(0)
MEMBER = RNG.random((20, 5)) < 0.5
SCORES = RNG.normal(size=(20, 5)) + MEMBER
SCORES[RNG.random((20, 5)) < 0.1] = np.nan


def part(rows=slice(None), **fields):
    fields = {"scores": SCORES, "member": MEMBER, "seeds": np.arange(20), **fields}
    for name in ("scores", "member", "seeds"):
        if fields[name] is not None:
            fields[name] = fields[name][rows]
    return mm.Retrainings(**fields)


@pytest.mark.parametrize("cut", [1, 7, 19])
def test_parts_are_the_whole_bit_by_bit(cut):
    groups, own = np.array(list("aabbb")), np.array([0, 1, -1, 3, 4])
    options = {"groups": groups, "own": own}
    whole = part(**options)
    joined = concatenate(
        [part(slice(None, cut), **options), part(slice(cut, None), **options)]
    )
    for name in ("scores", "member", "own", "groups", "seeds"):
        ours, theirs = getattr(joined, name), getattr(whole, name)
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    for metric in (mm.CounterfactualMemorization(), mm.CounterfactualInfluence()):
        first, second = metric(joined).to_frame(), metric(whole).to_frame()
        assert first.equals(second)


def test_one_alone_is_itself():
    np.testing.assert_array_equal(concatenate([part()]).scores, SCORES)


def test_tokens_are_padded_to_the_widest():
    scores = RNG.normal(size=(20, 5, 4))
    joined = concatenate(
        [
            part(slice(0, 8), scores=scores[:, :, :2]),
            part(slice(8, 20), scores=scores),
        ]
    )
    assert joined.scores.shape == (20, 5, 4)
    assert np.isnan(joined.scores[:8, :, 2:]).all()
    np.testing.assert_array_equal(joined.scores[8:], scores[8:])
    np.testing.assert_array_equal(joined.scores[:8, :, :2], scores[:8, :, :2])


def test_the_greater_precision_is_that_of_all():
    rough = part(slice(0, 8), scores=SCORES.astype("f4"))
    joined = concatenate([rough, part(slice(8, 20))])
    assert joined.scores.dtype == np.float64
    np.testing.assert_array_equal(joined.scores[8:], SCORES[8:])


def test_seeds_of_any_size():
    large = np.array([2**80 + k for k in range(20)], dtype=object)
    unsigned = np.arange(20, dtype=np.uint64) + np.uint64(2**63)
    for others in (large, unsigned):
        joined = concatenate([part(), part(scores=SCORES + 1, seeds=others)])
        assert [int(seed) for seed in joined.seeds] == [*range(20), *map(int, others)]
    assert concatenate([part(), part(scores=-SCORES, seeds=None)]).seeds is None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (part(), "share runs; the seed 0 .* 20 in all"),
        (part(slice(19, 20)), "the seed 19 is in .*0. and .*1., and 1 in all"),
        (part(scores=SCORES[:, :4], own=range(4), seeds=None), "number of targets"),
        (
            part(scores=SCORES[:, :4], member=MEMBER[:, :4], seeds=None),
            "number of points; .* has 5, .* 4",
        ),
        (part(scores=SCORES[:, :, None], seeds=None), "axes of scores"),
        (part(own=[4, 3, 2, 1, 0], seeds=None), "the same `own`"),
        (part(groups=np.arange(5), seeds=None), "the same `groups`"),
        (part(seeds=None), "are equal"),
    ],
)
def test_what_does_not_fit_is_refused(other, message):
    with pytest.raises(ValueError, match=message):
        concatenate([part(), other])


def test_other_things_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        concatenate([])
    with pytest.raises(TypeError, match=r"evidences\[1\] is a ndarray"):
        concatenate([part(), SCORES])
    with pytest.raises(TypeError, match="several Retrainings, in a list"):
        concatenate(part())


def test_points_of_other_names_are_refused(tmp_path):
    def read(name, points):
        run, point = np.indices((4, 3))
        table = pd.DataFrame(
            {"run": run.ravel(), "point": np.array(points)[point.ravel()]}
        )
        table = table.assign(score=RNG.random(12), member=(run + point).ravel() % 2)
        table.to_csv(tmp_path / name, index=False)
        return mm.read_retrainings(tmp_path / name)

    first = read("first.csv", ["b", "a", "c"])
    joined = concatenate([first, read("second.csv", ["c", "b", "a"])])
    unnamed = concatenate([first, mm.Retrainings(first.scores + 1, first.member)])
    other = read("third.csv", ["a", "b", "d"])
    for evidence in (first, joined, unnamed):
        with pytest.raises(ValueError, match=r"names.*evidences\[0\].*evidences\[1\]"):
            concatenate([evidence, other])


def test_runs_that_failed_are_not_the_same_run():
    failed = part(slice(0, 1), scores=np.full((1, 5), np.nan), seeds=None)
    assert len(concatenate([failed, failed]).scores) == 2
