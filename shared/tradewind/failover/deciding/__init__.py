"""What becomes of a group's traffic in one round. Pure."""
