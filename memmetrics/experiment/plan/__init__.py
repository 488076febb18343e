"""Before a long training: how many runs, how much time, how much memory."""
