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


def matrix():
    estimate = np.array([[0.5, np.nan, -2.0], [1.0, 3.0, 0.0]])
    return Result(
        "influence",
        "score",
        estimate,
        low=estimate - 1,
        high=estimate + 1,
        columns={"flag": np.array([["a", "b", "c"], ["d", "e", "f"]]), "version": 2},
        axes=("index", "target"),
        attrs={"seed": 7},
    )


class TestRepr:
    def test_says_which_rows_are_extreme(self):
        estimate = np.array([0.0, 5.0, -4.0, 1.0, 2.0, np.nan, 3.0, -1.0])
        shown = repr(Result("m", "u", estimate, low=estimate - 1, high=estimate + 1))
        head, names, *rows = shown.splitlines()
        assert head == (
            "Result of 'm', 8 estimates, 1 of them NaN; the largest and smallest 3"
        )
        assert names.split() == ["index", "estimate", "low", "high", "unit"]
        assert [int(row.split()[0]) for row in rows] == [1, 6, 4, 0, 7, 2]
        assert rows[0].split() == ["1", "5.0", "4.0", "6.0", "u"]

    def test_estimate_comes_before_the_unit_in_a_narrow_terminal(self):
        with pd.option_context("display.width", 20, "display.max_columns", 2):
            names = repr(matrix()).splitlines()[1].split()
        assert names == ["index", "target", "estimate", "low", "high", "unit"]

    def test_few_rows_are_all_shown(self):
        assert len(repr(Result("m", "u", [1.0, 2.0])).splitlines()) == 4

    def test_one_number(self):
        lines = repr(Result("gap", "loss", 1.5)).splitlines()
        assert lines[0] == "Result of 'gap', 1 estimate"
        assert lines[2].split() == ["1.5", "loss"]

    def test_nothing_but_nan(self):
        shown = repr(Result("m", "u", [np.nan, np.nan]))
        assert shown == "Result of 'm', 2 estimates, 2 of them NaN"
        assert repr(Result("m", "u", np.nan)).endswith("1 of them NaN")

    def test_integers_and_tensors(self):
        assert "estimate" in repr(Result("m", "u", np.array([3, 1])))
        assert "estimate" in repr(Result("m", "u", torch.ones(9, requires_grad=True)))

    def test_a_matrix_names_both_axes(self):
        rows = [row.split()[:3] for row in repr(matrix()).splitlines()[2:]]
        assert rows[0] == ["1", "1", "3.0"]
        assert rows[-1] == ["0", "2", "-2.0"]


class TestIndexing:
    def test_length_is_that_of_the_first_axis(self):
        assert len(matrix()) == 2
        assert len(Result("m", "u", torch.zeros(5))) == 5
        with pytest.raises(TypeError, match="single number has no length"):
            len(Result("m", "u", 1.0))

    @pytest.mark.parametrize(
        "key",
        [
            0,
            -1,
            np.int64(1),
            slice(1, None),
            (slice(None), 2),
            (1, 2),
            (..., 0),
            [1, 0],
            np.array([True, False]),
            ([0, 1], [2, 0]),
            (slice(None), np.array([True, False, True])),
            ~np.isnan(matrix().estimate),
        ],
    )
    def test_parts_are_those_rows_of_the_table(self, key):
        whole = matrix()
        rows = np.arange(6).reshape(2, 3)[key].ravel()
        expected = whole.to_frame().iloc[rows].reset_index(drop=True)
        pd.testing.assert_frame_equal(whole[key].to_frame(), expected)

    def test_parts_of_parts(self):
        whole = Result("m", "u", np.arange(10.0), n_in=np.arange(10))
        part = whole[whole.estimate > 3][::2][1]
        assert part.to_frame()[["index", "estimate", "n_in"]].iloc[0].tolist() == [
            6,
            6,
            6,
        ]
        assert [one.estimate for one in whole[:3]] == [0, 1, 2]

    def test_tensors_stay_tensors(self):
        estimate = torch.tensor([1.0, 2.0, 3.0])
        part = Result("m", "u", estimate, low=estimate - 1)[estimate > 1.5]
        assert torch.equal(part.low, torch.tensor([1.0, 2.0]))
        assert part.to_frame()["index"].tolist() == [1, 2]

    def test_out_of_bounds(self):
        with pytest.raises(IndexError, match="out of bounds"):
            matrix()[2]

    def test_attrs_are_carried_on(self):
        assert matrix()[0].to_frame().attrs == {"seed": 7}


def test_bad_places():
    with pytest.raises(ValueError, match=r"`places\['index'\]` must have the shape"):
        Result("m", "u", [1.0, 2.0], places={"index": [1]})
