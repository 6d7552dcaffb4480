"""The public names of `diffkit.evaluation`, each imported when first used."""

from .calibrate import build_calibration_table
from .cost import CostEstimate, CostItem, estimate_cost, sum_usage
from .evaluate import EvaluationOptions
from .plan import ConfiguredPlugin, Plan, PlannedPair, expand_suite, plugin_identity, plugin_key
from .planned_runs import (
    AttemptId,
    AttemptsById,
    PlannedRun,
    RunConditions,
    fill_from_calibration_tables,
    plan_runs,
    run_planned,
)
from .record import (
    Arm,
    ControlArm,
    Evaluation,
    EvaluationEntry,
    GradedAttemptRef,
    GuessScore,
    MainArm,
    read_evaluation,
)
from .results import (
    RETRIED_OUTCOMES,
    StoredAnswerCache,
    StoredTranscript,
    TranscriptKind,
    has_transcript,
    read_attempt,
    read_grade,
    read_transcript_of,
)
from .suite import CalibrationNulls, OrganismSelection, Suite
from .truths import answer_of, handle_of, training_sample, training_texts, true_statements

__all__ = [
    "RETRIED_OUTCOMES",
    "Arm",
    "AttemptId",
    "AttemptsById",
    "CalibrationNulls",
    "ConfiguredPlugin",
    "ControlArm",
    "CostEstimate",
    "CostItem",
    "Evaluation",
    "EvaluationEntry",
    "EvaluationOptions",
    "GradedAttemptRef",
    "GuessScore",
    "MainArm",
    "OrganismSelection",
    "Plan",
    "PlannedPair",
    "PlannedRun",
    "RunConditions",
    "StoredAnswerCache",
    "StoredTranscript",
    "Suite",
    "TranscriptKind",
    "answer_of",
    "build_calibration_table",
    "estimate_cost",
    "expand_suite",
    "fill_from_calibration_tables",
    "handle_of",
    "has_transcript",
    "plan_runs",
    "plugin_identity",
    "plugin_key",
    "read_attempt",
    "read_evaluation",
    "read_grade",
    "read_transcript_of",
    "run_planned",
    "sum_usage",
    "training_sample",
    "training_texts",
    "true_statements",
]
