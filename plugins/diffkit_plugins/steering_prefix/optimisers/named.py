"""Which optimiser an option names."""

from diffkit import UserError, load_import_path
from diffkit_plugins.steering_prefix.optimiser import Optimiser

OPTIMISERS = {
    name: f"diffkit_plugins.steering_prefix.optimisers.{name.replace('-', '_')}:{attribute}"
    for name, attribute in (
        ("momentum", "Momentum"),
        ("gcg", "GCG"),
        ("multi-coordinate", "MultiCoordinate"),
        ("hotflip", "HotFlip"),
        ("soft-projection", "SoftProjection"),
        ("soft-in-loop", "SoftInLoop"),
    )
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
