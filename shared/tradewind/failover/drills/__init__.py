"""Drills: a fault on purpose, while somebody looks at the clock."""
