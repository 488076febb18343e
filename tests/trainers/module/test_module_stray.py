"""Odd recipes and odd data: each works, or gets one clear error before training."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from scores import log_likelihood
from torch import nn
from torch.nn.utils import parametrizations
from torch.utils.data import DataLoader, TensorDataset

import memmetrics as mm

RNG = np.random.default_rng(0)
POINTS = 24
INPUTS = RNG.normal(size=(POINTS, 4)).astype("f4")
LABELS = RNG.integers(0, 3, POINTS)
DATA = (INPUTS, LABELS)
MEMBER = RNG.random((3, POINTS)) < 0.5
SEEDS = [1, 2, 3]


def linear():
    return nn.Linear(4, 3)


def trainer(factory=linear, **options):
    options = {"score": log_likelihood, "steps": 5, "dtype": "float64"} | options
    return mm.ModuleTrainer(factory, **options)


def tied():
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3))
    module[1].weight = module[0].weight
    return module


def frozen():
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    module[0].requires_grad_(False)
    return module


def normed():
    return nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 4)), nn.Linear(4, 3))


def orthogonal():
    return nn.Sequential(
        parametrizations.orthogonal(nn.Linear(4, 4), "weight", "cayley"),
        nn.Linear(4, 3),
    )


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize(
    ("factory", "name"), [(tied, "1"), (frozen, "0"), (normed, "0"), (orthogonal, "0")]
)
def test_weights_of_every_layer_that_has_some(factory, name, stacked):
    made = trainer(factory, weights=name, hidden=name, stacked=stacked)
    stack = made.fit(DATA, MEMBER, seeds=SEEDS)
    assert stack.weights.shape == (3, 4, 4)
    bias = [
        module.get_submodule(name).bias.detach().numpy()
        for module in getattr(stack.models, "modules", [])
    ]
    if factory is tied:
        points = INPUTS @ stack.parameters["0.weight"].mT.numpy()
        points = points + stack.parameters["0.bias"].numpy()[:, None]
        bias = stack.parameters["1.bias"].numpy()
    elif factory is frozen and not bias:
        bias, points = stack.models.constant["0.bias"].numpy(), INPUTS
    else:
        points = INPUTS
        bias = np.stack(bias) if bias else stack.parameters["0.bias"].numpy()
    expected = points @ stack.weights + bias[:, None]
    np.testing.assert_allclose(stack.hidden(DATA), expected, atol=1e-6)


def test_weights_computed_by_a_hook_are_refused():
    def factory():
        with pytest.warns(FutureWarning):
            return nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 3)))

    with pytest.raises(ValueError, match=r"`weights` must name a layer.*hook"):
        trainer(factory, weights="0").fit(DATA, MEMBER, seeds=SEEDS)


@pytest.mark.parametrize("stacked", [True, False])
def test_hidden_is_what_the_layer_put_out_not_what_became_of_it(stacked):
    def factory():
        return nn.Sequential(nn.Linear(4, 6), nn.ReLU(inplace=True), nn.Linear(6, 3))

    stack = trainer(factory, hidden="0", stacked=stacked).fit(DATA, MEMBER, seeds=SEEDS)
    weight, bias = stack.parameters["0.weight"], stack.parameters["0.bias"]
    expected = torch.as_tensor(INPUTS).double() @ weight.mT + bias[:, None]
    assert (expected < 0).any()
    np.testing.assert_allclose(stack.hidden(DATA), expected, atol=1e-12)


@pytest.mark.parametrize("stacked", [None, False])
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"schedule": torch.optim.lr_scheduler.ReduceLROnPlateau},
            TypeError,
            "`schedule`.*ReduceLROnPlateau",
        ),
        (
            {
                "schedule": lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
                    optimizer, 0.1, total_steps=3
                )
            },
            ValueError,
            "`schedule` failed at step 4 of 5|`schedule` failed at step 3 of 5",
        ),
        ({"schedule": lambda _: 3}, TypeError, "`schedule`.*got int"),
        (
            {"parameter_groups": lambda _: [{"params": [torch.zeros(3)]}]},
            ValueError,
            "`parameter_groups`.*another tensor",
        ),
        (
            {"optimizer_options": {"no_such_option": 1}},
            TypeError,
            "no_such_option",
        ),
    ],
)
def test_one_clear_error_before_training(options, error, message, stacked):
    with pytest.raises(error, match=message):
        trainer(stacked=stacked, **options).stack_size(DATA, 9)


def test_complex_parameters_are_refused():
    class Complex(nn.Module):
        def __init__(self):
            super().__init__()
            self.turn = nn.Parameter(torch.ones(4, dtype=torch.complex64))
            self.out = nn.Linear(4, 3)

        def forward(self, inputs):
            return self.out((inputs * self.turn).real)

    with pytest.raises(ValueError, match=r"real parameters; 'turn' is torch.complex64"):
        trainer(Complex).stack_size(DATA, 9)


@pytest.mark.parametrize("stacked", [None, False])
def test_sparse_embeddings_train_where_the_optimizer_takes_them(stacked):
    class Sparse(nn.Module):
        def __init__(self):
            super().__init__()
            self.rows = nn.Embedding(9, 3, sparse=True)

        def forward(self, tokens):
            return self.rows(tokens).sum(1)

    data = (RNG.integers(0, 9, (POINTS, 4)), LABELS)
    with pytest.raises(ValueError, match=r"training failed in its first step.*sparse"):
        trainer(Sparse, stacked=stacked).stack_size(data, 9)
    options = {"optimizer": torch.optim.SGD, "optimizer_options": {"fused": False}}
    stack = trainer(Sparse, stacked=stacked, **options).fit(data, MEMBER, seeds=SEEDS)
    assert stack.one_at_a_time is not None
    assert np.isfinite(stack.scores(data)).all()


@pytest.mark.parametrize("stacked", [True, False])
def test_a_parameter_group_may_be_one_tensor(stacked):
    def groups(parameters):
        return [
            {"params": parameters["weight"], "lr": 0.1},
            {"params": (parameters["bias"],), "lr": 0.0},
        ]

    stack = trainer(parameter_groups=groups, stacked=stacked).fit(
        DATA, MEMBER, seeds=SEEDS
    )
    fixed = trainer(steps=1, optimizer_options={"lr": 0.0}, stacked=stacked).fit(
        DATA, MEMBER, seeds=SEEDS
    )
    assert torch.equal(stack.parameters["bias"], fixed.parameters["bias"])
    assert not torch.equal(stack.parameters["weight"], fixed.parameters["weight"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="here CUDA is there")
def test_a_device_that_is_not_there():
    with pytest.raises(ValueError, match=r"`device` must name.*got 'cuda'"):
        trainer(device="cuda")
    with pytest.raises(ValueError, match=r"`device` must name.*got 'no such'"):
        trainer(device="no such")


@pytest.mark.parametrize("stacked", [True, False])
def test_an_infinite_loss_of_weight_zero_is_nothing(stacked):
    target = INPUTS[:, :2].astype("f8")
    target[0] = 1e200  # whose square is infinite
    mask = np.ones(POINTS)
    mask[0] = 0
    member = np.ones((2, POINTS), bool)
    member[1, 0] = False
    stack = trainer(
        lambda: nn.Linear(4, 2),
        score=lambda output, target: -((output - target) ** 2).sum(-1),
        loss_mask=mask,
        stacked=stacked,
    ).fit((INPUTS, target), member, seeds=[1, 1])
    assert not stack.diverged.any()
    assert (stack.one_at_a_time is None) == stacked
    assert stack.parameters["weight"].isfinite().all()


DATASET = TensorDataset(torch.as_tensor(INPUTS), torch.as_tensor(LABELS))


@pytest.mark.parametrize("data", [DATASET, DataLoader(DATASET)])
def test_a_torch_dataset_is_its_arrays(data):
    fitted = [trainer().fit(d, MEMBER, seeds=SEEDS).scores(d) for d in (data, DATA)]
    np.testing.assert_array_equal(*fitted)
    runs = [mm.retrain(trainer(), d, runs=2, rng=0).scores for d in (data, DATA)]
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array.astype(array.dtype.newbyteorder(">")),
        lambda array: array[::-1].copy()[::-1],
        np.asfortranarray,
        lambda array: np.repeat(array, 2, axis=0)[::2],
        lambda array: array.astype("g") if array.dtype.kind == "f" else array,
        lambda array: array.astype("u2") if array.dtype.kind == "i" else array,
        torch.as_tensor,
    ],
)
def test_arrays_of_any_layout_are_the_same_data(change):
    changed = tuple(change(array) for array in DATA)
    stack = trainer().fit(changed, MEMBER, seeds=SEEDS)
    expected = trainer().fit(DATA, MEMBER, seeds=SEEDS)
    np.testing.assert_array_equal(stack.scores(changed), expected.scores(DATA))
    runs = [mm.retrain(trainer(), data, runs=4, rng=0) for data in (DATA, changed)]
    np.testing.assert_array_equal(runs[0].scores, runs[1].scores)


def test_half_precision_data_become_the_modules_type():
    halves = INPUTS.astype("f2")
    halves[0] = 6e4  # a sum of these overflows, none of them does
    stack = trainer().fit((halves, LABELS), MEMBER, seeds=SEEDS)
    expected = trainer().fit((halves.astype("f8"), LABELS), MEMBER, seeds=SEEDS)
    np.testing.assert_array_equal(
        stack.scores((halves, LABELS)), expected.scores((halves, LABELS))
    )


@pytest.mark.parametrize(
    "array",
    [torch.ones(POINTS, 4, dtype=torch.complex64), torch.ones(POINTS, 4).to_sparse()],
)
def test_tensors_that_are_not_dense_and_real_are_refused(array):
    with pytest.raises(TypeError, match=r"`data\[0\]` must be a dense tensor of real"):
        trainer().fit((array, LABELS), MEMBER, seeds=SEEDS)


def test_the_first_look_is_taken_once_for_the_same_data(monkeypatch):
    looks = []
    module = sys.modules["memmetrics.trainers.module.trainer"]
    probe = module.probe
    monkeypatch.setattr(
        module, "probe", lambda *arguments: looks.append(1) or probe(*arguments)
    )
    made = trainer()
    for data in (DATA, tuple(array.copy() for array in DATA)):
        made.stack_size(data, 9)
        made.fit(data, MEMBER, seeds=SEEDS)
    assert len(looks) == 1
    made.fit((INPUTS + 1, LABELS), MEMBER, seeds=SEEDS)
    assert len(looks) == 2
