from __future__ import annotations

import numpy as np
import pytest
import torch

from memmetrics.metrics import self_influence
from studies.definitions.evidence import Cell, Runs
from studies.definitions.points import Points
from studies.definitions.predictors import predictions
from studies.definitions.recipes import Network, Toy, Tree, convolutional, mlp

RUNS = Runs(reference=8, pool=8, fits=2)


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size=44)
    inputs = rng.random((44, 16)) + np.eye(16)[labels]
    kinds = np.full(24, "ordinary")
    return Points(inputs[:24], labels[:24], kinds, inputs[24:], labels[24:], 3)


RECIPES = {
    "toy": Toy(hidden=3, steps=32, learning_rate=1e-2),
    "mlp": Network(mlp, "1", units=5, steps=16, batch_size=4),
    "convolutional": Network(
        convolutional, "4", units=5, steps=16, batch_size=4, images=True
    ),
    "tree": Tree(),
}


@pytest.fixture(scope="module", params=RECIPES)
def cell(request, points):
    return Cell(RECIPES[request.param], points, RUNS, seed=0, key=(1, 2))


@pytest.fixture(scope="module")
def arrays(cell):
    return cell.evidence(None)


def test_gradients_are_those_of_differences(cell, points):
    if not cell.recipe.history:
        pytest.skip("trees have none")
    models = cell._fit(1.0)
    found = models.gradients(1)
    assert found.shape[0] == 24
    step = 1e-3
    start = models.start(1)
    name = next(name for name in start if name.endswith("bias"))
    flat = {key: value.size for key, value in start.items()}
    places = np.cumsum([0, *flat.values()])
    first = places[list(flat).index(name)]
    losses = []
    for sign in (1, -1):
        moved = {key: value.copy() for key, value in start.items()}
        moved[name].flat[0] += sign * step
        again = cell.recipe.train(
            points, np.ones((1, 24), bool), [0], start=moved, untrained=True
        )
        losses.append(again.losses()[0])
    expected = (losses[0] - losses[1]) / (2 * step)
    np.testing.assert_allclose(found[:, first], expected, atol=2e-3)


def test_a_shorter_training_is_the_beginning_of_a_longer_one(points):
    recipe = RECIPES["mlp"]
    everyone = np.ones((2, 24), dtype=bool)
    half = recipe.train(points, everyone, [0, 1], share=0.5)
    rest = Network(mlp, "1", units=5, steps=8, batch_size=4)
    alone = rest.train(points, everyone, [0, 1])
    np.testing.assert_array_equal(half.scores(), alone.scores())
    assert recipe.history_cost == 1


def test_trak_is_the_leverage_of_projected_log_odds(points):
    cell = Cell(RECIPES["mlp"], points, RUNS, seed=0, key=(1, 2))
    models = cell._fit(1.0)
    gradients = np.stack([models.gradients(run) for run in range(2)])
    found = cell._trak(gradients, models.losses())
    module = models.module().eval()
    state = {name: value[0] for name, value in models.stack.parameters.items()}
    rows, labels = map(torch.as_tensor, models.data)

    def odds(state, row, label):
        output = torch.func.functional_call(module, state, (row[None],))
        chances = torch.softmax(output[0], -1)
        return torch.log(chances[label] / (1 - chances[label]))

    each = [torch.func.grad(odds)(state, rows[i], labels[i]) for i in range(24)]
    flat = torch.stack(
        [torch.cat([part.flatten() for part in one.values()]) for one in each]
    ).numpy()
    directions = cell._rng("trak").normal(size=(flat.shape[1], 32))
    doubt = 1 - models.scores()[0]
    expected = self_influence(flat @ directions, damping=0.0) * doubt
    np.testing.assert_allclose(found[0], expected, rtol=2e-3, atol=1e-5)


def test_a_model_from_its_own_weights_says_the_same(cell, points):
    if not cell.recipe.history:
        pytest.skip("trees do not start warm")
    models = cell._fit(1.0)
    again = cell.recipe.train(
        points,
        np.ones((1, 24), dtype=bool),
        [7],
        start=models.start(1),
        untrained=True,
    )
    np.testing.assert_allclose(again.scores()[0], models.scores()[1], rtol=1e-4)


def test_evidence_has_all_that_predictors_need(cell, arrays):
    found = list(predictions(cell, arrays))
    names = {(prediction.group, prediction.name) for prediction in found}
    assert len(names) == len(found)
    for prediction in found:
        assert prediction.cost > 0
        assert prediction.scores.shape[1] == 24
    groups = {prediction.group for prediction in found}
    assert ("gradients" in groups) == bool(cell.recipe.history)
    runs = {p.name: p.cost for p in found if p.group == "fewer runs"}
    assert runs == {"4 runs": 4, "8 runs": 8}
    (one_run,) = [p for p in found if p.name.startswith("one run")]
    member = arrays["pool member"][:4]
    same = cell.points.labels[:, np.newaxis] == cell.points.labels
    controls = (~member[:, np.newaxis] & same).any(axis=2)  # (runs, points)
    assert (np.isnan(one_run.scores) == ~(member & controls)).all()


def test_what_is_stored_is_read_again(cell, arrays, tmp_path, monkeypatch):
    assert not cell.is_done(tmp_path)
    first = cell.evidence(tmp_path)
    assert cell.is_done(tmp_path)
    monkeypatch.setattr(type(cell.recipe), "train", None)
    again = cell.evidence(tmp_path)
    assert set(first) == set(again) == set(arrays)
    for name, array in again.items():
        np.testing.assert_array_equal(array, first[name])


def test_other_points_are_another_file(cell, points, tmp_path):
    moved = Points(**(vars(points) | {"labels": np.roll(points.labels, 1)}))
    other = Cell(cell.recipe, moved, RUNS, seed=0, key=(1, 2))
    assert other._path(tmp_path) != cell._path(tmp_path)
    again = Cell(cell.recipe, points, RUNS, seed=0, key=(1, 2))
    assert again._path(tmp_path) == cell._path(tmp_path)
