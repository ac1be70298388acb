"""A cloud in memory: the reference for the contract suites, and fast enough for simulations."""
