"""The public names of `diffkit.evaluation.grading`, each imported when first used."""

from .answer_sheets import AnswerSheetBuilder, NullClaims, collect_null_claims, make_answer_sheet
from .runner import GradeRunner, GradingEnvironment, GradingEnvironmentFactory, can_grade
from .scheduler import GradeTask, GradingScheduler
from .validation import (
    ChatSessions,
    ClaimCheck,
    GraderValidation,
    load_grader,
    read_validation,
    save_validation,
    validate_grader,
)
from .validation_set import (
    ATTACK_KINDS,
    RIGHT_KINDS,
    ClaimKind,
    ClaimTruth,
    LabelledClaim,
    ValidationSet,
    read_validation_set,
)

__all__ = [
    "ATTACK_KINDS",
    "RIGHT_KINDS",
    "AnswerSheetBuilder",
    "ChatSessions",
    "ClaimCheck",
    "ClaimKind",
    "ClaimTruth",
    "GradeRunner",
    "GradeTask",
    "GraderValidation",
    "GradingEnvironment",
    "GradingEnvironmentFactory",
    "GradingScheduler",
    "LabelledClaim",
    "NullClaims",
    "ValidationSet",
    "can_grade",
    "collect_null_claims",
    "load_grader",
    "make_answer_sheet",
    "read_validation",
    "read_validation_set",
    "save_validation",
    "validate_grader",
]
