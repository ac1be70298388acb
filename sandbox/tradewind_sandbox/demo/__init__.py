"""The demo: a real model is uploaded at each of three clouds, and arrives at the other two."""
