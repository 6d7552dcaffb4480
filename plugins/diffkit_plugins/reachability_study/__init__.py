"""reachability-study: which residual streams of one model a soft prompt can reach.

Takes a model and texts. Gives tables, figures and an interpretation of the experiments.
"""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the study."""
    register(
        Spec(
            name="reachability-study",
            summary="Which residual streams of one model a soft prompt can reach",
            version=3,
            config="diffkit_plugins.reachability_study.config:ReachabilityStudyConfig",
            implementation="diffkit_plugins.reachability_study.study:ReachabilityStudy",
            requires="diffkit[plots]",
            subject="model",
        )
    )
