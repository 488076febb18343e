"""Files of a store that were damaged or swapped: no wrong number is ever read."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from simple_trainers import NearestMean
from stored_runs import Untouchable, run, stacks


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def alter_scores(path):
    content = path.read_bytes()
    place = content.index(b"scores.npy") + 200
    path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])


def swap_contents(path):
    other = stacks(path.parents[1])[0]
    with np.load(path) as archive, np.load(other) as wrong:
        arrays = {**archive, "scores": wrong["scores"]}
    np.savez(path, **arrays)  # a whole file, with sound zip checksums


def leave_out(path):
    with np.load(path) as archive:
        np.savez(path, header=archive["header"])


@pytest.mark.parametrize(
    "damage", [truncate, empty, alter_scores, swap_contents, leave_out]
)
def test_a_damaged_shard_is_computed_again_with_one_warning(tmp_path, expected, damage):
    run(tmp_path)
    damage(stacks(tmp_path)[2])
    damage(stacks(tmp_path)[1])
    with pytest.warns(UserWarning, match="2 damaged stacks are computed") as caught:
        evidence = run(tmp_path)
    assert len(caught) == 1
    assert np.array_equal(evidence.scores, expected.scores)
    run(tmp_path, Untouchable())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@pytest.mark.filterwarnings("ignore:.*damaged stacks")
def test_no_flipped_byte_ever_changes_a_number(tmp_path_factory, place, flip):
    directory = tmp_path_factory.getbasetemp() / "flipped"
    first = run(directory, runs=4)
    (path,) = stacks(directory)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= flip
    path.write_bytes(content)
    assert np.array_equal(run(directory, runs=4).scores, first.scores)


def test_a_shard_of_another_store_is_not_believed(tmp_path, expected):
    run(tmp_path / "ours")
    run(tmp_path / "theirs", NearestMean(noise=1.0))
    ours, theirs = stacks(tmp_path / "ours")[0], stacks(tmp_path / "theirs")[0]
    assert ours.name == theirs.name
    ours.write_bytes(theirs.read_bytes())
    with pytest.warns(UserWarning, match="of another configuration"):
        evidence = run(tmp_path / "ours")
    assert np.array_equal(evidence.scores, expected.scores)
