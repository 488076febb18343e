"""Workers over several GPUs, with stand-ins for what torch says and does of them."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
import torch
from simple_trainers import NearestMean

import memmetrics as mm
from memmetrics.experiment.execution import gpus
from memmetrics.experiment.retraining import retrain
from memmetrics.trainers.module.layers.randomness import private_randomness

POINTS = np.random.default_rng(0).normal(size=(20, 3))
current = threading.local()  # as in CUDA, each thread has its own


class StandIn:
    """What `torch.cuda.device` does."""

    def __init__(self, device):
        self.number = getattr(device, "index", device)

    def __enter__(self):
        self.before = number_now()
        current.number = self.number

    def __exit__(self, *_):
        current.number = self.before


def number_now():
    return getattr(current, "number", None)


@pytest.fixture
def three_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "device", StandIn)


@dataclass(frozen=True)
class Where:
    """Its scores are the GPU that is current, −1 for none, and the process."""

    device: str | None = "cuda"

    def configuration(self):
        return {"device": self.device}

    def fit(self, data, member, *, seeds):
        time.sleep(0.1)
        number = -1 if number_now() is None else number_now()
        scores = np.tile([float(number), os.getpid()], (len(member), 10))
        return SimpleNamespace(scores=lambda targets: scores)


class Noting(NearestMean):
    """A nearest mean that notes the GPU on which it is bound, and trains on it only."""

    device = "cuda"

    def __init__(self):
        object.__setattr__(self, "bound", [])

    def fit(self, data, member, *, seeds):
        pytest.fail("the data are looked at with every stack")

    def bind(self, data):
        number = number_now()
        self.bound.append(number)

        def fit(member, *, seeds):
            assert number_now() == number
            time.sleep(0.05)
            return NearestMean().fit(data, member, seeds=seeds)

        return SimpleNamespace(fit=fit)


def trained(trainer, *, workers, backend, runs=12, **options):
    with joblib.parallel_config(backend=backend, n_jobs=workers):
        return retrain(trainer, POINTS, runs=runs, rng=0, stack_size=2, **options)


@pytest.mark.parametrize("workers", [2, 3, 4])
@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
@pytest.mark.usefixtures("three_gpus")
def test_workers_take_gpus_round_robin(backend, workers):
    scores = trained(Where(), workers=workers, backend=backend, runs=24).scores
    gpus_of = {(gpu, process) for gpu, process in scores[:, :2]}
    # A later pool's workers go on counting, so they may begin with any GPU.
    assert len({gpu for gpu, _ in gpus_of}) == min(workers, 3)
    if backend == "multiprocessing":  # and each worker stays with its own
        assert len(gpus_of) == workers


@pytest.mark.parametrize("device", ["cuda:1", "cpu", None])
@pytest.mark.usefixtures("three_gpus")
def test_a_device_that_is_named_stays(device):
    scores = trained(Where(device), workers=3, backend="threading").scores
    assert set(scores[:, 0]) == {-1}


@pytest.mark.usefixtures("three_gpus")
def test_a_function_is_given_a_gpu_where_it_asks_for_one():
    def function(indices, seed):
        time.sleep(0.05)
        return np.full(20, -1.0 if number_now() is None else number_now())

    for device, expected in ((None, {-1}), ("cuda", {0, 1, 2})):
        trainer = mm.FunctionTrainer(function, device=device)
        scores = trained(trainer, workers=3, backend="threading").scores
        assert set(scores[:, 0]) == expected
    with pytest.raises(TypeError, match=r"`device` must be a string or None; got int"):
        mm.FunctionTrainer(function, device=1)


def test_one_gpu_or_none_changes_nothing(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device", StandIn)
    for count in (0, 1):
        monkeypatch.setattr(torch.cuda, "device_count", lambda count=count: count)
        scores = trained(Where(), workers=3, backend="threading").scores
        assert set(scores[:, 0]) == {-1}


@pytest.mark.usefixtures("three_gpus")
def test_data_are_bound_once_on_each_gpu_and_numbers_stay():
    noting = Noting()
    evidence = trained(noting, workers=3, backend="threading", runs=40)
    expected = retrain(NearestMean(), POINTS, runs=40, rng=0)
    assert sorted(noting.bound) == [0, 1, 2]
    np.testing.assert_array_equal(evidence.scores, expected.scores)


@pytest.mark.usefixtures("three_gpus")
def test_a_store_knows_nothing_of_gpus(tmp_path, monkeypatch):
    three = trained(Where(), workers=3, backend="threading", store=tmp_path)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    one = trained(Where(), workers=1, backend="threading", store=tmp_path)
    np.testing.assert_array_equal(one.scores, three.scores)  # nothing is trained again


def test_numbers_of_processes_follow_one_another():
    executor = joblib.externals.loky.get_reusable_executor()
    executor.shutdown(wait=True)  # what others left would have had other numbers
    workers = joblib.Parallel(n_jobs=3, backend="loky")
    given = workers(joblib.delayed(slowly)(gpus._process_number) for _ in range(9))
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
    assert {number % 3 for number in given} == {0, 1, 2}
    assert gpus._process_number() == 0  # not a worker, but the process itself


def slowly(function):
    """Call a function, long enough that no worker is left without a call."""
    time.sleep(0.2)
    return function()


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
@pytest.mark.usefixtures("three_gpus")
def test_randomness_is_that_of_the_gpu_in_use(device, monkeypatch):
    seeded = []
    monkeypatch.setattr(
        torch.cuda, "manual_seed", lambda seed: seeded.append((number_now(), seed))
    )
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: StandIn(devices[0]))
    with private_randomness(7, device):
        pass
    assert seeded == [(torch.device(device).index, 7)]
