"""What happens when, on trainings made up so that the answer is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

import memmetrics as mm
from studies._kit.chapter import Settings
from studies._kit.toy import measure_stack
from studies._kit.verdicts import judge
from studies.through_training import STUDY, along, events

STEPS = (0, 5, 20, 50, 100)
SMALL = along.Along(
    sizes=(6,),
    copies=(3,),
    features=20,
    sparsity=0.8,
    data_sets=1,
    steps=20,
    snapshots=4,
    test_points=10,
)


def curve(metric, values, *, points=400, copies=1, data_sets=6):
    """One metric at every step, the same for all data sets."""
    return pd.DataFrame(
        {
            "metric": metric,
            "estimate": np.tile(np.asarray(values, dtype=float), data_sets),
            "step": np.tile(STEPS, data_sets),
            "data_set": np.repeat(range(data_sets), len(STEPS)),
            "points": points,
            "copies": copies,
            "sparsity": 0.975,
            "run": 0,
        }
    )


def verdict(words, *curves):
    (claim,) = [claim for claim in events.CLAIMS if words in claim.text]
    return judge(claim, pd.concat(curves, ignore_index=True))[1]


@pytest.mark.parametrize(
    ("memorized", "dimensionality", "expected"),
    [
        ([0, 0, 1, 1, 0], [0.1, 0.1, 0.4, 0.5, 0.01], "holds"),
        ([0, 0, 1, 1, 1], [0.1, 0.1, 0.4, 0.5, 0.5], "fails"),  # kept
        ([0, 0, 0, 0, 0], [0.1, 0.1, 0.1, 0.1, 0.01], "fails"),  # never memorized
        ([0, 0, 1, 1, 0], [0.1, 0.1, 0.4, 0.5, 0.4], "fails"),  # hardly dropped
        ([1, 0, 0, 0, 0], [0.5, 0.1, 0.1, 0.1, 0.01], "fails"),  # at the start only
    ],
)
def test_near_misses(memorized, dimensionality, expected):
    found = verdict(
        "Near misses",
        curve("first_point_memorized", memorized, copies=3),
        curve("first_point_dimensionality", dimensionality, copies=3),
    )
    assert found == expected


def test_without_copies_a_point_is_no_near_miss():
    found = verdict(
        "Near misses",
        curve("first_point_memorized", [0, 1, 1, 1, 0], copies=1),
        curve("first_point_dimensionality", [0.5, 0.5, 0.5, 0.5, 0], copies=1),
        curve("first_point_memorized", [0, 0, 0, 0, 1], copies=4),
        curve("first_point_dimensionality", [0, 0, 0, 0, 0.5], copies=4),
    )
    assert found == "fails"


@pytest.mark.parametrize(
    ("counts", "expected"), [([0, 0, 3, 2, 1], "holds"), ([0, 0, 2, 5, 5], "fails")]
)
def test_features_that_vanish(counts, expected):
    at_ten = curve("features_of_their_own", counts)
    elsewhere = curve("features_of_their_own", counts[::-1], points=100)
    assert verdict("appear and then vanish", at_ten, elsewhere) == expected
    assert verdict("appear and then vanish", elsewhere) == "out of scale"


@pytest.mark.parametrize(
    ("test_losses", "expected"),
    [([1, 1.0, 1.5, 2, 2], "holds"), ([1, 1, 1, 1.2, 2], "fails")],
)
def test_which_comes_first(test_losses, expected):
    table = [curve("train_loss", np.ones(5)), curve("test_loss", test_losses)]
    features = curve("features_of_their_own", [0, 0, 0, 1, 5])
    assert verdict("gap opens before", *table, features) == expected
    without = curve("features_of_their_own", np.zeros(5))
    assert verdict("gap opens before", *table, without) == "out of scale"


def test_harm_of_training_on():
    few = curve("test_loss", [1, 0.9, 1, 1.1, 1.2], points=30)
    many = curve("test_loss", [1, 0.99, 0.98, 0.97, 0.97], points=1200)
    assert verdict("With few points", few, many) == "holds"
    assert verdict("With many points it", few, many) == "holds"
    assert verdict("With few points", many) == "fails"
    assert verdict("With many points it", few) == "fails"


def test_a_point_is_memorized_while_it_stands_out():
    # Three features, three points of one feature each; in the second network the first
    # point is at the origin.
    weights = torch.eye(3)[None].repeat(2, 1, 1)
    weights[1, 0] = 0
    weights[0, 1] = weights[0, 2]  # in the first, the others share a direction
    stack = mm.trainers.ToyStack(weights, torch.zeros(2, 3), "eager")
    data = sparse.csr_array(np.eye(3, dtype=np.float32))
    found = along.repeated(stack, data).set_index(["metric", "run"])["estimate"]
    assert found["first_point_dimensionality", 0] == pytest.approx(1.0)
    assert found["first_point_dimensionality", 1] == 0
    assert found["first_point_memorized", 0] == 1
    assert found["first_point_memorized", 1] == 0


def test_the_table_has_what_the_networks_say_at_their_steps(tmp_path):
    settings = Settings(preset="quick", seed=3, n_jobs=1, out=tmp_path)
    chapter = SMALL.run(settings, lambda name: None)
    assert sorted(chapter.table["step"].unique()) == list(SMALL.steps_kept())
    assert [film.labels[-1] for film in chapter.films] == ["step 20"]
    cell = SMALL.cells(1)[0]
    training = dataclasses.replace(SMALL._training(cell, settings), at=())
    data = cell.data(3, along._STREAM)
    expected = measure_stack(training.run(None), data, data).set_index("metric")
    rows = chapter.table
    rows = rows[(rows["step"] == 20) & (rows["copies"] == 1)].set_index("metric")
    for metric in ("train_loss", "weight_length", "largest_feature_dimensionality"):
        wanted = expected["estimate"][metric]
        assert rows["estimate"][metric] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("preset", STUDY.presets)
def test_steps_are_closer_together_at_the_beginning(preset):
    (part,) = STUDY.presets[preset]
    steps = part.steps_kept()
    assert steps[0] == 0
    assert steps[-1] == part.steps
    assert len(steps) == part.snapshots
    apart = np.diff(steps)
    assert (apart > 0).all()
    assert apart[-1] > 2 * apart[0]
