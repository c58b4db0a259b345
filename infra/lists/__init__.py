"""Bundled lists of others: from the files they publish to the rule files of this project. Never shipped."""
