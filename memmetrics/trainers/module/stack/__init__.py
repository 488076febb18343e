"""Many runs of one module trained at once, or one after another."""
