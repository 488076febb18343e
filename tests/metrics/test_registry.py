from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace

import pytest

import memmetrics as mm
from memmetrics.metrics import registry
from memmetrics.metrics.registry import (
    PluginError,
    available_metrics,
    get_metric,
    offered_metrics,
)

OURS = {
    "feature_dimensionality": mm.FeatureDimensionality,
    "datapoint_dimensionality": mm.DatapointDimensionality,
    "leverage": mm.Leverage,
    "train_test_gap": mm.TrainTestGap,
    "counterfactual_memorization": mm.CounterfactualMemorization,
    "counterfactual_influence": mm.CounterfactualInfluence,
}


class LargestLoss:
    name, version, needs = "largest_loss", 1, mm.Losses

    def __call__(self, evidence):
        return mm.Result(self.name, "loss", evidence.train.max())


@pytest.fixture
def offer(monkeypatch):
    """Install metrics, as if from so many distributions."""

    def install(*offers):
        found = []
        for name, value, distribution in offers:
            entry_point = EntryPoint(name, value, registry.GROUP)
            dist = SimpleNamespace(name=distribution, version="1.2")
            vars(entry_point).update(dist=dist)
            found.append(entry_point)
        monkeypatch.setattr(registry, "entry_points", lambda group: found)

    module = ModuleType("plugin_module")
    module.LargestLoss = LargestLoss
    module.not_a_metric = lambda: 1
    monkeypatch.setitem(sys.modules, "plugin_module", module)
    return install


def test_ours_are_registered():
    assert OURS.keys() <= available_metrics().keys()


@pytest.mark.parametrize("name", OURS)
def test_ours_load_by_name(name):
    metric = get_metric(name)
    assert type(metric) is OURS[name]
    assert metric.name == name
    assert isinstance(metric, mm.Metric)
    assert isinstance(metric.cost, str)
    assert isinstance(metric.unit, str)


def test_objects_and_classes_need_no_registration():
    metric = LargestLoss()
    assert get_metric(metric) is metric
    assert isinstance(get_metric(LargestLoss), LargestLoss)


def test_a_plugin_by_name(offer):
    offer(("largest_loss", "plugin_module:LargestLoss", "loss-metrics"))
    assert isinstance(get_metric("largest_loss"), LargestLoss)


def test_a_broken_plugin_harms_nobody_else(offer):
    offer(
        ("broken", "no_such_module:Metric", "half-done"),
        ("largest_loss", "plugin_module:LargestLoss", "loss-metrics"),
    )
    assert sorted(available_metrics()) == ["broken", "largest_loss"]
    assert isinstance(get_metric("largest_loss"), LargestLoss)
    assert "no_such_module" not in sys.modules
    with pytest.raises(PluginError, match=r"half-done 1\.2 .*No module named"):
        get_metric("broken")


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ("plugin_module:Missing", "is broken: AttributeError"),
        ("plugin_module:not_a_metric", "is not a metric: no attribute `name`"),
        ("plugin_module:LargestLoss", "calls itself 'largest_loss'; the two names"),
    ],
)
def test_a_plugin_that_is_none(offer, value, match):
    offer(("strange", value, "half-done"))
    with pytest.raises(PluginError, match=match) as caught:
        get_metric("strange")
    assert "half-done 1.2" in str(caught.value)


def test_duplicates_name_both_distributions(offer):
    offer(
        ("largest_loss", "plugin_module:LargestLoss", "first"),
        ("largest_loss", "plugin_module:LargestLoss", "second"),
        ("other", "plugin_module:LargestLoss", "first"),
    )
    match = r"'largest_loss' is offered more than once, by first 1\.2 and second 1\.2"
    with pytest.raises(PluginError, match=match):
        get_metric("largest_loss")
    with pytest.raises(PluginError, match=match):
        available_metrics()
    assert offered_metrics() == [("largest_loss", "first, second"), ("other", "first")]
    with pytest.raises(PluginError, match="'other' of distribution first"):
        get_metric("other")


def test_a_plugin_that_ends_the_program(offer, monkeypatch):
    class Ends:
        def __init__(self):
            raise SystemExit(1)

    class Nameless(LargestLoss):
        name = None

    monkeypatch.setattr(sys.modules["plugin_module"], "Ends", Ends, raising=False)
    monkeypatch.setattr(sys.modules["plugin_module"], "None_", Nameless, raising=False)
    offer(
        ("ends", "plugin_module:Ends", "half-done"),
        ("nameless", "plugin_module:None_", "half-done"),
    )
    with pytest.raises(PluginError, match=r"half-done 1\.2 .* SystemExit"):
        get_metric("ends")
    with pytest.raises(PluginError, match=r"half-done .* calls itself None"):
        get_metric("nameless")


def test_damaged_metadata(offer):
    offer(("absent", "no_such_module:Metric", None))
    assert offered_metrics() == [("absent", "unknown")]
    with pytest.raises(PluginError, match=r"distribution unknown 1\.2"):
        get_metric("absent")


def test_unknown_names_get_a_hint():
    with pytest.raises(
        ValueError, match="unknown metric 'levrage'; did you mean 'lever"
    ):
        get_metric("levrage")
    with pytest.raises(ValueError, match=r"installed are .*train_test_gap"):
        get_metric("xyz")


def test_nothing_installed(offer):
    offer()
    with pytest.raises(ValueError, match="memmetrics itself is not installed"):
        get_metric("leverage")


@pytest.mark.parametrize(
    ("candidate", "match"),
    [
        (3, "3 is not a metric: no attribute `name`"),
        (SimpleNamespace(name="a", version=1, needs=mm.Fit), "it cannot be called"),
        (
            type("A", (), {"name": "a", "version": 1, "needs": int, "__call__": len})(),
            "`needs` must be one of Fit, Losses, OneRun, Retrainings",
        ),
    ],
)
def test_what_is_no_metric(candidate, match):
    with pytest.raises(TypeError, match=match):
        get_metric(candidate)
