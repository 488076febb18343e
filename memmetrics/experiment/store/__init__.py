"""Finished runs: in memory, or in a directory that several processes share."""
