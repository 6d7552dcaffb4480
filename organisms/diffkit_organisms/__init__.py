"""The tiny zoo: model organisms small enough to ship, each with a known truth.

Registers a folder of bases, organisms and recipes. `diffkit_organisms.build` trains such a zoo.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from diffkit import hookimpl

if TYPE_CHECKING:
    from diffkit import RegisterFolder


@hookimpl
def register_organisms(register: "RegisterFolder") -> None:
    """Registers the folder of the zoo."""
    register(Path(__file__).parent / "zoo")
