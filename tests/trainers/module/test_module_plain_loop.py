"""ModuleTrainer: stacked runs are the runs that a plain loop trains one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from module_problems import MEMBER, PROBLEMS, SEEDS

import memmetrics as mm


def batch_order(own, seed, steps, batch_size):
    """Each run's batches, drawn the way the documentation says."""
    if batch_size is None or batch_size >= len(own):
        return [own] * steps
    key = np.random.SeedSequence(seed, spawn_key=(1,)).generate_state(1, np.uint64)[0]
    generator = torch.Generator().manual_seed(int(key))
    row = []
    while len(row) < steps * batch_size:
        row += own[torch.randperm(len(own), generator=generator).numpy()].tolist()
    return np.reshape(row[: steps * batch_size], (steps, batch_size))


def plain_loop(factory, data, score, member, seeds, *, steps, batch_size, build, dtype):
    """Train one model after another, as a user would; return parameters and scores."""
    arrays = data if isinstance(data, tuple) else (data, data)
    tensors = [torch.as_tensor(array) for array in arrays]
    tensors = [t.to(dtype) if t.is_floating_point() else t for t in tensors]
    *inputs, target = tensors
    parameters, scores = [], []
    for row, seed in zip(member, seeds, strict=True):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            module = factory().to(dtype)
        optimizer, schedule = build(module)
        for batch in batch_order(np.flatnonzero(row), seed, steps, batch_size):
            optimizer.zero_grad()
            loss = -score(module(*[x[batch] for x in inputs]), target[batch]).mean()
            loss.backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
        parameters.append(dict(module.named_parameters()))
        scores.append(score(module(*inputs), target).detach().numpy())
    return parameters, np.stack(scores)


def assert_same_as_plain_loop(name, *, dtype="float32", tolerance=1e-5, **options):
    factory, data, score = PROBLEMS[name]
    optimizer = options.get("optimizer", torch.optim.AdamW)
    optimizer_options = options.get("optimizer_options", {})
    schedule = options.get("schedule")

    def build(module):
        plain = optimizer(module.parameters(), **optimizer_options)
        return plain, None if schedule is None else schedule(plain)

    trainer = mm.ModuleTrainer(factory, score=score, steps=25, dtype=dtype, **options)
    stack = trainer.fit(data, MEMBER, seeds=SEEDS)
    assert stack.one_at_a_time is None
    parameters, scores = plain_loop(
        factory,
        data,
        score,
        MEMBER,
        SEEDS,
        steps=25,
        batch_size=options.get("batch_size"),
        build=build,
        dtype=getattr(torch, dtype),
    )
    for run, expected in enumerate(parameters):
        for parameter, value in expected.items():
            if value.requires_grad:
                torch.testing.assert_close(
                    stack.parameters[parameter][run],
                    value.detach(),
                    atol=tolerance,
                    rtol=tolerance,
                )
    np.testing.assert_allclose(
        stack.scores(data), scores, atol=10 * tolerance, rtol=10 * tolerance
    )


@pytest.mark.parametrize("batch_size", [None, 5, 1, 19])
@pytest.mark.parametrize("name", PROBLEMS)
def test_stack_equals_plain_loop(name, batch_size):
    assert_same_as_plain_loop(name, batch_size=batch_size)


@pytest.mark.parametrize("name", PROBLEMS)
def test_stack_equals_plain_loop_in_double_precision(name):
    assert_same_as_plain_loop(name, batch_size=5, dtype="float64", tolerance=1e-10)


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (torch.optim.Adam, {"lr": 1e-2, "amsgrad": True}),
        (torch.optim.AdamW, {"foreach": True, "weight_decay": 0.3}),
        (torch.optim.RMSprop, {"lr": 1e-3, "centered": True}),
        (torch.optim.Adagrad, {"lr": 1e-2}),
        (torch.optim.Adadelta, {}),
        (torch.optim.Adamax, {}),
        (torch.optim.NAdam, {}),
        (torch.optim.RAdam, {}),
        (torch.optim.Rprop, {}),
        (torch.optim.ASGD, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_elementwise_optimizer_serves_the_stack(optimizer, options):
    assert_same_as_plain_loop(
        "odd sizes",
        optimizer=optimizer,
        optimizer_options=options,
        batch_size=6,
        dtype="float64",
        tolerance=1e-10,
    )


def test_schedule_is_stepped_after_each_step():
    assert_same_as_plain_loop(
        "perceptron",
        schedule=lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, T_max=25
        ),
        optimizer_options={"lr": 1e-2},
        dtype="float64",
        tolerance=1e-10,
    )


def test_parameter_groups_see_one_models_shapes():
    def decay_matrices(parameters):
        matrices = [value for value in parameters.values() if value.ndim == 2]
        rest = [value for value in parameters.values() if value.ndim != 2]
        return [
            {"params": matrices, "weight_decay": 0.5},
            {"params": rest, "weight_decay": 0.0},
        ]

    factory, data, score = PROBLEMS["perceptron"]
    options = {"steps": 20, "dtype": "float64", "parameter_groups": decay_matrices}
    together = mm.ModuleTrainer(factory, score=score, **options)
    alone = mm.ModuleTrainer(factory, score=score, stacked=False, **options)
    undecayed = mm.ModuleTrainer(factory, score=score, steps=20, dtype="float64")
    scores = [
        trainer.fit(data, MEMBER, seeds=SEEDS).scores(data)
        for trainer in (together, alone, undecayed)
    ]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-10)
    assert np.abs(scores[0] - scores[2]).max() > 1e-4
