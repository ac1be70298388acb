"""Which endpoint a caller is best served by, from what the observers published."""
