from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from memmetrics._seeds import Stream, entropy_from, generator, run_seeds


@given(st.integers(0, 2**128), st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
def test_a_seed_depends_on_nothing_but_entropy_stream_and_run(entropy, runs):
    together = run_seeds(entropy, Stream.TRAINING, runs)
    alone = [run_seeds(entropy, Stream.TRAINING, [run])[0] for run in runs]
    assert together == alone


def test_seeds_differ_between_runs_streams_and_entropies():
    seeds = {
        seed
        for entropy in range(5)
        for stream in Stream
        for seed in run_seeds(entropy, stream, range(200))
    }
    assert len(seeds) == 5 * len(Stream) * 200


def test_seeds_use_all_64_bits_and_torch_accepts_them():
    seeds = run_seeds(0, Stream.TRAINING, range(500))
    assert max(seeds) > 2**63
    assert min(seeds) >= 0
    for seed in seeds[:20]:
        torch.Generator().manual_seed(seed)


def test_streams_are_fixed_for_ever():
    # Renumbering a stream would silently change every result there is.
    assert [(stream.name, stream.value) for stream in Stream] == [
        ("SUBSETS", 0),
        ("TRAINING", 1),
        ("FITS", 2),
        ("ROUNDING", 3),
        ("PLANTING", 4),
        ("HALVES", 5),
        ("BATCHES", 6),
    ]
    sequence = np.random.SeedSequence(7, spawn_key=(1, 3))
    expected = int(sequence.generate_state(1, np.uint64)[0])
    assert run_seeds(7, Stream.TRAINING, [3]) == [expected]


def test_a_generator_is_advanced_and_a_seed_sequence_is_not():
    rng = np.random.default_rng(0)
    assert entropy_from(rng) != entropy_from(rng)
    sequence = np.random.SeedSequence(0)
    assert entropy_from(sequence) == entropy_from(sequence)
    assert entropy_from(np.int64(5)) == 5
    assert entropy_from(None) != entropy_from(None)


def test_nothing_touches_the_global_generators():
    before_numpy = np.random.get_state()[1].copy()  # noqa: NPY002
    before_torch = torch.get_rng_state()
    generator(0, Stream.SUBSETS, 1).random(10)
    run_seeds(0, Stream.FITS, range(3))
    assert (np.random.get_state()[1] == before_numpy).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before_torch)


@pytest.mark.parametrize(
    ("rng", "error"), [(-1, ValueError), (True, TypeError), ("0", TypeError)]
)
def test_bad_rng(rng, error):
    with pytest.raises(error, match="`rng` must"):
        entropy_from(rng)
