"""brier: a grader of the probability that an investigator gives to a targeted change.

Takes an attempt and an answer sheet, gives a Brier score and its chance; no language model.
"""

from diffkit import Register, Spec, hookimpl

SPEC = Spec(
    name="brier",
    summary="Scores the probability given to a targeted change; no language model",
    version=1,
    config="diffkit_brier.config:BrierConfig",
    implementation="diffkit_brier.grader:BrierGrader",
)


@hookimpl
def register_graders(register: Register) -> None:
    """Registers the grader."""
    register(SPEC)
