from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse
import torch
from simple_trainers import Failing, NearestMean, ThreadCounting

from memmetrics._seeds import Stream, run_seeds
from memmetrics.errors import RetrainingError
from memmetrics.experiment.execution import executor as execution
from memmetrics.experiment.execution.threads import single_threaded
from memmetrics.experiment.retraining import retrain

POINTS = np.random.default_rng(0).normal(size=(20, 3))
HERE = Path(__file__).parents[1]


def run(trainer=None, **options):
    arguments = {"runs": 12, "rng": 0, "stack_size": 2, **options}
    return retrain(trainer or NearestMean(), arguments.pop("data", POINTS), **arguments)


@contextmanager
def at_least_two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(max(2, before))
    try:
        yield max(2, before)
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def expected():
    return run()


@pytest.fixture(scope="module", autouse=True)
def _loky_ends():
    yield
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)


@pytest.mark.parametrize("n_jobs", [2, -1])
def test_loky(expected, n_jobs):
    assert np.array_equal(run(n_jobs=n_jobs).scores, expected.scores)


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_the_callers_backend_is_respected(expected, backend, tmp_path):
    # multiprocessing cannot give results as they come: lists are the way then.
    with joblib.parallel_config(backend=backend, n_jobs=2):
        evidence = run(ThreadCounting())
        stored = run(store=tmp_path)
    processes = set(evidence.scores[:, 1])
    assert (os.getpid() in processes) == (backend == "threading")
    assert np.array_equal(stored.scores, expected.scores)
    assert len(list(tmp_path.glob("stacks/*.npz"))) == 6


def test_an_explicit_n_jobs_overrides_the_callers_config():
    with joblib.parallel_config(backend="loky", n_jobs=2):
        evidence = run(ThreadCounting(), n_jobs=1)
    assert set(evidence.scores[:, 1]) == {os.getpid()}


@pytest.mark.parametrize("invariant", [True, False])
def test_one_job_is_here_and_has_all_threads_if_they_leave_no_trace(invariant):
    with at_least_two_threads() as threads:
        evidence = run(ThreadCounting(invariant))
        assert torch.get_num_threads() == threads
    assert set(evidence.scores[:, 0]) == {threads if invariant else 1}
    assert set(evidence.scores[:, 1]) == {os.getpid()}


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_two_jobs_have_one_thread_each(backend):
    with at_least_two_threads() as threads:
        with joblib.parallel_config(backend=backend, n_jobs=2):
            evidence = run(ThreadCounting(thread_invariant=True))
        assert torch.get_num_threads() == threads
    assert set(evidence.scores[:, 0]) == {1}


@pytest.mark.parametrize(("start", "processes"), [(0.0, 3), (1e6, 1)])
def test_the_first_stacks_are_timed_in_threads(monkeypatch, start, processes):
    # This trainer sleeps, so that its threads are seen to wait.
    monkeypatch.setattr(execution, "_PROCESSES_START", start)
    evidence = run(ThreadCounting(may_share_process=True), runs=40, n_jobs=2)
    here = evidence.scores[:, 1] == os.getpid()
    assert len(set(evidence.scores[:, 1])) <= processes
    assert here[:4].all()  # two stacks of two
    assert here[4:].all() == (processes == 1)
    assert set(evidence.scores[:, 0]) == {1}


def test_stacks_of_one_go_to_processes_at_once():
    trainer = ThreadCounting(may_share_process=True)
    evidence = run(trainer, runs=6, stack_size=1, n_jobs=2)
    assert os.getpid() not in evidence.scores[:, 1]


def test_limits_of_tasks_side_by_side_are_put_back():
    with at_least_two_threads() as threads:
        first, second = single_threaded(), single_threaded()
        first.__enter__()
        second.__enter__()
        assert torch.get_num_threads() == 1
        first.__exit__(None, None, None)
        second.__exit__(None, None, None)
        assert torch.get_num_threads() == threads


def test_large_and_sparse_data_reach_workers():
    # Beyond 1 MB joblib maps arrays into memory, read-only.
    dense = np.random.default_rng(0).normal(size=(500, 600))
    values = np.random.default_rng(0).normal(size=(4000, 900))
    sparse = scipy.sparse.csr_array(np.where(values > 1.28, values, 0.0))

    class Sums:
        def fit(self, data, member, *, seeds):
            tensor = torch.from_numpy(
                data.data if scipy.sparse.issparse(data) else data
            )
            total = float(tensor.sum())
            rows = data.sum(axis=1)
            return type("Stack", (), {"scores": lambda _, __: total + member * rows})()

    for data in (dense, sparse):
        alone, together = (run(Sums(), data=data, n_jobs=n_jobs) for n_jobs in (1, 2))
        assert np.array_equal(alone.scores, together.scores)


