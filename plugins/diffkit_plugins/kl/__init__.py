"""kl: where, and with which tokens, the two sides' predictions part."""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="kl",
            summary="Per-token divergences between both sides' predictions on ordinary texts",
            version=1,
            config="diffkit_plugins.kl.config:KLConfig",
            implementation="diffkit_plugins.kl.method:KL",
        )
    )
