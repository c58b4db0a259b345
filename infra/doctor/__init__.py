"""`skvoz doctor`: what to mend in an installation, and where. `gathering/` reads (and writes nothing), `checks/` judge, pure."""
