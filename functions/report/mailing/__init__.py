"""The mail of a report: figures → subject, HTML, text, pictures."""
