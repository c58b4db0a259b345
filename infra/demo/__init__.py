"""A month of a fictional shop with known truth, played through the real endpoints on the simulated clock."""
