"""Which optimiser an option names."""

import importlib

from diffkit import UserError
from diffkit_plugins.steering_prefix.optimiser import Optimiser

OPTIMISERS = {
    name: f"diffkit_plugins.steering_prefix.optimisers.{name.replace('-', '_')}:{attribute}"
    for name, attribute in (
        ("momentum", "Momentum"),
        ("gcg", "GCG"),
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
    module, colon, attribute = OPTIMISERS.get(name, name).partition(":")
    if not (module and colon and attribute):
        cure = f"Take one of {', '.join(OPTIMISERS)}, or your own as module:Class."
        raise UserError(f"There is no optimiser {name!r}.", cure=cure)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # whatever a module of the user's raises
        cure = f"See that `python -c 'import {module}'` works here; PYTHONPATH may lack its folder."
        what = f"The optimiser {name!r} cannot be imported ({type(error).__name__}: {error})."
        raise UserError(what, cure=cure) from error
    if not (isinstance(found, type) and issubclass(found, Optimiser)):
        cure = (
            "Name a class that inherits from diffkit_plugins.steering_prefix.optimiser.Optimiser."
        )
        raise UserError(f"{name!r} is no optimiser.", cure=cure)
    return found()
