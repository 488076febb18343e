"""Arrays from files: damage of any kind is one clear error, and numbers stay exact."""

from __future__ import annotations

import io
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from memmetrics._arrays.files import (
    check_table_path,
    read_array,
    read_labels,
    write_table,
)

ARRAY = np.arange(30.0).reshape(10, 3) / 7


def saved(save, *arguments):
    stream = io.BytesIO()
    save(stream, *arguments)
    return stream.getvalue()


def claiming(shape):
    """Return an array file whose header promises more than follows."""
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    return saved(np.lib.format.write_array_header_1_0, header) + bytes(8)


def archive(name, content, *, unpacked=None):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr(name, content)
        if unpacked is not None:
            file.infolist()[0].file_size = unpacked  # as the directory has it
    return stream.getvalue()


def patched(content, *places):
    changed = bytearray(content)
    for place, byte in places:
        changed[place] = byte
    return bytes(changed)


NPY = saved(np.save, ARRAY)
NPZ = archive("hidden.npy", NPY)
DIRECTORY = NPZ.index(b"PK\x01\x02")
SHRUNK = saved(np.savez_compressed, ARRAY)
DAMAGED = {
    "header that never ends.npy": NPY[:10] + b"(" * 10 + NPY[20:],
    "header without end of text.npy": NPY[:10] + b"'" + NPY[11:],
    "too large.npy": claiming((10**14, 3)),
    "larger than the file.npy": claiming((10**6, 3)),
    "negative.npy": claiming((-3, 3)),
    "too large.npz": archive("hidden.npy", claiming((10**14, 3))),
    "bomb.npz": archive("hidden.npy", NPY, unpacked=2**60),
    "method unknown.npz": patched(NPZ, (8, 99), (DIRECTORY + 10, 99)),
    "encrypted.npz": patched(NPZ, (6, 1), (DIRECTORY + 8, 1)),
    "deflated badly.npz": patched(SHRUNK, *((i, 255) for i in range(60, 80))),
    "not an array.npz": archive("hidden", b"hello"),
    "nothing.npz": archive("hidden.npy", b""),
    "empty.npy": b"",
    "empty.npz": b"",
    "empty.csv": b"",
    "comments.csv": b"# nothing\n\n",
    "half.npy": NPY[: len(NPY) // 2],
    "half.npz": NPZ[: len(NPZ) // 2],
    "pickled.npy": saved(np.save, np.array([{}], dtype=object)),
    "ragged.csv": b"1,2\n1,2,3\n",
    "semicolons.csv": b"1;2\n3;4\n",
    "header.csv": b"first,second\n1,2\n",
    "latin.csv": "1,\xe9\n".encode("latin1"),
    "wide.csv": "1,2\n".encode("utf-16"),
    "array.csv": NPY,
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.filterwarnings("error")
def test_damage_names_the_file(tmp_path, name):
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(ValueError, match=name):
        read_array(str(tmp_path / name))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage_is_a_value_error_or_an_array(tmp_path_factory, data):
    suffix, content = data.draw(
        st.sampled_from([("npy", NPY), ("npz", NPZ), ("npz", SHRUNK)])
    )
    place = st.integers(0, len(content) - 1)
    places = data.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=5))
    end = data.draw(st.one_of(st.just(len(content)), place))
    file = tmp_path_factory.getbasetemp() / f"damaged.{suffix}"
    file.write_bytes(patched(content, *places)[:end])
    try:
        assert isinstance(read_array(str(file)), np.ndarray)
    except ValueError as error:
        assert "damaged" in str(error)  # noqa: PT017


def test_what_is_no_file(tmp_path):
    (tmp_path / "folder.npy").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")  # to open it would wait for a writer
    for name in ("folder.npy", "pipe.csv"):
        with pytest.raises(ValueError, match=f"{name}: expected a file; got a folder"):
            read_array(str(tmp_path / name))
    with pytest.raises(FileNotFoundError, match="absent"):
        read_array(str(tmp_path / "absent.npz:hidden"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_as_spreadsheets_write_it(tmp_path, encoding, end):
    file = tmp_path / "table.csv"
    lines = ["# a comment", "1,2.5", '"3",4', ""]
    file.write_bytes(end.join(lines).encode(encoding))
    np.testing.assert_array_equal(read_array(str(file)), [[1, 2.5], [3, 4]])
    file.write_bytes(end.join(["7", "8"]).encode(encoding))
    np.testing.assert_array_equal(read_labels(str(file)), [7, 8])


@settings(max_examples=100, deadline=None)
@given(numbers=st.lists(st.integers(-(2**70), 2**70), min_size=1), row=st.booleans())
def test_integers_stay_exact(tmp_path_factory, numbers, row):
    file = tmp_path_factory.getbasetemp() / "labels.csv"
    file.write_text(("," if row else "\n").join(map(str, numbers)))
    labels = read_labels(str(file))
    assert labels.tolist() == numbers
    if max(map(abs, numbers)) < 2**63:
        assert labels.dtype == np.int64


def test_integers_as_numpy_writes_them(tmp_path):
    file = str(tmp_path / "labels.csv")
    np.savetxt(file, [3, -1, 2**52])
    np.testing.assert_array_equal(read_labels(file), [3, -1, 2**52])
    assert read_labels(file).dtype == np.int64


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("cat\ndog\ncat", ["cat", "dog", "cat"]),
        ('"a, b"\n" c"', ["a, b", "c"]),
        ("a#1\na#2", ["a#1", "a#2"]),
        ("9007199254740992e0\n9007199254740993e0", None),  # float64 would merge these
        ("1\n1.5", None),
        ("1\nnan", None),
    ],
)
def test_what_is_no_integer_is_text(tmp_path, text, labels):
    (tmp_path / "labels.csv").write_text(text)
    expected = text.split("\n") if labels is None else labels
    assert read_labels(str(tmp_path / "labels.csv")).tolist() == expected


@pytest.mark.parametrize("text", ["", "# only a comment\n", "1,2\n3\n"])
def test_labels_that_are_none(tmp_path, text):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ValueError, match=r"labels\.csv"):
        read_labels(str(tmp_path / "labels.csv"))


def test_tables_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("folder.csv", "pipe.csv"):
        with pytest.raises(FileExistsError, match=name):
            check_table_path(str(tmp_path / name))
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        check_table_path(str(tmp_path / "absent" / "table.csv"))
    with pytest.raises(OSError, match="too long"):
        check_table_path(str(tmp_path / f"{'a' * 300}.csv"))
    with pytest.raises(ValueError, match=r"\.csv or \.parquet"):
        check_table_path(str(tmp_path / "table"))

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    with pytest.raises(OSError, match=r"table\.csv: cannot be written \(Permission"):
        check_table_path(str(tmp_path / "table.csv"))


def test_nothing_is_left_when_writing_fails(tmp_path):
    class Frame:
        def to_csv(self, path, **_):
            path.write_text("half a ta")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_table(Frame(), str(tmp_path / "table.csv"))
    assert list(tmp_path.iterdir()) == []
