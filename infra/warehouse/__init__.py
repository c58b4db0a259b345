"""Warehouses that are never shipped in a function: embedded DuckDB, and Trino on a local folder."""
