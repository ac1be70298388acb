"""Fakes that implement the ports, for tests of the core."""
