"""`skvoz attribute`: anybody's touches and conversions through the same SQL as production."""
