"""The tiny zoo: model organisms small enough to ship, each with a known truth.

Registers the folder of their definitions and weights. `diffkit_organisms.build` draws another world
and trains such a zoo for it.
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
