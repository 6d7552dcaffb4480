"""steering-prefix-study: a prefix that does within one model what another, or a state, asks for."""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the study."""
    register(
        Spec(
            name="steering-prefix-study",
            summary="A prefix that steers one model as a reference prefix, state or direction does",
            version=3,
            config="diffkit_plugins.steering_prefix_study.config:SteeringPrefixStudyConfig",
            implementation="diffkit_plugins.steering_prefix_study.study:SteeringPrefixStudy",
            subject="model",
        )
    )
