"""Taking a decision to its end: states, directors, verification, and who is told."""
