"""residual-reachability: could a prompt have done what the finetuning did?."""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="residual-reachability",
            summary="Whether a prompt could have done to the residual stream what the finetuning did",
            version=1,
            config="diffkit_plugins.residual_reachability.config:ResidualReachabilityConfig",
            implementation="diffkit_plugins.residual_reachability.method:ResidualReachability",
        )
    )
