"""How the sites of an active-active rule come to hold the same."""
