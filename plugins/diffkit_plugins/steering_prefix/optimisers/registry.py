"""The optimisers by name.

Takes a name or an import path. Gives an optimiser.
"""

from diffkit import UserError, load_import_path
from diffkit_plugins.steering_prefix.search.optimiser import PrefixOptimiser

_PACKAGE = "diffkit_plugins.steering_prefix.optimisers"

OPTIMISERS = {
    "momentum": f"{_PACKAGE}.momentum:Momentum",
    "gcg": f"{_PACKAGE}.coordinate_gradient:GCG",
    "multi-coordinate": f"{_PACKAGE}.coordinate_gradient:MultiCoordinate",
    "hotflip": f"{_PACKAGE}.hotflip:HotFlip",
    "soft-projection": f"{_PACKAGE}.soft:SoftProjection",
    "soft-in-loop": f"{_PACKAGE}.soft:SoftInLoop",
}
"""Import paths by name."""


def load_optimiser(name: str) -> PrefixOptimiser:
    """Loads an optimiser by its name in `OPTIMISERS`, or a user's own by its import path.

    Args:
        name: such as ``gcg``, or ``module:Class`` of a module that Python can import.

    Raises:
        UserError: no optimiser has the name, or the path does not lead to one.
    """
    path = OPTIMISERS.get(name, name)
    found = load_import_path(path, noun="optimiser", form="module:Class", known=OPTIMISERS)
    if not (isinstance(found, type) and issubclass(found, PrefixOptimiser)):
        hint = "Inherit from diffkit_plugins.steering_prefix.search.PrefixOptimiser."
        raise UserError(f"{name!r} is no optimiser.", hint=hint)
    return found()
