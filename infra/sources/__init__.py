"""`skvoz source`: why a visit has its source, what seen tags have wrong, what other rules would make of history."""
