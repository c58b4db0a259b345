"""Code that two or more functions use. Never imports `functions` or `infra`."""
