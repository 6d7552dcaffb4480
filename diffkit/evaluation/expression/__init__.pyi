"""The public names of `diffkit.evaluation.expression`, each imported when first used."""

from .card import BenignFinetuning, CardMaker, Health, HealthCard, repetition
from .check import (
    BehaviourIncrease,
    PairCheck,
    PairChecker,
    check_organisms,
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
from .retention import (
    Retention,
    measure_retention,
    read_retention_questions,
    refuse_collapsed,
    stored_retention,
)

__all__ = [
    "BaseAnswerCache",
    "BehaviourIncrease",
    "BenignFinetuning",
    "CardMaker",
    "Expression",
    "Health",
    "HealthCard",
    "PairCheck",
    "PairChecker",
    "ProbeAnswers",
    "ProbePrompt",
    "Retention",
    "check_organisms",
    "expression_of",
    "generate_answers",
    "measure_expression",
    "measure_retention",
    "probe_prompts",
    "read_retention_questions",
    "refuse_collapsed",
    "refuse_inert",
    "repetition",
    "share_showing",
    "stored_expression",
    "stored_retention",
    "with_variant_threshold",
]
