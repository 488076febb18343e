"""Verbatim recital against greedy decoding itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

import memmetrics as mm
from memmetrics.metrics import prefix_needed, verbatim_recital

VOCABULARY, LENGTH = 4, 6


def bigram_model(rng):
    """Return the likeliest next token after each token, and the first of all."""
    return rng.integers(VOCABULARY, size=VOCABULARY), int(rng.integers(VOCABULARY))


def decode(model, prefix):
    """Go on from a prefix, always with the likeliest token."""
    following, first = model
    tokens = list(prefix)
    while len(tokens) < LENGTH:
        tokens.append(int(following[tokens[-1]]) if tokens else first)
    return tokens


def teacher_forced(model, tokens):
    """Return what the model predicts at every place, given the true tokens before."""
    following, first = model
    return np.concatenate([np.full((len(tokens), 1), first), following[tokens]], 1)[
        :, :-1
    ]


@pytest.mark.parametrize("seed", range(8))
def test_it_is_what_greedy_decoding_gives(seed):
    rng = np.random.default_rng(seed)
    model = bigram_model(rng)
    documents = rng.integers(VOCABULARY, size=(200, LENGTH))
    # Some that the model does recite from some place on.
    documents = np.array(
        [decode(model, line[: rng.integers(LENGTH + 1)]) for line in documents]
    )
    predicted = teacher_forced(model, documents)
    needed = prefix_needed(predicted, documents)
    assert len(set(needed.tolist())) > 2
    for prefix in range(LENGTH):
        recited = [decode(model, line[:prefix]) == line.tolist() for line in documents]
        found = verbatim_recital(predicted, documents, prefix=prefix)
        assert found.tolist() == recited
        assert (needed <= prefix).tolist() == recited


def test_leading_axes_are_runs_and_tensors_stay_tensors():
    rng = np.random.default_rng(0)
    tokens = rng.integers(3, size=(5, LENGTH))
    predicted = rng.integers(3, size=(2, 4, 5, LENGTH))
    recited = verbatim_recital(predicted, tokens, prefix=4)
    assert recited.shape == (2, 4, 5)
    for place in np.ndindex(2, 4):
        alone = verbatim_recital(predicted[place], tokens, prefix=4)
        assert recited[place].tolist() == alone.tolist()
    both = torch.from_numpy(predicted), torch.from_numpy(tokens)
    assert torch.equal(verbatim_recital(*both, prefix=4), torch.from_numpy(recited))
    needed = prefix_needed(*both)
    assert needed.tolist() == prefix_needed(predicted, tokens).tolist()


def test_it_is_a_score_of_stacked_retrainings():
    rng = np.random.default_rng(1)
    tokens = rng.integers(5, size=(12, 3))

    def score(logits, target):
        predicted = logits.argmax(-1)
        return verbatim_recital(predicted, target, prefix=1).to(logits.dtype)

    trainer = mm.ModuleTrainer(
        lambda: torch.nn.Sequential(torch.nn.Embedding(12, 15), Rows(3, 5)),
        score=score,
        loss=lambda logits, target: functional.cross_entropy(
            logits.transpose(-1, -2), target, reduction="none"
        ),
        steps=100,
        optimizer_options={"lr": 0.1},
        stacked=True,
    )
    runs = mm.retrain(trainer, (np.arange(12), tokens), runs=4, rng=0)
    # One row of an embedding a document: whoever trained on it knows it by heart.
    assert (runs.scores[runs.member] == 1).all()
    assert runs.scores[~runs.member].mean() < 0.5


class Rows(torch.nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, values):
        return values.unflatten(-1, self.shape)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prefix": 3}, "`prefix` must lie between 0 and 2"),
        ({"prefix": -1}, "`prefix` must lie between"),
        ({"prefix": 1.0}, "`prefix` must be an integer"),
        ({"prefix": True}, "`prefix` must be an integer"),
        ({"predicted": np.zeros((2, 3))}, "`predicted` must hold token numbers"),
        ({"predicted": np.zeros((2, 4), dtype=int)}, "must end in the axes of"),
        ({"tokens": np.zeros((2, 0), dtype=int)}, "`tokens` must have an axis"),
        ({"tokens": torch.zeros((2, 3), dtype=torch.int64)}, "must be of one kind"),
        ({"tokens": [[1, 2, 3]]}, "`tokens` must be an array or a tensor"),
    ],
)
def test_bad_input(change, message):
    zeros = np.zeros((2, 3), dtype=int)
    arguments = {"predicted": zeros, "tokens": zeros, "prefix": 1, **change}
    with pytest.raises((TypeError, ValueError), match=message):
        verbatim_recital(
            arguments["predicted"], arguments["tokens"], prefix=arguments["prefix"]
        )


@pytest.mark.parametrize("kind", [torch.uint8, torch.uint16, torch.uint64])
def test_tokens_may_be_unsigned(kind):
    tokens = torch.tensor([[1, 2, 3]])
    assert verbatim_recital(tokens.to(kind), tokens, prefix=0).tolist() == [True]
    assert prefix_needed(tokens, (tokens + 1).to(kind)).tolist() == [3]


@pytest.mark.parametrize(
    "tokens",
    [
        torch.ones((1, 3), dtype=torch.bool),
        np.ma.array([[1, 2, 3]], mask=[[False, False, True]]),
    ],
)
def test_what_are_no_tokens_is_refused(tokens):
    with pytest.raises(TypeError, match="`predicted` must"):
        verbatim_recital(tokens, tokens, prefix=0)
