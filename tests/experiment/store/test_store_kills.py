"""Processes that work on one store, together or until they are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from simple_trainers import NearestMean

from memmetrics.experiment.retraining import retrain

POINTS = np.random.default_rng(0).normal(size=(20, 3))

SCRIPT = """
import sys
import numpy as np
from simple_trainers import NearestMean
from memmetrics.experiment.retraining import retrain
from memmetrics.planning.memory_use import peak_memory

points = np.random.default_rng(0).normal(size=(20, 3))
runs, store = int(sys.argv[1]), sys.argv[2]
retrain(NearestMean(delay=0.02), points, runs=runs, rng=0, stack_size=2, store=store)
print("finished")
"""


def start(directory, runs=60):
    here = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(runs), str(directory)],
        env={**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_now_and_then(directory, runs, kills, seed):
    """Kill processes that work on one store, each at its own moment of progress."""
    clock = np.random.default_rng(seed)
    for _ in range(kills):
        process = start(directory, runs)
        before = len(list(directory.glob("stacks/*.npz")))
        while process.poll() is None:
            if len(list(directory.glob("stacks/*.npz"))) > before:
                time.sleep(clock.uniform(0, 0.05))
                break
            time.sleep(0.002)
        process.kill()
        process.communicate()


def check_killed(directory, kills):
    directory.mkdir()
    # Enough stacks to outlast the kills: each lets a few of them through.
    runs = 40 + 10 * kills
    kill_now_and_then(directory, runs, kills, seed=kills)
    assert 0 < len(list(directory.glob("stacks/*.npz"))) < runs // 2
    trainer = NearestMean(delay=0.02)
    resumed = retrain(trainer, POINTS, runs=runs, rng=0, stack_size=2, store=directory)
    whole = retrain(NearestMean(), POINTS, runs=runs, rng=0)
    assert np.array_equal(resumed.scores, whole.scores)
    assert (resumed.member == whole.member).all()


def test_killed_and_resumed(tmp_path):
    check_killed(tmp_path / "store", kills=2)


@pytest.mark.slow
def test_killed_twenty_times_and_resumed(tmp_path):
    check_killed(tmp_path / "store", kills=20)


def test_two_processes_on_one_store_share_the_work(tmp_path):
    directory = tmp_path / "store"
    processes = [start(directory), start(directory)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert out == "finished\n", err
        assert err == ""
    assert len(list(directory.glob("stacks/*.npz"))) == 30
    trainer = NearestMean(delay=0.02)
    evidence = retrain(trainer, POINTS, runs=60, rng=0, store=directory)
    whole = retrain(NearestMean(), POINTS, runs=60, rng=0)
    assert np.array_equal(evidence.scores, whole.scores)
