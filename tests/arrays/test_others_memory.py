"""No metric changes or lets go of memory that is the caller's."""

from __future__ import annotations

import mmap

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics._arrays import mapped as _mapped
from memmetrics.metrics.consistency import consistency_score
from memmetrics.statistics import arms as moments

RUNS, POINTS = 40, 3000


def plain():
    rng = np.random.default_rng(0)
    return rng.normal(size=(RUNS, POINTS)), rng.random((RUNS, POINTS)) < 0.5


def in_copied_pages(scores, path):
    scores.tofile(path)
    with path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return over(pages, scores + 1)


def in_anonymous_pages(scores, path):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    return over(mmap.mmap(-1, scores.nbytes, flags=flags), scores + 1)


def in_private_pages_of_a_file(scores, path):
    scores.tofile(path)
    with path.open("r+b") as file:
        pages = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
    return over(pages, scores + 1)


def over(pages, values):
    array = np.ndarray(values.shape, float, buffer=pages)
    array[:] = values
    return array


def mapped_by_numpy(mode):
    def map_it(scores, path):
        scores.tofile(path)
        array = np.memmap(path, dtype=float, mode=mode, shape=scores.shape)
        if mode != "r":
            array[:] = scores + 1
        return array

    return map_it


def as_plain_view(scores, path):
    # What is private about the memory is out of sight.
    return np.asarray(mapped_by_numpy("c")(scores, path)).view(np.ndarray)[:, ::-1]


def as_tensor(scores, path):
    return torch.from_numpy(np.asarray(in_copied_pages(scores, path)))


def every_second_row(scores, path):
    return in_copied_pages(np.repeat(scores, 2, axis=0), path)[::2]


def as_tensor_of_a_private_file(scores, path):
    scores.tofile(path)
    options = {"size": scores.size, "dtype": torch.float64}
    tensor = torch.from_file(str(path), shared=False, **options)
    tensor += 1
    return tensor.reshape(scores.shape)


def as_tensor_that_processes_share(scores, path):
    return torch.as_tensor(scores + 1).share_memory_()


@pytest.mark.skipif("sys.platform == 'win32'", reason="other flags")
@pytest.mark.parametrize(
    "given",
    [
        in_copied_pages,
        in_anonymous_pages,
        in_private_pages_of_a_file,
        *map(mapped_by_numpy, ("c", "r+", "r")),
        as_plain_view,
        as_tensor,
        every_second_row,
        as_tensor_of_a_private_file,
        as_tensor_that_processes_share,
    ],
)
@pytest.mark.parametrize("kernel", [True, False])
def test_scores_are_the_same_afterwards(given, kernel, tmp_path, monkeypatch):
    if kernel:
        pytest.importorskip("numba")
        monkeypatch.setattr(moments, "_KERNEL_PAYS", 0)
    scores, member = plain()
    array = given(scores, tmp_path / "numbers")
    before = np.asarray(array).copy()
    expected = mm.counterfactual_memorization(before, member)
    np.testing.assert_array_equal(
        mm.counterfactual_memorization(array, member).estimate, expected.estimate
    )
    mm.train_test_gap(array, array)
    consistency_score(np.asarray(array), member)
    np.testing.assert_array_equal(np.asarray(array), before)


@pytest.mark.skipif("not hasattr(mmap, 'MADV_DONTNEED')", reason="cannot let go")
def test_only_files_of_its_own_are_let_go_of(tmp_path, monkeypatch):
    asked = []

    class Watched(_mapped._OwnFile):
        def madvise(self, *arguments):
            asked.append(arguments)
            super().madvise(*arguments)

    monkeypatch.setattr(_mapped, "_OwnFile", Watched)
    monkeypatch.setattr(_mapped, "MAPPED_BYTES", 100)
    array = _mapped.allocate((RUNS, POINTS), float, tmp_path)
    array[:] = plain()[0]
    _mapped.release(array[5:, ::-2].T)
    assert len(asked) == 1
    np.testing.assert_array_equal(array, plain()[0])
    assert list(tmp_path.iterdir()) == []
