"""Stacks of runs through joblib, one worker call a stack."""
