"""One training step beside dense autograd in torch and jitted JAX."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.agreement import largest_difference
from benchmarks.peers import OURS, PEERS, Peer, installed
from benchmarks.steps import StepRace
from benchmarks.targets import HIDDEN_SIZES, MARGIN, STEP_RATIOS
from benchmarks.tasks import half_subsets, one_model


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the peers
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_all_train_the_same_models(peer: Peer) -> None:
    if not peer.available():
        pytest.skip(f"{peer.name} is not installed")
    task = half_subsets(
        runs=3, points=21, features=64, sparsity=0.9, hidden=3, steps=30
    )
    assert largest_difference(peer, task) < 1e-5


@pytest.mark.parametrize("hidden", HIDDEN_SIZES)
def test_one_step(benchmark: Any, hidden: int) -> None:
    task = one_model(points=1000, features=10_000, sparsity=0.999, hidden=hidden)
    assert largest_difference(OURS, task.with_steps(3)) < 1e-4
    promised = STEP_RATIOS[hidden]
    peers = installed(*promised)

    def ahead(race: StepRace) -> bool:
        return all(race.ratio(p.name, OURS.name) >= promised[p.name] for p in peers)

    race = StepRace(task, [OURS, *peers]).run_until(ahead)
    ratios = {peer.name: race.ratio(peer.name, OURS.name) for peer in peers}
    benchmark.group = "one step: 10,000 features, 1,000 points"
    benchmark.extra_info.update({f"times {name}": x for name, x in ratios.items()})
    benchmark.pedantic(OURS.train, args=(task.with_steps(50),), rounds=3)
    for name, ratio in ratios.items():
        assert ratio >= MARGIN * promised[name], f"{ratio:.1f} times as fast as {name}"
