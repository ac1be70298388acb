"""What an observer sees, and what observers tell each other."""
