"""Zips of the functions and the pins of their packages. Runs on a plain Python: `sam build` calls it where nothing is installed."""
