"""Benchmarks: what metrics and retrainings cost, beside other ways to do the same."""
