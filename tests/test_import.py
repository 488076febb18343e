"""What `import memmetrics` gives, and what it must not drag in."""

from __future__ import annotations

import json
import subprocess
import sys
from types import ModuleType

import memmetrics

OPTIONAL = {
    "dask",
    "distributed",
    "jax",
    "matplotlib",
    "numba",
    "pyarrow",
    "pytest",
    "ray",
    "sklearn",
    "tqdm",
}
PUBLIC = {
    "CounterfactualInfluence",
    "CounterfactualMemorization",
    "DatapointDimensionality",
    "FeatureDimensionality",
    "Fit",
    "FunctionTrainer",
    "Leverage",
    "Losses",
    "Metric",
    "ModuleTrainer",
    "OneRun",
    "Precision",
    "Result",
    "Retrainings",
    "ToyTrainer",
    "TrainTestGap",
    "concatenate",
    "counterfactual_influence",
    "counterfactual_memorization",
    "datapoint_dimensionality",
    "feature_dimensionality",
    "leverage",
    "measure",
    "plan",
    "read_retrainings",
    "plant",
    "report",
    "retrain",
    "sparse_features",
    "spectrum",
    "train_test_gap",
}


def modules_after(statement):
    code = f"{statement}; import json, sys; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {name.partition(".")[0] for name in json.loads(output)}


def test_optional_packages_are_not_imported():
    # Those that torch or pandas bring of their own accord are not ours to answer for.
    theirs = modules_after("import joblib, numpy, pandas, scipy.sparse, torch")
    ours = modules_after("import memmetrics")
    assert "memmetrics" in ours
    assert not (ours - theirs) & OPTIONAL


def test_what_takes_long_to_import_is_not_imported():
    code = "import memmetrics, sys; print('scipy.stats' in sys.modules)"
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert output.strip() == "False"


ROOMS = {
    "designs",
    "metrics",
    "plotting",
    "selection",
    "statistics",
    "testing",
    "trainers",
}


def test_rooms_are_attributes_without_an_import():
    wanted = ", ".join(f"memmetrics.{room}.__name__" for room in sorted(ROOMS))
    assert "memmetrics" in modules_after(f"import memmetrics; print(end=''), {wanted}")
    assert set(dir(memmetrics)) >= ROOMS | PUBLIC
    assert not hasattr(memmetrics, "kitchen")


def test_public_names():
    assert set(memmetrics.__all__) == PUBLIC
    assert len(memmetrics.__all__) == len(PUBLIC) <= 32


def test_nothing_else_is_public():
    names = {
        name
        for name, value in vars(memmetrics).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert names - {"annotations", "ModuleType", "TYPE_CHECKING"} == PUBLIC


def test_every_public_name_is_documented():
    undocumented = [name for name in PUBLIC if not getattr(memmetrics, name).__doc__]
    assert undocumented == []
