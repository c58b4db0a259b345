"""Alerts: who runs a site is told by mail when something has stopped or goes wrong, instead of finding it in a report.

After every complete refresh the marts are asked (`facts.py`), judged (`checks.py`, pure), worded (`words.py`) and mailed
(`ringing.py`), at most once a day each (`bell.py`).
"""
