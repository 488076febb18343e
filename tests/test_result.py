from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from memmetrics import Result
from memmetrics.result import COLUMNS, default_axes


def test_every_table_has_the_same_columns_and_types():
    full = Result(
        "m", "u", np.zeros((2, 3)), *np.ones((3, 2, 3)), *np.ones((2, 2, 3), dtype=int)
    )
    for result in (full, Result("m", "u", 1.5), Result("m", "u", [1, 2])):
        frame = result.to_frame()
        assert tuple(frame.columns) == COLUMNS
        for name in ("run", "index", "n_in", "n_out"):
            assert frame[name].dtype == pd.Int64Dtype()
        for name in ("standard_error", "low", "high"):
            assert frame[name].dtype == np.float64


def test_tables_concatenate():
    first, second = Result("a", "u", [1.0, 2.0]), Result("b", "v", 3.0, n_in=4)
    table = pd.concat([first.to_frame(), second.to_frame()], ignore_index=True)
    assert table["metric"].tolist() == ["a", "a", "b"]
    assert table["n_in"].isna().tolist() == [True, True, False]


def test_axes():
    frame = Result("m", "u", np.arange(6).reshape(2, 3)).to_frame()
    assert frame["run"].tolist() == [0, 0, 0, 1, 1, 1]
    assert frame["index"].tolist() == [0, 1, 2, 0, 1, 2]
    assert frame["estimate"].tolist() == list(range(6))
    number = Result("m", "u", 2.0).to_frame()
    assert number["run"].isna().all()
    assert number["index"].isna().all()


def test_an_axis_of_another_name_is_a_column():
    result = Result("m", "u", np.arange(6).reshape(2, 3), axes=("index", "target"))
    frame = result.to_frame()
    assert tuple(frame.columns) == (*COLUMNS, "target")
    assert frame["target"].tolist() == [0, 1, 2, 0, 1, 2]
    assert frame["run"].isna().all()


def test_many_axes():
    assert [default_axes(n) for n in range(3)] == [(), ("index",), ("run", "index")]
    frame = Result("m", "u", np.zeros((2, 1, 3, 2))).to_frame()
    assert frame["axis_0"].tolist() == [0] * 6 + [1] * 6
    assert frame["axis_1"].tolist() == [0] * 12


def test_columns_of_ones_own():
    columns = {"interval": np.array(["a", "b"], dtype=object), "version": 3}
    frame = Result("m", "u", [1.0, 2.0], columns=columns).to_frame()
    assert tuple(frame.columns) == (*COLUMNS, "interval", "version")
    assert frame["interval"].tolist() == ["a", "b"]
    assert frame["version"].tolist() == [3, 3]


def test_tensors_with_gradients():
    estimate = torch.ones(3, requires_grad=True) * 2
    frame = Result("m", "u", estimate, low=estimate - 1).to_frame()
    assert frame["low"].tolist() == [1, 1, 1]
    half = Result("m", "u", torch.ones(2, dtype=torch.bfloat16)).to_frame()
    assert half["estimate"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"low": [1.0]}, r"`low` must have the shape \(2,\) of `estimate`; got \(1,\)"),
        ({"n_in": 3}, r"`n_in` must have the shape"),
        ({"columns": {"a": [1, 2, 3]}}, r"`columns\['a'\]` must have the shape"),
        ({"columns": {"low": [1, 2]}}, "`columns` must not redefine 'low'"),
        ({"columns": {"x": 1}, "axes": ["x"]}, "`columns` must not redefine 'x'"),
        (
            {"axes": ("run", "index")},
            r"`axes` must give .*\('run', 'index'\) for shape",
        ),
    ],
)
def test_bad_input(options, match):
    with pytest.raises(ValueError, match=match):
        Result("m", "u", [1.0, 2.0], **options)


def test_axes_need_names_of_their_own():
    with pytest.raises(ValueError, match="a name of its own"):
        Result("m", "u", np.zeros((2, 2)), axes=("index", "index"))


def test_frozen():
    result = Result("m", "u", 1.0)
    with pytest.raises(AttributeError):
        result.metric = "other"
