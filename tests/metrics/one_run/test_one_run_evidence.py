"""Where evidence of one run comes from, and where it cannot come from."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

import memmetrics as mm
from memmetrics.command_line.evidence_options import add_evidence_options, read_evidence
from memmetrics.metrics.one_run import OneRunAudit, OneRunMemorization


@pytest.mark.parametrize("suffix", ["npy", "csv"])
def test_files_of_the_command_line(tmp_path, suffix):
    rng = np.random.default_rng(0)
    arrays = {
        "scores": rng.normal(size=12),
        "entered": np.arange(12) % 2 == 0,
        "strata": np.repeat([1, 2, 8], 4),
        "reference_scores": rng.normal(size=12),
    }
    parser = argparse.ArgumentParser()
    add_evidence_options(parser)
    options = []
    for name, array in arrays.items():
        file = str(tmp_path / f"{name}.{suffix}")
        if suffix == "csv":
            np.savetxt(file, array)
        else:
            np.save(file, array)
        options += [f"--{name.replace('_', '-')}", file]
    evidence = read_evidence(OneRunMemorization(), parser.parse_args(options))
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(evidence, name), array)
    with pytest.raises(ValueError, match=r"OneRun.*always --entered, --scores"):
        read_evidence(OneRunAudit(), parser.parse_args(options[:2]))


def test_measure_says_that_it_cannot_make_it():
    points = np.eye(4)
    trainer = mm.FunctionTrainer(lambda _indices, _seed: np.zeros(4))
    with pytest.raises(ValueError, match=r"one_run_audit needs the scores of one run"):
        mm.measure(trainer, points, OneRunAudit(), runs=2, rng=0)
