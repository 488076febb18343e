"""Retraining: who trains on what, the trainers, the harness and its store."""
