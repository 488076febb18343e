"""Scores and membership that somebody else saved."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import memmetrics as mm
from memmetrics.reading import read_retrainings


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(6, 4))
    scores[rng.random((6, 4)) < 0.2] = np.nan
    return {"scores": scores, "member": rng.random((6, 4)) < 0.5}


@pytest.fixture
def full():
    """Every field: held-out targets, groups as texts, seeds beyond 64 bits' half."""
    rng = np.random.default_rng(1)
    return {
        "scores": rng.normal(size=(6, 5)),
        "member": rng.random((6, 4)) < 0.5,
        "own": np.array([0, 1, 2, 3, -1]),
        "groups": np.array(["a", "a", "b", "b"]),
        "seeds": np.arange(6, dtype=np.uint64) + np.uint64(2**63),
    }


def assert_same(evidence, fields):
    for name in ("scores", "member", "own", "groups", "seeds"):
        expected = fields.get(name)
        if expected is None and name == "own":
            expected = np.arange(4)
        received = getattr(evidence, name)
        if expected is None:
            assert received is None
        else:
            np.testing.assert_array_equal(received, expected)


def long_table(fields):
    """The tidy table of scores, built row by row."""
    own = fields.get("own", np.arange(4))
    rows = []
    for run, scores in enumerate(fields["scores"]):
        for target, score in enumerate(scores):
            point = own[target]
            row = {"run": run, "point": target, "score": score}
            row["member"] = None if point < 0 else int(fields["member"][run, point])
            if "groups" in fields:
                row["group"] = "none" if point < 0 else fields["groups"][point]
            if "seeds" in fields:
                row["seed"] = fields["seeds"][run]
            rows.append(row)
    return pd.DataFrame(rows)


@pytest.mark.parametrize("which", ["arrays", "full"])
def test_archive(tmp_path, which, request):
    fields = request.getfixturevalue(which)
    np.savez(tmp_path / "runs.npz", **fields, something_else=np.zeros(3))
    assert_same(read_retrainings(tmp_path / "runs.npz"), fields)
    np.savez_compressed(tmp_path / "small.npz", **fields)
    assert_same(read_retrainings(str(tmp_path / "small.npz")), fields)


@pytest.mark.parametrize("which", ["arrays", "full"])
def test_folder_and_pair(tmp_path, which, request):
    fields = request.getfixturevalue(which)
    for name, array in fields.items():
        np.save(tmp_path / f"{name}.npy", array)
    assert_same(read_retrainings(tmp_path), fields)
    if which == "arrays":
        pair = (tmp_path / "scores.npy", tmp_path / "member.npy")
        assert_same(read_retrainings(pair), fields)


def test_folder_of_text(tmp_path, full):
    for name, array in full.items():
        np.savetxt(tmp_path / f"{name}.csv", array, delimiter=",", fmt="%s")
    member = full["member"].astype(int)
    np.savetxt(tmp_path / "member.csv", member, delimiter=",", fmt="%d")
    assert_same(read_retrainings(tmp_path), full)


@pytest.mark.parametrize("which", ["arrays", "full"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tidy_table(tmp_path, which, suffix, request):
    fields = request.getfixturevalue(which)
    frame = long_table(fields).sample(frac=1, random_state=0)
    file = tmp_path / f"runs.{suffix}"
    if suffix == "csv":
        frame.to_csv(file, index=False)
    else:
        frame.to_parquet(file)
    assert_same(read_retrainings(file), fields)


def test_tidy_table_of_tokens(tmp_path):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, 2, 3))
    scores[:, 1, 2] = np.nan  # the second document has two tokens
    member = np.array([[1, 0], [0, 1], [1, 1]], dtype=bool)
    rows = [
        (run, point, token, scores[run, point, token], member[run, point])
        for run, point, token in np.ndindex(3, 2, 3)
        if (point, token) != (1, 2)
    ]
    columns = ["run", "target", "token", "score", "member"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "t.csv", index=False)
    evidence = read_retrainings(tmp_path / "t.csv")
    np.testing.assert_array_equal(evidence.scores, scores)
    np.testing.assert_array_equal(evidence.member, member)


@pytest.mark.parametrize("words", [("True", "False"), ("true", "false"), ("1", "0")])
def test_words_of_membership(tmp_path, words):
    yes, no = words
    text = (
        f"run, point, score, member\na,x,1,{yes}\na,y,,{no}\nb,x,3,{no}\nb,y,4,{yes}\n"
    )
    (tmp_path / "t.csv").write_text("\ufeff" + text, "utf-8")
    evidence = read_retrainings(tmp_path / "t.csv")
    np.testing.assert_array_equal(evidence.member, [[True, False], [False, True]])
    np.testing.assert_array_equal(evidence.scores, [[1, np.nan], [3, 4]])


def test_precision_is_kept(tmp_path, arrays):
    scores = arrays["scores"].astype(np.float32)
    np.savez(tmp_path / "runs.npz", scores=scores, member=arrays["member"])
    assert read_retrainings(tmp_path / "runs.npz").scores.dtype == np.float32
    frame = long_table({**arrays, "scores": scores})
    frame.astype({"score": np.float32}).to_parquet(tmp_path / "runs.parquet")
    assert read_retrainings(tmp_path / "runs.parquet").scores.dtype == np.float32


