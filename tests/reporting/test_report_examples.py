"""What a report shows: each picture and text stands beside its own score."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from reports import evidence, written

import memmetrics as mm
from memmetrics.reporting.examples import shown_example

RNG = np.random.default_rng(0)


def pictures(page):
    found = re.findall(
        r'<li[^>]*><img alt="" src="data:image/\w+;base64,([^"]+)"', page
    )
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in found
    ]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 6), (8, 6)),
        ((1, 8, 6), (8, 6)),
        ((8, 6, 3), (8, 6, 3)),
        ((3, 8, 6), (8, 6, 3)),
    ],
)
def test_pictures_stand_beside_their_scores(tmp_path, shape, expected):
    points = RNG.integers(0, 256, (30, *shape), dtype=np.uint8)
    mm.report(evidence(), tmp_path, points=points)
    page, record = written(tmp_path)
    shown = pictures(page)
    assert len(shown) == 30
    for row, image in zip(record["points"], shown, strict=True):
        point = points[row["point"]]
        if shape[0] in {1, 3}:
            point = np.moveaxis(point, 0, -1)
        np.testing.assert_array_equal(image, point.reshape(expected))


def test_pictures_of_numbers_are_scaled_together(tmp_path):
    points = torch.linspace(-1, 1, 30)[:, None, None].expand(30, 4, 4)
    mm.report(evidence(), tmp_path, points=points)
    page, record = written(tmp_path)
    gray = {
        row["point"]: image[0, 0]
        for row, image in zip(record["points"], pictures(page), strict=True)
    }
    assert [gray[k] for k in (0, 29)] == [0, 255]
    assert sorted(gray.values()) == [gray[k] for k in range(30)]


@pytest.mark.parametrize("fill", [np.nan, np.inf, 0.0, 1.7e308])
def test_odd_pixels(tmp_path, fill):
    points = np.zeros((30, 4, 4))
    points[::2] = fill
    points[1] = -fill
    mm.report(evidence(), tmp_path, points=points)
    assert len(pictures(written(tmp_path)[0])) == 30


def test_large_pictures_are_made_small():
    noise = RNG.integers(0, 256, (512, 300, 3), dtype=np.uint8)
    content = shown_example(noise, None)
    assert len(content) < 30_000
    assert max(Image.open(io.BytesIO(content)).size) == 128


def test_texts_stand_beside_their_scores(tmp_path):
    texts = pd.Series(
        [f"<i>text {k}</i> & more" for k in range(30)], index=range(5, 35)
    )
    mm.report(evidence(), tmp_path, points=texts)
    page, record = written(tmp_path)
    items = re.findall(
        r'<p class="text" dir="auto">(.*?)</p><p class="note">(.*?)</p>', page
    )
    assert len(items) == 30
    for row, (text, note) in zip(record["points"], items, strict=True):
        assert text == f"&lt;i&gt;text {row['point']}&lt;/i&gt; &amp; more"
        assert note.startswith(f"point {row['point']}: {row['estimate']:#.3g}")
        assert note.endswith("memorized") == row["memorized"]
