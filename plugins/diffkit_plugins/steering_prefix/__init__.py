"""steering-prefix: a prefix in readable tokens that does what the finetuning did."""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="steering-prefix",
            summary="A prefix in readable tokens under which the base does what finetuning taught",
            blind_spot="whether finetuning works like this prefix, nor what no prefix brings about",
            version=3,
            config="diffkit_plugins.steering_prefix.config:SteeringPrefixConfig",
            implementation="diffkit_plugins.steering_prefix.method:SteeringPrefix",
        )
    )
