"""What is where, what differs and what will be done, for people and for sweeps: nothing here writes an object."""
