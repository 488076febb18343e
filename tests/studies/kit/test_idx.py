from __future__ import annotations

import gzip

import numpy as np
import pytest
from idx_files import NAMES, idx, write_set

from studies._kit.images import known_labels, load_images, read_idx


@pytest.mark.parametrize("compress", [False, True])
def test_reads_what_was_written(tmp_path, compress):
    written = write_set(tmp_path, compress=compress)
    train, test = load_images(tmp_path, np.random.default_rng(0))
    np.testing.assert_array_equal(train.pixels, written[NAMES[0]])
    np.testing.assert_array_equal(train.labels, written[NAMES[1]])
    np.testing.assert_array_equal(test.pixels, written[NAMES[2]])
    np.testing.assert_array_equal(test.labels, written[NAMES[3]])


def test_last_axis_is_the_fastest(tmp_path):
    path = tmp_path / "values"
    path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]))
    assert read_idx(path).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_missing_files_are_all_named(tmp_path):
    write_set(tmp_path)
    (tmp_path / NAMES[1]).unlink()
    (tmp_path / NAMES[2]).unlink()
    with pytest.raises(FileNotFoundError, match=f"{NAMES[1]}, {NAMES[2]}"):
        load_images(tmp_path, np.random.default_rng(0))
    with pytest.raises(FileNotFoundError, match=r"four IDX files"):
        load_images(tmp_path / "nowhere", np.random.default_rng(0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"PK\3\4 something else", "not an IDX file"),
        (bytes([0, 0, 13, 1, 0, 0, 0, 1]), "not an IDX file"),
        (bytes([0, 0, 8, 3, 0, 0]), "inside its header"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 5, 1, 2]), r"2 values; its header says \(5,\)"),
    ],
)
def test_other_content_is_refused(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(path)


def test_cut_off_gzip_is_refused(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(idx(np.arange(200)))[:-20])
    with pytest.raises(ValueError, match="not a whole gzip file"):
        read_idx(path)


def test_images_without_their_labels_are_refused(tmp_path):
    write_set(tmp_path, labels=7)
    with pytest.raises(ValueError, match=r"\(12, 4, 3\) and \(7,\)"):
        load_images(tmp_path, np.random.default_rng(0))


def test_blank_images_are_left_out(tmp_path):
    write_set(tmp_path)
    pixels = np.ones((12, 4, 3))
    pixels[5] = 0
    (tmp_path / NAMES[0]).write_bytes(idx(pixels))
    train, _ = load_images(tmp_path, np.random.default_rng(0))
    assert len(train) == 11
    np.testing.assert_allclose(np.linalg.norm(train.unit_rows(), axis=1), 1)


def test_small_digits_are_split_without_overlap():
    train, test = load_images(None, np.random.default_rng(0))
    assert len(train) + len(test) == 1797
    rows = np.concatenate([train.unit_rows(), test.unit_rows()])
    # Two of scikit-learn's digits may be equal up to brightness, so raw pixels count.
    raw = np.concatenate([train.pixels, test.pixels]).reshape(len(rows), -1)
    assert len(np.unique(raw, axis=0)) == 1797
    assert set(train.labels) == set(test.labels) == set(range(10))


def test_sample_has_no_repeats_and_a_limit():
    train, _ = load_images(None, np.random.default_rng(0))
    chosen = train.sample(50, np.random.default_rng(1))
    assert len(np.unique(chosen.pixels.reshape(50, -1), axis=0)) == 50
    with pytest.raises(
        ValueError, match=r"need 5000 images .*; scikit-learn's digits has"
    ):
        train.sample(5000, np.random.default_rng(1))


def test_too_few_images_are_named_by_their_file(tmp_path):
    write_set(tmp_path)
    train, _ = load_images(tmp_path, np.random.default_rng(0))
    with pytest.raises(ValueError, match=rf"need 80 images .*{NAMES[0]} has 12"):
        train.sample(80, np.random.default_rng(0))


def test_one_label_is_nothing_to_tell_apart(tmp_path):
    write_set(tmp_path, classes=1)
    parts = load_images(tmp_path, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"at least 2 different labels .* only 0"):
        known_labels(*parts)


NAMED = ("t-shirt", "trouser", "ankle boot")


def test_labels_stand_for_themselves_or_for_the_names_given(tmp_path):
    written = write_set(tmp_path, train=40, classes=3)
    labels = written[NAMES[1]]
    train, test = load_images(tmp_path, np.random.default_rng(0))
    assert train.shown().tolist() == [str(label) for label in labels]
    train, test = load_images(tmp_path, np.random.default_rng(0), NAMED)
    assert train.shown().tolist() == [NAMED[label] for label in labels]
    chosen = train.sample(10, np.random.default_rng(1))
    assert chosen.shown().tolist() == [NAMED[label] for label in chosen.labels]
    assert test.classes == NAMED


@pytest.mark.parametrize(
    "classes", [NAMED[:2], (*NAMED, "bag"), ("a", "a", "b"), ("a", "", "b"), ()]
)
def test_names_that_do_not_fit_the_labels_are_refused(tmp_path, classes):
    write_set(tmp_path, train=40, classes=3)
    with pytest.raises(ValueError, match="must give 3 different names"):
        load_images(tmp_path, np.random.default_rng(0), classes)
    with pytest.raises(ValueError, match="must give 10 different names"):
        load_images(None, np.random.default_rng(0), classes)
