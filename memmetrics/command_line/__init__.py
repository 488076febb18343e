"""The command `memmetrics`."""
