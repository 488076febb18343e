from __future__ import annotations

import json
import mmap
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings, strategies as st
from simple_trainers import Failing, NearestMean

import memmetrics as mm
from memmetrics._arrays import mapped
from memmetrics._seeds import Stream, run_seeds
from memmetrics.errors import (
    RetrainingError,
    StoreError,
    StoreMismatchError,
)
from memmetrics.experiment.retraining import retrain
from memmetrics.experiment.store import directory as store, shards
from memmetrics.experiment.store.manifest import trainer_configuration
from memmetrics.planning.memory_use import peak_memory
from memmetrics.trainers.dataset import pack

POINTS = np.random.default_rng(0).normal(size=(20, 3))


class Untouchable(NearestMean):
    """The same recipe by its configuration, but it may not train."""

    def configuration(self):
        return trainer_configuration(NearestMean())

    def fit(self, *_, **__):
        pytest.fail("training began")


def run(directory, trainer=None, *, runs=12, **options):
    arguments = {"stack_size": 4, "rng": 0, "data": POINTS, **options}
    return retrain(trainer or NearestMean(), runs=runs, store=directory, **arguments)


@pytest.fixture
def expected():
    return retrain(NearestMean(), POINTS, runs=12, rng=0, stack_size=4)


def stacks(directory):
    return sorted((Path(directory) / "stacks").iterdir())


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


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def alter_scores(path):
    content = path.read_bytes()
    place = content.index(b"scores.npy") + 200
    path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])


def swap_contents(path):
    other = stacks(path.parents[1])[0]
    with np.load(path) as archive, np.load(other) as wrong:
        arrays = {**archive, "scores": wrong["scores"]}
    np.savez(path, **arrays)  # a whole file, with sound zip checksums


def leave_out(path):
    with np.load(path) as archive:
        np.savez(path, header=archive["header"])


@pytest.mark.parametrize(
    "damage", [truncate, empty, alter_scores, swap_contents, leave_out]
)
def test_a_damaged_shard_is_computed_again_with_one_warning(tmp_path, expected, damage):
    run(tmp_path)
    damage(stacks(tmp_path)[2])
    damage(stacks(tmp_path)[1])
    with pytest.warns(UserWarning, match="2 damaged stacks are computed") as caught:
        evidence = run(tmp_path)
    assert len(caught) == 1
    assert np.array_equal(evidence.scores, expected.scores)
    run(tmp_path, Untouchable())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@pytest.mark.filterwarnings("ignore:.*damaged stacks")
def test_no_flipped_byte_ever_changes_a_number(tmp_path_factory, place, flip):
    directory = tmp_path_factory.getbasetemp() / "flipped"
    first = run(directory, runs=4)
    (path,) = stacks(directory)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= flip
    path.write_bytes(content)
    assert np.array_equal(run(directory, runs=4).scores, first.scores)


def test_a_shard_of_another_store_is_not_believed(tmp_path, expected):
    run(tmp_path / "ours")
    run(tmp_path / "theirs", NearestMean(noise=1.0))
    ours, theirs = stacks(tmp_path / "ours")[0], stacks(tmp_path / "theirs")[0]
    assert ours.name == theirs.name
    ours.write_bytes(theirs.read_bytes())
    with pytest.warns(UserWarning, match="of another configuration"):
        evidence = run(tmp_path / "ours")
    assert np.array_equal(evidence.scores, expected.scores)


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


def test_large_scores_are_mapped_from_a_file_without_a_name(
    tmp_path, expected, monkeypatch
):
    monkeypatch.setattr(mapped, "MAPPED_BYTES", 100)
    evidence = run(tmp_path)
    assert isinstance(evidence.scores, np.ndarray)
    assert np.array_equal(evidence.scores, expected.scores)
    base = evidence.scores
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base, mmap.mmap)
    # Letting go of the memory loses nothing, nor does reading it block by block.
    mapped.release(evidence.scores)
    blocks = np.concatenate([scores for scores, _ in evidence.blocks()])
    assert np.array_equal(blocks, expected.scores)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "manifest.json",
        "stacks",
    ]


