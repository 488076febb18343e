"""What trainers give that is not finite: which runs diverged, and what is kept."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import memmetrics as mm
from memmetrics._seeds import Stream, run_seeds
from memmetrics.errors import RetrainingError
from memmetrics.experiment.progress import Progress
from memmetrics.selection_spectrum import spectrum
from memmetrics.statistics import Arms, difference_interval

POINTS = np.random.default_rng(0).normal(size=(20, 3))
SEEDS = (3, 5, 8)


class Noise:
    """Scores and losses of nothing but the seed, changed by a function of both."""

    def __init__(self, change, tokens=()):
        self.change, self.tokens = change, tokens

    def fit(self, data, member, *, seeds):
        def scores(targets):
            shape = (len(targets), *self.tokens)
            return np.stack(
                [
                    self.change(seed, np.random.default_rng(seed).normal(size=shape))
                    for seed in seeds
                ]
            )

        weights = np.random.default_rng(1).normal(size=(len(seeds), 3, 2))
        return SimpleNamespace(scores=scores, weights=weights, hidden=lambda _: None)


def padded(seed, scores):
    scores[::2, 2:] = np.nan
    return scores


@pytest.mark.parametrize("stored", [True, False])
def test_padded_tokens_from_trainer_to_table(stored, tmp_path):
    trainer = Noise(padded, tokens=(4,))
    trainer.configuration = lambda: {"tokens": 4}
    options = {"runs": 16, "rng": 0, "store": tmp_path if stored else None}
    evidence = mm.retrain(trainer, POINTS, **options)
    assert not evidence.diverged.any()
    expected = mm.CounterfactualMemorization()(evidence)
    assert np.isnan(expected.estimate).sum() == 20
    store = tmp_path / "measured" if stored else None
    table = mm.measure(
        trainer, POINTS, "counterfactual_memorization", **options | {"store": store}
    )
    np.testing.assert_array_equal(table.estimate, expected.estimate.ravel())


def test_padded_tokens_of_a_diverged_run():
    bad = run_seeds(0, Stream.TRAINING, [3])[0]

    def change(seed, scores):
        return padded(seed, scores) * (np.nan if seed == bad else 1)

    with pytest.warns(UserWarning, match=r"^run 3 of 16 diverged") as caught:
        evidence = mm.retrain(Noise(change, tokens=(4,)), POINTS, runs=16, rng=0)
    assert len(caught) == 1
    assert np.flatnonzero(evidence.diverged).tolist() == [3]


def test_partly_evaluated_points_from_trainer_to_table():
    def change(seed, scores):
        scores[np.random.default_rng(seed + 1).random(20) < 0.3] = np.nan
        return scores

    with pytest.warns(UserWarning, match=r"\d+ scores of runs that did not diverge"):
        evidence = mm.retrain(Noise(change), POINTS, runs=32, rng=0)
    result = mm.CounterfactualMemorization()(evidence)
    for point in range(20):
        scored = ~np.isnan(evidence.scores[:, point])
        inside = scored & evidence.member[:, point]
        outside = scored & ~evidence.member[:, point]
        assert (result.n_in[point], result.n_out[point]) == (
            inside.sum(),
            outside.sum(),
        )
        scores = evidence.scores[:, point]
        difference = scores[inside].mean() - scores[outside].mean()
        assert result.estimate[point] == pytest.approx(difference)


def right(output, target):
    return output.argmax(-1) == target


def how_many(output, target):
    return (output > 0).sum(-1)


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("score", [right, how_many])
def test_scores_without_nan_of_a_diverged_run(score, stacked):
    inputs = np.random.default_rng(1).normal(size=(16, 4)).astype("f4")
    inputs[0] = 1e30
    labels = np.arange(16) % 3
    member = np.ones((3, 16), dtype=bool)
    member[[0, 2], 0] = False
    trainer = mm.ModuleTrainer(
        lambda: nn.Linear(4, 3),
        score=score,
        loss=lambda output, target: (output**2).sum(-1),
        optimizer=torch.optim.SGD,
        steps=10,
        stacked=stacked,
    )
    stack = trainer.fit((inputs, labels), member, seeds=SEEDS)
    np.testing.assert_array_equal(stack.diverged, [False, True, False])
    scores = stack.scores((inputs, labels))
    assert np.isnan(scores[1]).all()
    assert np.isin(scores[[0, 2]], range(4)).all()


def test_an_infinite_loss_leaves_the_other_metrics_of_a_fit():
    bad = run_seeds(0, Stream.FITS, [1])[0]

    def change(seed, scores):
        scores[0] = -np.inf if seed == bad else 0
        return scores

    metrics = ["train_test_gap", "feature_dimensionality"]
    options = {"test": POINTS, "fits": 3, "rng": 0}
    with pytest.warns(UserWarning, match="run 1 of 3 have losses that are not finite"):
        table = mm.measure(Noise(change), POINTS, metrics, **options)
    of_gap = table[table.metric == "train_test_gap"]
    assert of_gap.run.tolist() == [0, 2]
    assert set(table[table.metric == "feature_dimensionality"].run) == {0, 1, 2}


@pytest.mark.filterwarnings("ignore:fits on all points")
@pytest.mark.parametrize(("share", "match"), [(1, "diverged"), (20, "not finite")])
def test_no_fit_with_finite_losses(share, match):
    def change(seed, scores):
        scores[::share] = np.nan
        return scores

    with pytest.raises(RetrainingError, match=match):
        mm.measure(Noise(change), POINTS, "train_test_gap", test=POINTS, fits=2, rng=0)


def test_progress_counts_what_is_finite():
    rng = np.random.default_rng(0)
    scores, member = rng.normal(size=(40, 30)), rng.random((40, 30)) < 0.5
    scores[rng.random(scores.shape) < 0.2] = np.nan
    scores[:2] = np.nan  # a stack whose runs all failed
    bar = Progress(bar=object())
    for some in (slice(0, 2), slice(2, 15), slice(15, 40)):
        bar.recall(member[some], scores[some])
    interval = difference_interval(*Arms.from_scores(scores, member), confidence=0.95)
    widths = np.asarray(interval.high - interval.low) / 2
    assert bar.half_width() == pytest.approx(np.nanmedian(widths))
    assert np.isnan(Progress().half_width())


def test_spectrum_averages_tokens_that_are_there():
    rules = {"itself": lambda data, point: [point]}
    options = {"points": [0, 1], "rng": 0, "runs": 4}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        padded_table = spectrum(Noise(padded, tokens=(4,)), POINTS, rules, **options)

    def first_two_of_even_points(seed, scores):
        filled = scores.copy()
        filled[::2, 2:] = scores[::2, :2]
        return filled

    expected = spectrum(
        Noise(first_two_of_even_points, tokens=(4,)), POINTS, rules, **options
    )
    np.testing.assert_allclose(padded_table.estimate, expected.estimate)
