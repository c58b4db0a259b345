"""template.yaml as data: read by the local stack (`model`), expanded offline and linted by `make check` (`expand`, `lint`)."""
