"""The fixtures of diffkit's conformance suite."""

pytest_plugins = ["diffkit.testing.fixtures"]
