"""Limits on a report."""

from __future__ import annotations

import json

import pytest

from memmetrics.reporting.check import check_report

SUMMARY = {
    "memorized": 1234567,
    "share": 0.25,
    "largest_estimate": 1.5,
    "median_half_width": None,
}


@pytest.fixture
def file(tmp_path):
    record = {"kind": "memmetrics report", "schema": 1, "summary": SUMMARY}
    (tmp_path / "report.json").write_text(json.dumps(record))
    return tmp_path / "report.json"


def test_limits_that_hold(file):
    limits = {"max_memorized": 1234567, "max_share": 0.25, "max_estimate": 1.5}
    assert check_report(file, **limits) == []


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (
            {"max_memorized": 1234566},
            "memorized is 1234567, above --max-memorized 1234566",
        ),
        ({"max_share": 0.2499}, "share is 0.25, above --max-share 0.2499"),
        ({"max_estimate": -1}, "largest_estimate is 1.5, above --max-estimate -1"),
        (
            {"max_half_width": 9},
            "median_half_width is unknown, against --max-half-width",
        ),
    ],
)
def test_limits_that_are_exceeded(file, limit, words):
    assert check_report(file, **limit) == [words]


def test_each_limit_exceeded_is_named(file):
    assert len(check_report(file, max_memorized=0, max_share=0, max_estimate=2)) == 2


@pytest.mark.parametrize(
    ("limits", "error", "message"),
    [
        ({}, ValueError, "at least one limit of --max-memorized, --max-share"),
        ({"max_memorised": 1}, TypeError, "no limit `max_memorised`"),
        ({"max_share": float("nan")}, ValueError, "--max-share must be a number"),
    ],
)
def test_wrong_limits(file, limits, error, message):
    with pytest.raises(error, match=message):
        check_report(file, **limits)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no report"),
        ("[1]", "no report of memmetrics"),
        ('{"kind": "other"}', "no report of memmetrics"),
        ('{"kind": "memmetrics report", "schema": 2}', "of schema 2; .* reads 1"),
        ('{"kind": "memmetrics report", "schema": 1}', "does not hold numbers"),
        (
            '{"kind": "memmetrics report", "schema": 1, "summary": {"share": "0"}}',
            "does not hold numbers",
        ),
        ("[" * 100_000, "no report"),
    ],
)
def test_other_files(tmp_path, content, message):
    file = tmp_path / "report.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=rf"report\.json: .*{message}"):
        check_report(file, max_share=0.5)


def test_a_number_that_is_not_there_exceeds_every_limit(tmp_path):
    file = tmp_path / "report.json"
    file.write_text('{"kind": "memmetrics report", "schema": 1, "summary": {}}')
    assert check_report(file, max_share=1)
