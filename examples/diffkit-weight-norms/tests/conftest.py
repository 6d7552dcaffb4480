"""diffkit's conformance suite, the way any plugin gets it."""

pytest_plugins = ["diffkit.testing.fixtures"]
