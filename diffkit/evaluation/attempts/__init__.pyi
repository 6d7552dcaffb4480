"""The public names of `diffkit.evaluation.attempts`, each imported when first used."""

from .arms import (
    ArmInput,
    ArmInputs,
    OracleFindings,
    all_oracle_findings,
    base_only,
    oracle_findings,
    other_truths_run,
    random_null_run,
)
from .broker import BlindedModels, BlindedTool, identifying_strings, make_blinding, public_error
from .cases import CaseBuilder, pair_digest
from .model_pool import LoadedPair, ModelPool, SharedGenerator
from .runner import AttemptEnvironment, AttemptEnvironmentFactory, AttemptRunner
from .scheduler import AttemptScheduler, AttemptTask

__all__ = [
    "ArmInput",
    "ArmInputs",
    "AttemptEnvironment",
    "AttemptEnvironmentFactory",
    "AttemptRunner",
    "AttemptScheduler",
    "AttemptTask",
    "BlindedModels",
    "BlindedTool",
    "CaseBuilder",
    "LoadedPair",
    "ModelPool",
    "OracleFindings",
    "SharedGenerator",
    "all_oracle_findings",
    "base_only",
    "identifying_strings",
    "make_blinding",
    "oracle_findings",
    "other_truths_run",
    "pair_digest",
    "public_error",
    "random_null_run",
]
