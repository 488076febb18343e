"""Several processes on one store: together they train little more than one would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import SoftFileLease
from simple_trainers import Counting, NearestMean

from memmetrics.experiment.retraining import retrain
from memmetrics.experiment.shift import Shift
from memmetrics.experiment.store import claims, patience
from memmetrics.experiment.store.directory import DirectoryStore

POINTS = np.random.default_rng(0).normal(size=(20, 3))
SCRIPT = """
import sys
import numpy as np
from simple_trainers import Counting
from memmetrics.experiment.store import claims
from memmetrics.experiment.retraining import retrain

claims.LIFETIME_SECONDS = float(sys.argv[5])
points = np.random.default_rng(0).normal(size=(20, 3))
trainer = Counting(sys.argv[2], delay=float(sys.argv[4]))
evidence = retrain(trainer, points, runs=2 * int(sys.argv[1]), rng=0, stack_size=2,
                   store=sys.argv[2] + "-store", n_jobs=int(sys.argv[3]))
print("finished", evidence.scores.sum().hex())
"""
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals")


def start(counts, *, stacks, n_jobs=1, delay=0.05, lifetime=120):
    here = Path(__file__).parents[2]
    counts.mkdir(exist_ok=True)
    options = map(str, (stacks, counts, n_jobs, delay, lifetime))
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *options],
        env={
            **os.environ,
            "PYTHONPATH": f"{here}{os.pathsep}{here.parent}",
            "OMP_NUM_THREADS": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(processes):
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert out.startswith("finished"), err
        assert err == ""


def stored(counts):
    return sorted(Path(f"{counts}-store", "stacks").glob("*.npz"))


def wait_until(condition, seconds=300.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def check_table(counts, stacks, *, may_be_left=0):
    trained = len(list(counts.iterdir()))
    evidence = retrain(
        Counting(str(counts)),
        POINTS,
        runs=2 * stacks,
        rng=0,
        stack_size=2,
        store=f"{counts}-store",
    )
    assert len(list(counts.iterdir())) == trained
    whole = retrain(NearestMean(), POINTS, runs=2 * stacks, rng=0)
    assert np.array_equal(evidence.scores, whole.scores)
    # The one that was killed may have written a stack, or one in each of two threads,
    # and not yet have given the claim back, which nobody needs any more.
    left = list(Path(f"{counts}-store", "stacks").glob(f"*{claims.SUFFIX}"))
    assert len(left) <= may_be_left
    assert all(claim.with_suffix("").exists() for claim in left)
    return trained


def share(counts, *, processes, stacks, n_jobs=1, delay=0.05, kill=True):
    crowd = [
        start(counts, stacks=stacks, n_jobs=n_jobs, delay=delay)
        for _ in range(processes)
    ]
    if kill:
        wait_until(lambda: len(stored(counts)) > stacks // 4)
        killed = crowd.pop(0)
        killed.kill()
        killed.wait()  # its workers live on for a while, and hold its output open
        killed.stdout.close()
        killed.stderr.close()
    finish(crowd)
    return check_table(counts, stacks, may_be_left=2 if kill else 0)


def test_two_of_which_one_is_killed_train_little_more_than_one(tmp_path):
    assert 40 <= share(tmp_path / "counts", processes=2, stacks=40) <= 41


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_four_of_which_one_is_killed_train_little_more_than_one(tmp_path, n_jobs):
    trained = share(tmp_path / "c", processes=4, stacks=160, n_jobs=n_jobs, delay=0.1)
    # joblib hands out twice as many stacks as there are workers.
    assert 160 <= trained <= 160 + 2 * n_jobs


@posix
def test_a_suspended_process_is_left_alone_until_its_claim_lapses(tmp_path):
    counts = tmp_path / "counts"
    slow = start(counts, stacks=6, delay=1.0, lifetime=3)
    wait_until(lambda: len(list(counts.iterdir())) == 2)
    slow.send_signal(signal.SIGSTOP)
    quick = start(counts, stacks=6, delay=0.01, lifetime=3)
    finish([quick])  # it took the suspended one's only claim, in the end
    slow.send_signal(signal.SIGCONT)
    finish([slow])
    assert check_table(counts, 6) <= 7


@posix
@pytest.mark.slow
def test_suspended_and_continued_again_and_again(tmp_path):
    counts = tmp_path / "counts"
    crowd = [start(counts, stacks=60, delay=0.05) for _ in range(3)]
    clock = np.random.default_rng(1)
    while any(process.poll() is None for process in crowd):
        for process in crowd:
            process.send_signal(clock.choice([signal.SIGSTOP, signal.SIGCONT]))
            time.sleep(clock.uniform(0, 0.1))
            process.send_signal(signal.SIGCONT)
    finish(crowd)
    assert check_table(counts, 60) == 60


@posix
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_between_claim_and_write_or_write_and_release(
    tmp_path, monkeypatch, moment
):
    counts = tmp_path / "counts"
    counts.mkdir()
    store = f"{counts}-store"
    add = DirectoryStore.add

    def die(self, finished):
        if moment == "after":
            self.claims.drop = lambda _: os._exit(9)
            add(self, finished)
        os._exit(9)

    child = os.fork()
    if not child:
        monkeypatch.setattr(DirectoryStore, "add", die)
        trainer = Counting(str(counts))
        retrain(trainer, POINTS, runs=6, rng=0, stack_size=2, store=store)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = list(Path(store, "stacks").glob(f"*{claims.SUFFIX}"))
    assert len(left) == 1
    began = time.monotonic()
    retrain(Counting(str(counts)), POINTS, runs=6, rng=0, stack_size=2, store=store)
    assert time.monotonic() - began < claims.LIFETIME_SECONDS / 4
    assert len(list(counts.iterdir())) == (4 if moment == "before" else 3)
    for path in left:
        path.unlink(missing_ok=True)
    check_table(counts, 3)


def foreign_claim(store, name, *, age=0.0, host="elsewhere"):
    """Write the claim of a process on another machine, whose clock may differ."""
    path = Path(store, "stacks", f"{name}{claims.SUFFIX}")
    lease = SoftFileLease(path, lease_duration=claims.LIFETIME_SECONDS)
    with lease:
        lines = path.read_text().splitlines()
    lines = [f"host={host}" if line.startswith("host=") else line for line in lines]
    path.write_text("".join(f"{line}\n" for line in lines))
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.mark.parametrize("age", [1e6, 0, -1e6])
def test_a_claim_from_another_machine_lapses_by_the_waiters_clock(
    tmp_path, monkeypatch, age
):
    monkeypatch.setattr(claims, "LIFETIME_SECONDS", 1.5)
    counts = tmp_path / "counts"
    counts.mkdir()
    options = {"rng": 0, "stack_size": 2, "store": f"{counts}-store"}
    retrain(Counting(str(counts)), POINTS, runs=6, **options)
    path = stored(counts)[1]
    path.unlink()
    foreign_claim(f"{counts}-store", path.name, age=age)
    began = time.monotonic()
    retrain(Counting(str(counts)), POINTS, runs=6, **options)
    assert 1.4 < time.monotonic() - began < 30
    assert check_table(counts, 3) == 4


def test_an_owner_that_lives_but_never_finishes_is_not_waited_for_for_ever(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(patience, "_STRANGER_SECONDS", 0.5)
    store = tmp_path / "store"
    options = {"rng": 0, "stack_size": 2, "store": store}
    retrain(NearestMean(), POINTS, runs=6, **options)
    path = min(store.glob("stacks/*.npz"))
    path.unlink()
    other = claims.Claims(store / "stacks")
    with other:
        assert other.take(path.name)
        evidence = retrain(NearestMean(), POINTS, runs=6, **options)
    whole = retrain(NearestMean(), POINTS, runs=6, rng=0)
    assert np.array_equal(evidence.scores, whole.scores)


@pytest.mark.parametrize("kind", ["garbage", "directory", "refused"])
def test_what_cannot_be_claimed_is_trained_all_the_same(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(patience, "_STRANGER_SECONDS", 0.5)
    options = {"rng": 0, "stack_size": 2, "store": tmp_path}
    whole = retrain(NearestMean(), POINTS, runs=4, **options)
    for path in tmp_path.glob("stacks/*.npz"):
        path.unlink()
        claim = path.with_name(f"{path.name}{claims.SUFFIX}")
        if kind == "garbage":
            claim.write_bytes(b"\xff\0 garbage")
        elif kind == "directory":
            claim.mkdir()
        else:
            monkeypatch.setattr(SoftFileLease, "acquire", refuse)
    evidence = retrain(NearestMean(), POINTS, runs=4, **options)
    assert np.array_equal(evidence.scores, whole.scores)


def test_an_owner_killed_before_it_wrote_its_name_is_not_waited_for(tmp_path):
    options = {"rng": 0, "stack_size": 2, "store": tmp_path}
    whole = retrain(NearestMean(), POINTS, runs=4, **options)
    for path in tmp_path.glob("stacks/*.npz"):
        path.unlink()
        path.with_name(f"{path.name}{claims.SUFFIX}").touch()
    began = time.monotonic()
    evidence = retrain(NearestMean(), POINTS, runs=4, **options)
    assert time.monotonic() - began < claims.LIFETIME_SECONDS / 4
    assert np.array_equal(evidence.scores, whole.scores)
    assert not list(tmp_path.glob(f"stacks/*{claims.SUFFIX}"))


def refuse(*_, **__):
    raise PermissionError(13, "not here")


def test_threads_of_one_process_share_the_work(tmp_path):
    counts = tmp_path / "counts"
    counts.mkdir()

    def work():
        retrain(
            Counting(str(counts), delay=0.02),
            POINTS,
            runs=40,
            rng=0,
            stack_size=2,
            store=f"{counts}-store",
        )

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert check_table(counts, 20) == 20


def test_claims_are_given_back_when_training_is_interrupted(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Shift, "_own", interrupt)
        with pytest.raises(KeyboardInterrupt):
            retrain(NearestMean(), POINTS, runs=8, rng=0, stack_size=2, store=tmp_path)
    assert not list(tmp_path.glob(f"stacks/*{claims.SUFFIX}"))
    assert len(list(tmp_path.glob("stacks/*.npz"))) == 1
