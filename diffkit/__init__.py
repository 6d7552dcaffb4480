"""diffkit finds out what a finetuning did to a language model.

The names below are the public ones. Each is imported when it is first used, so ``import diffkit``
loads neither torch nor transformers.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffkit.context import Artifacts, Checkpoint, Checkpoints, Progress, RunContext
    from diffkit.engine.load import Networks, load_pair
    from diffkit.engine.model import Model
    from diffkit.engine.pair import ModelPair
    from diffkit.errors import DiffkitError, UserError
    from diffkit.findings import (
        Candidate,
        Figure,
        Finding,
        Findings,
        Line,
        Note,
        Sample,
        Samples,
        Series,
        Table,
        TokenScore,
        TokenTable,
        TokenTrace,
        TracedToken,
    )
    from diffkit.generator import Completion, Sampling
    from diffkit.grader import Exam, Grade, Grader, Statement
    from diffkit.hookspecs import Register, RegisterFolder, hookimpl
    from diffkit.investigator import Case, Investigator, NullScores
    from diffkit.method import DiffingMethod, MethodConfig, execution_option
    from diffkit.organism import AnswerKey, BaseModelEntry, Organism, Probes, Record, Source
    from diffkit.registry import Spec
    from diffkit.texts import Message, Text, Texts
    from diffkit.verdict import Attempt, Detection, Outcome, Verdict

_HOMES = {
    "context": ("Artifacts", "Checkpoint", "Checkpoints", "Progress", "RunContext"),
    "engine.load": ("Networks", "load_pair"),
    "engine.model": ("Model",),
    "engine.pair": ("ModelPair",),
    "errors": ("DiffkitError", "UserError"),
    "findings": (
        "Candidate",
        "Figure",
        "Finding",
        "Findings",
        "Line",
        "Note",
        "Sample",
        "Samples",
        "Series",
        "Table",
        "TokenScore",
        "TokenTable",
        "TokenTrace",
        "TracedToken",
    ),
    "generator": ("Completion", "Sampling"),
    "grader": ("Exam", "Grade", "Grader", "Statement"),
    "hookspecs": ("Register", "RegisterFolder", "hookimpl"),
    "investigator": ("Case", "Investigator", "NullScores"),
    "method": ("DiffingMethod", "MethodConfig", "execution_option"),
    "organism": ("AnswerKey", "BaseModelEntry", "Organism", "Probes", "Record", "Source"),
    "registry": ("Spec",),
    "texts": ("Message", "Text", "Texts"),
    "verdict": ("Attempt", "Detection", "Outcome", "Verdict"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)  # noqa: PLE0605 - one table serves the export and the lookup


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        msg = f"module 'diffkit' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(f"diffkit.{_HOME[name]}"), name)