def test_local_classes_and_closures_reach_workers(expected):
    offset = 3.0

    class Local(NearestMean):
        def fit(self, data, member, *, seeds):
            stack = super().fit(data, member, seeds=seeds)
            scores = stack.scores
            stack.scores = lambda targets: scores(targets) + offset
            return stack

    evidence = run(Local(), n_jobs=2)
    assert np.array_equal(evidence.scores, expected.scores + offset)


def test_a_worker_that_dies_once_costs_nothing_but_time(expected, tmp_path):
    bad = run_seeds(0, Stream.TRAINING, [5])
    trainer = Failing(tuple(bad), "exit", str(tmp_path), times=1)
    evidence = run(trainer, n_jobs=2)
    assert np.array_equal(evidence.scores, expected.scores)


def test_a_run_that_kills_its_worker_fails_alone(tmp_path):
    counts = tmp_path / "counts"
    counts.mkdir()
    bad = run_seeds(0, Stream.TRAINING, [3])
    trainer = Failing(tuple(bad), "exit", str(counts))
    options = {"runs": 6, "n_jobs": 2, "store": tmp_path / "store"}
    message = "run 3 failed twice: its worker died .*the other 5 finished runs are in"
    with pytest.raises(RetrainingError, match=message):
        run(trainer, **options)
    # In the crowd, its stack alone, itself alone.
    assert len(list(counts.iterdir())) == 3
    counts.rename(tmp_path / "elsewhere")  # now nothing kills it
    evidence = run(trainer, **options)
    assert np.array_equal(evidence.scores, run(runs=6).scores)


def test_an_exception_in_a_worker_arrives_with_its_reason(tmp_path):
    bad = run_seeds(0, Stream.TRAINING, [5])
    trainer = Failing(tuple(bad), "raise", str(tmp_path))
    with pytest.raises(RetrainingError, match="run 5 failed twice: RuntimeError: the"):
        run(trainer, n_jobs=2)


@contextmanager
def dask_cluster(directory):
    """A scheduler and two worker processes, on the loopback, from the command line."""
    distributed = pytest.importorskip("distributed")
    file = directory / "scheduler.json"
    environment = {
        **os.environ,
        "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}",
        "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "false",
    }
    here = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    commands = [
        ["dask_scheduler", *here, "--port", "0"],
        ["dask_worker", *here, "--nthreads", "1", "--no-nanny"],
        ["dask_worker", *here, "--nthreads", "1", "--no-nanny"],
    ]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}", *options],
            env=environment,
            cwd=directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for program, *options in commands
    ]
    try:
        with (
            warnings.catch_warnings(),
            distributed.Client(scheduler_file=str(file), timeout=60) as client,
        ):
            warnings.simplefilter("ignore")
            client.wait_for_workers(2, timeout=60)
            yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def dask_client(tmp_path_factory):
    with dask_cluster(tmp_path_factory.mktemp("dask")) as processes:
        yield processes


def test_dask(expected, dask_client, tmp_path):
    with joblib.parallel_config(backend="dask"):
        evidence = run(store=tmp_path)
        threads = run(ThreadCounting())
    assert np.array_equal(evidence.scores, expected.scores)
    processes = set(threads.scores[:, 1])
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert set(threads.scores[:, 0]) == {1}


@pytest.mark.parametrize("worker", [1, 2])
def test_dask_sends_data_again_that_died_with_a_worker(tmp_path, worker):
    # Beyond 1 kB data go to one worker only.
    data = np.random.default_rng(0).normal(size=(400, 3))
    expected = run(data=data)
    with dask_cluster(tmp_path) as processes:
        killing = threading.Timer(0.5, processes[worker].kill)
        killing.start()
        with joblib.parallel_config(backend="dask"):
            evidence = run(NearestMean(delay=0.3), data=data)
        killing.join()
    assert np.array_equal(evidence.scores, expected.scores)


def test_ray(expected):
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    register_ray()
    paths = [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    environment = {"env_vars": {"PYTHONPATH": os.pathsep.join(paths)}}
    ray.init(num_cpus=2, include_dashboard=False, runtime_env=environment)
    try:
        with joblib.parallel_config(backend="ray", n_jobs=2):
            assert np.array_equal(run().scores, expected.scores)
    finally:
        ray.shutdown()


def test_blas_has_one_thread_too_where_that_can_be_set():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    class Blas:
        def fit(self, data, member, *, seeds):
            pools = threadpoolctl.threadpool_info()
            threads = [p["num_threads"] for p in pools if p["user_api"] == "blas"]
            scores = np.full(member.shape, float(max(threads)))
            return type("Stack", (), {"scores": lambda _, __: scores})()

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert set(run(Blas()).scores.flat) == {1.0}
        pools = threadpoolctl.threadpool_info()
        assert {p["num_threads"] for p in pools if p["user_api"] == "blas"} == {2}
