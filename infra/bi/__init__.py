"""What docs/bi.md says of the views for BI tools, made from their model: `python -m infra.bi` writes it anew."""
