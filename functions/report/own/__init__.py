"""Sections of the customer's own: one SELECT over the marts of his site, and a template that shows its rows (docs/bi.md).

`reading.py` takes the SQL apart, `query.py` makes of it what an engine is asked, `asking.py` asks it, `template.py` and `markup.py`
show the rows, `section.py` makes the sections of one report.
"""
