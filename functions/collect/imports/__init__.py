"""POST /v1/import: history and servers. Signed, dated by the sender, JSON lines, gzip allowed."""
