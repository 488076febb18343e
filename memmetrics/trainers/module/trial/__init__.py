"""What is tried before runs are stacked: whether that changes nothing."""
