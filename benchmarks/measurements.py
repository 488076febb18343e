"""Everything that the page of benchmarks shows, measured on this machine."""

from __future__ import annotations

import copy
import datetime as dt
import os
import tempfile
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from benchmarks import machine
from benchmarks.agreement import largest_difference
from benchmarks.children import measure_in_child
from benchmarks.clock import Race
from benchmarks.curves import Curves, collect
from benchmarks.metric_speed import counterfactual_race, feature_dimensionality_race
from benchmarks.networks import NETWORKS
from benchmarks.peers import OURS, PEERS, Peer, installed
from benchmarks.peers.base import is_installed
from benchmarks.peers.ours import Ours
from benchmarks.retrainings import ONE_AT_A_TIME, ModelRace
from benchmarks.shared_task import ask_memmetrics, ask_pydvl, largest_gap
from benchmarks.steps import StepRace
from benchmarks.targets import HIDDEN_SIZES
from benchmarks.tasks import Task, half_subsets, one_model
from memmetrics.metrics.registry import available_metrics, get_metric
from memmetrics.testing import sample_evidence

__all__ = ["measure"]

_POINTS = (30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
_FEATURES = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
_RUNS = (1, 4, 16, 64, 256)
# Up to which (points × features) implementations are timed that would hold arrays of
# that size, or take too long.
_MOST_DENSE = 10**7
_MOST_EAGER = 10**8
# torch.compile takes tens of seconds for each shape.
_COMPILED_AT = frozenset({2})
_SLOW_STACKS = frozenset({"torch.func", "memmetrics eager"})


def measure(
    say: Callable[[str], object],
    *,
    rounds: int = 5,
    only: Collection[str] = (),
) -> dict[str, Any]:
    """Measure everything, or `only` some parts, saying what is under way."""
    parts: dict[str, Callable[[int], Any]] = {
        "arithmetic_rate": machine.arithmetic_rate,
        "copy_rate": machine.copy_rate,
        "difference": lambda _: _agreement(),
        "hidden": _by_hidden,
        "points": _by_points,
        "features": _by_features,
        "runs": _by_runs,
        "many models": _many_models,
        "networks": lambda _: {x.name: x.ratio(runs=400, steps=160) for x in NETWORKS},
        "shared task": lambda _: _shared_task(),
        "growth": _growth,
        "children": lambda _: _children(),
        "copies": _copies,
        "passes": _passes,
        "metrics": lambda _: _metrics(),
    }
    if unknown := set(only) - set(parts):
        raise ValueError(f"no such parts: {sorted(unknown)}; there are {list(parts)}")
    found: dict[str, Any] = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "cpu": machine.cpu_name(),
        "cores": machine.cores(),
        "gpu": machine.gpu_name(),
        "versions": machine.versions(),
        "load": os.getloadavg()[0],
    }
    for name, part in parts.items():
        if only and name not in only:
            continue
        say(name)
        found[name] = part(rounds)
    return found


def _agreement() -> dict[str, float]:
    """Largest difference of a score from the plain loop's, after 1,000 steps."""
    task = _small_models(2)
    return {peer.name: largest_difference(peer, task) for peer in installed()}


def _by_hidden(rounds: int) -> Curves:
    def peers(hidden: int) -> list[Peer]:
        return [
            peer
            for peer in _step_peers()
            if hidden in _COMPILED_AT or "compiled" not in peer.name
        ]

    return collect(
        (h, _step(rounds, _one_model(hidden=h), peers(h))) for h in HIDDEN_SIZES
    )


def _by_points(rounds: int) -> Curves:
    tasks = {points: _one_model(points=points) for points in _POINTS}
    return collect((n, _step(rounds, t, _fitting(t))) for n, t in tasks.items())


def _by_features(rounds: int) -> Curves:
    tasks = {features: _one_model(features=features) for features in _FEATURES}
    return collect((n, _step(rounds, t, _fitting(t))) for n, t in tasks.items())


def _by_runs(rounds: int) -> Curves:
    def seconds(runs: int) -> dict[str, float]:
        stacked = [
            peer
            for peer in installed()
            if peer.name not in ONE_AT_A_TIME and "compiled" not in peer.name
        ]
        if runs > 64:
            stacked = [peer for peer in stacked if peer.name not in _SLOW_STACKS]
        # The loops take the same for every model, so two are enough.
        loops = [peer for peer in installed(*ONE_AT_A_TIME) if runs == 64]
        some = min(rounds, 3)
        race = ModelRace(_small_models(runs), [*stacked, *loops]).run(some)
        return {peer.name: race.model(peer.name) for peer in (*stacked, *loops)}

    return collect((runs, seconds(runs)) for runs in _RUNS)


