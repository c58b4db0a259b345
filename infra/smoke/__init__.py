"""Smoke test of a stack in a real account: every statement explained by its Athena, nothing written, next to nothing read."""
