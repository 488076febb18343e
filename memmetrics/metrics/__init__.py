"""Metrics: pure functions of evidence, one idea a file."""
