"""Arrays at the boundary: checked, read from files, mapped, looped over compiled."""
