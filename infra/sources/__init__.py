"""`skvoz source`: why a visit has its source, what is wrong with tags that were seen, what a change of rules would do to history."""
