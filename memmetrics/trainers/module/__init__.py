"""`ModuleTrainer`: any torch module, many runs stacked into one computation."""
