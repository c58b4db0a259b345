"""Figures as readers see them: `formats` words numbers, `words` gives the texts, `model` lays out what all outputs show."""