def test_what_the_file_lacks_can_be_given(tmp_path, full):
    held = {name: full[name] for name in ("scores", "member")}
    np.savez(tmp_path / "runs.npz", **held)
    with pytest.raises(ValueError, match=r"runs.npz: `own` must say"):
        read_retrainings(tmp_path / "runs.npz")
    evidence = read_retrainings(
        tmp_path / "runs.npz", own=full["own"], groups=full["groups"]
    )
    assert_same(evidence, {**full, "seeds": None})


TABLE = "run,point,score,member\n0,0,1,1\n0,1,2,0\n1,0,3,0\n1,1,4,1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TABLE.replace("point", "points"), "has the columns run, point"),
        (
            TABLE.replace("member", "keep"),
            "has the columns.*got run, point, score, keep",
        ),
        (TABLE.replace("1,1,4,1\n", ""), r"point 1 has no row .* in run 1"),
        (TABLE.replace("1,1,4,1", "1,1,4,"), r"point 1 has no row .* in run 1"),
        (TABLE + "1,1,4,1\n", "two rows of one run and point"),
        (TABLE.replace("0,1,2,0", "0,1,2,2"), "'member' must hold true and false"),
        (TABLE.replace("0,1,2,0", "0,1,2,no"), "'member' must hold.*'no'"),
        (TABLE.replace("0,1,2,0", "0,1,two,0"), "'score' must hold numbers"),
        (TABLE.replace("0,1,2,0", "0,,2,0"), "'point' is empty"),
        ("run,point,score,member\n0,1,1,1\n0,2,2,0\n", "from 0.*there is no 0"),
        ("run,point,score,member\n", "no rows"),
        ("run,point,score,member\n0,0,1,\n", "'member' is empty"),
        (
            "run,point,score,member,seed\n0,0,1,1,5\n0,1,2,0,6\n",
            "'seed' has two values for run 0",
        ),
        (
            "run,point,token,score,member\n0,0,0,1,1\n0,0,1,2,0\n",
            "point 0 is said to be a member and not to be one in run 0",
        ),
    ],
)
def test_a_wrong_table_names_file_and_rule(tmp_path, text, message):
    (tmp_path / "runs.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"runs\.csv: .*{message}"):
        read_retrainings(tmp_path / "runs.csv")


def test_wrong_files_name_file_and_rule(tmp_path, arrays):
    scores, member = arrays["scores"], arrays["member"]
    np.savez(tmp_path / "a.npz", scores=scores, keep=member)
    np.savez(tmp_path / "b.npz", scores=scores, member=np.argsort(scores))
    np.savez(tmp_path / "c.npz", scores=scores, member=member[:5])
    np.savez(tmp_path / "d.npz", scores=scores, member=member.astype(str))
    np.save(tmp_path / "scores.npy", scores)
    (tmp_path / "e.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-50])
    (tmp_path / "f.npz").write_bytes((tmp_path / "scores.npy").read_bytes())
    (tmp_path / "h.parquet").write_bytes(b"PAR1 it is not")
    (tmp_path / "i.txt").write_text("1")
    for name, message in {
        "a.npz": "no array member in it; it has scores, keep",
        "b.npz": "`member` must be boolean or hold 0 and 1 only",
        "c.npz": "with as many runs; got shapes",
        "d.npz": "`member` must be boolean or hold 0 and 1 only; got dtype",
        "e.npz": "zip",
        "f.npz": "one array without a name",
        "h.parquet": "(?i)parquet",
        "i.txt": "expected an archive",
        "j.npz": "No such file",
        "": "no store of ours, and no file member.npy",
    }.items():
        with pytest.raises((OSError, TypeError, ValueError), match=message) as caught:
            read_retrainings(tmp_path / name)
        assert re.search(re.escape(str(tmp_path / name)), str(caught.value)), name


def test_a_pair_of_three(tmp_path):
    with pytest.raises(ValueError, match="pair"):
        read_retrainings((tmp_path, tmp_path, tmp_path))


def test_nothing_is_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    odd = np.array([[Bomb()]], dtype=object)
    np.savez(tmp_path / "a.npz", scores=odd, member=np.ones((1, 1), bool))
    with pytest.raises(ValueError, match=r"a\.npz.*allow_pickle=False"):
        read_retrainings(tmp_path / "a.npz")


def test_holes_do_not_count(tmp_path, arrays):
    rng = np.random.default_rng(3)
    member = rng.random((60, 4)) < 0.5
    scores = rng.normal(size=(60, 4)) + member
    scores[rng.random((60, 4)) < 0.3] = np.nan
    long_table({"scores": scores, "member": member}).to_csv(tmp_path / "t.csv")
    evidence = read_retrainings(tmp_path / "t.csv")
    result = mm.counterfactual_memorization(evidence.scores, evidence.member)
    for point in range(4):
        seen = ~np.isnan(scores[:, point])
        inside, outside = seen & member[:, point], seen & ~member[:, point]
        plain = scores[inside, point].mean() - scores[outside, point].mean()
        assert result.estimate[point] == pytest.approx(plain)
        assert result.n_in[point] == inside.sum()


def test_words_that_all_say_something(tmp_path):
    # No hole among them, in which case pandas may hand out what must not be changed.
    words = {True: "TRUE ", False: " False"}
    rows = [f"{r},{p},1.5,{words[r == p]}\n" for r in range(2) for p in range(2)]
    file = tmp_path / "scores.csv"
    file.write_text("run,point,score,member\n" + "".join(rows))
    assert read_retrainings(file).member.tolist() == [[True, False], [False, True]]
