"""Graders by rubric, by choice, by prediction, by training data and by tokens.

Each takes an attempt and an answer sheet, and gives a grade with its chance level.
"""

from diffkit import Register, Spec, hookimpl

SPECS = (
    Spec(
        name="rubric",
        summary="A language model matches claim and key facts one by one, by a rubric.",
        version=1,
        config="diffkit_evaluators.graders.rubric.config:RubricConfig",
        implementation="diffkit_evaluators.graders.rubric.grader:RubricGrader",
        requires="diffkit[agents]",
    ),
    Spec(
        name="reverse-lineup",
        summary="A blind grader picks the truth that a claim describes; a language model, or none.",
        version=2,
        config="diffkit_evaluators.graders.reverse_lineup.config:ReverseLineupConfig",
        implementation="diffkit_evaluators.graders.reverse_lineup.grader:ReverseLineupGrader",
        requires="diffkit[agents]",
    ),
    Spec(
        name="predictive",
        summary="Puts a verdict's predictions to both models, which decide.",
        version=1,
        config="diffkit_evaluators.graders.predictive.config:PredictiveConfig",
        implementation="diffkit_evaluators.graders.predictive.grader:PredictiveGrader",
    ),
    Spec(
        name="finetuning-loss",
        summary="Takes a method's directions out, and looks how much of what was learnt goes.",
        version=1,
        config="diffkit_evaluators.graders.finetuning_loss.config:FinetuningLossConfig",
        implementation="diffkit_evaluators.graders.finetuning_loss.grader:FinetuningLossGrader",
    ),
    Spec(
        name="token-relevance",
        summary="How many of a method's first tokens are relevant; a language model, or none.",
        version=1,
        config="diffkit_evaluators.graders.token_relevance.config:TokenRelevanceConfig",
        implementation="diffkit_evaluators.graders.token_relevance.grader:TokenRelevanceGrader",
        requires="diffkit[agents]",
    ),
)


@hookimpl
def register_graders(register: Register) -> None:
    """Registers the graders."""
    for spec in SPECS:
        register(spec)