def _many_models(rounds: int) -> dict[str, float]:
    """Seconds per model and step at 1,000 features, hidden 5, 100 own points."""
    task = half_subsets(
        runs=32, points=200, features=1000, sparsity=0.99, hidden=5, steps=500
    )
    peers = [OURS, Ours("fused", threads=1), *installed("torch loop", "JAX")]
    race = ModelRace(task, peers, few=1).run(rounds)
    return {peer.name: race.model(peer.name) / 500 for peer in peers}


def _growth(rounds: int) -> float:
    """How a step at 100,000 points compares with 100 steps at 1,000."""
    races = [StepRace(_one_model(points=n), [OURS]) for n in (1000, 100_000)]
    for _ in range(rounds):
        for race in races:
            race.run(1)
    small, large = (race.step(OURS.name) for race in races)
    return large / (100 * small)


def _shared_task() -> dict[str, float]:
    """Largest difference from pyDVL in standard errors, and seconds a retraining."""
    if not is_installed("pydvl"):
        return {}
    theirs = ask_pydvl(1000)
    ours = ask_memmetrics(theirs.retrainings)
    return {
        "apart": largest_gap(ours, theirs),
        "ours": ours.seconds,
        "pyDVL": theirs.seconds,
    }


def _children() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = (
            measure_in_child("first fit", {"NUMBA_CACHE_DIR": folder})["seconds"]
            for _ in range(2)
        )
    memory = measure_in_child("counterfactual memory")
    return {
        "cold": cold,
        "warm": warm,
        "large step": measure_in_child("large step")["bytes"],
        "counterfactual": memory["bytes"] / memory["scores"],
    }


def _copies(rounds: int) -> float:
    race = feature_dimensionality_race(4_000_000).run(rounds)
    return race.best("metric") / race.best("copy")


def _passes(rounds: int) -> float:
    race = counterfactual_race(400, 1_000_000).run(min(rounds, 3))
    return race.best("metric") / race.best("pass")


def _metrics() -> Curves:
    """Seconds of every registered metric, up to 300,000 points or about a second."""
    curves: Curves = {}
    for name in available_metrics():
        metric = get_metric(name)
        curve: list[list[float]] = []
        for size in (300, 1000, 3000, 10_000, 30_000, 100_000, 300_000):
            # Three times the points may cost ten times the time.
            if curve and curve[-1][1] > 0.1:
                break
            axes = dict.fromkeys(("points", "features", "test_points"), size)
            evidence = sample_evidence(metric.needs, {**axes, "hidden": 8, "runs": 64})
            # A copy is without what an earlier call left with the evidence.
            race = Race({name: partial(_anew, metric, evidence)}).run(3)
            curve.append([size, race.best(name)])
        curves[name] = curve
    return curves


def _anew(metric: Any, evidence: Any) -> Any:
    return metric(copy.copy(evidence))


def _one_model(*, points: int = 1000, features: int = 10_000, hidden: int = 2) -> Task:
    return one_model(points=points, features=features, sparsity=0.999, hidden=hidden)


def _small_models(runs: int) -> Task:
    return half_subsets(
        runs=runs, points=64, features=128, sparsity=0.9, hidden=8, steps=1000
    )


def _step_peers() -> list[Peer]:
    """Return all that differ in how one model is trained."""
    return [
        peer
        for peer in PEERS
        if peer.available() and peer.name not in {"torch.func", "dattri", "pyDVL"}
    ]


def _fitting(task: Task) -> list[Peer]:
    """Leave out what would compile for each shape, fill the memory or take long."""
    points, features = task.data.shape
    size: int = points * features

    def fits(peer: Peer) -> bool:
        if peer.name.startswith("memmetrics compiled"):
            return "cuda" in peer.name
        if peer.name.startswith("memmetrics eager"):
            return size <= _MOST_EAGER
        return peer.name == OURS.name or size <= _MOST_DENSE

    return [peer for peer in _step_peers() if fits(peer)]


def _step(rounds: int, task: Task, peers: Sequence[Peer]) -> dict[str, float]:
    race = StepRace(task, peers).run(rounds)
    return {peer.name: race.step(peer.name) for peer in peers}
