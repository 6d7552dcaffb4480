"""Fixtures of all tests. beartype comes first: imported after nnsight, it fails."""

import sys
from pathlib import Path

import beartype  # noqa: F401

sys.path.append(str(Path(__file__).parent / "stranger"))

pytest_plugins = ["diffkit.testing.fixtures"]
