"""activation-lens: where the residual stream moved on average, and which tokens that points at."""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="activation-lens",
            summary="Mean shift of the residual stream by slot, read through the logit lens",
            blind_spot="what a change does where none of its texts goes, such as behind a trigger",
            version=3,
            config="diffkit_plugins.activation_lens.config:ActivationLensConfig",
            implementation="diffkit_plugins.activation_lens.method:ActivationLens",
        )
    )
