"""One folder per cloud, with the same file names in each."""
