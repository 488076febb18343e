from __future__ import annotations

import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics._arrays import compiled as _cached
from memmetrics.trainers.toy import backends, layout
from memmetrics.trainers.toy.kernel import compiling

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(backends, "_installed", lambda _: False)
    backends._best.cache_clear()
    yield
    backends._best.cache_clear()


def test_auto_is_fused_on_the_cpu():
    assert backends.choose("auto", CPU) == "fused"
    assert backends.choose("eager", CPU) == "eager"


def test_without_numba_everything_works_with_one_notice(nothing_installed):
    data = mm.sparse_features(5, 40, 0.9, rng=0)
    member = np.ones((2, 5), bool)
    with pytest.warns(backends.BackendWarning, match=r"eager torch.*numba"):
        stack = mm.ToyTrainer(steps=5).fit(data, member, seeds=[0, 1])
    assert stack.backend == "eager"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mm.ToyTrainer(steps=5).fit(data, member, seeds=[0, 1])


def test_without_triton_a_gpu_is_eager(nothing_installed):
    with pytest.warns(backends.BackendWarning, match="triton and a C compiler"):
        assert backends.choose("auto", CUDA) == "eager"


def test_what_cannot_be_is_refused(nothing_installed):
    with pytest.raises(ValueError, match=r"works on the CPU only; got device 'cuda'"):
        backends.choose("fused", CUDA)
    with pytest.raises(
        ValueError, match=r"needs numba: pip install .memmetrics\[fast\]"
    ):
        backends.choose("fused", CPU)
    with pytest.raises(ValueError, match=r"must be one of .*got 'cupy'"):
        backends.choose("cupy", CPU)


@pytest.mark.parametrize("hidden", [1, 6, 7, 8, 9, 12, 13, 64])
def test_large_hidden_sizes_fill_whole_blocks(hidden):
    padded = compiling.padded_hidden(hidden)
    assert padded >= hidden
    assert padded == hidden or padded % 4 == 0


@pytest.mark.parametrize(
    ("shape", "share", "kind"),
    [
        ((10, 100), 0.04, "sparse"),
        ((10, 100), 0.06, "dense"),
        # Whole, these would take more memory than their non-zeros do.
        ((10**5, 10**4), 0.06, "sparse"),
        ((10**5, 10**4), 0.2, "dense"),
    ],
)
def test_data_with_many_non_zeros_are_worked_on_whole(shape, share, kind):
    data = SimpleNamespace(shape=shape)
    assert layout.kind_of(SimpleNamespace(data=data, density=share)) == kind


@pytest.mark.parametrize(
    ("points", "features", "hidden", "expected"),
    [
        (1, 1, 1, (1, 1)),
        (32, 128, 8, (1, 1)),
        (1000, 10_000, 2, (8, 1)),
        (100_000, 1100, 2, (3, 2)),
        (9001, 80, 2, (1, 5)),
        (10**6, 64, 16, (1, 8)),
        (2, 500, 1000, (1, 1)),
        (40, 500, 1000, (1, 2)),
    ],
)
def test_few_features_are_divided_by_points(points, features, hidden, expected):
    assert layout.division(points, features, hidden) == expected


def test_compiled_code_is_reused_by_other_processes(tmp_path):
    script = """
import time, numpy as np, memmetrics as mm
data = mm.sparse_features(5, 40, 0.9, rng=0)
mm.ToyTrainer(hidden=2, steps=1, backend="eager").fit(
    data, np.ones((1, 5), bool), seeds=[0])
from memmetrics.trainers.toy.kernel.compiling import training_kernel
trainer = mm.ToyTrainer(hidden=6, steps=1, threads=1)
trainer.fit(data, np.ones((1, 5), bool), seeds=[0])
stats = training_kernel(6, "dense").stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""
    outputs = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        ).stdout.split()
        for _ in range(2)
    ]
    assert outputs == [["0", "1"], ["1", "0"]]


@pytest.mark.slow
def test_code_compiled_in_different_processes_lives_together(tmp_path):
    # Machine code is linked by the names of functions, which every form has.
    script = """
import hashlib, sys, numpy as np, memmetrics as mm
for hidden in map(int, sys.argv[1:]):
    for sparsity in (0.97, 0.5):
        data = mm.sparse_features(30, 700, sparsity, rng=1)
        trainer = mm.ToyTrainer(hidden=hidden, steps=50, backend="fused", threads=1)
        stack = trainer.fit(data, np.ones((1, 30), bool), seeds=[0])
        print(hashlib.sha256(np.asarray(stack.weights).tobytes()).hexdigest())
"""

    def trained(*hidden):
        return subprocess.run(
            [sys.executable, "-c", script, *map(str, hidden)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        ).stdout.split()

    alone = [digest for hidden in (1, 2, 5, 8) for digest in trained(hidden)]
    assert trained(1, 2, 5, 8) == alone


def test_without_a_folder_to_cache_in(monkeypatch):
    def njit(*, cache=False, **_):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: ("compiled", function)

    monkeypatch.setattr(_cached.numba, "njit", njit)
    assert _cached.cached_njit(len, nogil=True) == ("compiled", len)
