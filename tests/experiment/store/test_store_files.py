"""Whatever lies in a store: nothing that can be read is ever lost."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import numpy as np
import pytest
from simple_trainers import NearestMean
from stored_runs import POINTS, Untouchable, run

from memmetrics.errors import RetrainingError, StoreError
from memmetrics.experiment.retraining import retrain
from memmetrics.experiment.store import shards
from memmetrics.experiment.store.directory import DirectoryStore


@pytest.fixture
def expected():
    return retrain(NearestMean(), POINTS, runs=12, rng=0, stack_size=4).scores


def stacks(directory):
    return sorted(Path(directory, "stacks").glob("*.npz"))


def contents(directory):
    """All bytes anywhere below, whatever the files are called."""
    return {path.read_bytes() for path in Path(directory).rglob("*") if path.is_file()}


def foreign_configuration(path):
    run(path.parents[2] / "other", NearestMean(noise=1.0))
    shutil.copy(stacks(path.parents[2] / "other")[1], path)


def another_stack(path):
    shutil.copy(stacks(path.parents[1])[0], path)


def somebodys_array(path):
    np.savez(path, important=np.arange(5))


def header_of_another_version(path):
    np.savez(path, header=np.frombuffer(b'{"runs": [4]}', dtype=np.uint8))


def header_that_is_a_list(path):
    np.savez(path, header=np.frombuffer(b"[1, 2]", dtype=np.uint8))


def test_a_shard_has_its_arrays_and_no_others(tmp_path):
    run(tmp_path)
    for path in stacks(tmp_path):
        with np.load(path) as archive:
            assert set(archive) == {"header", "scores", "diverged"}


def test_what_older_versions_of_numpy_wrote_beside_the_arrays_is_ignored(
    tmp_path, expected
):
    run(tmp_path)
    for path in stacks(tmp_path):
        with ZipFile(path, "a") as archive, archive.open("allow_pickle.npy", "w") as to:
            np.lib.format.write_array(to, np.array(False))
        shards.check_shard(path)
    assert np.array_equal(run(tmp_path, Untouchable()).scores, expected)


def test_objects_are_never_pickled(tmp_path):
    header = {"configuration": "", "runs": [0], "keys": ["k"], "checksums": {}}
    objects = np.array([{}], dtype=object)
    with pytest.raises(TypeError):
        shards.write_shard(tmp_path / "a.npz", header, {"scores": objects})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "replace",
    [
        foreign_configuration,
        another_stack,
        somebodys_array,
        header_of_another_version,
        header_that_is_a_list,
    ],
)
@pytest.mark.parametrize("in_the_way", [True, False])
def test_what_can_be_read_is_never_deleted(tmp_path, expected, replace, in_the_way):
    store = tmp_path / "store"
    run(store)
    path = stacks(store)[1]
    if not in_the_way:
        path = path.with_name("00000004-00000007-copied.npz")
    replace(path)
    before = contents(store)
    with pytest.warns(UserWarning, match=r"1 files are passed over \(.*0000"):
        assert np.array_equal(run(store).scores, expected)
    assert before <= contents(store)
    if not in_the_way:
        assert path.exists()


def garbage(path):
    path.write_bytes(np.random.default_rng(0).bytes(1000))


def empty(path):
    path.write_bytes(b"")


def truncated(path):
    os.truncate(path, path.stat().st_size // 2)


def folder(path):
    path.unlink()
    path.mkdir()


def plain_array(path):
    with path.open("wb") as file:
        np.save(file, np.arange(3))


def pickled(path):
    with path.open("wb") as file:
        np.savez(file, header=np.array([{}], dtype=object))


@pytest.mark.parametrize(
    "damage", [garbage, empty, truncated, folder, plain_array, pickled]
)
def test_what_is_damaged_is_moved_aside(tmp_path, expected, damage):
    run(tmp_path)
    path = stacks(tmp_path)[1]
    damage(path)
    before = contents(tmp_path)
    with pytest.warns(UserWarning, match="1 damaged stacks are computed again"):
        assert np.array_equal(run(tmp_path).scores, expected)
    assert before <= contents(tmp_path)
    (aside,) = (tmp_path / "damaged").iterdir()
    assert aside.name.startswith(path.name)
    assert np.array_equal(run(tmp_path).scores, expected)


def test_stacks_of_a_copy_of_the_store_are_taken_over(tmp_path, expected):
    run(tmp_path / "a", runs=4)
    run(tmp_path / "b")
    for path in stacks(tmp_path / "b"):
        shutil.copy(path, tmp_path / "a" / "stacks")
    times = [path.stat().st_mtime_ns for path in stacks(tmp_path / "a")]
    assert np.array_equal(run(tmp_path / "a").scores, expected)
    assert [path.stat().st_mtime_ns for path in stacks(tmp_path / "a")] == times


def test_a_shard_that_may_not_be_read_is_an_error_and_stays(tmp_path, monkeypatch):
    run(tmp_path)
    before, opened = contents(tmp_path), Path.open

    def refuse(self, *arguments, **options):
        if self.suffix == ".npz":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        with pytest.raises(StoreError, match=r"cannot read .*Permission denied"):
            run(tmp_path)
    assert contents(tmp_path) == before


def test_a_damaged_stack_that_cannot_be_moved_is_an_error_of_writing(
    tmp_path, monkeypatch
):
    run(tmp_path)
    empty(stacks(tmp_path)[1])
    monkeypatch.setattr(DirectoryStore, "_set_aside", lambda *_: False)
    with (
        pytest.warns(UserWarning, match="damaged stacks"),
        pytest.raises(StoreError, match=r"could not be written .*cannot be moved"),
    ):
        run(tmp_path)


def dangling(tmp_path):
    (tmp_path / "store").symlink_to(tmp_path / "nowhere")
    return tmp_path / "store"


def circle(tmp_path):
    (tmp_path / "store").symlink_to(tmp_path / "store")
    return tmp_path / "store"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (dangling, "a link that leads nowhere"),
        (circle, "a link that leads nowhere"),
        (lambda _: "", "`store` must be the path of a directory"),
        (lambda _: "a\0b", "`store` must be the path of a directory"),
        (lambda _: 3, "`store` must be a path; got 3"),
        (lambda path: path / ("x" * 300), r"`store` .*name too long"),
    ],
)
def test_what_is_no_directory_is_one_clear_error(tmp_path, make, message):
    with pytest.raises(
        (TypeError, ValueError, StoreError), match=re.compile(message, re.IGNORECASE)
    ):
        run(make(tmp_path))


@pytest.mark.parametrize("name", ["[a-b]*?", "ü ☃", "100% {x}", "-n", "a\nb"])
def test_odd_names_of_directories(tmp_path, expected, name):
    for _ in range(2):
        assert np.array_equal(run(tmp_path / name).scores, expected)
    assert len(stacks(tmp_path / name)) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "is not of format 1"),
        ("[]", "is not of format 1"),
        ('{"format": 1}', "has no proper 'configuration'"),
        (
            '{"format": 1, "configuration": {}, "stack_size": 2}',
            "has no proper 'versions'",
        ),
        (
            '{"format": 1, "configuration": {}, "stack_size": 0, "versions": {}}',
            "stack size below 1",
        ),
        ("[" * 100_000, "cannot read manifest.json"),
        ("\udcff", "cannot read manifest.json"),
    ],
)
def test_odd_manifests(tmp_path, content, message):
    text = content.encode(errors="surrogateescape")
    (tmp_path / "manifest.json").write_bytes(text)
    with pytest.raises(StoreError, match=message):
        run(tmp_path)
    assert (tmp_path / "manifest.json").read_bytes() == text


def test_a_manifest_that_is_a_link_to_nothing(tmp_path):
    (tmp_path / "manifest.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="its manifest cannot be created"):
        run(tmp_path)


def test_stacks_that_are_a_file(tmp_path):
    run(tmp_path, runs=4)
    shutil.rmtree(tmp_path / "stacks")
    (tmp_path / "stacks").touch()
    with pytest.raises(StoreError, match="cannot be read"):
        run(tmp_path)


class Varying(NearestMean):
    """Stacks unlike each other: the first seed of a stack decides."""

    def __init__(self, first, change):
        super().__init__()
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "change", change)

    def configuration(self):
        return {}

    def fit(self, data, member, *, seeds):
        scores = super().fit(data, member, seeds=seeds).scores(data)
        stack = SimpleNamespace()
        if seeds[0] == self.first:
            scores = self.change(scores, stack)
        stack.scores = lambda _: scores
        return stack


def first_seed(runs):
    return int(retrain(NearestMean(), POINTS, runs=12, rng=0).seeds[runs])


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("place", [0, 4])
def test_stacks_of_different_precision_are_put_together_without_loss(
    tmp_path, expected, stored, place
):
    trainer = Varying(first_seed(place), lambda scores, _: scores.astype("f4"))
    for _ in range(2):
        scores = run(tmp_path if stored else None, trainer).scores
        exact = expected.copy()
        exact[place : place + 4] = exact[place : place + 4].astype("f4")
        assert scores.dtype == np.float64
        assert np.array_equal(scores, exact)


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("width", [1, 3])
def test_stacks_of_different_widths_are_refused(tmp_path, stored, width):
    class Uneven(Tokens):
        def fit(self, data, member, *, seeds):
            kind = Tokens(width if seeds[0] == bad else 2)
            return kind.fit(data, member, seeds=seeds)

    bad = first_seed(4)
    message = r"`scores` differ in shape: \(20, 2\) in runs 0-3, .* in runs 4-7"
    with pytest.raises(RetrainingError, match=message):
        run(tmp_path if stored else None, Uneven(2))


def test_stacks_of_different_widths_from_two_sessions_are_refused(tmp_path):
    run(tmp_path, Tokens(2), runs=16)
    with pytest.raises(RetrainingError, match="`scores` differ in shape"):
        run(tmp_path, Tokens(3), runs=32)


class Tokens:
    """As many tokens a point as it is told, which its recipe does not say."""

    def __init__(self, width):
        self.width = width

    def configuration(self):
        return {}

    def fit(self, data, member, *, seeds):
        scores = np.zeros((len(seeds), len(data), self.width))
        return SimpleNamespace(scores=lambda _: scores)


def test_an_open_store_reads_each_header_once(tmp_path, monkeypatch):
    run(tmp_path, runs=40)
    read, count = shards.read_header, []
    monkeypatch.setattr(
        shards, "read_header", lambda path: count.append(path) or read(path)
    )
    run(tmp_path, runs=48)
    assert len(count) <= 2 * 10  # once to index, once to check
