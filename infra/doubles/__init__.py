"""Small servers that behave as the CRMs do, for tests and the demo: 127.0.0.1 alone, state in memory, a clock of the caller."""
