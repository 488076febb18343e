"""A store's disk and memory: too little room, no writing, and what is left."""

from __future__ import annotations

import mmap
import os
import resource
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from simple_trainers import NearestMean
from stored_runs import Untouchable, run, stacks

import memmetrics as mm
from memmetrics._arrays import mapped
from memmetrics.errors import StoreError
from memmetrics.experiment.store import directory as store, shards
from memmetrics.planning.memory_use import peak_memory


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
