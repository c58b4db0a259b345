"""Tagged links: what ad systems fill in, one naming scheme for all, and what is wrong with tags that exist."""
