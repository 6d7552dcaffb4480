"""Fixtures of all tests. beartype comes first: imported after nnsight, it fails."""

import beartype  # noqa: F401, I001

pytest_plugins = ["diffkit.testing.fixtures"]
