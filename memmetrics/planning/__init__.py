"""How many runs: the rule that says when there are enough, and a plan before any."""
