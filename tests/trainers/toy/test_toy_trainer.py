"""Every backend against dense autograd with torch's AdamW, on odd shapes."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch
import toy_reference

import memmetrics as mm

# points, features, sparsity, hidden, runs: one point, one feature, hidden 1; rows
# without non-zeros; and every kernel (few or many hidden units, sparse or dense data)
# with less and with more than one tile of features, with one chunk of points and many.
SHAPES = [
    (1, 1, 0, 1, 1),
    (1, 40, 0.8, 2, 2),
    (9, 1, 0.5, 2, 2),
    (20, 300, 0.96, 2, 3),
    (7, 513, 0.9, 5, 2),
    (33, 1100, 0.98, 11, 2),
    (13, 600, 0.999, 8, 2),
    (31, 700, 0.97, 2, 2),
    (9, 1100, 0.7, 11, 2),
    (14, 90, 0.97, 11, 3),
    (9001, 80, 0.5, 2, 1),
    (4003, 70, 0.98, 8, 1),
    (6, 64, 0.5, 11, 4),
    (11, 30, 0.6, 5, 5),
]


def problem(points, features, sparsity, hidden, runs):
    data = mm.sparse_features(points, features, sparsity, rng=1)
    if data.nnz == 0:
        data = scipy.sparse.csr_array(np.ones((points, features)))
    rng = np.random.default_rng(points)
    member = rng.random((runs, points)) < 0.6
    member[:, 0] = True
    weights = rng.normal(0, (2 / (features + hidden)) ** 0.5, (runs, features, hidden))
    return data, member, (weights, rng.normal(0, 0.02, (runs, features)))


def reference_losses(trainer, data, member, init):
    dense = torch.from_numpy(data.toarray()).double()
    out = []
    for own, weights, bias in zip(member, *map(torch.from_numpy, init), strict=True):
        trained = toy_reference.train(trainer, dense[own], weights, bias)
        out.append(toy_reference.losses(*trained, dense))
    return torch.stack(out)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float64_equals_autograd(shape, reduction):
    data, member, init = problem(*shape)
    # A large epsilon: with a small one Adam turns rounding of a vanishing gradient
    # into whole steps, and no two computations agree.
    options = {"hidden": shape[3], "steps": 60, "loss_reduction": reduction}
    options |= {"learning_rate": 1e-2, "adam_epsilon": 1e-5, "dtype": "float64"}
    expected = reference_losses(mm.ToyTrainer(**options), data, member, init)
    for backend in ("fused", "eager"):
        trainer = mm.ToyTrainer(**options, backend=backend)
        stack = trainer.fit(data, member, seeds=range(len(member)), init=init)
        torch.testing.assert_close(stack.losses(data), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("backend", ["fused", "eager"])
def test_float32_recipe_follows_autograd(shape, backend):
    data, member, init = problem(*shape)
    # As above; a start that differs in the last place ends within 1e-4 of this one, a
    # tenth of what is allowed. With the recipe's own epsilon it is 1.5e-3.
    options = {"hidden": shape[3], "steps": 300, "adam_epsilon": 1e-5}
    trainer = mm.ToyTrainer(**options, backend=backend)
    expected = reference_losses(trainer, data, member, init)
    stack = trainer.fit(data, member, seeds=range(len(member)), init=init)
    assert stack.weights.dtype == torch.float32
    assert abs(stack.losses(data) - expected).max() < 1e-3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # within its compiler
@pytest.mark.skipif(shutil.which("cc") is None, reason="torch.compile wants a compiler")
@pytest.mark.parametrize("hidden", [2, 5, 20])
def test_compiled_equals_eager(hidden):
    data, member, init = problem(20, 300, 0.9, hidden, 3)
    losses = [
        mm.ToyTrainer(hidden=hidden, steps=40, dtype="float64", backend=backend)
        .fit(data, member, seeds=range(3), init=init)
        .losses(data)
        for backend in ("compiled", "eager")
    ]
    torch.testing.assert_close(*losses, rtol=1e-9, atol=1e-9)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("backend", ["compiled", "eager"])
def test_cuda_equals_cpu(backend):
    data, member, init = problem(20, 300, 0.9, 3, 3)
    options = {"hidden": 3, "steps": 40, "dtype": "float64"}
    on_gpu = mm.ToyTrainer(**options, device="cuda", backend=backend)
    stack = on_gpu.fit(data, member, seeds=range(3), init=init)
    assert stack.weights.is_cuda
    expected = mm.ToyTrainer(**options, backend="eager").fit(
        data, member, seeds=range(3), init=init
    )
    torch.testing.assert_close(
        stack.losses(data).cpu(), expected.losses(data), rtol=1e-8, atol=1e-8
    )


@pytest.mark.parametrize("sparsity", [0.98, 0.8])
@pytest.mark.parametrize(("points", "features"), [(30, 1500), (6000, 90)])
@pytest.mark.parametrize("hidden", [2, 11])
def test_a_run_depends_on_nothing_but_itself(hidden, points, features, sparsity):
    data, member, _ = problem(points, features, sparsity, hidden, 5)
    seeds = [7, 2**64 - 1, 0, 11, 12]

    def fit(rows, threads):
        trainer = mm.ToyTrainer(hidden=hidden, steps=40, threads=threads)
        stack = trainer.fit(data, member[rows], seeds=[seeds[row] for row in rows])
        return stack.weights, stack.bias, stack.losses(data)

    together = fit([0, 1, 2, 3, 4], threads=1)
    for rows, threads in (([0, 1, 2, 3, 4], 2), ([3, 0], 1), ([3], 2), ([3], 3)):
        for ours, all_runs in zip(fit(rows, threads), together, strict=True):
            assert torch.equal(ours, all_runs[rows])


def test_own_points_only():
    data, member, init = problem(12, 200, 0.9, 2, 1)
    changed = data.toarray()
    changed[~member[0]] = np.random.default_rng(0).random((sum(~member[0]), 200))
    trainer = mm.ToyTrainer(hidden=2, steps=50)
    first = trainer.fit(data, member, seeds=[0], init=init)
    second = trainer.fit(changed, member, seeds=[0], init=init)
    assert torch.equal(first.weights, second.weights)


def test_starting_weights_are_xavier_normal_by_seed():
    data = mm.sparse_features(3, 4000, 0.99, rng=0)
    trainer = mm.ToyTrainer(hidden=6, steps=1, learning_rate=0)
    stack = trainer.fit(data, np.ones((3, 3), bool), seeds=[4, 5, 4])
    assert torch.equal(stack.weights[0], stack.weights[2])
    assert not torch.equal(stack.weights[0], stack.weights[1])
    assert stack.weights[0].std() == pytest.approx((2 / 4006) ** 0.5, rel=0.02)
    assert (stack.bias == 0).all()


def test_global_random_state_is_left_alone():
    data = mm.sparse_features(3, 40, 0.9, rng=0)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    mm.ToyTrainer(steps=2).fit(data, np.ones((1, 3), bool), seeds=[3])
    assert torch.equal(torch.rand(1), expected)


def test_input_is_not_changed():
    data, member, init = problem(12, 200, 0.9, 2, 2)
    copies = data.copy(), member.copy(), [x.copy() for x in init]
    mm.ToyTrainer(steps=3).fit(data, member, seeds=[0, 1], init=init)
    assert (data != copies[0]).nnz == 0
    np.testing.assert_array_equal(member, copies[1])
    for value, copy in zip(init, copies[2], strict=True):
        np.testing.assert_array_equal(value, copy)


def test_divergence_is_reported_per_run():
    data = mm.sparse_features(8, 60, 0.9, rng=0)
    trainer = mm.ToyTrainer(hidden=2, steps=30)
    weights = np.full((3, 60, 2), 0.01)
    weights[1] = 3e19  # its square is beyond float32
    stack = trainer.fit(
        data, np.ones((3, 8), bool), seeds=range(3), init=(weights, np.zeros((3, 60)))
    )
    np.testing.assert_array_equal(stack.diverged, [False, True, False])
    assert stack.losses(data)[[0, 2]].isfinite().all()
    assert not stack.losses(data)[1].isfinite().any()


def test_learning_rate_rises_and_falls():
    rates = mm.ToyTrainer(steps=200, warmup=0.1).learning_rates()
    expected = [
        toy_reference.learning_rate(mm.ToyTrainer(steps=200, warmup=0.1), step)
        for step in range(200)
    ]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    assert rates.argmax() in (19, 20)
    assert rates.max() == pytest.approx(1e-3)
    assert rates[-1] < 1e-6


def test_the_trainer_travels_and_names_itself():
    trainer = mm.ToyTrainer(hidden=3, threads=1)
    assert pickle.loads(pickle.dumps(trainer)) == trainer  # noqa: S301 - our own
    configuration = trainer.configuration()
    assert configuration["hidden"] == 3
    assert configuration["backend"] == "fused"
    assert "threads" not in configuration


def test_stack_size_follows_the_work_of_a_run():
    small = mm.sparse_features(60, 128, 0.95, rng=0)
    large = mm.sparse_features(1000, 10_000, 0.999, rng=0)
    assert mm.ToyTrainer(steps=1000).stack_size(small, 4000) == 64
    assert mm.ToyTrainer(steps=1000).stack_size(small, 400) == 28
    assert mm.ToyTrainer(steps=1000).stack_size(small, 3) == 3
    assert mm.ToyTrainer().stack_size(large, 400) == 1


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_peak_memory_has_no_points_times_features():
    # A dense X, or one array of pre-activations, would take 800 MB. Not from getrusage,
    # whose peak begins with that of the process that started this one.
    script = """
