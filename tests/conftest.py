"""Fixtures of all tests. beartype comes first: imported after nnsight, it fails."""

import beartype  # noqa: F401

pytest_plugins = ["diffkit.testing.fixtures"]
