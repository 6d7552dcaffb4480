"""The agent: a language model that reads findings, questions both models and gives a verdict.

Takes a case: findings of methods, handles of two models, and candidates where they are shown.
Gives a verdict, and a transcript of how it came about.
"""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_investigators(register: Register) -> None:
    """Registers the agent in both its forms."""
    register(
        Spec(
            name="agent",
            summary="A language model reads findings, questions the models and claims.",
            version=1,
            config="diffkit_evaluators.agent.config:AgentConfig",
            implementation="diffkit_evaluators.agent.investigator:Agent",
            requires="diffkit[agents]",
        )
    )
    register(
        Spec(
            name="agent-lineup",
            summary="The same agent, which also ranks the truths that it could be.",
            version=1,
            config="diffkit_evaluators.agent.config:AgentConfig",
            implementation="diffkit_evaluators.agent.investigator:AgentLineup",
            requires="diffkit[agents]",
        )
    )
