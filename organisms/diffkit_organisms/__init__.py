"""The tiny zoo: model organisms small enough to ship, each with a known truth.

Registers the folder of their definitions and weights. `diffkit_organisms.build` draws another world
and trains such a zoo for it. `diffkit_organisms.real` makes another one of real models, which is
registered once it is there.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from diffkit import hookimpl
from diffkit_organisms.real import models_folder

if TYPE_CHECKING:
    from diffkit import RegisterFolder


@hookimpl
def register_organisms(register: "RegisterFolder") -> None:
    """Registers the folder of the zoo, and the models folder where there is one."""
    register(Path(__file__).parent / "zoo")
    if (models_folder() / "organisms").is_dir():
        register(models_folder())
