"""The lineup: an investigator and a grader that need no language model.

The investigator holds the change score against calibration nulls and claims the words that the
method's findings put first. The grader puts that claim to lineups of the truths on the same base
and looks where the right one ranks.
"""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_investigators(register: Register) -> None:
    """Registers the investigator."""
    register(
        Spec(
            name="lineup",
            summary="Claims the words that the findings put first; no language model.",
            version=2,
            config="diffkit_evaluators.lineup.config:EvidenceConfig",
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
            version=3,
            config="diffkit_evaluators.lineup.config:MatchConfig",
            implementation="diffkit_evaluators.lineup.grader:LineupGrader",
        )
    )
