from __future__ import annotations

import numpy as np
import pytest

import memmetrics as mm
from memmetrics.metrics.group_memorization import GroupMemorization, group_memorization
from memmetrics.testing import check_metric

GROUPS = np.array([3, 1, 3, 0, 1, 3])


def retrainings(runs=40, *, rng=0):
    rng = np.random.default_rng(rng)
    toggled = rng.random((runs, 4)) < 0.5  # column 2 is no group
    return rng.normal(size=(runs, 6)), toggled[:, GROUPS]


def test_it_is_the_difference_of_the_members_mean_scores():
    scores, member = retrainings()
    result = group_memorization(scores, member, GROUPS)
    assert result.columns["group"].tolist() == [0, 1, 3]
    assert result.columns["size"].tolist() == [1, 2, 3]
    for place, group in enumerate([0, 1, 3]):
        of_group = scores[:, group == GROUPS].mean(axis=1)
        inside = member[:, np.flatnonzero(group == GROUPS)[0]]
        arms = of_group[inside], of_group[~inside]
        difference = arms[0].mean() - arms[1].mean()
        error = np.sqrt(sum(arm.var(ddof=1) / len(arm) for arm in arms))
        assert result.estimate[place] == pytest.approx(difference)
        assert result.standard_error[place] == pytest.approx(error)
        assert (result.n_in[place], result.n_out[place]) == tuple(map(len, arms))
        assert result.low[place] < difference < result.high[place]


def test_groups_of_one_are_counterfactual_memorization():
    scores, member = retrainings()
    alone = GroupMemorization()(mm.Retrainings(scores, member))
    expected = mm.counterfactual_memorization(scores, member)
    for name in ("estimate", "standard_error", "low", "high", "n_in", "n_out"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(expected, name))
    assert alone.columns["group"].tolist() == list(range(6))


def test_the_metric_takes_the_groups_of_the_evidence():
    scores, member = retrainings()
    evidence = mm.Retrainings(scores, member, groups=GROUPS)
    table = GroupMemorization(confidence=0.8)(evidence).to_frame()
    expected = group_memorization(scores, member, GROUPS, confidence=0.8).to_frame()
    assert table.equals(expected)
    assert table["index"].tolist() == [0, 1, 2]


def test_only_targets_that_are_members_count():
    scores, member = retrainings()
    own = np.array([1, -1, 0, 2])
    result = group_memorization(scores[:, :4], member, GROUPS, own=own)
    assert result.columns["group"].tolist() == [1, 3]
    inside = member[:, 0]
    of_group = scores[:, 2:4].mean(axis=1)
    expected = of_group[inside].mean() - of_group[~inside].mean()
    assert result.estimate[1] == pytest.approx(expected)


def test_labels_may_be_names():
    scores, member = retrainings()
    names = np.array(["a", "b", "c", "d"])[GROUPS]
    result = group_memorization(scores, member, names)
    assert result.columns["group"].tolist() == ["a", "b", "d"]


def test_copies_are_memorized_as_a_group_and_not_alone():
    # Found by the nearest point: each of three copies stands in for the others.
    points = np.array([0.0, 0, 0, 10, 20, 30])[:, np.newaxis]
    groups = np.array([0, 0, 0, 1, 2, 3])

    def score(indices, seed):
        return -np.abs(points - points[indices].T).min(axis=1)

    def retrain(**options):
        return mm.retrain(mm.FunctionTrainer(score), points, runs=64, rng=0, **options)

    single = mm.counterfactual_memorization(*_arrays(retrain()))
    together = GroupMemorization()(retrain(groups=groups))
    assert single.estimate[0] < 0.5 * together.estimate[0]
    assert together.low[0] > 0


def _arrays(evidence):
    return evidence.scores, evidence.member


def test_an_empty_arm_has_no_estimate():
    scores, member = retrainings()
    member[:, 3] = True
    with pytest.warns(RuntimeWarning, match="no run in one of the two arms"):
        result = group_memorization(scores, member, GROUPS)
    assert np.isnan(result.estimate).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": np.arange(5)}, "`groups` must give one group for each of the 6"),
        ({"groups": np.zeros(6)}, "`groups` must have been toggled together"),
        ({"own": np.full(6, -1)}, "`own` must name some training point"),
        ({"confidence": 2.0}, "`confidence` must lie strictly between 0 and 1"),
    ],
)
def test_bad_input(options, message):
    scores, member = retrainings()
    arguments = {"scores": scores, "member": member, "groups": GROUPS, **options}
    with pytest.raises(ValueError, match=message):
        group_memorization(**arguments)


def test_it_behaves_as_a_metric_must():
    check_metric(GroupMemorization(), worker=False)
