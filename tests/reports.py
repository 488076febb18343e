"""Evidence to report on, and what was written."""

from __future__ import annotations

import json

import numpy as np

import memmetrics as mm


def evidence(runs=60, points=30, **fields):
    rng = np.random.default_rng(0)
    member = rng.random((runs, points)) < 0.5
    strength = np.linspace(0, 2, points)
    scores = rng.normal(size=(runs, points)) + member * strength
    return mm.Retrainings(scores, member, **fields)


def written(folder):
    page = (folder / "report.html").read_text("utf-8")
    return page, json.loads((folder / "report.json").read_text("ascii"))
