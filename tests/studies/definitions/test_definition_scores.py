from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memmetrics.statistics import split_half_reliability, split_halves
from studies.definitions import findings
from studies.definitions.evidence import balanced_blocks
from studies.definitions.scores import Score, agreement, memorization_of, with_ties
from studies.definitions.tried import ridge_gain, seed_variance_ratio


def score(values, source):
    """Mean over runs as a definition: values (runs, points)."""

    def statistic(kept):
        return values[kept].mean(axis=0)

    runs = len(values)
    return Score(
        values.mean(axis=0),
        split_halves(statistic, runs, rng=0),
        split_half_reliability(statistic, runs, rng=0),
        source,
    )


@pytest.mark.parametrize("truth", [0.0, 0.6])
def test_noise_that_two_definitions_share_does_not_count(truth):
    seen, without = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        first, other = rng.normal(size=(2, 300))
        second = truth * first + (1 - truth**2) ** 0.5 * other
        noise = 5 * rng.normal(size=(20, 300))  # the same for both
        found = agreement(score(first + noise, "runs"), score(second + noise, "runs"))
        seen.append(found["agreement"])
        without.append(found["noiseless_agreement"])
    assert np.mean(seen) > truth + 0.1
    assert np.mean(without) == pytest.approx(truth, abs=0.06)


def test_noise_of_different_models_is_put_back():
    seen, without = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        first = rng.normal(size=300)
        noisy = [first + 5 * rng.normal(size=(20, 300)) for _ in range(2)]
        found = agreement(score(noisy[0], "retrainings"), score(noisy[1], "fits"))
        seen.append(found["agreement"] / found["bound"])
        without.append(found["noiseless_agreement"])
        assert found["agreement"] < 0.6
    np.testing.assert_allclose(seen, without)
    assert np.mean(without) == pytest.approx(1, abs=0.06)


def test_what_is_only_noise_has_no_agreement():
    rng = np.random.default_rng(0)
    noise = [score(rng.normal(size=(20, 200)), source) for source in ("a", "b")]
    assert np.isnan(agreement(*noise)["noiseless_agreement"])


def test_what_only_rounding_tells_apart_is_equal():
    third = np.array(
        [1 / 3, 1 - 2 / 3, 0.1 + 0.2 + 0.1 / 3, np.nan, np.inf, 0.0, 1e-30]
    )
    found = with_ties(third)
    assert len(np.unique(third[:3])) > 1
    assert len(np.unique(found[:3])) == 1
    np.testing.assert_allclose(found, third, rtol=1e-9)
    # Sums in another order: of the same scores, the same differences.
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.random((16, 1)), 50, axis=1)
    member = np.repeat(rng.permutation(16)[:, np.newaxis] < 8, 50, axis=1)
    shuffled = [rng.permutation(16) for _ in range(50)]
    for column, order in enumerate(shuffled):
        scores[:, column] = scores[order, column]
        member[:, column] = member[order, column]
    assert len(np.unique(memorization_of(scores, member))) == 1


def arrays_of(effect_of_seed, effect_of_others, rng):
    """Scores of the three kinds of retrainings, made up."""
    arrays = {}
    influence = effect_of_others * rng.normal(size=(40, 40))
    np.fill_diagonal(influence, 0.0)
    for name, runs, together in (
        ("reference", 256, 1),
        ("pool", 256, 1),
        ("shared", 256, 4),
    ):
        member = balanced_blocks(runs, 40, rng)
        seed = np.repeat(rng.normal(size=(runs // together, 40)), together, axis=0)
        scores = member + member @ influence + effect_of_seed * seed
        arrays[f"{name} scores"] = scores + rng.normal(size=scores.shape)
        arrays[f"{name} member"] = member
    return arrays


def test_shared_seeds_take_out_what_the_seed_does():
    # noise 1 and seed 9 of variance: sharing leaves 1 of 10
    ratio = seed_variance_ratio(arrays_of(3.0, 0.0, np.random.default_rng(0)))
    assert ratio == pytest.approx(0.1, abs=0.02)
    without = seed_variance_ratio(arrays_of(0.0, 0.0, np.random.default_rng(0)))
    assert without == pytest.approx(1.0, abs=0.08)


def test_ridge_takes_out_what_other_points_do():
    # 39 others of variance ¼ each: 9.75 of 10.75
    gain = ridge_gain(arrays_of(0.0, 1.0, np.random.default_rng(0)))
    assert 0.8 < gain < 0.92
    nothing = ridge_gain(arrays_of(0.0, 0.0, np.random.default_rng(0)))
    assert -0.02 < nothing < 0.01


def table_of(shares):
    """Rows of predictors: name → (cost, share in every family)."""
    rows = [
        {
            "metric": "share_of_bound",
            "family": family,
            "data_set": data_set,
            "group": "fewer runs",
            "predictor": name,
            "cost": cost,
            "estimate": share,
        }
        for name, (cost, share) in shares.items()
        for family in findings.FAMILIES
        for data_set in range(6)
    ]
    return pd.DataFrame(rows)


def test_the_frontier_is_what_nothing_as_cheap_beats():
    table = table_of(
        {"a": (1, 0.5), "b": (2, 0.4), "c": (4, 0.8), "d": (32, 0.95), "e": (4, 0.7)}
    )
    found = findings.shares(table)
    assert findings.frontier(found)["predictor"].tolist() == ["a", "c", "d"]
    assert findings.best_cheap(found, "tree")["predictor"] == "c"
    assert findings.runs_needed(found, "tree") == 32
    assert findings.best_of_cheap(table).tolist() == [0.8] * 6


def test_a_predictor_of_two_families_is_no_answer_for_all():
    table = table_of({"a": (1, 0.5), "b": (2, 0.9)})
    few = (table["predictor"] == "a") | table["family"].isin(findings.NETWORKS)
    found = findings.shares(table[few])
    assert findings.frontier(found)["predictor"].tolist() == ["a"]
    assert findings.best_cheap(found, "MLP")["predictor"] == "b"
    assert findings.best_of_cheap(table[few]).tolist() == [0.5] * 6


def test_a_pair_is_found_in_either_order():
    rows = {
        "metric": "noiseless_agreement",
        "family": "MLP",
        "data_set": range(3),
        "first": "a",
        "second": "b",
        "estimate": [0.1, 0.2, 0.3],
    }
    table = pd.DataFrame(rows)
    for names in (("a", "b"), ("b", "a")):
        assert findings.pair_agreement(table, *names).tolist() == [0.1, 0.2, 0.3]
    square = findings.matrix(table, "noiseless_agreement", ("a", "b"))
    assert square.loc["b", "a"] == square.loc["a", "b"] == 0.2