def test_no_room_to_put_large_scores_together(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mapped, "MAPPED_BYTES", 100)
    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    with pytest.raises(StoreError, match=r"all runs are safe there.*No space left"):
        run(tmp_path)
    monkeypatch.undo()
    assert run(tmp_path, Untouchable()).scores.shape == (12, 20)


@pytest.mark.slow
def test_a_hundred_million_scores_in_half_a_gigabyte(tmp_path):
    """Read back 100 runs on 1,000,000 points, and take their memorization."""

    class Noise(NearestMean):
        def configuration(self):
            return {}

        def fit(self, data, member, *, seeds):
            draws = [np.random.default_rng(seed).random(len(data)) for seed in seeds]
            return SimpleNamespace(scores=lambda _: np.stack(draws))

    options = {"data": np.ones((1_000_000, 1), "f4"), "runs": 100, "stack_size": 4}
    run(tmp_path, Noise(), **options)
    with peak_memory() as memory:
        evidence = run(tmp_path, Noise(), **options)
    if not memory.start:
        pytest.skip("the system does not tell")
    assert memory.grown < 300e6
    with peak_memory() as memory:
        result = mm.CounterfactualMemorization()(evidence)
    assert memory.grown < 700e6
    assert np.isfinite(result.low).all()
    with peak_memory() as memory:
        total = sum(scores.sum(axis=0, dtype="f8") for scores, _ in evidence.blocks())
    assert memory.grown < 60e6
    assert total.mean() == pytest.approx(50, abs=0.1)


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="`store` must be a directory"):
        run(tmp_path / "file")


def test_an_unwritable_place_is_one_error_before_training(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"`store` .* cannot be written"):
        run(tmp_path / "file" / "below", Untouchable())


def test_a_read_only_store_is_one_error_before_training(tmp_path, monkeypatch):
    run(tmp_path, runs=4)

    def refuse(self):
        raise OSError(30, "Read-only file system")

    # Permissions would not do: root may write anywhere.
    monkeypatch.setattr(shards.AtomicFile, "__enter__", refuse)
    with pytest.raises(StoreError, match=r"cannot be written.*Read-only"):
        run(tmp_path, Untouchable())


def test_what_is_finished_can_be_read_where_nothing_can_be_written(
    tmp_path, expected, monkeypatch
):
    run(tmp_path)
    monkeypatch.setattr(shards.AtomicFile, "__enter__", lambda _: pytest.fail("wrote"))
    assert np.array_equal(run(tmp_path, Untouchable()).scores, expected.scores)


def test_a_disk_without_room_is_one_error_before_training(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 100})
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StoreError, match="needs about 960 bytes; its disk has 100 lef"):
        run(tmp_path, Untouchable())


def test_a_disk_that_fills_up_says_what_is_saved(tmp_path, expected, monkeypatch):
    written = shards.write_shard

    def fill(path, header, arrays):
        if header["runs"][0] == 8:
            raise OSError(28, "No space left on device")
        written(path, header, arrays)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_shard", fill)
        message = r"runs 8-11 could not be written .*No space left.* 8 of 12 runs"
        with pytest.raises(StoreError, match=message):
            run(tmp_path)
    assert len(stacks(tmp_path)) == 2
    assert np.array_equal(run(tmp_path).scores, expected.scores)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on file sizes")
# NumPy before 2.1 leaves the archive to be closed later, when that fails again.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*ZipFile")
def test_a_write_that_really_stops_halfway_leaves_nothing(tmp_path):
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    header = {"configuration": "", "runs": [0], "keys": ["k"], "checksums": {}}
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
        with pytest.raises(OSError, match="File too large"):
            shards.write_shard(tmp_path / "a.npz", header, {"scores": np.ones(5000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


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
