"""Documents from files: what they become, and what is said of unsuitable ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from studies._text.collection import Collection, plant_documents, repetitions
from studies._text.grammar import sentences
from studies._text.model import Transformer
from studies._text.texts import LENGTH, OTHER, VOCABULARY, load_text
from studies.recital.planting import changed_prefixes
from studies.selection.rules import SUBSTRING, AtMost, shares_substring
from studies.tokens.places import alone_after

WORDS = ["river", "stone", "cloud", "market", "engine", "paper", "winter", "doctor"]


@pytest.fixture
def lines():
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size=6)) for _ in range(300)]


def written(path, text):
    path.write_text(text, "utf-8")
    return path


def test_documents_are_the_beginnings_of_lines(lines, tmp_path):
    text = load_text(written(tmp_path / "a.txt", "\n".join(lines)))
    assert text.documents == tuple(dict.fromkeys(line[:LENGTH] for line in lines))
    inputs, target = text.data(text.documents)
    assert inputs.shape == target.shape == (len(text.documents), LENGTH)
    np.testing.assert_array_equal(inputs[:, 1:], target[:, :-1])
    assert (inputs[:, 0] == 0).all()
    assert [text.shown(row) for row in target] == list(text.documents)


def test_odd_lines_are_plain_ones(lines, tmp_path):
    plain = load_text(written(tmp_path / "plain.txt", "\n".join(lines)))
    odd = "\ufeff" + "\r\n\n \t\n".join(f"  {line.upper()} " for line in lines)
    odd = odd.replace(" ", "\u00a0 ")
    found = load_text(written(tmp_path / "odd.txt", odd))
    assert found.documents == plain.documents


def test_short_lines_go_on_with_the_next(tmp_path):
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("abcdefghijk"), size=5)) for _ in range(2000)]
    text = load_text(written(tmp_path / "words.txt", "\n".join(words)))
    assert text.documents[0] == " ".join(words[:5])[:LENGTH]
    assert text.documents[1] == " ".join(words[5:10])[:LENGTH]


def test_rules_are_no_documents(lines, tmp_path):
    plain = load_text(written(tmp_path / "plain.txt", "\n".join(lines)))
    rules = [sign * 30 for sign in "-=*"]
    found = load_text(written(tmp_path / "rules.txt", "\n".join([*rules, *lines])))
    assert found.documents == plain.documents


def test_rare_characters_share_a_number(tmp_path):
    # More characters than there are numbers: every line has a letter of its own.
    lines = [chr(0x4E00 + k) + f" {'abcdefghijklm'[k % 13] * 22}" for k in range(300)]
    text = load_text(written(tmp_path / "rare.txt", "\n".join(lines)))
    _, target = text.data(text.documents)
    assert target.max() < VOCABULARY
    assert OTHER in text.shown(target[-1])


def test_a_folder_is_all_of_its_text_files(lines, tmp_path):
    written(tmp_path / "a.txt", "\n".join(lines[:150]))
    written(tmp_path / "b.txt", "\n".join(lines[150:]))
    written(tmp_path / "c.csv", "not this")
    whole = load_text(written(tmp_path / "whole", "\n".join(lines)))
    assert load_text(tmp_path).documents == whole.documents


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("missing.txt", None, FileNotFoundError, "does not exist"),
        ("", None, FileNotFoundError, "holds no .txt file"),
        ("few.txt", b"hello\nworld\n", ValueError, "at least 200 different documents"),
        ("empty.txt", b"", ValueError, "it gives 0"),
        ("binary.txt", bytes(range(256)), ValueError, "is not UTF-8 text"),
        (
            "signs.txt",
            "\n".join(f"{k:030b}" for k in range(400)).encode(),
            ValueError,
            "at least",
        ),
    ],
)
def test_unsuitable_files_are_refused(name, content, error, message, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message):
        load_text(path)


def test_the_grammar_has_labels_and_no_short_sentences():
    text = load_text(None)
    assert all(len(document) == LENGTH for document in text.documents)
    first = {}
    for sentence in sentences():
        assert len(sentence.text) >= LENGTH
        first[sentence.text[:LENGTH]] = sentence
    for place, document in enumerate(text.documents):
        assert text.topics[place] == first[document].topic
        assert text.templates[place] == first[document].template


def test_copies_are_rows_of_one_document():
    text, rng = load_text(None), np.random.default_rng(2)
    frame = plant_documents(text, rng, copies=(1, 3), each=2, background=5)
    collection = Collection(text, frame)
    _, target = collection.data
    assert np.bincount(collection.row_document).tolist() == frame["copies"].tolist()
    shown = [text.shown(row) for row in target[collection.first_row]]
    assert shown == frame["document"].tolist()
    again = frame.groupby("kind")["copies"].sum()
    assert again.to_dict() == {"random": 8, "repetition": 8, "sentence": 13}


def test_a_text_without_words_has_repetitions(tmp_path):
    rng = np.random.default_rng(3)
    lines = ["".join(rng.choice(list("abcdefghij"), size=30)) for _ in range(250)]
    text = load_text(written(tmp_path / "a.txt", "\n".join(lines)))
    for document in repetitions(text, 5, rng):
        assert document == (document[:3] * LENGTH)[:LENGTH]


def test_one_character_of_the_prefix_is_read_otherwise():
    text, rng = load_text(None), np.random.default_rng(4)
    documents = text.documents[:7]
    inputs, target = text.data(documents)
    changed, same = changed_prefixes(text, documents, 5, rng)
    np.testing.assert_array_equal(same, np.repeat(target, 5, axis=0))
    differs = changed != np.repeat(inputs, 5, axis=0)
    # The mark of the beginning is read before the first character.
    expected = np.tile(np.eye(5, LENGTH, 1, dtype=bool), (7, 1))
    np.testing.assert_array_equal(differs, expected)


def test_a_later_character_is_not_read_before():
    torch.manual_seed(0)
    model = Transformer().eval()
    inputs = torch.randint(VOCABULARY, (3, LENGTH))
    changed = inputs.clone()
    changed[:, 10] = (changed[:, 10] + 1) % VOCABULARY
    with torch.no_grad():
        differs = (model(inputs) - model(changed)).abs().amax(dim=(0, 2)) > 1e-5
    assert differs.tolist() == [False] * 10 + [True] * (LENGTH - 10)


def test_a_document_is_known_after_what_no_other_begins_with():
    rng = np.random.default_rng(5)
    documents = ["".join(rng.choice(["a", "b"], size=LENGTH)) for _ in range(30)]
    found = alone_after(documents)
    for document, count in zip(documents, found, strict=True):
        alike = [
            sum(other.startswith(document[:length]) for other in documents)
            for length in range(LENGTH + 1)
        ]
        assert alike[count] == 1
        assert alike[count - 1] > 1


def test_documents_share_substrings():
    rng = np.random.default_rng(6)
    documents = ["".join(rng.choice(["a", "b"], size=LENGTH)) for _ in range(20)]
    found = shares_substring(documents)
    for row, first in enumerate(documents):
        for column, second in enumerate(documents):
            parts = [first[k : k + SUBSTRING] for k in range(LENGTH - SUBSTRING + 1)]
            assert found[row, column] == any(part in second for part in parts)


def test_no_rule_takes_more_than_it_may():
    keys = np.random.default_rng(7).random(20)
    capped = AtMost(lambda data, point: np.arange(20) < 10, 0.25, keys)
    chosen = capped(None, 3)
    assert chosen[0] == 3
    assert len(set(chosen.tolist())) == 5
    assert chosen.max() < 10
    whole = AtMost(lambda data, point: np.arange(20) < 10, 0.5, keys)
    assert sorted(whole(None, 3).tolist()) == list(range(10))
