"""Many runs of one module trained at once: what `ModuleTrainer` is made of."""
