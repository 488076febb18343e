"""Ctrl-C while threads train: the process ends, and with nothing but its traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")

# Stacks that never end, and stacks that end all the time: the signal meets training in
# the one, scoring and all between in the other.
KINDS = {
    "long": "steps=10**7",
    "short": "steps=5, weights='0'",
    "alone": "steps=10**7, stacked=False",
    "short and alone": "steps=5, weights='0', stacked=False",
}
SCRIPT = """
import joblib, numpy as np, torch, memmetrics as mm
from torch import nn

def score(output, target):
    return -nn.functional.cross_entropy(output, target, reduction="none")

data = np.ones((500, 64), "f4"), np.zeros(500, int)
trainer = mm.ModuleTrainer(
    lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3)),
    score=score, batch_size=32, OPTIONS,
)
trainer.stack_size(data, 2)
print("begun", flush=True)
with joblib.parallel_config("threading"):
    mm.retrain(trainer, data, runs=20_000, rng=0, n_jobs=2, stack_size=2)
"""


def begin(script):
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupt(process, seconds):
    """Send Ctrl-C so long after training began."""
    assert process.stdout.readline() == "begun\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)


def ended_quietly(process):
    _, errors = process.communicate(timeout=180)
    assert process.returncode in (1, -signal.SIGINT), errors
    assert errors.strip().endswith("KeyboardInterrupt")


@pytest.fixture
def script(tmp_path):
    def write(kind):
        path = tmp_path / "campaign.py"
        path.write_text(SCRIPT.replace("OPTIONS", KINDS[kind]))
        return path

    return write


def test_an_interrupted_campaign_in_threads_ends_quietly(script):
    process = begin(script("long"))
    interrupt(process, 1)
    ended_quietly(process)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_whenever_it_is_interrupted(script, kind):
    path = script(kind)
    processes = [begin(path) for _ in range(4)]  # more than there are cores, mostly
    try:
        for process, seconds in zip(processes, (0.3, 0.9, 0.05, 1.4), strict=True):
            interrupt(process, seconds)
        for process in processes:
            ended_quietly(process)
    finally:
        for process in processes:
            process.kill()
            process.wait()
