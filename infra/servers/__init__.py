"""Servers that the proofs run on: Trino and DynamoDB Local, fetched through Maven, kept outside the repository, local only."""
