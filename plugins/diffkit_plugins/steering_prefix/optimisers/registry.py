"""Optimisers by the name that an option gives them.

Takes a name or an import path. Gives an optimiser.
"""

from diffkit import UserError, load_import_path
from diffkit_plugins.steering_prefix.search.optimiser import PrefixOptimiser

OPTIMISERS = {
    "momentum": "diffkit_plugins.steering_prefix.optimisers.momentum:Momentum",
    "gcg": "diffkit_plugins.steering_prefix.optimisers.coordinate_gradient:GCG",
    "multi-coordinate": "diffkit_plugins.steering_prefix.optimisers.coordinate_gradient:MultiCoordinate",  # noqa: E501
    "hotflip": "diffkit_plugins.steering_prefix.optimisers.hotflip:HotFlip",
    "soft-projection": "diffkit_plugins.steering_prefix.optimisers.soft:SoftProjection",
    "soft-in-loop": "diffkit_plugins.steering_prefix.optimisers.soft:SoftInLoop",
}
"""Optimisers by name."""


def load_optimiser(name: str) -> PrefixOptimiser:
    """An optimiser by its name in `OPTIMISERS`, or a user's own by its import path.

    Args:
        name: such as ``gcg``; or ``module:Class``, which Python must be able to import.

    Raises:
        UserError: no optimiser has the name, or the path leads to none.
    """
    path = OPTIMISERS.get(name, name)
    found = load_import_path(path, noun="optimiser", form="module:Class", known=OPTIMISERS)
    if not (isinstance(found, type) and issubclass(found, PrefixOptimiser)):
        contract = "diffkit_plugins.steering_prefix.search.optimiser.PrefixOptimiser"
        hint = f"Name a class that inherits from {contract}."
        raise UserError(f"{name!r} is no optimiser.", hint=hint)
    return found()
