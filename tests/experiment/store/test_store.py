"""A store: what is finished is read, what is missing is trained."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
import scipy.sparse
from simple_trainers import Failing, NearestMean
from stored_runs import POINTS, Untouchable, run, stacks

from memmetrics._seeds import Stream, run_seeds
from memmetrics.errors import RetrainingError, StoreError, StoreMismatchError
from memmetrics.experiment.retraining import retrain
from memmetrics.experiment.store import shards
from memmetrics.trainers.dataset import pack


def test_a_store_changes_nothing_and_the_second_call_trains_nothing(tmp_path, expected):
    first = run(tmp_path / "a" / "b")
    again = run(tmp_path / "a" / "b", Untouchable())
    for evidence in (first, again):
        assert np.array_equal(evidence.scores, expected.scores)
        assert (evidence.member == expected.member).all()
    names = [path.name.rpartition("-")[0] for path in stacks(tmp_path / "a" / "b")]
    assert names == ["00000000-00000003", "00000004-00000007", "00000008-00000011"]


def test_shards_are_plain_arrays(tmp_path, expected):
    run(tmp_path)
    with np.load(stacks(tmp_path)[1], allow_pickle=False) as archive:
        assert np.array_equal(archive["scores"], expected.scores[4:8])
        header = json.loads(archive["header"].tobytes())
    assert header["runs"] == [4, 5, 6, 7]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["configuration"]["design"] == "balanced"
    assert manifest["configuration"]["trainer"]["noise"] == 0.1
    assert manifest["versions"]["numpy"] == np.__version__


def test_only_what_is_missing_is_trained(tmp_path, expected):
    run(tmp_path)
    stacks(tmp_path)[1].unlink()
    seeds = run_seeds(0, Stream.TRAINING, [0, 11])

    class Careful(NearestMean):
        configuration = Untouchable.configuration

        def fit(self, data, member, *, seeds):
            assert list(seeds) == run_seeds(0, Stream.TRAINING, range(4, 8))
            return super().fit(data, member, seeds=seeds)

    assert seeds[0] != seeds[1]
    assert np.array_equal(run(tmp_path, Careful()).scores, expected.scores)


def test_growing_keeps_whole_blocks(tmp_path):
    run(tmp_path, runs=32)
    before = {path.name: path.stat().st_mtime_ns for path in stacks(tmp_path)}
    grown = run(tmp_path, runs=48)
    assert np.array_equal(
        grown.scores, retrain(NearestMean(), POINTS, runs=48, rng=0).scores
    )
    after = {path.name: path.stat().st_mtime_ns for path in stacks(tmp_path)}
    assert before.items() <= after.items()
    assert len(after) == 12
    fewer = run(tmp_path, Untouchable(), runs=16)
    assert np.array_equal(fewer.scores, grown.scores[:16])


def test_a_last_unfinished_block_is_drawn_again_for_balance(tmp_path):
    run(tmp_path, runs=20)
    grown = run(tmp_path, runs=36)
    fresh = retrain(NearestMean(), POINTS, runs=36, rng=0)
    assert np.array_equal(grown.scores, fresh.scores)
    assert (grown.member.sum(axis=0) == 18).all()


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"rng": 1}, "seed: stored 0, now 1"),
        ({"fraction": 0.25}, "fraction: stored 0.5, now 0.25"),
        ({"design": "exact"}, 'design: stored "balanced", now "exact"'),
        ({"trainer": NearestMean(noise=0.2)}, "trainer.noise: stored 0.1, now 0.2"),
        ({"data": POINTS + 1e-12}, "data.hash: stored"),
        (
            {"data": POINTS[:19]},
            r"data.shapes: stored \[\[20, 3\]\], now \[\[19, 3\]\]",
        ),
        ({"targets": POINTS[:3]}, "targets.hash: stored nothing, now"),
        ({"groups": np.arange(20) // 2}, "groups: stored nothing, now"),
        ({"stack_size": 3}, "stack_size: stored 4, now 3"),
    ],
)
def test_another_configuration_is_refused_and_the_difference_shown(
    tmp_path, change, difference
):
    run(tmp_path)
    before = stacks(tmp_path)
    with pytest.raises(StoreMismatchError, match=difference) as caught:
        run(tmp_path, **change)
    assert len(str(caught.value).splitlines()) <= 5
    assert stacks(tmp_path) == before


def test_without_a_stack_size_the_stores_own_is_used(tmp_path, expected):
    run(tmp_path)
    assert run(tmp_path, Untouchable(), stack_size=None).stack_size == 4


@pytest.mark.parametrize("change", ["value", "dtype", "order", "sparse", "split"])
def test_fingerprints_tell_data_apart(change):
    dense = np.arange(12.0).reshape(4, 3)
    other = {
        "value": dense + (dense == 5) * 1e-9,
        "dtype": dense.astype("f4"),
        "order": dense[::-1],
        "sparse": scipy.sparse.csr_array(dense),
        "split": (dense[:, :1], dense[:, 1:]),
    }[change]
    assert pack(dense, "data").fingerprint() != pack(other, "data").fingerprint()


def test_fingerprints_ignore_memory_layout():
    dense = np.arange(12.0).reshape(4, 3)
    fingerprints = [
        pack(array, "data").fingerprint()
        for array in (dense, np.asfortranarray(dense), dense.repeat(2, 0)[::2])
    ]
    assert fingerprints[0] == fingerprints[1] == fingerprints[2]


def test_finished_stacks_stay_when_one_fails(tmp_path, expected):
    bad = run_seeds(0, Stream.TRAINING, [5])
    counts = tmp_path / "counts"
    counts.mkdir()
    trainer = Failing(tuple(bad), "raise", str(counts))
    message = "run 5 failed twice.*the other 11 finished runs are in `store`"
    with pytest.raises(RetrainingError, match=message):
        run(tmp_path / "store", trainer)
    assert len(stacks(tmp_path / "store")) == 5  # two whole stacks, three single runs
    shutil.rmtree(counts)  # now it succeeds
    assert np.array_equal(run(tmp_path / "store", trainer).scores, expected.scores)


def test_kept_outputs_are_stored(tmp_path):
    trainer = NearestMean(outputs=("weights", "hidden"))
    first = run(tmp_path, trainer, keep=("weights", "hidden"))
    again = run(tmp_path, trainer, keep=("hidden", "weights"))
    for name in ("weights", "hidden"):
        assert np.array_equal(first.kept[name], again.kept[name])
    with pytest.raises(StoreMismatchError, match="outputs: stored"):
        run(tmp_path, trainer)


def test_a_manifest_that_cannot_be_read(tmp_path):
    run(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match=r"cannot read manifest\.json"):
        run(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(StoreError, match="has stacks but no manifest"):
        run(tmp_path)


def test_other_versions_are_pointed_out(tmp_path):
    run(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["versions"]["torch"] = "1.0"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.warns(UserWarning, match=r"was begun with torch 1\.0 \(now"):
        run(tmp_path)


def test_a_seed_nobody_knows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`rng=None` draws new seeds with every call"):
        run(tmp_path, rng=None)


def test_files_that_a_kill_left_behind_go_when_they_are_old(tmp_path):
    run(tmp_path, runs=4)
    old, fresh = (tmp_path / "stacks" / f"{shards.TEMPORARY}{n}" for n in "12")
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    run(tmp_path, runs=8)
    assert not old.exists()
    assert fresh.exists()
