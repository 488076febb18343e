"""The experiment: who trains on what, where, and what is kept of it."""
