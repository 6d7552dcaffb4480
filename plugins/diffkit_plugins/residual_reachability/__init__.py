"""residual-reachability: whether a prompt moves the residual stream as finetuning did.

Takes both sides and texts. Gives the errors that prompts leave, for the change that finetuning made
and for random rotations of it.
"""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="residual-reachability",
            summary="Could a prompt have moved the residual stream as the finetuning did?",
            blind_spot="what was taught, only whether a prompt could do as much",
            version=2,
            config="diffkit_plugins.residual_reachability.config:ResidualReachabilityConfig",
            implementation="diffkit_plugins.residual_reachability.method:ResidualReachability",
        )
    )
