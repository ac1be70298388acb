"""A deterministic simulation of the real core over stores in memory: one number decides all that happens."""
