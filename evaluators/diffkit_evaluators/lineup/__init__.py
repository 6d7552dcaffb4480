"""The lineup investigator and the lineup grader, which use no language model.

A lineup is a set of candidate statements. The investigator takes findings with null scores; it
tests the change score against them, and claims the words that the findings rank first. The grader
takes a claim and the truths on the same base; it gives the share of lineups in which the right
truth ranks first.
"""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_investigators(register: Register) -> None:
    """Registers the investigator."""
    register(
        Spec(
            name="lineup",
            summary="Claims the words that the findings put first; no language model.",
            version=3,
            config="diffkit_evaluators.lineup.config:LineupInvestigatorConfig",
            implementation="diffkit_evaluators.lineup.investigator:LineupInvestigator",
        )
    )


@hookimpl
def register_graders(register: Register) -> None:
    """Registers the grader."""
    register(
        Spec(
            name="lineup",
            summary="Looks where the truth ranks among others like it; no language model.",
            version=4,
            config="diffkit_evaluators.lineup.config:LineupGraderConfig",
            implementation="diffkit_evaluators.lineup.grader:LineupGrader",
        )
    )
