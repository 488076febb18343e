"""Ablations by changed weights against ablations of the activations themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import memmetrics as mm
from studies._text.collection import Collection, plant_documents
from studies._text.model import UNITS, Transformer, log_likelihoods, text_trainer
from studies._text.texts import load_text
from studies.recital.direction import METHODS, Models

PREFIX, PLANTED = 6, 4


@pytest.fixture(scope="module")
def models():
    text, rng = load_text(None), np.random.default_rng(0)
    frame = plant_documents(
        text, rng, copies=(2,), each=2, background=6, kinds=("random", "sentence")
    )
    collection = Collection(text, frame)
    member = rng.random((1, len(frame))) < 0.5
    trainer = text_trainer(20, hidden=UNITS)
    return Models(collection, trainer, member, [3], PREFIX, PLANTED)


@pytest.fixture(scope="module")
def trained(models):
    """The same model, outside of the study."""
    rows = models.collection.row_document
    stack = models.trainer.fit(
        models.collection.data, models.member[:, rows], seeds=[3]
    )
    module = Transformer()
    module.load_state_dict({name: each[0] for name, each in stack.parameters.items()})
    return module.eval()


def ablated(units, document, method, every):
    """Take one direction out of the units (documents, places, units)."""
    own = units[document, PREFIX]
    detector = torch.linalg.lstsq(every.T @ every, own[:, None], driver="gelsd")
    detector = detector.solution[:, 0]
    if method == "activation":
        return units - (units @ own)[..., None] * own / (own @ own)
    if method == "detector":
        length = detector @ detector
        return units - (units @ detector)[..., None] * detector / length
    return units - (units @ detector / (own @ detector))[..., None] * own


def test_weights_without_a_direction_are_activations_without_it(models, trained):
    found = models.compute()
    frame = models.collection.documents
    data = models.collection.text.data(frame["document"].tolist())
    inputs, target = map(torch.from_numpy, data)
    module = trained.double()
    heard = {}
    layer = module.get_submodule(UNITS)
    with torch.no_grad():
        handle = layer.register_forward_hook(lambda *call: heard.update(units=call[2]))
        before = log_likelihoods(module(inputs), target)
        handle.remove()
        units = heard["units"]
        every = units.flatten(0, 1)
        for number, method in enumerate(METHODS):
            for document in range(PLANTED):
                changed = ablated(units, document, method, every)
                handle = layer.register_forward_hook(lambda *call, new=changed: new)
                after = log_likelihoods(module(inputs), target)
                handle.remove()
                expected = after[: 2 * PLANTED, PREFIX:].mean(1)
                place = 1 + number * PLANTED + document
                np.testing.assert_allclose(
                    found["likelihood"][0, place], expected, atol=2e-3
                )
    np.testing.assert_allclose(
        found["likelihood"][0, 0], before[: 2 * PLANTED, PREFIX:].mean(1), atol=1e-4
    )
    leverage = mm.leverage(every.numpy()).reshape(units.shape[:2])
    np.testing.assert_allclose(
        found["leverage"][0], leverage[:PLANTED, PREFIX], atol=1e-3
    )
