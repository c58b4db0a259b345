"""The `skvoz` command: the same code as the functions, for people at a terminal."""
