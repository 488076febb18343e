"""A finished store, opened without its trainer."""

from __future__ import annotations

import json

import numpy as np
import pytest

import memmetrics as mm
from memmetrics.concatenation import concatenate
from memmetrics.errors import StoreError
from memmetrics.reading import read_retrainings

POINTS = np.random.default_rng(0).normal(size=(23, 3))


class NearestMean:
    """The mean of its points; scored by distance, and diverged where seeds say so."""

    def __init__(self, diverges=False):
        self.diverges = diverges

    def fit(self, data, member, *, seeds):
        self.centers = np.stack([data[row].mean(0) for row in member])
        noise = [np.random.default_rng(seed).normal() for seed in seeds]
        self.noise = np.array(noise)[:, np.newaxis]
        self.diverged = np.array([self.diverges and seed % 3 == 0 for seed in seeds])
        return self

    def scores(self, targets):
        distance = np.abs(targets - self.centers[:, np.newaxis]).sum(-1)
        return self.noise - distance


def snapshot(folder):
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
    }


def assert_same(ours, theirs):
    for name in ("scores", "member", "own", "groups", "seeds", "diverged"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.parametrize("design", ["balanced", "bernoulli", "exact"])
@pytest.mark.parametrize("runs", [5, 16, 37])
def test_what_retrain_returned(tmp_path, design, runs):
    options = {"runs": runs, "design": design, "fraction": 0.3, "rng": 5}
    expected = mm.retrain(
        NearestMean(), POINTS, store=tmp_path, stack_size=3, **options
    )
    before = snapshot(tmp_path)
    assert_same(read_retrainings(tmp_path), expected)
    assert snapshot(tmp_path) == before


def test_more_runs_later(tmp_path):
    for runs in (20, 41):  # the last block of 20 is drawn anew for 41
        expected = mm.retrain(NearestMean(), POINTS, runs=runs, rng=1, store=tmp_path)
        assert_same(read_retrainings(tmp_path), expected)


@pytest.mark.filterwarnings("ignore:runs.*diverged", "ignore:.*of.*diverged")
def test_diverged_runs(tmp_path):
    expected = mm.retrain(NearestMean(True), POINTS, runs=20, rng=1, store=tmp_path)
    assert expected.diverged.any()
    assert_same(read_retrainings(tmp_path), expected)


@pytest.mark.parametrize(
    "labels", [np.arange(23) // 4, np.array(list("abcdefghijk" * 3))[:23]]
)
def test_groups(tmp_path, labels):
    expected = mm.retrain(
        NearestMean(), POINTS, runs=16, rng=1, groups=labels, store=tmp_path
    )
    with pytest.raises(ValueError, match="made with groups: give `groups`"):
        read_retrainings(tmp_path)
    with pytest.raises(ValueError, match="made with other `groups`"):
        read_retrainings(tmp_path, groups=np.arange(23))
    assert_same(read_retrainings(tmp_path, groups=labels), expected)


@pytest.mark.parametrize("include", [True, False])
def test_other_targets(tmp_path, include):
    expected = mm.retrain(
        NearestMean(),
        POINTS,
        runs=16,
        rng=1,
        targets=POINTS[:4] + 1,
        include_points=include,
        store=tmp_path,
    )
    assert_same(read_retrainings(tmp_path), expected)
    assert_same(read_retrainings(tmp_path, own=expected.own), expected)


def test_a_store_that_does_not_say_what_its_targets_are(tmp_path):
    stores = {name: tmp_path / name for name in ("few", "many")}
    options = {"runs": 16, "rng": 1}
    few = {"targets": POINTS[:4] + 1, "store": stores["few"]}
    expected = mm.retrain(NearestMean(), POINTS, **options, **few)
    many = {"targets": np.tile(POINTS, (2, 1)) + 1, "store": stores["many"]}
    mm.retrain(NearestMean(), POINTS, **options, **many)
    for store in stores.values():
        path = store / "manifest.json"
        manifest = json.loads(path.read_text())
        assert manifest.pop("include_points") is False
        path.write_text(json.dumps(manifest))
    # So few that the points cannot be among them.
    assert_same(read_retrainings(stores["few"]), expected)
    with pytest.raises(ValueError, match="`own` must say"):
        read_retrainings(stores["many"])
    mm.retrain(NearestMean(), POINTS, **options, **many)  # and it goes on as before


def test_the_store_of_measure(tmp_path):
    metric = "counterfactual_memorization"
    table = mm.measure(NearestMean(), POINTS, metric, runs=16, rng=1, store=tmp_path)
    evidence = read_retrainings(tmp_path)
    again = mm.CounterfactualMemorization()(evidence).estimate
    np.testing.assert_array_equal(again, table.estimate)


def test_membership_that_is_given(tmp_path):
    expected = mm.retrain(NearestMean(), POINTS, runs=16, rng=1, store=tmp_path)
    assert_same(read_retrainings(tmp_path, member=expected.member), expected)
    with pytest.raises(StoreError, match="who trained on what"):
        read_retrainings(tmp_path, member=~expected.member)
    with pytest.raises(ValueError, match="23 points"):
        read_retrainings(tmp_path, member=expected.member[:, :5])


def test_halves_of_a_store_are_the_whole(tmp_path):
    whole = mm.retrain(NearestMean(), POINTS, runs=32, rng=1, store=tmp_path)
    evidence = read_retrainings(tmp_path)
    parts = [
        mm.Retrainings(
            evidence.scores[rows], evidence.member[rows], seeds=evidence.seeds[rows]
        )
        for rows in (slice(0, 9), slice(9, 32))
    ]
    joined = concatenate(parts)
    for name in ("scores", "member", "own", "seeds"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))


@pytest.mark.parametrize("harm", ["removed", "damaged"])
def test_an_unfinished_store(tmp_path, harm):
    whole = mm.retrain(
        NearestMean(), POINTS, runs=20, rng=1, store=tmp_path, stack_size=2
    )
    stack = sorted((tmp_path / "stacks").glob("*.npz"))[4]  # runs 8 and 9
    if harm == "removed":
        stack.unlink()
        words = ["2 of 20 runs are missing"]
    else:
        content = bytearray(stack.read_bytes())
        content[len(content) // 2] ^= 1
        stack.write_bytes(content)
        words = ["2 of 20 runs are missing", "1 files are passed over"]
    before = snapshot(tmp_path)
    with pytest.warns(UserWarning, match="store") as caught:
        evidence = read_retrainings(tmp_path)
    told = sorted(str(warning.message).split(": ", 1)[1] for warning in caught)
    assert len(told) == len(words)
    assert all(any(word in line for line in told) for word in words), told
    kept = np.r_[0:8, 10:20]
    np.testing.assert_array_equal(evidence.scores, whole.scores[kept])
    np.testing.assert_array_equal(evidence.member, whole.member[kept])
    assert snapshot(tmp_path) == before


def test_the_end_of_a_block_that_is_missing(tmp_path):
    whole = mm.retrain(
        NearestMean(),
        POINTS,
        runs=29,
        rng=1,
        fraction=0.3,
        store=tmp_path,
        stack_size=2,
    )
    for stack in sorted((tmp_path / "stacks").glob("*.npz"))[-2:]:
        stack.unlink()  # 26 to 28: what is left was drawn for 29 runs, not for 26
    with pytest.warns(UserWarning, match="of 29 runs are missing"):
        evidence = read_retrainings(tmp_path)
    np.testing.assert_array_equal(evidence.member, whole.member[:26])


def test_other_stores_are_refused(tmp_path):
    trainer, data = mm.ToyTrainer(steps=2), mm.sparse_features(8, 20, 0.8, rng=0)
    options = {"test": data, "fits": 1, "rng": 0, "store": tmp_path}
    mm.measure(trainer, data, "train_test_gap", **options)
    with pytest.raises(StoreError, match="holds fits, no retrainings"):
        read_retrainings(tmp_path / "fits")
    with pytest.raises(ValueError, match=r"no store of ours, and no file scores\.npy"):
        read_retrainings(tmp_path)


def test_an_empty_store(tmp_path):
    mm.retrain(NearestMean(), POINTS, runs=4, rng=1, store=tmp_path)
    for stack in (tmp_path / "stacks").glob("*.npz"):
        stack.unlink()
    with pytest.raises(StoreError, match="no finished runs"):
        read_retrainings(tmp_path)


@pytest.mark.parametrize(
    "design", [mm.designs.Without([[0], [1, 2]]), mm.designs.Everyone()]
)
def test_designs_that_are_objects(tmp_path, design):
    points = np.random.default_rng(0).normal(size=(8, 2))
    trainer = NearestMean()
    runs = mm.retrain(
        trainer, points, runs=6, design=design, rng=0, store=tmp_path / "store"
    )
    if isinstance(design, mm.designs.Without):
        with pytest.raises(ValueError, match="`member` must be given"):
            mm.read_retrainings(tmp_path / "store")
        read = mm.read_retrainings(tmp_path / "store", member=runs.member)
    else:
        read = mm.read_retrainings(tmp_path / "store")
    np.testing.assert_array_equal(read.scores, runs.scores)
    np.testing.assert_array_equal(read.member, runs.member)
