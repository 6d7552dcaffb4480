"""Which optimiser an option names."""

from diffkit import UserError, load_import_path
from diffkit_plugins.steering_prefix.optimiser import Optimiser

OPTIMISERS = {
    "momentum": "diffkit_plugins.steering_prefix.optimisers.momentum:Momentum",
    "gcg": "diffkit_plugins.steering_prefix.optimisers.gcg:GCG",
    "multi-coordinate": "diffkit_plugins.steering_prefix.optimisers.multi_coordinate:MultiCoordinate",  # noqa: E501
    "hotflip": "diffkit_plugins.steering_prefix.optimisers.hotflip:HotFlip",
    "soft-projection": "diffkit_plugins.steering_prefix.optimisers.soft_projection:SoftProjection",
    "soft-in-loop": "diffkit_plugins.steering_prefix.optimisers.soft_in_loop:SoftInLoop",
}
"""Optimisers by name."""


def optimiser(name: str) -> Optimiser:
    """An optimiser by its name in `OPTIMISERS`, or a user's own by its import path.

    Args:
        name: such as ``gcg``; or ``module:Class``, which Python must be able to import.

    Raises:
        UserError: no optimiser has the name, or the path leads to none.
    """
    path = OPTIMISERS.get(name, name)
    found = load_import_path(path, noun="optimiser", form="module:Class", known=OPTIMISERS)
    if not (isinstance(found, type) and issubclass(found, Optimiser)):
        cure = (
            "Name a class that inherits from diffkit_plugins.steering_prefix.optimiser.Optimiser."
        )
        raise UserError(f"{name!r} is no optimiser.", cure=cure)
    return found()
