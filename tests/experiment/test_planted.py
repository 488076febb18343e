"""Planted truths on real digits: what is memorized ranks as memorized."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import memmetrics as mm

POINTS, NOISY, COPIED, COPIES = 500, 50, 10, 5


def log_likelihood(output, target):
    return -functional.cross_entropy(output, target, reduction="none")


def memorization(data, **options):
    """Difference of the two arms' means, for each point."""
    trainer = mm.ModuleTrainer(
        lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)),
        score=log_likelihood,
        optimizer_options={"lr": 1e-2},
        steps=200,
        batch_size=32,
    )
    runs = mm.retrain(trainer, data, runs=64, rng=0, n_jobs=1, **options)
    inside = np.where(runs.member, runs.scores, np.nan)
    outside = np.where(runs.member, np.nan, runs.scores)
    return np.nanmean(inside, axis=0) - np.nanmean(outside, axis=0)


def area_under_curve(values, positive):
    """Chance that a positive outranks a negative."""
    return (values[positive][:, None] > values[~positive]).mean()


@pytest.fixture(scope="module")
def digits():
    """Digits of which the first fifty have a wrong label."""
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(images))[:POINTS]
    labels = labels[chosen]
    labels[:NOISY] = (labels[:NOISY] + rng.integers(1, 10, NOISY)) % 10
    return images[chosen] / 16, labels


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_wrong_labels_rank_at_the_top(digits):
    estimate = memorization(digits)
    assert area_under_curve(estimate, np.arange(POINTS) < NOISY) >= 0.95


def test_copies_hide_from_single_toggles_and_show_as_groups(digits):
    # Ten of the wrong labels, five times each: learned by heart as long as any is in.
    rows = np.concatenate([np.arange(POINTS), np.repeat(np.arange(COPIED), COPIES - 1)])
    data = tuple(array[rows] for array in digits)
    copied = rows < COPIED
    once = (rows >= COPIED) & (rows < NOISY)
    single, grouped = memorization(data), memorization(data, groups=rows)
    assert np.median(single[copied]) < 0.5 * np.median(single[once])
    assert np.median(grouped[copied]) > np.median(grouped[once])
    assert np.median(grouped[copied]) > 4 * np.median(single[copied])
    # Copies of one point enter and leave together, so they score alike.
    for point in range(COPIED):
        assert np.ptp(grouped[rows == point]) < 1e-5
