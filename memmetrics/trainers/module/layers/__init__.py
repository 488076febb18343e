"""Layers in a form that can be vectorized over runs, with random numbers by key."""
