"""The world and the plugin of `tests/stranger`."""

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "stranger")]

from dk_fixtures import cli, site, start, stranger, world  # noqa: F401