import re, numpy as np, memmetrics as mm
def peak():
    status = open("/proc/self/status").read()
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1]) / 1024
data = mm.sparse_features(20_000, 10_000, 0.999, rng=0)
trainer = mm.ToyTrainer(hidden=2, steps=1)
small = data[:10]
trainer.fit(small, np.ones((1, 10), bool), seeds=[0]).losses(small)
before = peak()
trainer.fit(data, np.ones((1, 20_000), bool), seeds=[0])
print(peak() - before)
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert float(result.stdout) < 100  # MB


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize("runs", [1, 4])
def test_interrupt_within_a_second(runs):
    data = mm.sparse_features(300, 4000, 0.995, rng=0)
    trainer = mm.ToyTrainer(hidden=2, steps=10**6, threads=2)
    mm.ToyTrainer(hidden=2, steps=1, threads=2).fit(
        data, np.ones((runs, 300), bool), seeds=range(runs)
    )
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(0.7, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(data, np.ones((runs, 300), bool), seeds=range(runs))
    assert time.monotonic() - sent[0] < 1


GOOD = {"data": np.eye(3), "member": np.ones((2, 3), bool), "seeds": [0, 1]}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"data": np.zeros((3, 3))}, ValueError, r"must not be all zero"),
        ({"data": np.full((3, 3), np.nan)}, ValueError, r"`data` must be finite"),
        (
            {"member": np.ones((2, 3))},
            TypeError,
            r"`member` must be boolean; got dtype",
        ),
        (
            {"member": np.ones((2, 4), bool)},
            ValueError,
            r"3 points.*got shape \(2, 4\)",
        ),
        ({"member": np.ones(3, bool)}, ValueError, r"\(runs, points\).*\(3,\)"),
        ({"member": np.eye(2, 3) > 1}, ValueError, r"every run a point; runs \[0 1\]"),
        ({"seeds": [0]}, ValueError, r"one seed for each of 2 runs; got 1"),
        ({"seeds": [0, -1]}, ValueError, r"`seeds` must lie in \[0, 2\*\*64\)"),
        ({"init": (np.zeros((2, 3, 1)),)}, ValueError, r"\(weights, bias\); got 1"),
        (
            {"init": (np.zeros((2, 3, 1)), np.zeros((2, 3)))},
            ValueError,
            r"`init` weights must have shape \(2, 3, 2\); got \(2, 3, 1\)",
        ),
        (
            {"init": (np.zeros((2, 3, 2)), np.full((2, 3), np.inf))},
            ValueError,
            r"`init` bias must be finite",
        ),
    ],
)
def test_fit_bad_input(change, error, message):
    with pytest.raises(error, match=message):
        mm.ToyTrainer(steps=2).fit(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 0}, r"`hidden` must be an integer of at least 1; got 0"),
        ({"steps": 1.5}, r"`steps` must be an integer of at least 1; got 1.5"),
        ({"threads": 0}, r"`threads` must be an integer of at least 1"),
        ({"learning_rate": -1}, r"`learning_rate` must be finite and ≥ 0; got -1"),
        ({"warmup": 1.1}, r"`warmup` must lie in \[0, 1\]; got 1.1"),
        ({"betas": (0.9, 1.0)}, r"`betas` must be two numbers in \[0, 1\)"),
        ({"loss_reduction": "max"}, r"`loss_reduction` must be one of .*got 'max'"),
        ({"dtype": "float16"}, r"`dtype` must be one of"),
        ({"backend": "jax"}, r"`backend` must be one of"),
    ],
)
def test_trainer_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        mm.ToyTrainer(**options)
