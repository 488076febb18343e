"""Colors of the theme stay apart for every kind of color vision.

Color blindness is simulated by the matrices of Machado, Oliveira and Fernandes, "A
Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), at full
severity, which act on linear RGB. Distances are Euclidean in CIELAB (CIE 1976): about
2.3 is just noticeable side by side.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from memmetrics.plotting import COLORS

FARTHER_THAN = 12.0
VISION = {
    "common": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# Linear sRGB to CIE XYZ, and the white of D65.
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
WHITE = TO_XYZ.sum(axis=1)


def seen(color, vision):
    """CIELAB coordinates of a color as somebody with this vision sees it."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    ratio = TO_XYZ @ np.clip(VISION[vision] @ linear, 0, 1) / WHITE
    root = np.where(
        ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29
    )
    return np.array(
        [116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])]
    )


def distance(first, second, vision):
    return np.linalg.norm(seen(first, vision) - seen(second, vision))


@pytest.mark.parametrize("vision", VISION)
def test_colors_of_the_theme_are_told_apart(vision):
    distances = {
        (first, second): distance(COLORS[first], COLORS[second], vision)
        for first, second in itertools.combinations(COLORS, 2)
    }
    close = {pair: far for pair, far in distances.items() if far < FARTHER_THAN}
    assert close == {}


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("color", COLORS)
def test_colors_of_the_theme_stand_out_from_white(color, vision):
    assert distance(COLORS[color], "white", vision) > 2 * FARTHER_THAN


def test_the_simulation_knows_confusions():
    # Known values: white and black keep their place, pure green has L = 87.7.
    assert seen("white", "common") == pytest.approx([100, 0, 0], abs=1e-6)
    assert seen("#00FF00", "common")[0] == pytest.approx(87.7, abs=0.1)
    for gray in ("white", "#808080", "black"):
        for vision in VISION:
            assert distance(gray, gray, vision) == 0
            difference = seen(gray, vision) - seen(gray, "common")
            assert np.abs(difference).max() < 0.01
    # An orange and a green of one brightness, which those without red or green mix up.
    assert distance("#B07000", "#7A8A00", "common") > 3 * FARTHER_THAN
    assert distance("#B07000", "#7A8A00", "deuteranopia") < FARTHER_THAN
