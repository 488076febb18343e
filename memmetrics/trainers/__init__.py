"""Trainers: recipes that train a stack of runs, each on its own points."""
