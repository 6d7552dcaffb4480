"""The public names of `diffkit.evaluation.expression`, each imported when first used."""

from .check import (
    BehaviourIncrease,
    PairCheck,
    PairChecker,
    check_organisms,
    measure_retention,
    read_retention_questions,
)
from .gate import (
    Expression,
    expression_of,
    measure_expression,
    refuse_inert,
    share_showing,
    stored_expression,
    with_variant_threshold,
)
from .probe_answers import (
    BaseAnswerCache,
    ProbeAnswers,
    ProbePrompt,
    generate_answers,
    probe_prompts,
)

__all__ = [
    "BaseAnswerCache",
    "BehaviourIncrease",
    "Expression",
    "PairCheck",
    "PairChecker",
    "ProbeAnswers",
    "ProbePrompt",
    "check_organisms",
    "expression_of",
    "generate_answers",
    "measure_expression",
    "measure_retention",
    "probe_prompts",
    "read_retention_questions",
    "refuse_inert",
    "share_showing",
    "stored_expression",
    "with_variant_threshold",
]
